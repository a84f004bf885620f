"""The instances of motifs in many sequences, as an expression sees them: all at once, or some of them only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from genolift.simulate.dataset import Embedding


@dataclass(frozen=True)
class Scenes:
    """The instances of N sequences, of which each of S subsets is looked at in turn.

    Sequences with fewer than K instances have places left, whose motif is -1.

    Attributes
    ----------
    names : tuple of str
        The motifs, which ``motif`` counts through.
    motif, start, end : np.ndarray
        (N, K) int: what each instance is, its first base, and the one after its last.
    reverse : np.ndarray
        (N, K) bool: whether it lies on the reverse strand.
    match : np.ndarray
        (N, K): its log-odds as a share of the highest that its motif can have.
    subsets : np.ndarray
        (S, K) float64: 1 for the instances that are there.
    """

    names: tuple[str, ...]
    motif: np.ndarray
    start: np.ndarray
    end: np.ndarray
    reverse: np.ndarray
    match: np.ndarray
    subsets: np.ndarray

    @classmethod
    def of(
        cls,
        n: int,
        embeddings: Sequence[Embedding],
        names: Sequence[str],
        matches: np.ndarray | None = None,
    ) -> Scenes:
        """Return the scenes of N sequences with all their instances.

        Parameters
        ----------
        n
            The number of sequences.
        embeddings
            Their instances, sorted by sequence.
        names
            The motifs. Instances of others are left out.
        matches
            The share of the highest log-odds of each instance; without it, it is 1.
        """
        number = {name: index for index, name in enumerate(names)}
        kept = [index for index, one in enumerate(embeddings) if one.motif in number]
        row = np.array([embeddings[index].sequence_index for index in kept], dtype=np.int64)
        place = np.arange(len(row)) - np.searchsorted(row, row)
        most = int(place.max(initial=-1)) + 1
        table = {
            "motif": np.full((n, most), -1),
            "start": np.zeros((n, most), dtype=np.int64),
            "end": np.zeros((n, most), dtype=np.int64),
            "reverse": np.zeros((n, most), dtype=bool),
            "match": np.zeros((n, most)),
        }
        some = [embeddings[index] for index in kept]
        table["motif"][row, place] = [number[one.motif] for one in some]
        table["start"][row, place] = [one.start for one in some]
        table["end"][row, place] = [one.end for one in some]
        table["reverse"][row, place] = [one.strand == "-" for one in some]
        table["match"][row, place] = 1 if matches is None else matches[kept]
        return cls(tuple(names), **table, subsets=np.ones((1, most)))

    @classmethod
    def of_counts(cls, counts: Mapping[str, np.ndarray]) -> Scenes:
        """Return scenes that tell no more than how often each motif occurs, (N,) by its name.

        Every instance is its motif's best match, and none has a place of its own.
        """
        names = tuple(counts)
        table = np.stack([np.asarray(column) for column in counts.values()], axis=1)
        most = int(table.sum(axis=1).max(initial=0))
        motif = np.full((len(table), most), -1)
        for row, numbers in zip(motif, table, strict=True):
            row[: numbers.sum()] = np.repeat(np.arange(len(names)), numbers)
        nowhere = np.zeros(motif.shape, dtype=np.int64)
        return cls(names, motif, nowhere, nowhere, nowhere > 0, np.ones(motif.shape), np.ones((1, most)))

    def __len__(self) -> int:
        return len(self.motif)

    def rows(self, some: np.ndarray | slice) -> Scenes:
        """Return the scenes of some of the sequences."""
        fields = {name: getattr(self, name)[some] for name in ("motif", "start", "end", "reverse", "match")}
        return replace(self, **fields)

    def count(self, name: str) -> np.ndarray:
        """Return how many instances of a motif there are, (N, S)."""
        return self._are(name) @ self.subsets.T

    def total_match(self, name: str) -> np.ndarray:
        """Return the sum of the matches of a motif's instances, (N, S)."""
        return (self._are(name) * self.match) @ self.subsets.T

    def best_match(self, name: str) -> np.ndarray:
        """Return the highest match among a motif's instances, (N, S); 0 where there is none."""
        there = self._are(name)[:, None] * self.subsets
        return np.where(there > 0, self.match[:, None], 0.0).max(axis=-1, initial=0.0)

    def pairs(self, first: str, second: str, low: float, high: float, order: str, strands: str) -> np.ndarray:
        """Return how many pairs of an instance of each motif suit a condition, (N, S).

        Parameters
        ----------
        first, second
            The two motifs.
        low, high
            The smallest and the largest number of bases between the two.
        order
            ``"given"`` if the first must lie upstream of the second, as the strand of the first sees it; or ``"any"``.
        strands
            ``"same"``, ``"opposite"`` or ``"any"``.
        """
        gap_right = self.start[:, None, :] - self.end[:, :, None]  # The second lies to the right of the first.
        gap_left = self.start[:, :, None] - self.end[:, None, :]
        right, left = ((low <= gap) & (gap <= high) for gap in (gap_right, gap_left))
        if order == "given":
            near = np.where(self.reverse[:, :, None], left, right)
        else:
            near = right | left
        if strands != "any":
            near &= (self.reverse[:, :, None] == self.reverse[:, None, :]) == (strands == "same")
        near &= (self._are(first)[:, :, None] * self._are(second)[:, None, :]) > 0
        if first == second and order == "any":
            near &= np.arange(near.shape[1])[:, None] < np.arange(near.shape[1])
        return np.einsum("si,nij,sj->ns", self.subsets, near.astype(float), self.subsets, optimize=True)

    def _are(self, name: str) -> np.ndarray:
        return (self.motif == self.names.index(name)).astype(float)
