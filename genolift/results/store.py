"""Explanations on disk, which are written at once or block by block, continued after a kill, and read lazily.

This module knows an explanation by its fields alone. :meth:`Explanation.load` makes an explanation of what is read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genolift.results import arrays as checked
from genolift.results import layout as disk
from genolift.results import provenance as origin
from genolift.results import request
from genolift.results.contents import Contents
from genolift.results.fields import INPUT, PAIR, POSITION, cut_or_pad, leaves
from genolift.results.listing import Listing
from genolift.results.lock import WriteLock, hold, tidy
from genolift.support.errors import FORCE, FileProblem, InputError, Remedy, file_problems
from genolift.support.files import write_json


@dataclass(frozen=True)
class Ticket:
    """What another process needs to write blocks of a store that is there already.

    Attributes
    ----------
    path : Path
        The directory of the store.
    digest : str
        The SHA-256 digest of the root file of the store, by which it is recognised.
    header : dict
        The attributes of the store, without provenance.
    width : int or None
        The length of the longest sequence; ``None`` if lengths are not known.
    """

    path: Path
    digest: str
    header: dict
    width: int | None


class StoreWriter:
    """A store of ``n`` sequences that is written in blocks, in any order, and can be continued after a kill.

    A store that is there already is continued if its provenance is the same, whatever block size is asked for.
    ``versions``, ``threads`` and ``chrom_sizes`` matter only as long as it is incomplete, and a ``command`` line never
    does.

    Unless it is complete, the store is locked until this writer is closed (it is a context manager) or gone. Other
    processes write to it with a ``ticket``, after :meth:`prepare`.

    Parameters
    ----------
    path
        The directory of the store.
    provenance
        How the result is made: ``method``, ``target``, ``names``, ``regions``, ``lengths`` and whatever else tells one
        result from another, such as digests of the model and of the inputs, and ``versions``. With ``lengths``, blocks
        are padded at the right to the longest sequence.
    n
        The number of sequences.
    block
        How many sequences one block holds; 64 by default.
    one_hot
        A promise that every base of the inputs is A, C, G, T or a neutral encoding. Each is then kept as one byte.
    dtype
        ``"float16"`` keeps the fields that run along the sequence, except inputs, in half precision. The default is
        ``"float32"``.
    force
        Whether to replace a store that is there.
    type_name
        The name of the type of explanation.

    Raises
    ------
    InputError
        For a store with a different provenance; the message names the first difference.
    FileProblem
        For a path that holds something else, cannot be written, or is being written by another process.
    """

    _header: dict[str, Any]
    _lock: WriteLock | None

    def __init__(
        self,
        path: str | os.PathLike,
        provenance: dict[str, Any],
        n: int,
        *,
        block: int = 64,
        one_hot: bool = False,
        dtype: str | None = None,
        force: bool = False,
        type_name: str = "Explanation",
    ):
        self.path = Path(path)
        header, listing = request.header_of(provenance, n, block, one_hot, dtype, type_name)
        self._width = None if listing.lengths is None else int(listing.lengths.max())
        with file_problems(self.path, "written"):
            self._open(header, listing, force)
        # Provenance is on disk, and it is large if many records were refused.
        self._header = {key: value for key, value in self._header.items() if key != "provenance"}

    def _open(self, header: dict, listing: Listing, force: bool) -> None:
        """Open the store that is there, or make one. An incomplete store is locked."""
        self._owner, self._lock = True, None
        old = disk.read_header(self.path)
        if old is not None and not force:
            disk.check_format(self.path, old)
            self._header = old
            request.check_same(self.path, self._header, header, listing)
            if self.is_complete and listing.stands(self.path):
                if tidy(self.path):
                    disk.remove_leftovers(self.path)
                return
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = hold(self.path)
        old = disk.read_header(self.path)  # Read it again, because the last holder of the lock may have changed it.
        if old is not None and force:
            disk.remove_store(self.path)
            old = None
        if old is None:
            disk.write_group(self.path, header)
        self._header = old or header
        if old is not None:
            request.check_same(self.path, self._header, header, listing)
        disk.remove_leftovers(self.path)
        listing.write(self.path)
        if not (self.path / disk.BLOCKS / disk.ROOT).exists() or not self.done_blocks:
            checked.write_at_once(self.path, disk.BLOCKS, np.array(self.blocks, dtype=np.int64))

    @classmethod
    def attach(cls, ticket: Ticket) -> StoreWriter:
        """Return a writer of a store that another process has made and keeps locked.

        Parameters
        ----------
        ticket
            The ticket of the writer in that process.

        Returns
        -------
        StoreWriter
            A writer of which only :meth:`write` may be called.

        Raises
        ------
        FileProblem
            If the store is no longer there, or is a different one.
        """
        writer = cls.__new__(cls)
        writer.path, writer._header, writer._width = ticket.path, ticket.header, ticket.width
        writer._owner, writer._lock = False, None
        with file_problems(ticket.path, "written"):
            try:
                digest = _digest(ticket.path)
            except FileNotFoundError:
                raise FileProblem(f"{ticket.path} is not there") from None
        if digest != ticket.digest:
            raise FileProblem(f"{ticket.path} is another store than the one that is to be written")
        return writer

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the lock, and remove from a complete store the temporary files of writers that were killed."""
        if self._lock is not None and self.is_complete:
            with file_problems(self.path, "written"):
                disk.remove_leftovers(self.path)
        self._lock = None

    # -- what there is ---------------------------------------------------------------------------------------

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """The first and last (exclusive) sequence of each block. A store that is continued keeps its own blocks."""
        return disk.blocks(self._header)

    @property
    def done_blocks(self) -> set[int]:
        """The numbers of the blocks that are wholly written."""
        return disk.done_blocks(self.path)

    @property
    def is_complete(self) -> bool:
        """Whether all blocks are written."""
        return request.is_complete(self.path, self._header)

    @property
    def ticket(self) -> Ticket:
        """The ticket with which other processes :meth:`attach` to this store."""
        return Ticket(self.path.resolve(), _digest(self.path), self._header, self._width)

    # -- writing ---------------------------------------------------------------------------------------------

    def prepare(self, explanation: Contents) -> None:
        """Make the arrays for explanations like this one, unless they are there.

        Parameters
        ----------
        explanation
            An explanation of any number of sequences with the fields, shapes and types of those to come.

        Raises
        ------
        InputError
            If there are arrays already and they differ, or a field cannot be stored.
        FileProblem
            If the store cannot be written.
        """
        with file_problems(self.path, "written"):
            self._prepare(*self._plan(explanation))

    def write(self, k: int, explanation: Contents) -> None:
        """Store a block.

        Parameters
        ----------
        k
            The number of the block.
        explanation
            The explanation of sequences ``blocks[k][0]`` to ``blocks[k][1]``.

        Raises
        ------
        InputError
            If it is an explanation of another number of sequences, differs from the other blocks, or cannot be stored.
        FileProblem
            If the store cannot be written.
        """
        start, stop = self.blocks[k]
        if len(explanation) != stop - start:
            raise InputError(f"block {k} holds {stop - start} sequences, not {len(explanation)}")
        plan, arrays = self._plan(explanation)
        with file_problems(self.path, "written"):
            self._prepare(plan, arrays)
            for name, values in arrays.items():
                checked.write(self.path / name, start, values)
            write_json(self.path / disk.DONE / f"{k}.json", {"start": start, "stop": stop})

    def _plan(self, explanation: Contents) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return which array holds which field, as JSON, and the contents of the arrays."""
        fields: dict[str, Any] = {}
        arrays: dict[str, np.ndarray] = {}
        for name, value in explanation.fields.items():
            if name in (disk.BLOCKS, disk.LISTING):
                raise InputError(f"a field cannot be called {name!r}: the store uses that name")
            form = "dict" if isinstance(value, dict) else "list" if isinstance(value, list) else "array"
            items = list(value.items()) if form == "dict" else list(enumerate(value if form == "list" else [value]))
            entries = []
            for i, (key, leaf) in enumerate(items):
                label = name if form == "array" else f"{name}.{i}"
                entry = {"key": key, "array": None if leaf is None else label, "coding": "plain"}
                if leaf is not None:
                    arrays[label], entry["coding"] = self._encode(explanation, name, np.asarray(leaf))
                entries.append(entry)
            fields[name] = {"kind": explanation.kind(name), "form": form, "arrays": entries}
        return {"fields": fields, "undefined": explanation.undefined}, arrays

    def _encode(self, explanation: Contents, name: str, leaf: np.ndarray) -> tuple[np.ndarray, str]:
        """Return an array of a field as it is kept, and the name of the coding."""
        width = self._width
        if width is not None:
            for axis in explanation.length_axes(name):
                if explanation.lengths is None and leaf.shape[axis] > width:
                    raise InputError(f"{name} is {leaf.shape[axis]} long, but the longest sequence {width}")
                leaf = cut_or_pad(leaf, axis, width)
        if name == "inputs":
            if not self._header["one_hot"]:
                return leaf, "plain"
            codes = checked.to_codes(leaf)
            if codes is None:
                raise InputError("inputs are neither one-hot nor a neutral encoding: store them with one_hot=False")
            return codes, "codes"
        runs_along = explanation.kind(name) in (INPUT, POSITION, PAIR)
        if runs_along and self._header["dtype"] == "float16" and leaf.dtype in (np.float32, np.float64):
            return leaf.astype(np.float16), "half"
        return leaf, "plain"

    def _prepare(self, plan: dict, arrays: dict[str, np.ndarray]) -> None:
        """Make the arrays with the first block, and compare later blocks with it in fields, shapes and types."""
        known = disk.read_layout(self.path)
        plan["arrays"] = {name: [str(values.dtype), *values.shape[1:]] for name, values in arrays.items()}
        if known is None and not self._owner:
            raise disk.damaged(self.path, f"{disk.LAYOUT} is missing")
        if known is None:
            n = self._header["n"]
            for name, values in arrays.items():
                if values.dtype.kind not in "biuf":
                    raise InputError(f"field {name} holds {values.dtype} values; only numbers can be stored")
                checked.create(self.path, name, n, values, min(self._header["block"], n), overwrite=True)
            write_json(self.path / disk.LAYOUT, plan)
        elif difference := origin.first_difference(known, plan):
            raise InputError(f"this block differs from those stored in {self.path}: {difference}")


def save(
    explanation: Contents,
    rows: Callable[[slice], Contents],
    path: str | os.PathLike,
    *,
    dtype: str | None = None,
    force: bool = False,
) -> None:
    """Write an explanation, with one block in memory at a time: ``rows`` gives it. See :meth:`Explanation.save`."""
    if disk.read_header(Path(path)) is not None and not force:
        replace = Remedy.naming("give another path, or {} to replace it", FORCE)
        raise FileProblem(f"{path} holds a score store already", replace)
    source = explanation.provenance.get("store")
    if source and Path(path).exists() and os.path.samefile(source, path):
        raise InputError(f"{path} is where this explanation is read from; save it under another path")
    provenance = {key: value for key, value in explanation.provenance.items() if key != "store"}
    provenance |= {"method": explanation.method, "target": explanation.target, "lengths": explanation.lengths}
    provenance |= {"names": explanation.name_texts, "regions": explanation.region_table}
    block = int(np.clip(4 * checked.CHUNK_BYTES // max(1, explanation.row_bytes), 1, 256))
    blocks = disk.blocks({"n": len(explanation), "block": block})
    inputs = leaves(explanation.fields["inputs"])
    one_hot = all(checked.to_codes(np.asarray(leaf[a:b])) is not None for leaf in inputs for a, b in blocks)
    with StoreWriter(
        path,
        provenance,
        len(explanation),
        block=block,
        one_hot=one_hot,
        dtype=dtype,
        force=force,
        type_name=type(explanation).__name__,
    ) as writer:
        for k, (start, stop) in enumerate(blocks):
            writer.write(k, rows(slice(start, stop)))


def _digest(path: Path) -> str:
    """Return the digest of the root file of a store."""
    with open(path / disk.ROOT, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
