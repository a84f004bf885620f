"""Where sequences come from, kept as columns, so that a million regions are not a million objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from genolift.support.errors import InputError
from genolift.support.texts import Words


class Region(NamedTuple):
    """Where a sequence comes from: a chromosome, ``start`` and ``end`` (0-based, half-open) and the strand."""

    chrom: str
    start: int
    end: int
    strand: str = "+"


class RegionTable(Sequence[Region]):
    """N regions, which are kept as columns and read like a list of :class:`Region`.

    Parameters
    ----------
    chroms
        The chromosomes, N texts.
    starts, ends
        Where the regions start and end on the forward strand (0-based, half-open), (N,) whole numbers.
    strands
        The strands, N texts.
    """

    def __init__(self, chroms: Iterable[str], starts: npt.ArrayLike, ends: npt.ArrayLike, strands: Iterable[str]):
        self.chroms, self.strands = (
            one if isinstance(one, Words) else Words(map(str, one)) for one in (chroms, strands)
        )
        self.starts, self.ends = (np.array(one, np.int64).reshape(-1) for one in (starts, ends))
        if len({len(self.chroms), len(self.starts), len(self.ends), len(self.strands)}) > 1:
            raise ValueError("the columns of regions differ in length")

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, i: int) -> Region: ...
    @overload
    def __getitem__(self, i: slice) -> RegionTable: ...
    def __getitem__(self, i: int | slice) -> Region | RegionTable:
        if isinstance(i, slice):
            return self.take(np.arange(*i.indices(len(self))))
        i = range(len(self))[i]
        return Region(self.chroms[i], int(self.starts[i]), int(self.ends[i]), self.strands[i])

    def take(self, rows: np.ndarray) -> RegionTable:
        """Return the regions in some rows (M,)."""
        return RegionTable(self.chroms.at(rows), self.starts[rows], self.ends[rows], self.strands.at(rows))

    def compact(self) -> RegionTable:
        """Return the same regions in a table that holds only the names of chromosomes that occur."""
        return RegionTable(self.chroms.compact(), self.starts, self.ends, self.strands.compact())

    def __iter__(self) -> Iterator[Region]:
        columns = (self.chroms, self.starts.tolist(), self.ends.tolist(), self.strands)
        return map(Region._make, zip(*columns, strict=True))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __repr__(self) -> str:
        return f"<{len(self)} regions: {', '.join(map(str, self[:3]))}{', ...' if len(self) > 3 else ''}>"


_COLUMNS = ("chroms", "starts", "ends", "strands")


def as_regions(regions: Any) -> RegionTable | None:
    """Return regions as a table.

    Parameters
    ----------
    regions
        Rows (chrom, start, end) or (chrom, start, end, strand), or an object or dict of ``chroms``, ``starts``,
        ``ends`` and ``strands``; ``None`` if they are not known.

    Returns
    -------
    RegionTable or None
        The table; ``None`` for ``None``.

    Raises
    ------
    InputError
        For anything else.
    """
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
