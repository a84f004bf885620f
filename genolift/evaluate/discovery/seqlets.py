"""Seqlets: contiguous stretches of high importance in arrays of scores.

A position is high if its score is above a threshold; for negative stretches, if it is below minus the threshold. High
positions with at most ``gap`` others between them form a stretch, whose importance is the sum of its scores. The
threshold is set from the background alone: if the background had a Laplace distribution, a share ``LEVEL`` of it would
lie outside.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

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
    positions cannot move it far. Zeros are data too: the more of them there are, the lower is the threshold. Where a
    share of at most ``LEVEL`` is not zero, all of these scores stand out. Scores are counted by the leading 16 bits of
    a float32, which is accurate to 0.8 %.
    """

    def __init__(self):
        self._counts = np.zeros(2**15, np.int64)

    def add(self, scores: npt.ArrayLike) -> None:
        """Count scores of any shape."""
        bits = np.abs(np.asarray(scores, np.float32)).reshape(-1).view(np.uint32) >> 16
        self._counts += np.bincount(bits, minlength=2**15)

    @property
    def median(self) -> float:
        """The median of absolute scores that are not zero; 0 where all are."""
        counts = self._counts.copy()
        counts[0] = 0
        if not counts.any():
            return 0.0
        middle = int(np.searchsorted(np.cumsum(counts), (counts.sum() + 1) // 2))
        return float(np.uint32((middle << 16) + (1 << 15)).view(np.float32))

    @property
    def threshold(self) -> float:
        """The absolute score that a share ``LEVEL`` of the background, with its zeros, exceeds."""
        total, some = self._counts.sum(), self._counts[1:].sum()
        if some <= LEVEL * total:
            return 0.0
        return float(self.median / np.log(2) * np.log(some / total / LEVEL))


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
