"""Insertion of the important part into shuffles."""

from __future__ import annotations

import numpy as np

from genolift.evaluate.faithfulness.metric import HIGHER, Metric
from genolift.evaluate.faithfulness.subject import Case

_SHARE = 0.1


def best_starts(scores: np.ndarray, width: int, ties: np.ndarray) -> np.ndarray:
    """Return where the stretch of a width with the largest sum of scores begins, (N,).

    Parameters
    ----------
    scores
        The scores, (N, L).
    width
        The width.
    ties
        Random numbers (N, L), by which one of equal stretches is taken.
    """
    sums = np.lib.stride_tricks.sliding_window_view(scores, width, axis=1).sum(-1)
    equal = np.isclose(sums, sums.max(1, keepdims=True), rtol=1e-9, atol=0)
    return np.where(equal, ties[:, : sums.shape[1]], -1).argmax(1)


def _sufficiency(case: Case) -> np.ndarray:
    subject = case.subject
    width = max(1, round(_SHARE * subject.length))
    places = np.arange(subject.length - width + 1)
    chance = np.array([draw.choice(places) for draw in subject.draws("stretch")])
    starts = np.stack([best_starts(case.scores, width, subject.ties), chance], 1)[:, :, None]
    at = np.arange(subject.length)
    kept = (at >= starts) & (at < starts + width)
    own, random = subject.altered(~kept).T
    return own - random


SUFFICIENCY = Metric(
    "sufficiency",
    _sufficiency,
    HIGHER,
    "How much further the output rises when the tenth of the sequence with the largest sum of scores is written into "
    "shuffles of the sequence than when a random stretch of that width is.",
    "It cannot tell how the importance is shared out within the stretch, and a motif that needs a partner elsewhere "
    "does nothing alone.",
)
