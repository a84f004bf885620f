"""Sequences that two models read differently: where most, and how rarely chance makes them differ as much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control

from genolift.evaluate.discovery.paired import LargestDifferences, Scale, windowed
from genolift.evaluate.discovery.seqlets import BackgroundScale
from genolift.evaluate.discovery.significance import scale_excess
from genolift.evaluate.discovery.surrogates import SignDependence, background_noise
from genolift.pipeline.discovery.combined import Difference, Pair
from genolift.support.errors import InputError, Remedy
from genolift.support.seeds import stream

_NULL_SEQUENCES, _BASES_AT_ONCE = 10_000, 2**20


@dataclass(frozen=True, eq=False)
class Regions:
    """What is told of N sequences.

    Attributes
    ----------
    totals : np.ndarray
        The sums of the scores of either model, (2, N).
    correlation : np.ndarray
        The correlation of the two tracks of scores, (N,); NaN where one is constant.
    start, largest : np.ndarray
        Where the window with the largest difference begins, and the difference, (N,).
    p, q : np.ndarray
        How rarely noise like the background of the differences has one as large, and the false discovery rate, (N,).
    shuffled : np.ndarray or None
        The same of sequences of the null, (N,), if there is one.
    """

    totals: np.ndarray
    correlation: np.ndarray
    start: np.ndarray
    largest: np.ndarray
    p: np.ndarray
    q: np.ndarray
    shuffled: np.ndarray | None


def compare_regions(pair: Pair, null: Pair | None, scale: Scale, width: int, seed: int) -> Regions:
    """Return where each sequence differs most, and how rarely noise and sequences of the null differ as much.

    Parameters
    ----------
    pair, null
        The two stores, and those of shuffled sequences, if there are any.
    scale
        What the scores of either model are divided by.
    width
        The width of the windows.
    seed
        The seed of the noise.

    Raises
    ------
    InputError
        If a sequence is shorter than the window, or none of the null is as long as one of the sequences.
    """
    n = len(pair)
    if (pair.first.lengths < width).any():
        short = pair.first.names[int((pair.first.lengths < width).argmax())]
        raise InputError(
            f"{short!r} is shorter than the window of {width} bases",
            Remedy(f"give a width below {width}", "give a smaller --window"),
        )
    difference = Difference(pair, scale)
    own = _spread(difference)
    judged = LargestDifferences(pair.first.lengths, width)
    _add_noise(judged, difference, seed)
    # A sequence whose differences are larger throughout is not told apart by that alone.
    typical = float(np.median(own[own > 0])) if own.any() else 1.0
    excess = np.maximum(1, own / typical)
    totals, correlation = np.zeros((2, n)), np.zeros(n)
    start, largest = np.zeros(n, np.int64), np.zeros(n)
    for rows, a, b in pair.scores("comparing regions"):
        a, b = a / scale.first, b / scale.second
        totals[0, rows], totals[1, rows] = a.sum(1), b.sum(1)
        sums = windowed(a - b, width)
        inside = np.arange(sums.shape[1]) <= (pair.first.lengths[rows] - width)[:, None]
        best = np.where(inside, np.abs(sums), -1).argmax(1)
        start[rows], largest[rows] = best, sums[np.arange(len(sums)), best]
        correlation[rows] = [
            _correlation(*pairs) for pairs in zip(a, b, pair.first.lengths[rows].tolist(), strict=True)
        ]
    p = judged.p_values(pair.first.lengths, np.abs(largest) / excess)
    shuffled = None
    if null is not None:
        among = LargestDifferences(pair.first.lengths, width)
        beside = Difference(null, scale)
        for rows, values in beside.blocks("scores", label="judging"):
            among.add(values, beside.lengths[rows])
        shuffled = among.p_values(pair.first.lengths, np.abs(largest) / scale_excess(own, _spread(beside)))
    return Regions(totals, correlation, start, largest, p, false_discovery_control(p), shuffled)


def _correlation(a: np.ndarray, b: np.ndarray, length: int) -> float:
    a, b = a[:length], b[:length]
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else np.nan


def _spread(difference: Difference) -> np.ndarray:
    """Return the median absolute difference of each sequence."""
    found = np.zeros(len(difference))
    for rows, values in difference.blocks("scores", label="measuring"):
        inside = np.arange(values.shape[1]) < difference.lengths[rows][:, None]
        found[rows] = np.nanmedian(np.where(inside, np.abs(values), np.nan), axis=1)
    return found


def _add_noise(judged: LargestDifferences, difference: Difference, seed: int) -> None:
    """Add noise that is as large as the background of the differences, and as alike to its neighbours."""
    dependence, background = SignDependence(), BackgroundScale()
    for rows, values in difference.blocks("scores", label="measuring"):
        lengths = difference.lengths[rows]
        dependence.add(values, lengths)
        background.add(values[np.arange(values.shape[1]) < lengths[:, None]])
    coefficients, longest = dependence.coefficients(), int(difference.lengths.max())
    at_once = max(1, _BASES_AT_ONCE // longest)
    for first in range(0, _NULL_SEQUENCES, at_once):
        lengths = np.full(min(at_once, _NULL_SEQUENCES - first), longest)
        rng = stream(seed, "background of differences", first)
        judged.add(background_noise(lengths, longest, background.median, coefficients, 1, rng), lengths)
