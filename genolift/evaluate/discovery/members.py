"""The members of patterns in any number of sequences, and what they have in common, gathered block by block."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.stats import fisher_exact

from genolift.evaluate.discovery.alignment import Windows
from genolift.evaluate.discovery.clustering import Model, Shape
from genolift.evaluate.discovery.hits import ContributionPattern
from genolift.evaluate.discovery.seqlets import ScoredStretches

SIGNS = (1, -1)
_GROUPS = {1: "pos_patterns", -1: "neg_patterns"}


class Members(NamedTuple):
    """K members of patterns, each attribute an array (K,).

    Attributes
    ----------
    sequence, pattern : np.ndarray
        The numbers of the sequence and of the pattern.
    start, end : np.ndarray
        The place in the sequence (0-based, half-open). It may reach beyond the sequence where the pattern does.
    turned : np.ndarray
        Whether the pattern lies on the reverse strand of the sequence.
    importance : np.ndarray
        The sum of the contributions at this place.
    similarity : np.ndarray
        How alike member and pattern are, at most 1.
    """

    sequence: np.ndarray
    pattern: np.ndarray
    start: np.ndarray
    end: np.ndarray
    turned: np.ndarray
    importance: np.ndarray
    similarity: np.ndarray

    def __len__(self) -> int:
        return len(self.sequence)

    def where(self, keep: np.ndarray) -> Members:
        """Return some of the members, by mask or numbers."""
        return Members(*(column[keep] for column in self))

    def with_(self, **columns: np.ndarray) -> Members:
        """Return the members with other columns."""
        return Members(**{**self._asdict(), **columns})


class Occurrence(NamedTuple):
    """How many sequences hold a pattern: ``found`` of ``all`` that it was not made of, and those of the null."""

    found: int
    all: int
    null_found: int
    null_all: int

    @property
    def p(self) -> float:
        """The chance that so many more sequences hold it than of the null, if they do alike (Fisher's exact test)."""
        table = [[self.found, self.all - self.found], [self.null_found, self.null_all - self.null_found]]
        return float(fisher_exact(table, alternative="greater")[1])


@dataclass(frozen=True, eq=False)
class GatheredPattern:
    """A pattern with the means over its members, as wide as they were compared.

    Attributes
    ----------
    name : str
        Its name, as TF-MoDISco gives names.
    sign : int
        Whether its members are positive, 1, or negative, −1.
    contributions : np.ndarray
        Its contribution-weight matrix, (width, 4).
    hypothetical : np.ndarray or None
        The mean of the hypothetical contributions, (width, 4), if they are known.
    frequencies : np.ndarray
        How often each base is there, (width, 4). A row sums to less than 1 where members reach beyond their sequence.
    kept : slice
        The positions that contribute.
    members : Members
        The members.
    number : int
        Its number in the model.
    occurrence : Occurrence or None
        In how many sequences it is, beside a null, if there is one.
    """

    name: str
    sign: int
    contributions: np.ndarray
    hypothetical: np.ndarray | None
    frequencies: np.ndarray
    kept: slice
    members: Members
    number: int = 0
    occurrence: Occurrence | None = None

    @property
    def trimmed(self) -> ContributionPattern:
        """The pattern where it contributes."""
        kept = self.kept
        return ContributionPattern(self.name, self.contributions[kept], self.frequencies[kept], len(self.members))

    @property
    def bases(self) -> np.ndarray:
        """By how much each base is more frequent than the mean of the four, (width, 4) float32.

        Patterns of different models or targets are the same motif where these are alike, whatever they contribute.
        """
        return (self.frequencies - self.frequencies.mean(1, keepdims=True)).astype(np.float32)

    @property
    def sequences(self) -> int:
        """In how many sequences it has members."""
        return len(np.unique(self.members.sequence))


def cut_windows(
    seqlets: ScoredStretches,
    first: int,
    scores: np.ndarray,
    bases: np.ndarray,
    hypothetical: np.ndarray | None,
    shape: Shape,
) -> tuple[Windows, np.ndarray]:
    """Return the windows around the middles of seqlets, and where they begin, (K,).

    Parameters
    ----------
    seqlets
        Seqlets in the sequences of a block.
    first
        The number of the first sequence of the block.
    scores
        The scores of the block, (n, L), which are zero beyond the lengths of the sequences.
    bases
        Which base is there, (n, L, 4); zeros for unknown ones.
    hypothetical
        The hypothetical contributions, (n, L, 4), if they are known.
    shape
        The widths.
    """
    rows = seqlets.sequence - first
    height = np.pad(np.abs(scores), ((0, 0), (1, 0))).astype(np.float64)
    mass, moment = np.cumsum(height, axis=1), np.cumsum(height * np.arange(-1, scores.shape[1]), axis=1)
    whole, turn = (sums[rows, seqlets.end] - sums[rows, seqlets.start] for sums in (mass, moment))
    middle = np.divide(turn, whole, out=(seqlets.start + seqlets.end - 1) / 2.0, where=whole > 0)
    start = np.floor(middle).astype(np.int64) - shape.window // 2
    places = start[:, None] + np.arange(shape.window)
    inside = (places >= 0) & (places < scores.shape[1])
    places = np.clip(places, 0, scores.shape[1] - 1)
    one_hot = bases[rows[:, None], places] * inside[..., None].astype(np.float32)
    contributions = one_hot * scores[rows[:, None], places][..., None].astype(np.float32)
    beside = None if hypothetical is None else hypothetical[rows[:, None], places] * inside[..., None]
    return Windows(contributions, beside, one_hot), start


@dataclass
class Gathering:
    """Gathers the members of the patterns of one sign, block by block, in memory that does not grow with windows.

    Parameters
    ----------
    model
        The patterns.
    sign
        The sign of the seqlets, 1 or −1.
    """

    model: Model
    sign: int
    _sums: dict[str, np.ndarray] = field(default_factory=dict)
    _parts: list[Members] = field(default_factory=list)

    @property
    def kept(self) -> np.ndarray:
        """The positions of each pattern that contribute, (P, 2); all of them where that is not known."""
        known = self.model.kept
        return np.tile([0, self.model.shape.pattern], (len(self.model), 1)) if known is None else known

    def add(self, seqlets: ScoredStretches, windows: Windows, start: np.ndarray) -> None:
        """Add what is like a pattern among the seqlets of whole sequences, with their windows and where these begin.

        Of members of one pattern that overlap in a sequence, as two seqlets of one motif are, the most alike is kept.
        """
        if not len(self.model) or not len(seqlets):
            return
        shape = self.model.shape
        pattern, at = self.model.assign(windows.speaking(self.sign))
        own = np.flatnonzero(pattern >= 0)
        pattern, some = pattern[own], windows.where(own)
        begin, turned = at.start[own].astype(np.int64), at.turned[own]
        placed = shape.placed(some, begin, turned)
        kept = self.kept[pattern]
        offset = np.where(turned, shape.pattern - kept[:, 1], kept[:, 0])
        left = start[own] + begin + offset
        position = np.arange(shape.pattern)
        trimmed = (position >= kept[:, :1]) & (position < kept[:, 1:])
        importance = (placed.contributions.sum(-1, dtype=np.float64) * trimmed).sum(1)
        columns = (left, left + kept[:, 1] - kept[:, 0], turned, importance, at.similarity[own].astype(np.float64))
        members = Members(seqlets.sequence[own], pattern, *columns)
        first = without_repeats(members)
        self._parts.append(members.where(first))
        placed, pattern = placed.where(first), pattern[first]
        tracks = {"contributions": placed.contributions, "frequencies": placed.bases}
        if placed.hypothetical is not None:
            tracks["hypothetical"] = placed.hypothetical
        for name, values in tracks.items():
            if name not in self._sums:
                self._sums[name] = np.zeros((len(self.model), shape.pattern, 4))
            np.add.at(self._sums[name], pattern, values.astype(np.float64))

    def sequences_with(self, number: int) -> np.ndarray:
        """Return the numbers of the sequences that hold a pattern of the model."""
        found = [part.sequence[part.pattern == number] for part in self._parts]
        return np.unique(np.concatenate([np.zeros(0, np.int64), *found]))

    def patterns(self, least: int, among: np.ndarray | None = None) -> list[GatheredPattern]:
        """Return the patterns that have at least so many members, the one with most first.

        With a mask of the sequences, (N,), members count ``among`` these only.
        """
        if not self._parts:
            return []
        members = Members(*(np.concatenate(column) for column in zip(*self._parts, strict=True)))
        counts = np.bincount(members.pattern, minlength=len(self.model))
        told = counts if among is None else np.bincount(members.pattern[among[members.sequence]], minlength=len(counts))
        found: list[GatheredPattern] = []
        for number in np.argsort(-counts, kind="stable"):
            if told[number] >= least:
                found.append(self._pattern(len(found), int(number), members.where(members.pattern == number)))
        return found

    def _pattern(self, place: int, number: int, members: Members) -> GatheredPattern:
        means = {name: sums[number] / len(members) for name, sums in self._sums.items()}
        kept = slice(*self.kept[number].tolist())
        if members.turned.mean() > 0.5:  # Most members are on the forward strand, which reads more easily.
            means = {name: mean[::-1, ::-1] for name, mean in means.items()}
            members = members.with_(turned=~members.turned)
            kept = slice(self.model.shape.pattern - kept.stop, self.model.shape.pattern - kept.start)
        members = members.with_(pattern=np.full(len(members), place))
        return GatheredPattern(
            f"{_GROUPS[self.sign]}.pattern_{place}",
            self.sign,
            means["contributions"],
            means.get("hypothetical"),
            means["frequencies"],
            kept,
            members,
            number,
        )


def without_repeats(members: Members) -> np.ndarray:
    """Return the numbers of members that do not overlap a more alike one of the same pattern and sequence."""
    order = np.lexsort((-members.similarity, members.pattern, members.sequence))
    taken: list[int] = []
    group: list[int] = []
    last = None
    for i in order.tolist():
        here = (members.sequence[i], members.pattern[i])
        if here != last:
            group, last = [], here
        if all(members.end[i] <= members.start[j] or members.start[i] >= members.end[j] for j in group):
            group.append(i)
            taken.append(i)
    return np.sort(np.array(taken, np.int64))
