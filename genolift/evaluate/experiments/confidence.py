"""Confidence intervals of means over backgrounds."""

from __future__ import annotations

import numpy as np
from scipy import stats

from genolift.support.errors import InputError
from genolift.support.seeds import stream

INTERVALS = ("t", "bootstrap")
_RESAMPLES = 4000


def check_interval(interval: str, confidence: float) -> None:
    """Raise :class:`InputError` for an unknown kind of interval, or a confidence that is not between 0 and 1."""
    if interval not in INTERVALS:
        raise InputError(f"interval must be 't' (Student's) or 'bootstrap', not {interval!r}")
    if not 0 < confidence < 1:
        raise InputError(f"confidence lies between 0 and 1, as 0.95, and is not {confidence}")


def of_mean(values: np.ndarray, interval: str = "t", confidence: float = 0.95, seed: int = 0) -> np.ndarray:
    """Return a confidence interval for the mean over the first axis.

    Parameters
    ----------
    values
        The values, (n, ...).
    interval
        ``"t"`` (the default) is Student's interval, for values that are roughly normal. ``"bootstrap"`` takes
        percentiles of the means over resampled rows, with the same rows in every column.
    confidence
        The level of the interval; 0.95 by default.
    seed
        The random seed of the bootstrap; 0 by default.

    Returns
    -------
    np.ndarray
        The low and high ends, (2, ...); NaN if n is 1.
    """
    values = np.asarray(values, np.float64)
    n = len(values)
    if n < 2:
        return np.full((2, *values.shape[1:]), np.nan)
    if interval == "t":
        spread = stats.t.ppf((1 + confidence) / 2, n - 1) * values.std(axis=0, ddof=1) / np.sqrt(n)
        return np.stack([values.mean(axis=0) - spread, values.mean(axis=0) + spread])
    drawn = stream(seed, "bootstrap", n).multinomial(n, np.full(n, 1 / n), _RESAMPLES) / n
    means = np.tensordot(drawn, values, axes=1)
    return np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
