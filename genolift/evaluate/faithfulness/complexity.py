"""Complexity (Bhatt et al. 2020): over how many positions the importance is spread."""

from __future__ import annotations

import numpy as np

from genolift.evaluate.faithfulness.metric import LOWER, Metric


def entropy(scores: np.ndarray) -> np.ndarray:
    """Return the entropy of the shares of absolute scores.

    Parameters
    ----------
    scores
        The scores, (..., L).

    Returns
    -------
    np.ndarray
        The entropy (...) in nats: 0 where one position has all, log L where all have the same; NaN where all are 0.
    """
    size = np.abs(np.asarray(scores, np.float64))
    total = size.sum(-1, keepdims=True)
    share = size / np.where(total > 0, total, 1)
    found = -(share * np.log(np.where(share > 0, share, 1))).sum(-1) + 0.0
    return np.where(total[..., 0] > 0, found, np.nan)


def discrete_entropy(scores: np.ndarray, bins: int = 100) -> np.ndarray:
    """Return the entropy of the histogram of scores, which Hedström et al. (2023) take for complexity.

    Parameters
    ----------
    scores
        The scores, (N, L).
    bins
        The number of bins of one width from the smallest score to the largest.

    Returns
    -------
    np.ndarray
        The entropy (N,) in nats, of signed scores.
    """
    scores = np.asarray(scores, np.float64)
    low, high = scores.min(1, keepdims=True), scores.max(1, keepdims=True)
    width = np.where(high > low, high - low, 1)
    place = np.minimum(((scores - low) / width * bins).astype(int), bins - 1)
    counts = np.stack([np.bincount(row, minlength=bins) for row in place])
    share = counts / scores.shape[1]
    return -(share * np.log(np.where(share > 0, share, 1))).sum(1) + 0.0


COMPLEXITY = Metric(
    "complexity",
    lambda case: entropy(case.scores),
    LOWER,
    "The entropy, in nats, of the shares that positions have of the absolute scores: 0 where one position has all, and "
    "the logarithm of the length where all have the same.",
    "It cannot tell whether the scores have anything to do with the network: a few positions taken at random are "
    "simple too.",
)
