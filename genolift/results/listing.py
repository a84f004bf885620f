"""Which sequences a store holds: their names, regions and true lengths, which are kept as arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genolift.results import arrays
from genolift.results import layout as disk
from genolift.results import provenance as origin
from genolift.results.regions import RegionTable, as_regions
from genolift.support.errors import FileProblem
from genolift.support.texts import Texts, Words

#: The parts of provenance that a listing keeps.
LISTED = ("names", "regions", "lengths")


@dataclass(frozen=True)
class Listing:
    """What is known of N sequences, each attribute ``None`` where it is not known.

    Attributes
    ----------
    names : Texts or None
        The names of the sequences.
    regions : RegionTable or None
        Where they come from.
    lengths : np.ndarray or None
        Their true lengths in bases, (N,) int64.
    """

    names: Texts | None = None
    regions: RegionTable | None = None
    lengths: np.ndarray | None = None

    @classmethod
    def of(
        cls, names: Iterable[str] | None = None, regions: Any = None, lengths: npt.ArrayLike | None = None
    ) -> Listing:
        """Return a listing of names, regions (whatever :func:`as_regions` takes) and true lengths (N,)."""
        texts = names if names is None or isinstance(names, Texts) else Texts(map(str, names))
        table = as_regions(regions)
        whole = None if lengths is None else np.asarray(lengths, np.int64)
        return cls(texts, None if table is None else table.compact(), whole)

    def _columns(self) -> dict[str, dict[str, np.ndarray]]:
        """Return the arrays that each of the three is kept as."""
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
        """Return what the codes of chromosomes and strands mean."""
        if self.regions is None:
            return {}
        return {"chroms": self.regions.chroms.different, "strands": self.regions.strands.different}

    @cached_property
    def digests(self) -> dict[str, str]:
        """A SHA-256 digest of each of the three that is known, which tells one listing from another."""
        digests = {}
        for what, columns in self._columns().items():
            digest = hashlib.sha256(repr(self._words()).encode() if what == "regions" else b"")
            for column in columns.values():
                digest.update(column.tobytes())
            digests[what] = digest.hexdigest()
        return digests

    def difference(self, path: Path, digests: dict[str, str]) -> str | None:
        """Return where the listing of a store first differs from this one, as a sentence.

        Parameters
        ----------
        path
            The directory of the store.
        digests
            The digests of its listing, as its header has them.

        Returns
        -------
        str or None
            The first difference; ``None`` if there is none.
        """
        own = self.digests
        for what in LISTED:
            if own.get(what) == digests.get(what):
                continue
            try:
                there = Listing.read(path)
            except FileProblem:  # The process that made the store was killed before it wrote the listing.
                return f"the {what} there differ from those here"
            old, new = ({what: _plain(getattr(one, what))} for one in (there, self))
            return origin.first_difference(old, new)
        return None

    def stands(self, path: Path) -> bool:
        """Return whether the store at ``path`` has this listing, undamaged."""
        try:
            Listing.read(path, self.digests)
        except FileProblem:
            return False
        return True

    def write(self, path: Path) -> None:
        """Write the listing into the store at ``path``, unless all of it is there already."""
        if self.stands(path):
            return
        folder = path / disk.LISTING
        for columns in self._columns().values():
            for name, values in columns.items():
                arrays.write_at_once(folder, name, values)
        disk.write_group(folder, {"words": self._words(), "known": list(self._columns())})

    @classmethod
    def read(cls, path: Path, digests: dict[str, str] | None = None) -> Listing:
        """Return the listing of a store.

        Parameters
        ----------
        path
            The directory of the store.
        digests
            The digests that the listing must have; by default any.

        Raises
        ------
        FileProblem
            If the listing is damaged or missing.
        """
        told = disk.read_group(path / disk.LISTING)

        def column(name: str) -> np.ndarray:
            return np.asarray(arrays.open_rows(path, f"{disk.LISTING}/{name}"))

        known: dict[str, Any] = {}
        try:
            if "names" in told["known"]:
                known["names"] = Texts.of(column("names"), column("name_ends"))
            if "regions" in told["known"]:
                chroms, strands = (Words.of(told["words"][what], column(what)) for what in ("chroms", "strands"))
                known["regions"] = RegionTable(chroms, column("starts"), column("ends"), strands)
            if "lengths" in told["known"]:
                known["lengths"] = column("lengths")
            listing = cls(**known)
            whole = digests is None or listing.digests == digests
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise disk.damaged(path / disk.LISTING, f"{type(error).__name__} {error}") from None
        if not whole:
            raise disk.damaged(path / disk.LISTING, "this is not what was written")
        return listing


def _plain(column: Iterable[Any] | None) -> Any:
    return None if column is None else origin.encode(list(column))
