"""How alike two rows of numbers are."""

from __future__ import annotations

import numpy as np


def correlations(a: np.ndarray, b: np.ndarray, where: np.ndarray | None = None) -> np.ndarray:
    """Return Pearson's correlation along the last axis.

    Parameters
    ----------
    a, b
        The numbers, (..., L).
    where
        Which of them count, (..., L) bool; all by default.

    Returns
    -------
    np.ndarray
        The correlations (...), NaN where one side is constant.
    """
    a, b = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(b, np.float64))
    weight = np.ones(a.shape) if where is None else np.broadcast_to(where, a.shape).astype(np.float64)
    count = np.maximum(weight.sum(-1, keepdims=True), 1)
    a, b = (weight * (one - (weight * one).sum(-1, keepdims=True) / count) for one in (_scaled(a), _scaled(b)))
    size = np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    # What is constant but for rounding has no correlation.
    defined = size > 1e-14 * count[..., 0]
    return np.where(defined, np.clip((a * b).sum(-1) / np.where(defined, size, 1), -1, 1), np.nan)


def _scaled(values: np.ndarray) -> np.ndarray:
    """Return numbers whose largest is 1, so that products of very small ones do not vanish."""
    largest = np.abs(values).max(-1, keepdims=True, initial=0)
    return values / np.where(largest > 0, largest, 1)
