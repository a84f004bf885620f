"""Seqlets: contiguous stretches of high importance in arrays of scores.

A position is high if its score is above a threshold; for negative stretches, if it is below minus the threshold. High
positions with at most ``gap`` others between them form a stretch, whose importance is the sum of its scores. The
threshold is set from the background alone: if the background had a Laplace distribution, a share ``LEVEL`` of it would
lie outside.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genolift.support.seeds import stream

LEVEL = 0.05


class ScoredStretches(NamedTuple):
    """K stretches, each attribute an array (K,).

    Attributes
    ----------
    sequence : np.ndarray
        The number of the sequence.
    start, end : np.ndarray
        The place in the sequence (0-based, half-open).
    importance : np.ndarray
        The sum of the scores, with its sign.
    """

    sequence: np.ndarray
    start: np.ndarray
    end: np.ndarray
    importance: np.ndarray

    def __len__(self) -> int:
        return len(self.sequence)

    def where(self, keep: np.ndarray) -> ScoredStretches:
        """Return some of the stretches, by mask or numbers."""
        return ScoredStretches(*(column[keep] for column in self))


class BackgroundScale:
    """The scale of scores outside motifs, computed from any number of scores in constant memory.

    It is the Laplace scale at the median of absolute scores that are not zero, so scores at fewer than half of the
    positions cannot move it far. Scores are counted by the leading 16 bits of a float32, which is accurate to 0.8 %.
    """

    def __init__(self):
        self._counts = np.zeros(2**15, np.int64)

    def add(self, scores: npt.ArrayLike) -> None:
        """Count scores of any shape."""
        bits = np.abs(np.asarray(scores, np.float32)).reshape(-1).view(np.uint32) >> 16
        self._counts += np.bincount(bits, minlength=2**15)

    @property
    def threshold(self) -> float:
        """The absolute score that a share ``LEVEL`` of the background exceeds; 0 if all scores are zero."""
        counts = self._counts.copy()
        counts[0] = 0
        if not counts.any():
            return 0.0
        median = int(np.searchsorted(np.cumsum(counts), (counts.sum() + 1) // 2))
        middle = np.uint32((median << 16) + (1 << 15)).view(np.float32)
        return float(middle / np.log(2) * np.log(1 / LEVEL))


def find_stretches(
    scores: npt.ArrayLike,
    lengths: npt.ArrayLike,
    threshold: float,
    gap: int = 2,
    width: int = 3,
    first: int = 0,
) -> ScoredStretches:
    """Return the positive and negative stretches of high scores.

    Parameters
    ----------
    scores
        The scores, (n, L).
    lengths
        The true lengths of the sequences, (n,).
    threshold
        The absolute score above which a position is high.
    gap
        How many other positions may lie between high ones; 2 by default.
    width
        The least length of a stretch; 3 by default.
    first
        The number of the first sequence.

    Returns
    -------
    ScoredStretches
        The stretches, sorted by sequence and start.
    """
    scores = np.asarray(scores, dtype=np.float64)
    inside = np.arange(scores.shape[1]) < np.asarray(lengths)[:, None]
    scores = np.where(inside, scores, 0.0)
    # Each row gets a gap that is too long to bridge, so that no stretch reaches into the next row.
    room = np.zeros((len(scores), gap + 1))
    total = np.concatenate([[0.0], np.cumsum(np.concatenate([scores, room], axis=1))])
    runs = [_runs(np.concatenate([sign * scores, room], axis=1).reshape(-1) > threshold, gap) for sign in (1, -1)]
    starts, ends = (np.concatenate(part) for part in zip(*runs, strict=True))
    sequence, start = np.divmod(starts, scores.shape[1] + gap + 1)
    stretches = ScoredStretches(sequence + first, start, start + ends - starts, total[ends] - total[starts])
    stretches = stretches.where(ends - starts >= width)
    return stretches.where(np.lexsort((stretches.start, stretches.sequence)))


def _runs(high: np.ndarray, gap: int) -> tuple[np.ndarray, np.ndarray]:
    """Return starts and ends of runs of true values, with at most ``gap`` false ones between neighbours."""
    places = np.flatnonzero(high)
    breaks = np.flatnonzero(np.diff(places) > gap + 1)
    return places[np.append(0, breaks + 1)[: len(places)]], places[np.append(breaks, -1)[: len(places)]] + 1


def shuffle_positions(
    arrays: Iterable[npt.ArrayLike], lengths: npt.ArrayLike, draws: int, seed: int = 0
) -> list[np.ndarray]:
    """Return arrays with the positions of each sequence in random order, the same order in all arrays.

    A draw depends only on ``seed`` and on the values in the row of the first array. Draw j does not depend on the
    number of draws.

    Parameters
    ----------
    arrays
        Arrays (n, L, ...).
    lengths
        The true lengths of the sequences, (n,).
    draws
        How many orders are drawn for each sequence.
    seed
        The random seed; 0 by default.

    Returns
    -------
    list of np.ndarray
        Arrays (n · draws, L, ...), with the draws of a sequence next to each other.
    """
    whole = [np.asarray(array) for array in arrays]
    shape = whole[0].shape[:2]
    order = np.empty((shape[0], draws, shape[1]), dtype=np.int64)
    for row, length in enumerate(np.asarray(lengths).tolist()):
        rng = stream(seed, "positions", np.ascontiguousarray(whole[0][row, :length]).tobytes())
        order[row] = np.arange(shape[1])
        for draw in order[row]:
            draw[:length] = rng.permutation(length)
    rows = np.arange(shape[0])[:, None, None]
    return [array[rows, order].reshape(-1, *array.shape[1:]) for array in whole]
