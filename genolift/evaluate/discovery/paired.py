"""Tests of whether the scores of two models on the same sequences differ by more than chance.

Scores of two models have no common unit. Each is divided by what its model makes of sequence without meaning, its
*null*: shuffled sequences that both models have scored, or else the sequences themselves, whose median position lies
in no motif. How exactly the ratio of the two scales is known takes part in every test of a mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from genolift.support.errors import InputError, Remedy, setting

LEAST = 5  # so many sequences are tested at least
_LENGTHS = 100


class Scale(NamedTuple):
    """What the scores of two models are divided by.

    Attributes
    ----------
    first, second : float
        The typical absolute score of a position of the null, by either model.
    error : float
        The standard error of the logarithm of their ratio.
    """

    first: float
    second: float
    error: float


def common_scale(first: npt.ArrayLike, second: npt.ArrayLike) -> Scale:
    """Return the scale of the null, from the median absolute score of each of its sequences by both models, (N,) each.

    The scales are geometric means over the sequences, which the two models have in common, so that the standard error
    is that of a mean of paired differences of logarithms.

    Raises
    ------
    InputError
        If most medians of a model are zero, or fewer than five sequences are left.
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    some = (first > 0) & (second > 0)
    if some.sum() < max(LEAST, len(first) / 2):
        raise InputError(
            f"only {some.sum()} of {len(first)} sequences of the null have scores in most positions by both models, so "
            "that their scales cannot be told",
            Remedy.naming("give {} to compare the scores as they are", setting("match", "none")),
        )
    logs = np.log(first[some]), np.log(second[some])
    error = float((logs[0] - logs[1]).std(ddof=1) / np.sqrt(some.sum()))
    return Scale(float(np.exp(logs[0].mean())), float(np.exp(logs[1].mean())), error)


class PairedTest(NamedTuple):
    """A mean difference of two models.

    Attributes
    ----------
    sequences : int
        Over how many sequences.
    first, second : float
        The means of either model.
    low, high : float
        The ends of the 95 % interval of the first mean less the second.
    p : float
        Its two-sided p-value; NaN for fewer than five sequences.
    """

    sequences: int
    first: float
    second: float
    low: float
    high: float
    p: float


def paired_test(first: npt.ArrayLike, second: npt.ArrayLike, error: float = 0.0, level: float = 0.95) -> PairedTest:
    """Return whether the mean of one model differs from that of the other, by a paired t-test.

    Parameters
    ----------
    first, second
        A value of each sequence by both models, on one scale, (N,) each.
    error
        The standard error of the logarithm of the ratio of the two scales. It adds (mean · error)² to the variance of
        the mean difference, because another ratio would move the difference by about so much.
    level
        The coverage of the interval.
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    means = float(first.mean()) if len(first) else np.nan, float(second.mean()) if len(second) else np.nan
    if len(first) < LEAST:
        return PairedTest(len(first), *means, np.nan, np.nan, np.nan)
    difference = first - second
    variance = difference.var(ddof=1) / len(difference) + (error * (means[0] + means[1]) / 2) ** 2
    middle, width = float(difference.mean()), float(np.sqrt(variance))
    reach = float(student.ppf((1 + level) / 2, len(difference) - 1)) * width
    if width == 0:
        return PairedTest(len(first), *means, middle, middle, 1.0 if middle == 0 else 0.0)
    p = max(float(2 * student.sf(abs(middle) / width, len(difference) - 1)), np.finfo(float).tiny)
    return PairedTest(len(first), *means, middle - reach, middle + reach, p)


def windowed(values: np.ndarray, width: int) -> np.ndarray:
    """Return the sums (n, L − width + 1) of values (n, L) in all windows of a width."""
    sums = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, dtype=np.float64, out=sums[:, 1:])
    return sums[:, width:] - sums[:, :-width]


@dataclass
class LargestDifferences:
    """How large the largest windowed difference of a sequence of the null is, for sequences of some lengths.

    A longer sequence has a larger one by chance alone. A sequence is therefore compared with as long a part of the
    sequences of the null. Where there are many lengths, some are compared with parts that are a little longer, which
    makes their p-values larger.

    Parameters
    ----------
    lengths
        The lengths of the sequences that will be judged.
    width
        The width of the windows.
    """

    lengths: np.ndarray
    width: int

    def __post_init__(self) -> None:
        different = np.unique(np.maximum(self.lengths, self.width))
        picked = np.unique(np.linspace(0, len(different) - 1, min(len(different), _LENGTHS)).round().astype(int))
        self._ends = different[picked]
        self._found: list[list[np.ndarray]] = [[] for _ in self._ends]
        self._sorted: dict[int, np.ndarray] = {}

    def add(self, values: np.ndarray, lengths: np.ndarray) -> None:
        """Add the differences (n, L) of sequences of the null, of the given lengths (n,)."""
        largest = np.maximum.accumulate(np.abs(windowed(values, self.width)), axis=1)
        self._sorted.clear()
        for found, end in zip(self._found, self._ends.tolist(), strict=True):
            if end <= values.shape[1]:
                found.append(largest[lengths >= end, end - self.width])

    def p_values(self, lengths: np.ndarray, largest: np.ndarray) -> np.ndarray:
        """Return (1 + sequences of the null with at least so large a difference) / (1 + sequences of the null)."""
        p = np.ones(len(largest))
        which = np.searchsorted(self._ends, np.maximum(lengths, self.width))
        for k in np.unique(which).tolist():
            null = np.sort(np.concatenate([np.zeros(0), *self._found[k]]))
            if not len(null):
                raise InputError(
                    f"no sequence of the null is as long as {self._ends[k]} bases; score shuffles of these sequences"
                )
            own = which == k
            p[own] = (1 + len(null) - np.searchsorted(null, largest[own], side="left")) / (1 + len(null))
        return p
