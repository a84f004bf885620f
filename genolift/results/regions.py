"""Where sequences come from, as columns: a million regions are not a million objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from genolift.support.errors import InputError
from genolift.support.texts import Words


class Region(NamedTuple):
    """Where a sequence comes from; 0-based and half-open."""

    chrom: str
    start: int
    end: int
    strand: str = "+"


class RegionTable(Sequence):
    """N regions: ``chroms`` and ``strands``, ``starts`` and ``ends`` (N,) int64. A list of :class:`Region` to whoever
    reads it."""

    def __init__(self, chroms: Sequence[str], starts, ends, strands: Sequence[str]):
        self.chroms, self.strands = (
            one if isinstance(one, Words) else Words(map(str, one)) for one in (chroms, strands)
        )
        self.starts, self.ends = (np.array(one, np.int64).reshape(-1) for one in (starts, ends))
        if len({len(self.chroms), len(self.starts), len(self.ends), len(self.strands)}) > 1:
            raise ValueError("the columns of regions differ in length")

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, i):
        if isinstance(i, slice):
            return self.take(np.arange(*i.indices(len(self))))
        i = range(len(self))[i]
        return Region(self.chroms[i], int(self.starts[i]), int(self.ends[i]), self.strands[i])

    def take(self, rows: np.ndarray) -> RegionTable:
        """These rows of it."""
        return RegionTable(self.chroms.at(rows), self.starts[rows], self.ends[rows], self.strands.at(rows))

    def compact(self) -> RegionTable:
        """The same regions, whatever table they were taken from."""
        return RegionTable(self.chroms.compact(), self.starts, self.ends, self.strands.compact())

    def __iter__(self):
        columns = (self.chroms, self.starts.tolist(), self.ends.tolist(), self.strands)
        return map(Region._make, zip(*columns, strict=True))

    def __eq__(self, other) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __repr__(self) -> str:
        return f"<{len(self)} regions: {', '.join(map(str, self[:3]))}{', ...' if len(self) > 3 else ''}>"


_COLUMNS = ("chroms", "starts", "ends", "strands")


def as_regions(regions) -> RegionTable | None:
    """From rows (chrom, start, end) or (chrom, start, end, strand), or an object or dict of ``chroms``, ``starts``, ``ends``
    and ``strands``. Raises :class:`InputError` for anything else."""
    if regions is None or isinstance(regions, RegionTable):
        return regions
    try:
        if isinstance(regions, dict):
            return RegionTable(*(regions[name] for name in _COLUMNS))
        if hasattr(regions, "chroms"):
            return RegionTable(*(getattr(regions, name) for name in _COLUMNS))
        rows = [Region(str(r[0]), int(r[1]), int(r[2]), *map(str, r[3:4])) for r in regions]
        return RegionTable(*(zip(*rows, strict=True) if rows else ([], [], [], [])))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as problem:
        raise InputError(
            "regions are rows (chrom, start, end) or (chrom, start, end, strand), or columns chroms, starts, ends and "
            f"strands; these are not ({type(problem).__name__}: {problem})"
        ) from None
