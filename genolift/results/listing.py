"""Which sequences a store holds: names, regions and true lengths, kept as arrays however many there are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from genolift.results import arrays
from genolift.results import layout as disk
from genolift.results import provenance as origin
from genolift.results.regions import RegionTable, as_regions
from genolift.support.errors import FileProblem
from genolift.support.texts import Texts, Words


@dataclass(frozen=True)
class Listing:
    """``names``, ``regions`` and ``lengths`` of N sequences, each ``None`` where it is not known."""

    names: Texts | None = None
    regions: RegionTable | None = None
    lengths: np.ndarray | None = None

    @classmethod
    def of(cls, names=None, regions=None, lengths=None) -> Listing:
        """From whatever holds these."""
        texts = names if names is None or isinstance(names, Texts) else Texts(map(str, names))
        table = as_regions(regions)
        whole = None if lengths is None else np.asarray(lengths, np.int64)
        return cls(texts, None if table is None else table.compact(), whole)

    def _columns(self) -> dict[str, dict[str, np.ndarray]]:
        """The arrays that each of the three is kept as."""
        columns: dict[str, dict[str, np.ndarray]] = {}
        if self.names is not None:
            columns["names"] = {"names": self.names.joined, "name_ends": self.names.ends}
        if self.regions is not None:
            where = self.regions
            columns["regions"] = {
                "chroms": where.chroms.codes,
                "starts": where.starts,
                "ends": where.ends,
                "strands": where.strands.codes,
            }
        if self.lengths is not None:
            columns["lengths"] = {"lengths": self.lengths}
        return columns

    def _words(self) -> dict[str, list[str]]:
        """What the codes of chromosomes and strands mean."""
        if self.regions is None:
            return {}
        return {"chroms": self.regions.chroms.different, "strands": self.regions.strands.different}

    @cached_property
    def digests(self) -> dict[str, str]:
        """What tells one listing from another, for each of the three that is known."""
        found = {}
        for what, columns in self._columns().items():
            digest = hashlib.sha256(repr(self._words()).encode() if what == "regions" else b"")
            for column in columns.values():
                digest.update(column.tobytes())
            found[what] = digest.hexdigest()
        return found

    def difference(self, path: Path, digests: dict[str, str]) -> str | None:
        """Where the listing of the store at ``path``, of these digests, first differs from this one."""
        own = self.digests
        for what in ("names", "regions", "lengths"):
            if own.get(what) == digests.get(what):
                continue
            try:
                there = Listing.read(path)
            except FileProblem:  # a kill came before it was written
                return f"{what} are others there than here"
            old, new = ({what: _plain(getattr(one, what))} for one in (there, self))
            return origin.first_difference(old, new)
        return None

    def stands(self, path: Path) -> bool:
        """Whether the store at ``path`` has this listing, undamaged."""
        try:
            Listing.read(path, self.digests)
        except FileProblem:
            return False
        return True

    def write(self, path: Path) -> None:
        """Into the store at ``path``, unless it stands there: a kill may have left a part of it."""
        if self.stands(path):
            return
        folder = path / disk.LISTING
        for columns in self._columns().values():
            for name, values in columns.items():
                arrays.write_at_once(folder, name, values)
        disk.write_group(folder, {"words": self._words(), "known": list(self._columns())})

    @classmethod
    def read(cls, path: Path, digests: dict[str, str] | None = None) -> Listing:
        """That of the store at ``path``, of these ``digests``; :class:`FileProblem` where it is damaged or missing."""
        told = disk.read_group(path / disk.LISTING)
        column = lambda name: np.asarray(arrays.open_rows(path, f"{disk.LISTING}/{name}"))  # noqa: E731
        found: dict = {}
        try:
            if "names" in told["known"]:
                found["names"] = Texts.of(column("names"), column("name_ends"))
            if "regions" in told["known"]:
                chroms, strands = (Words.of(told["words"][what], column(what)) for what in ("chroms", "strands"))
                found["regions"] = RegionTable(chroms, column("starts"), column("ends"), strands)
            if "lengths" in told["known"]:
                found["lengths"] = column("lengths")
            listing = cls(**found)
            whole = digests is None or listing.digests == digests
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise disk.damaged(path / disk.LISTING, f"{type(error).__name__} {error}") from None
        if not whole:
            raise disk.damaged(path / disk.LISTING, "this is not what was written")
        return listing


def _plain(column):
    return None if column is None else origin.encode(list(column))
