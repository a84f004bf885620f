"""Hits of contribution-weight matrices (CWMs): where contributions resemble those of a pattern."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

TRIM = 0.3
_BLOCK_BYTES = 2**26


@dataclass(frozen=True, eq=False)
class ContributionPattern:
    """A pattern with its CWM (width, 4), the mean contributions of its instances.

    ``frequencies`` (width, 4) are how often each base is there, ``None`` if that is not known, and ``seqlets`` is the
    number of its instances.
    """

    name: str
    cwm: np.ndarray
    frequencies: np.ndarray | None = None
    seqlets: int | None = None

    def trimmed(self, share: float = TRIM) -> ContributionPattern:
        """Return the pattern without the ends whose absolute contributions are less than a share of the largest."""
        height = np.abs(self.cwm).sum(axis=1)
        places = np.flatnonzero(height >= share * height.max())
        kept = slice(places[0], places[-1] + 1)
        frequencies = None if self.frequencies is None else np.asarray(self.frequencies, float)[kept]
        return replace(self, cwm=np.asarray(self.cwm, float)[kept], frequencies=frequencies)


class Hits(NamedTuple):
    """K hits, each attribute an array (K,).

    Attributes
    ----------
    sequence, pattern : np.ndarray
        The numbers of the sequence and of the pattern.
    start, end : np.ndarray
        The place in the sequence (0-based, half-open).
    strand : np.ndarray
        The strand in the sequence, ``"+"`` or ``"-"``.
    importance : np.ndarray
        The sum of the contributions.
    similarity : np.ndarray
        The cosine of the angle between contributions and CWM.
    strength : np.ndarray
        The length of the projection of the contributions on the CWM: their own length times the similarity.
    """

    sequence: np.ndarray
    pattern: np.ndarray
    start: np.ndarray
    end: np.ndarray
    strand: np.ndarray
    importance: np.ndarray
    similarity: np.ndarray
    strength: np.ndarray

    def __len__(self) -> int:
        return len(self.sequence)

    def where(self, keep: np.ndarray) -> Hits:
        """Return some of the hits, by mask or numbers."""
        return Hits(*(column[keep] for column in self))


def find_hits(
    contributions: npt.ArrayLike,
    lengths: npt.ArrayLike,
    patterns: Sequence[ContributionPattern],
    similarity: float = 0.7,
    first: int = 0,
    compete: bool = True,
) -> Hits:
    """Return where contributions resemble a pattern.

    Places that overlap, on either strand, compete. The strongest is a hit, then the strongest of those that do not
    overlap it, and so on, so that each base is explained by one hit at most. A place that is beaten by one that is no
    hit itself is not lost. The strength is what a pattern explains of the contributions, and the same for all patterns,
    so that of two related patterns the one that fits better keeps the place.

    Parameters
    ----------
    contributions
        The contributions, (n, L, 4).
    lengths
        The true lengths of the sequences, (n,).
    patterns
        The patterns, at least one.
    similarity
        The least similarity of a hit; 0.7 by default.
    first
        The number of the first sequence.
    compete
        Whether places of different patterns compete, which is the default. Otherwise only places of one pattern do, and
        hits of different patterns may overlap.

    Returns
    -------
    Hits
        The hits, sorted by sequence, start and pattern.
    """
    contributions, lengths = np.asarray(contributions, dtype=np.float32), np.asarray(lengths)
    widest = max(len(pattern.cwm) for pattern in patterns)
    rows = max(1, _BLOCK_BYTES // (4 * contributions.shape[1] * max(4 * widest, 2 * len(patterns))))
    parts: list[Hits] = []
    for start in range(0, len(contributions), rows):
        block = slice(start, start + rows)
        found = list(_find(contributions[block], lengths[block], patterns, widest, similarity, first + start))
        parts.append(_strongest(_joined(found)) if compete else _joined([_strongest(_joined([one])) for one in found]))
    return _joined(parts)


def _joined(parts: Sequence[Hits]) -> Hits:
    """Return hits together, sorted by sequence, start and pattern."""
    hits = Hits(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    return hits.where(np.lexsort((hits.pattern, hits.start, hits.sequence)))


def _find(
    x: np.ndarray,
    lengths: np.ndarray,
    patterns: Sequence[ContributionPattern],
    widest: int,
    similarity: float,
    first: int,
) -> Iterator[Hits]:
    """Yield all places that resemble each pattern. All patterns are compared at once, by one matrix product."""
    n, length = x.shape[:2]
    x = np.pad(x, ((0, 0), (0, widest - 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, widest, axis=1).reshape(n * length, 4 * widest)
    along = (_kernels(patterns, widest) @ windows.T).reshape(2, len(patterns), n, length)
    # Squares of float32 would overflow, or vanish, where scores are large or small.
    squares = np.einsum("nlb,nlb->nl", x, x, dtype=np.float64)
    sums = [np.pad(np.cumsum(part, axis=1, dtype=float), ((0, 0), (1, 0))) for part in (x.sum(-1), squares)]
    floors: dict[int, np.ndarray] = {}
    for number, pattern in enumerate(patterns):
        width = len(pattern.cwm)
        if width not in floors:
            floors[width] = _floor(sums[1], width, lengths, similarity)[:, :length]
        strength = np.maximum(along[0, number], along[1, number])
        row, start = np.nonzero(strength >= floors[width])
        importance, power = (total[row, start + width] - total[row, start] for total in sums)
        strand = np.where(along[0, number, row, start] >= along[1, number, row, start], "+", "-")
        cosine = np.minimum(strength[row, start] / np.sqrt(power), 1)
        columns = (start, start + width, strand, importance, cosine, strength[row, start])
        yield Hits(row + first, np.full(len(row), number), *columns)


def _floor(squares: np.ndarray, width: int, lengths: np.ndarray, similarity: float) -> np.ndarray:
    """Return the least strength of a hit at each place (n, L), infinite where no window of the sequence begins."""
    floor = np.full((len(lengths), squares.shape[1]), np.inf, np.float32)
    power = squares[:, width:] - squares[:, :-width]
    inside = (np.arange(power.shape[1]) <= (lengths - width)[:, None]) & (power > 0)
    floor[:, : power.shape[1]][inside] = similarity * np.sqrt(power[inside])
    return floor


def _strongest(places: Hits) -> Hits:
    """Return the places that are kept when the strongest is taken first; of equal ones the first.

    Places are sorted by sequence and start. In each round, those that no other undecided place beats are taken, and
    what overlaps them is dropped.
    """
    taken, undecided = [], np.arange(len(places))
    while len(undecided):
        beaten, pairs = np.zeros(len(undecided), bool), []
        row, start, end, strength = (
            column[undecided] for column in (places.sequence, places.start, places.end, places.strength)
        )
        for step in range(1, len(undecided)):
            near = np.flatnonzero((row[step:] == row[:-step]) & (start[step:] < end[:-step]))
            if not len(near):
                break
            later = strength[near + step] > strength[near]
            beaten[np.where(later, near, near + step)] = True
            pairs.append((near, near + step))
        taken.append(undecided[~beaten])
        left = beaten.copy()
        for one, other in pairs:
            left[other[~beaten[one]]] = False
            left[one[~beaten[other]]] = False
        undecided = undecided[left]
    return places.where(np.sort(np.concatenate([np.zeros(0, int), *taken])))


def _kernels(patterns: Sequence[ContributionPattern], widest: int) -> np.ndarray:
    """Return all CWMs and then their reverse complements, scaled to length one, as (2 · patterns, 4 · widest)."""
    kernels = np.zeros((len(patterns), 2, 4, widest), np.float32)
    for kernel, pattern in zip(kernels, patterns, strict=True):
        unit = np.asarray(pattern.cwm, float)
        unit = unit / np.sqrt((unit * unit).sum())
        kernel[0, :, : len(unit)] = unit.T
        kernel[1, :, : len(unit)] = unit[::-1, ::-1].T
    return kernels.swapaxes(0, 1).reshape(2 * len(patterns), 4 * widest)
