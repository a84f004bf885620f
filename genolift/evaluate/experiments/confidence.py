"""Confidence intervals of means over backgrounds."""

from __future__ import annotations

import warnings

import numpy as np
from scipy import stats

from genolift.support.errors import GenoliftWarning, InputError
from genolift.support.seeds import stream

INTERVALS = ("t", "bootstrap")
FEW = 30  # With fewer rows, the shape of their distribution cannot be learnt from them.
_RESAMPLES = 4000


class NotFinite(InputError):
    """What was measured of a sequence is NaN or infinite, so that there is no mean.

    Attributes
    ----------
    number : int
        The number of the sequence among those given, from 0.
    reason : str
        What is not finite, in words.
    """

    def __init__(self, number: int, reason: str):
        super().__init__(f"sequence number {number} (from 0): {reason}")
        self.number, self.reason = number, reason


def check_interval(interval: str, confidence: float) -> None:
    """Raise :class:`InputError` for an unknown kind of interval, or a confidence that is not between 0 and 1."""
    if interval not in INTERVALS:
        raise InputError(f"interval must be 't' (Student's) or 'bootstrap', not {interval!r}")
    if not 0 < confidence < 1:
        raise InputError(f"confidence lies between 0 and 1, as 0.95, and is not {confidence}")


def distinct(X: np.ndarray, what: str, places: np.ndarray | None = None) -> np.ndarray:
    """Return the rows of ``X`` that are not equal to a former row, and say how many are.

    Equal sequences have equal values, so that a repeated one makes an interval narrower and nothing better known.

    Parameters
    ----------
    X
        The sequences, (N, L, 4).
    what
        What they are, for the warning.
    places
        Places in each sequence, (N, P), which must be equal too.

    Returns
    -------
    np.ndarray
        The numbers of the rows, in order.

    Warns
    -----
    GenoliftWarning
        If there are repeated rows.
    """
    first: dict[tuple[bytes, bytes], int] = {}
    for i, row in enumerate(X):
        first.setdefault((row.tobytes(), b"" if places is None else places[i].tobytes()), i)
    if len(first) < len(X):
        warnings.warn(
            f"{len(X) - len(first):,} of {len(X):,} {what} repeat others, and each counts once in means and intervals",
            GenoliftWarning,
            3,
        )
    return np.fromiter(first.values(), np.int64, len(first))


def of_mean(values: np.ndarray, interval: str = "t", confidence: float = 0.95, seed: int = 0) -> np.ndarray:
    """Return a confidence interval for the mean over the first axis.

    The bootstrap is the bootstrap-t (Efron & Tibshirani 1993, chapter 12): the distribution of (mean − true mean) /
    standard error is taken from resampled rows, each with a standard error of its own. Unlike percentiles of resampled
    means it holds its level for few rows, and unlike Student's interval it follows the skewness of the values.

    Parameters
    ----------
    values
        The values, (n, ...).
    interval
        ``"t"`` (the default) is Student's interval, for values that are roughly normal. ``"bootstrap"`` is the
        bootstrap-t, with the same rows in every column.
    confidence
        The level of the interval; 0.95 by default.
    seed
        The random seed of the bootstrap; 0 by default.

    Returns
    -------
    np.ndarray
        The low and high ends, (2, ...); NaN if n is 1.

    Warns
    -----
    GenoliftWarning
        If a bootstrap has fewer than 30 rows.
    """
    values = np.asarray(values, np.float64)
    n = len(values)
    if n < 2:
        return np.full((2, *values.shape[1:]), np.nan)
    mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(n)
    if interval == "t":
        spread = stats.t.ppf((1 + confidence) / 2, n - 1) * error
        return np.stack([mean - spread, mean + spread])
    if n < FEW:
        warnings.warn(
            f"a bootstrap over {n} backgrounds cannot hold its level where few of them respond; give {FEW} or more",
            GenoliftWarning,
            3,
        )
    drawn = stream(seed, "bootstrap", n).multinomial(n, np.full(n, 1 / n), _RESAMPLES) / n
    centred = values - mean  # so that the squares below do not cancel
    means = np.tensordot(drawn, centred, axes=1)
    variances = np.maximum(np.tensordot(drawn, centred**2, axes=1) - means**2, 0)
    # Rows that are all equal have no standard error. The floor keeps the ratio, and thus the interval, finite.
    errors = np.maximum(np.sqrt(variances / (n - 1)), error / np.sqrt(n))
    ratios = means / np.where(errors > 0, errors, 1)
    low, high = np.quantile(ratios, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return np.stack([mean - high * error, mean - low * error])
