"""Motifs that either of two models reads, at the same places of the same sequences.

Patterns are gathered in each store, and those that are alike become one motif, whatever their signs. A place of a
motif is where a seqlet of either model is like it. The choice of places is the same for both models, so that it favours
neither: places that were chosen because one model finds much there would make the other model seem to find less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genolift.evaluate.discovery.alignment import Windows, align
from genolift.evaluate.discovery.clustering import Shape
from genolift.evaluate.discovery.members import GatheredPattern, Members, without_repeats
from genolift.evaluate.discovery.paired import Scale
from genolift.export.formats.modisco import as_bases
from genolift.pipeline.discovery.combined import Pair
from genolift.pipeline.discovery.gathering import Gathered, Gatherer


@dataclass(frozen=True, eq=False)
class Motif:
    """A motif of two models, with its places.

    Attributes
    ----------
    name : str
        Its name.
    places : Members
        Where it is; ``importance`` is not used.
    first, second : np.ndarray
        The sum of the scores of either model at each place, on one scale.
    matrices : tuple of np.ndarray
        The mean contributions of either model over the places, on one scale, (width, 4) each.
    frequencies : np.ndarray
        The frequencies of the bases, (width, 4).
    found : tuple of int
        How many members the patterns of the motif have in either model; 0 where it has none.
    """

    name: str
    places: Members
    first: np.ndarray
    second: np.ndarray
    matrices: tuple[np.ndarray, np.ndarray]
    frequencies: np.ndarray
    found: tuple[int, int]

    def by_sequence(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the sequences with a place, and the mean over their places by either model."""
        sequence, which = np.unique(self.places.sequence, return_inverse=True)
        count = np.bincount(which)
        return sequence, np.bincount(which, self.first) / count, np.bincount(which, self.second) / count


@dataclass(frozen=True, eq=False)
class Places:
    """The places of a motif, before its importance is measured there.

    Attributes
    ----------
    pattern : GatheredPattern
        The pattern with most members among those that are the motif.
    members : Members
        The places, on the strand of that pattern.
    found : tuple of int
        How many members the patterns of the motif have in either store.
    """

    pattern: GatheredPattern
    members: Members
    found: tuple[int, int]


def shared_places(found: Sequence[Gathered], gatherer: Gatherer) -> list[Places]:
    """Return the motifs of two stores, that with most places first.

    Parameters
    ----------
    found
        The patterns of either store.
    gatherer
        How they were gathered; patterns that are as much alike as it says are one motif.
    """
    every = [(which, one) for which, gathered in enumerate(found) for one in gathered.patterns]
    if not every:
        return []
    every.sort(key=lambda pair: -len(pair[1].members))
    shape = gatherer.shape
    tracks = np.stack([one.bases for _, one in every])
    lying = align(shape.centre([tracks]), Windows(tracks, None, tracks))
    likeness = (lying.similarity + lying.similarity.T) / 2
    leader = np.arange(len(every))
    for i in range(len(every)):
        alike = [j for j in range(i) if leader[j] == j and likeness[i, j] >= gatherer.alike]
        leader[i] = max(alike, key=lambda j: likeness[i, j]) if alike else i
    motifs = []
    for k in np.unique(leader).tolist():
        parts, counts = [], [0, 0]
        for i in np.flatnonzero(leader == k).tolist():
            which, one = every[i]
            counts[which] += len(one.members)
            laid = (int(lying.start[k, i]), bool(lying.turned[k, i])) if i != k else (shape.room, False)
            parts.append(_laid(one, every[k][1], *laid, shape))
        members = Members(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        kept = members.where(without_repeats(members))
        motifs.append(Places(every[k][1], kept, (counts[0], counts[1])))
    return sorted(motifs, key=lambda motif: -len(motif.members))


def _laid(one: GatheredPattern, leader: GatheredPattern, start: int, turned: bool, shape: Shape) -> Members:
    """Return the members of a pattern as places of the pattern that it lies on.

    The middle of the leader, which begins at ``shape.room``, is like the part of this pattern that begins at ``start``,
    or like the reverse complement of that part.
    """
    ends = np.array([leader.kept.start, leader.kept.stop - 1])
    within = shape.room + shape.core - 1 + start - ends if turned else ends + start - shape.room
    members = one.members
    back = members.turned[:, None]
    places = np.where(
        back,
        members.end[:, None] - 1 - (within - one.kept.start),
        members.start[:, None] + (within - one.kept.start),
    )
    return members.with_(
        pattern=np.zeros(len(members), np.int64),
        start=places.min(1),
        end=places.max(1) + 1,
        turned=members.turned ^ turned,
    )


def measure(pair: Pair, scale: Scale, motifs: Sequence[Places]) -> list[Motif]:
    """Return the motifs with the sums of the scores of both models at their places, on one scale, and the means."""
    widths = [motif.pattern.kept.stop - motif.pattern.kept.start for motif in motifs]
    totals = [np.zeros((2, len(motif.members))) for motif in motifs]
    means = [np.zeros((3, width, 4)) for width in widths]
    for rows, a, b in pair.scores("measuring motifs"):
        (inputs,) = pair.first.read(rows, "inputs")
        x = as_bases(inputs)[:, : a.shape[1]].astype(np.float64)
        for motif, width, total, mean in zip(motifs, widths, totals, means, strict=True):
            own = np.flatnonzero((motif.members.sequence >= rows.start) & (motif.members.sequence < rows.stop))
            some = motif.members.where(own)
            places = some.start[:, None] + np.where(some.turned[:, None], np.arange(width)[::-1], np.arange(width))
            inside = (places >= 0) & (places < a.shape[1])
            row, places = (some.sequence - rows.start)[:, None], np.clip(places, 0, a.shape[1] - 1)
            bases = x[row, places] * inside[..., None]
            bases = np.where(some.turned[:, None, None], bases[..., ::-1], bases)
            mean[2] += bases.sum(0)
            for which, (values, by) in enumerate(((a, scale.first), (b, scale.second))):
                heights = values[row, places] * inside / by
                total[which, own] = heights.sum(1)
                mean[which] += (bases * heights[..., None]).sum(0)
    return [
        Motif(
            f"motif_{i}",
            motif.members,
            total[0],
            total[1],
            (mean[0] / len(motif.members), mean[1] / len(motif.members)),
            mean[2] / len(motif.members),
            motif.found,
        )
        for i, (motif, total, mean) in enumerate(zip(motifs, totals, means, strict=True))
    ]
