"""Seqlets: contiguous stretches of high importance, found in arrays of scores.

A position is high where its score is above a threshold (for negative stretches, below its negative). High positions with
no more than ``gap`` others between them form a stretch, whose importance is the sum of its scores. The threshold is
set from the background alone: were that Laplace distributed, a share ``LEVEL`` of it would lie outside.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from genolift.support.seeds import stream

LEVEL = 0.05


class ScoredStretches(NamedTuple):
    """K stretches: each one's sequence (its number), start, end (0-based half-open) and importance, with its sign."""

    sequence: np.ndarray
    start: np.ndarray
    end: np.ndarray
    importance: np.ndarray

    def __len__(self) -> int:
        return len(self.sequence)

    def where(self, keep: np.ndarray) -> "ScoredStretches":
        """Some of them, by mask or numbers."""
        return ScoredStretches(*(column[keep] for column in self))


class BackgroundScale:
    """The scale of scores outside motifs, from any number of scores in constant memory.

    It is the Laplace scale at the median of absolute scores that are not zero, so it takes no notice of what fewer than
    half of the positions hold. Scores are counted by the leading 16 bits of a float32, good to 0.8 %.
    """

    def __init__(self):
        self._counts = np.zeros(2**15, np.int64)

    def add(self, scores: np.ndarray) -> None:
        """Count scores of any shape."""
        bits = np.abs(np.asarray(scores, np.float32)).reshape(-1).view(np.uint32) >> 16
        self._counts += np.bincount(bits, minlength=2**15)

    @property
    def threshold(self) -> float:
        """The absolute score above which lies a share ``LEVEL`` of the background; 0 if all scores are zero."""
        counts = self._counts.copy()
        counts[0] = 0
        if not counts.any():
            return 0.0
        median = int(np.searchsorted(np.cumsum(counts), (counts.sum() + 1) // 2))
        middle = np.uint32((median << 16) + (1 << 15)).view(np.float32)
        return float(middle / np.log(2) * np.log(1 / LEVEL))


def find_stretches(scores, lengths, threshold: float, gap: int = 2, width: int = 3, first: int = 0) -> ScoredStretches:
    """The stretches, positive and negative, of scores (n, L) whose sequences have ``lengths`` (n,).

    Those shorter than ``width`` are left out. Sorted by sequence, then start; sequences are numbered from ``first``.
    """
    scores = np.asarray(scores, dtype=np.float64)
    inside = np.arange(scores.shape[1]) < np.asarray(lengths)[:, None]
    scores = np.where(inside, scores, 0.0)
    # What lies beyond a row must not touch the next: each gets room for a gap that is too long.
    room = np.zeros((len(scores), gap + 1))
    total = np.concatenate([[0.0], np.cumsum(np.concatenate([scores, room], axis=1))])
    found = [_runs(np.concatenate([sign * scores, room], axis=1).reshape(-1) > threshold, gap) for sign in (1, -1)]
    starts, ends = (np.concatenate(part) for part in zip(*found, strict=True))
    sequence, start = np.divmod(starts, scores.shape[1] + gap + 1)
    stretches = ScoredStretches(sequence + first, start, start + ends - starts, total[ends] - total[starts])
    stretches = stretches.where(ends - starts >= width)
    return stretches.where(np.lexsort((stretches.start, stretches.sequence)))


def _runs(high: np.ndarray, gap: int) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends of runs of true values, with at most ``gap`` false ones between neighbours."""
    places = np.flatnonzero(high)
    breaks = np.flatnonzero(np.diff(places) > gap + 1)
    return places[np.append(0, breaks + 1)[: len(places)]], places[np.append(breaks, -1)[: len(places)]] + 1


def shuffle_positions(arrays: Iterable[np.ndarray], lengths, draws: int, seed: int = 0) -> list[np.ndarray]:
    """Arrays (n, L, ...) with the positions of each sequence in random order, the same for all arrays.

    Gives (n · draws, L, ...), the draws of a sequence together. A draw depends on ``seed`` and the values of the first
    array's row alone; draw j does not depend on how many there are.
    """
    arrays = [np.asarray(array) for array in arrays]
    shape = arrays[0].shape[:2]
    order = np.empty((shape[0], draws, shape[1]), dtype=np.int64)
    for row, length in enumerate(np.asarray(lengths).tolist()):
        rng = stream(seed, "positions", np.ascontiguousarray(arrays[0][row, :length]).tobytes())
        order[row] = np.arange(shape[1])
        for draw in order[row]:
            draw[:length] = rng.permutation(length)
    rows = np.arange(shape[0])[:, None, None]
    return [array[rows, order].reshape(-1, *array.shape[1:]) for array in arrays]
