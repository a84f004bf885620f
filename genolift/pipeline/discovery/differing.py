"""Sequences that two models read differently: where most, and how rarely chance makes them differ as much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control

from genolift.evaluate.discovery.paired import LargestDifferences, Scale, windowed
from genolift.evaluate.discovery.significance import scale_excess
from genolift.evaluate.discovery.surrogates import SignDependence, resampled_noise, unpredicted
from genolift.pipeline.discovery.combined import Difference, Pair
from genolift.support.errors import InputError, Remedy
from genolift.support.seeds import stream

_NULL_SEQUENCES, _BASES_AT_ONCE, _DRAWN_FROM = 10_000, 2**20, 2**20
_ROUNDS, _TOLD = 2, 0.05  # So often, what differs at this false discovery rate is taken out of the noise.
_RATIO = 3.29  # The ratio of the scales is within so many standard errors but for one comparison in a thousand.


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
        How rarely noise like the differences has one as large, and the false discovery rate, (N,). What an error of the
        scale can make of the difference is taken off before.
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
    # A sequence whose differences are larger throughout is not told apart by that alone.
    typical = float(np.median(own[own > 0])) if own.any() else 1.0
    excess = np.where(own > 0, own, typical) / typical
    windows = _Windows(pair, scale, width)
    totals, correlation = np.zeros((2, n)), np.zeros(n)
    start, largest, certain = np.zeros(n, np.int64), np.zeros(n), np.zeros(n)
    for rows, a, b, sums in windows.blocks("comparing regions"):
        totals[0, rows], totals[1, rows] = a.sum(1), b.sum(1)
        best = sums.argmax(1)
        start[rows], certain[rows] = best, sums[np.arange(len(sums)), best]
        largest[rows] = windowed(a - b, width)[np.arange(len(sums)), best]
        correlation[rows] = [
            _correlation(*pairs) for pairs in zip(a, b, pair.first.lengths[rows].tolist(), strict=True)
        ]
    noise = _Noise(windows, excess, typical, seed)
    p = noise.p_values(certain)
    for _ in range(_ROUNDS):
        told = false_discovery_control(p) <= _TOLD
        if not told.any():
            break
        # What tells sequences apart is no noise. With it in the noise, weaker differences would not stand out.
        p = noise.p_values(certain, float((certain / excess)[told].min()))
    shuffled = None
    if null is not None:
        among = LargestDifferences(pair.first.lengths, width)
        beside = Difference(null, scale)
        for rows, values in beside.blocks("scores", label="judging"):
            among.add(values, beside.lengths[rows])
        shuffled = among.p_values(pair.first.lengths, certain / scale_excess(own, _spread(beside)))
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


@dataclass(frozen=True, eq=False)
class _Windows:
    """The differences of two models in windows, less what an error of the scale can make of them."""

    pair: Pair
    scale: Scale
    width: int

    def blocks(self, label: str) -> Iterator[tuple[slice, np.ndarray, np.ndarray, np.ndarray]]:
        """Yield rows, the scores of both on one scale (n, L), and the differences, −1 where a window does not fit.

        The ratio of the scales is known but for ``scale.error``. Another ratio moves a difference by so much of the
        mean of both sums, which can be far more than noise where these are large.
        """
        for rows, a, b in self.pair.scores(label):
            a, b = a / self.scale.first, b / self.scale.second
            first, second = windowed(a, self.width), windowed(b, self.width)
            reach = _RATIO * self.scale.error * np.abs(first + second) / 2
            inside = np.arange(first.shape[1]) <= (self.pair.first.lengths[rows] - self.width)[:, None]
            yield rows, a, b, np.where(inside, np.maximum(0, np.abs(first - second) - reach), -1)


class _Noise:
    """Noise with the distribution of the differences, and as alike to its neighbours, in another order.

    Nothing is assumed of the tails of the distribution. Each sequence of differences, and of the noise, is divided by
    its own scale, so that one whose differences are larger throughout is not told apart by that alone.
    """

    def __init__(self, windows: _Windows, excess: np.ndarray, typical: float, seed: int):
        self._windows, self._excess, self._typical, self._seed = windows, excess, typical, seed
        self._lengths = windows.pair.first.lengths
        dependence = SignDependence()
        for rows, a, b, _ in windows.blocks("measuring"):
            dependence.add(a - b, self._lengths[rows])
        self._coefficients = dependence.coefficients()

    def p_values(self, largest: np.ndarray, below: float = np.inf) -> np.ndarray:
        """Return how rarely noise differs as much, where windows that differ by ``below`` or more are no noise."""
        drawn_from, longest = self._drawn_from(below), int(self._lengths.max())
        if not len(drawn_from):
            return np.ones(len(largest))
        judged = LargestDifferences(self._lengths, self._windows.width)
        at_once = max(1, _BASES_AT_ONCE // longest)
        for first in range(0, _NULL_SEQUENCES, at_once):
            count = min(at_once, _NULL_SEQUENCES - first)
            rng = stream(self._seed, "background of differences", first)
            made = resampled_noise(drawn_from, count, longest, self._coefficients, rng)
            middle = np.median(np.abs(made), axis=1, keepdims=True)
            made *= np.divide(self._typical, middle, out=np.ones_like(middle), where=middle > 0)
            judged.add(made, np.full(count, longest))
        return judged.p_values(self._lengths, largest / self._excess)

    def _drawn_from(self, below: float) -> np.ndarray:
        """Return what the neighbours do not predict of differences, of at most so many positions."""
        share = min(1.0, _DRAWN_FROM / max(1, int(self._lengths.sum())))
        width, parts = self._windows.width, []
        for rows, a, b, sums in self._windows.blocks("measuring"):
            by = self._excess[rows, None]
            # A window, and the positions after it whose prediction it takes part in.
            far = sums / by >= below
            reached = np.cumsum(np.pad(far, ((0, 0), (1, width - 1 + len(self._coefficients)))), axis=1)
            span = width + len(self._coefficients)
            without = (reached[:, 1:] - np.pad(reached, ((0, 0), (span, 0)))[:, 1 : reached.shape[1]]) > 0
            found = unpredicted((a - b) / by, self._lengths[rows], self._coefficients, without[:, : a.shape[1]])
            rng = stream(self._seed, "differences that are kept", rows.start)
            parts.append(found if share == 1 else found[rng.random(len(found)) < share])
        return np.concatenate(parts)
