"""Deletion and insertion curves: what happens as the most important positions go, or come.

What is deleted gets the bases that dinucleotide shuffles of the same sequence have at these positions, and predictions
are means over the shuffles. A shuffle of the deleted positions alone would leave short motifs partly as they are, and
zeros in single channels are nothing that the network was trained on.
"""

from __future__ import annotations

import numpy as np

from genolift.evaluate.faithfulness.metric import HIGHER, Metric
from genolift.evaluate.faithfulness.subject import Case

#: The shares of the positions at which curves are measured.
SHARES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)


def leading(order: np.ndarray, shares: tuple[float, ...] = SHARES) -> np.ndarray:
    """Return which positions are the first ones of an order.

    Parameters
    ----------
    order
        The positions (N, L) in their order.
    shares
        How many of the positions are taken, as shares.

    Returns
    -------
    np.ndarray
        (N, S, L) bool; at least one position is taken.
    """
    length = order.shape[1]
    counts = np.array([max(1, round(share * length)) for share in shares])
    rank = np.argsort(order, axis=1)
    return rank[:, None] < counts[:, None]


def _deletion(case: Case) -> np.ndarray:
    subject = case.subject
    chance = subject.shared("deletion", lambda: subject.altered(leading(subject.random_order)))
    return (chance - subject.altered(leading(case.order))).mean(1)


def _insertion(case: Case) -> np.ndarray:
    subject = case.subject
    chance = subject.shared("insertion", lambda: subject.altered(~leading(subject.random_order)))
    return (subject.altered(~leading(case.order)) - chance).mean(1)


DELETION = Metric(
    "deletion",
    _deletion,
    HIGHER,
    "How much further the output falls when the positions of highest score are replaced by shuffled bases than when "
    "random ones are, as a mean over 2 to 50 % of the positions.",
    "It cannot tell a wrong explanation from bases that only matter together or in place of each other, and replaced "
    "positions may by chance make motifs, or sequences unlike those that the network was trained on.",
)
INSERTION = Metric(
    "insertion",
    _insertion,
    HIGHER,
    "How much further the output rises when the positions of highest score are written into shuffles of the sequence "
    "than when random ones are, as a mean over 2 to 50 % of the positions.",
    "It cannot tell whether the rest of the sequence matters too, because one of several redundant motifs is enough.",
)
