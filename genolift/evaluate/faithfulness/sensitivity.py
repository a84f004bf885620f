"""Sensitivity-n (Ancona et al. 2018): whether the scores of a set of positions sum to what the set does."""

from __future__ import annotations

import numpy as np

from genolift.evaluate.faithfulness.alike import correlations
from genolift.evaluate.faithfulness.metric import HIGHER, Metric
from genolift.evaluate.faithfulness.subject import Case, Subject

_SHARES, _SETS = (0.1, 0.3), 12


def random_sets(subject: Subject) -> np.ndarray:
    """Return random sets of positions, (N, sizes, sets, L) bool."""
    counts = [max(1, round(share * subject.length)) for share in _SHARES]
    sets = np.zeros((len(subject), len(counts), _SETS, subject.length), bool)
    for own, draw in zip(sets, subject.draws("sets"), strict=True):
        ranks = draw.random(own.shape).argsort(-1).argsort(-1)
        own[:] = ranks < np.array(counts)[:, None, None]
    return sets


def correlation_of_sets(scores: np.ndarray, sets: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Return how well the summed scores of sets follow what the sets do.

    Parameters
    ----------
    scores
        The scores, (N, L).
    sets
        Sets of positions, (N, sizes, sets, L) bool.
    changes
        What the output loses when a set is replaced, (N, sizes, sets).

    Returns
    -------
    np.ndarray
        The mean over sizes of Pearson's correlation over sets, (N,); NaN where it is not defined for a size.
    """
    return correlations(np.einsum("nstl,nl->nst", sets, scores), changes).mean(1)


def _sensitivity(case: Case) -> np.ndarray:
    subject = case.subject
    sets = subject.shared("sets", lambda: random_sets(subject))
    each = sets.reshape(len(sets), -1, subject.length)
    lost = subject.shared("lost", lambda: subject.predictions[:, None] - subject.altered(each))
    return correlation_of_sets(case.scores, sets, lost.reshape(sets.shape[:3]))


SENSITIVITY = Metric(
    "sensitivity-n",
    _sensitivity,
    HIGHER,
    "The correlation, over random sets of 10 % and of 30 % of the positions, of the summed scores with what the output "
    "loses when the set is replaced by shuffled bases.",
    "It cannot tell whether single positions are right, because every set holds many positions, and effects that are "
    "not additive cannot be summed by any scores.",
)
