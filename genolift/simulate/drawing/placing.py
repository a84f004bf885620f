"""Where the instances of motifs lie in the sequences of a group.

What is placed is a *block*: one motif, or several side by side. Blocks never overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from genolift.simulate.parts import Around, Centre, Group
from genolift.simulate.spec import Spec
from genolift.support.errors import InputError

_ROUNDS = 1000


@dataclass
class Instances:
    """K instances as columns: sequence, entry of the group's ``embed``, member of its motifs, first base, and strand.

    They are sorted by sequence.
    """

    row: np.ndarray
    entry: np.ndarray
    member: np.ndarray
    start: np.ndarray
    reverse: np.ndarray


@dataclass
class _Blocks:
    """Blocks as columns; ``slot`` counts through the blocks of a sequence, from the left."""

    row: np.ndarray
    entry: np.ndarray
    slot: np.ndarray
    start: np.ndarray


class Placing:
    """The draws of one group.

    Parameters
    ----------
    spec
        The configuration.
    group
        The group.
    lengths
        The lengths of its sequences, (N,).
    random
        The function from what is drawn to its generator.
    """

    def __init__(self, spec: Spec, group: Group, lengths: np.ndarray, random: Callable[..., np.random.Generator]):
        self._spec, self._group, self._lengths, self._random = spec, group, lengths, random
        self._most = sum(embed.count.max for embed in group.embed)
        self._widths = [
            np.array([len(spec.matrices[motif]) for motif in embed.members], dtype=np.int64) for embed in group.embed
        ]
        n = len(lengths)
        self._order: dict[int, np.ndarray] = {}
        self._gaps: dict[int, np.ndarray] = {}
        for entry, embed in enumerate(group.embed):
            members = len(embed.members)
            if members == 1:
                continue
            order = np.broadcast_to(np.arange(members), (n, self._most, members))
            if embed.order == "any":
                order = random("order", entry).permuted(order, axis=2)
            self._order[entry] = order
            low, high = embed.gaps.min, embed.gaps.max
            self._gaps[entry] = random("gap", entry).integers(low, high, (n, self._most, members - 1), endpoint=True)

    def instances(self) -> Instances:
        """Return the instances of all sequences.

        Raises
        ------
        InputError
            If instances around a position do not find room.
        """
        counts = np.zeros((len(self._lengths), len(self._group.embed)), dtype=np.int64)
        for entry, embed in enumerate(self._group.embed):
            cumulative = np.cumsum(embed.count.probabilities())[:-1]
            uniform = self._random("count", entry).random(len(counts))
            counts[:, entry] = embed.count.min + np.searchsorted(cumulative, uniform, "right")
        if isinstance(self._group.placement, Around):
            blocks = self._around(counts, self._group.placement)
        else:
            blocks = self._anywhere(counts)
        return self._members(blocks)

    def _block_widths(self, rows: np.ndarray, entries: np.ndarray) -> np.ndarray:
        """Return the width of each block, (rows, m)."""
        widths = np.array([width.sum() for width in self._widths], dtype=np.int64)[entries]
        for entry, gaps in self._gaps.items():
            between = gaps[rows][:, : entries.shape[1]].sum(axis=2)
            widths = widths + np.where(entries == entry, between, 0)
        return widths

    def _shuffled(self, counts: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the sequences of each number m of blocks, and their blocks' entries in random order, (rows, m)."""
        arrangement = self._random("arrangement").random((len(counts), self._most))
        per_row = counts.sum(axis=1)
        found = []
        for m in np.unique(per_row[per_row > 0]):
            rows = np.flatnonzero(per_row == m)
            kinds = np.repeat(np.tile(np.arange(counts.shape[1]), len(rows)), counts[rows].ravel()).reshape(-1, m)
            kinds = np.take_along_axis(kinds, np.argsort(arrangement[rows, :m], axis=1), axis=1)
            found.append((rows, kinds))
        return found

    def _anywhere(self, counts: np.ndarray) -> _Blocks:
        """Place the blocks of every sequence, uniformly over all arrangements without overlap.

        An arrangement is an order of the m blocks of a sequence, and a number of free positions before each of them.
        Every order allows equally many ways to distribute the free positions, so a random order and a random
        distribution are uniform together. The distribution is a sorted set of m distinct numbers out of free + m
        (Floyd's algorithm).
        """
        n = len(counts)
        if isinstance(self._group.placement, Centre):
            left, room = (self._lengths - self._group.placement.centre) // 2, np.full(n, self._group.placement.centre)
        else:
            left, room = np.zeros(n, dtype=np.int64), self._lengths
        uniform = self._random("gaps").random((n, self._most))
        parts = []
        for rows, kinds in self._shuffled(counts):
            m = kinds.shape[1]
            taken = self._block_widths(rows, kinds)
            slots = room[rows] - taken.sum(axis=1) + m
            deal = np.empty((len(rows), m), dtype=np.int64)
            for t in range(m):
                highest = slots - m + t
                pick = (uniform[rows, t] * (highest + 1)).astype(np.int64)
                repeated = (deal[:, :t] == pick[:, None]).any(axis=1)
                deal[:, t] = np.where(repeated, highest, pick)
            deal.sort(axis=1)
            start = left[rows, None] + deal - np.arange(m) + np.cumsum(taken, axis=1) - taken
            parts.append((rows, kinds, start))
        return _gathered(parts)

    def _around(self, counts: np.ndarray, where: Around) -> _Blocks:
        """Place the middles of blocks around a position; a sequence whose blocks overlap or leave it is drawn again."""
        random = self._random("around")
        parts = []
        for rows, kinds in self._shuffled(counts):
            taken = self._block_widths(rows, kinds)
            start = np.zeros(kinds.shape, dtype=np.int64)
            wrong = np.arange(len(rows))
            for _ in range(_ROUNDS):
                middle = where.around + where.spread * random.standard_normal((len(wrong), kinds.shape[1]))
                start[wrong] = np.round(middle - (taken[wrong] - 1) / 2).astype(np.int64)
                order = np.argsort(start[wrong], axis=1)
                begins = np.take_along_axis(start[wrong], order, axis=1)
                ends = begins + np.take_along_axis(taken[wrong], order, axis=1)
                fits = (begins[:, 0] >= 0) & (ends[:, -1] <= self._lengths[rows[wrong]])
                fits &= (begins[:, 1:] >= ends[:, :-1]).all(axis=1)
                wrong = wrong[~fits]
                if not len(wrong):
                    break
            else:
                raise InputError(
                    f"groups[{self._spec.groups.index(self._group)}].placement.around: {kinds.shape[1]} instance"
                    f"{'s do' if kinds.shape[1] > 1 else ' does'} not find room around position "
                    f"{where.around} in {_ROUNDS:,} draws; give another spread or position"
                )
            parts.append((rows, kinds, start))
        return _gathered(parts)

    def _members(self, blocks: _Blocks) -> Instances:
        """Return the instances of the blocks, each block turned as its entry says."""
        uniform = self._random("strand").random((len(self._lengths), self._most))[blocks.row, blocks.slot]
        share = np.array([{"forward": 0.0, "both": 0.5, "reverse": 1.0}[e.strand] for e in self._group.embed])
        turned = uniform < share[blocks.entry] if len(share) else np.zeros(0, dtype=bool)
        parts = []
        for entry, embed in enumerate(self._group.embed):
            here = np.flatnonzero(blocks.entry == entry)
            row, start = blocks.row[here], blocks.start[here]
            if len(embed.members) == 1:
                parts.append((row, np.full(len(here), entry), np.zeros(len(here), dtype=int), start, turned[here]))
                continue
            order = self._order[entry][row, blocks.slot[here]]
            gaps = np.pad(self._gaps[entry][row, blocks.slot[here]], ((0, 0), (1, 0)))
            widths = self._widths[entry][order]
            offsets = np.cumsum(gaps + widths, axis=1) - widths
            offsets = np.where(turned[here, None], (widths + gaps).sum(axis=1)[:, None] - offsets - widths, offsets)
            back = turned[here, None] ^ self._backward(entry, order)
            shape = order.shape
            parts.append(
                (
                    np.broadcast_to(row[:, None], shape).ravel(),
                    np.full(order.size, entry),
                    order.ravel(),
                    (start[:, None] + offsets).ravel(),
                    back.ravel(),
                )
            )
        if not parts:
            none = np.zeros(0, dtype=np.int64)
            return Instances(none, none, none, none, none > 0)
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        by_place = np.lexsort((columns[3], columns[0]))
        return Instances(*(column[by_place] for column in columns))

    def _backward(self, entry: int, order: np.ndarray) -> np.ndarray:
        """Return which members of a block that is not turned lie on the reverse strand, (blocks, members)."""
        strands = self._group.embed[entry].strands
        if strands is None:
            return np.zeros(order.shape, dtype=bool)
        if strands == "any":
            return self._random("strands", entry).random(order.shape) < 0.5
        return np.array([strand == "-" for strand in strands])[order]


def _gathered(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> _Blocks:
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return _Blocks(none, none, none, none)
    row = np.concatenate([np.repeat(rows, kinds.shape[1]) for rows, kinds, _ in parts])
    slot = np.concatenate([np.tile(np.arange(kinds.shape[1]), len(rows)) for rows, kinds, _ in parts])
    entry, start = (np.concatenate([part[i].ravel() for part in parts]) for i in (1, 2))
    by_row = np.argsort(row, kind="stable")
    return _Blocks(row[by_row], entry[by_row], slot[by_row], start[by_row])
