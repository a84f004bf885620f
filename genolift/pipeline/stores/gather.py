"""Some of the sequences of some stores, written block by block into a store of their own."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genolift.pipeline.common.execution import Execution
from genolift.pipeline.keeping.digest import digest_path
from genolift.pipeline.keeping.places import check_writable
from genolift.results import layout as disk
from genolift.results.arrays import CHUNK_BYTES
from genolift.results.explanation import Explanation
from genolift.results.fields import leaves
from genolift.results.regions import RegionTable
from genolift.results.store import StoreWriter
from genolift.support.errors import InputError
from genolift.support.progress import bar
from genolift.support.texts import Texts, Words

log = logging.getLogger("genolift")

_LARGEST_BLOCK = 256


@dataclass(frozen=True)
class Opened:
    """A complete store: its path, the header of its root file, and the explanation, which is read lazily."""

    path: Path
    header: Mapping[str, Any]
    explanation: Explanation

    @classmethod
    def open(cls, path: Path) -> Opened:
        """Open a store; raise :class:`FileProblem` if it is not complete, or of a type that is not known here."""
        explanation = Explanation.load(path)
        header = disk.read_header(path) or {}
        if type(explanation).__name__ != header["type"]:
            raise InputError(
                f"{path} holds results of the type {header['type']}, which this genolift does not know; open it in "
                "Python, where the type is defined"
            )
        return cls(path, header, explanation)

    @property
    def told(self) -> dict[str, Any]:
        """What is known of how the scores were made, without their place."""
        one = self.explanation
        kept = {key: value for key, value in one.provenance.items() if key != "store"}
        return {"method": one.method, "target": one.target, **kept}

    @property
    def record(self) -> dict[str, Any]:
        """What a store that is made of this one says of it: it is told by content, and may be moved."""
        own = ("versions", "threads", "command", "merged", "subset")
        given = {key: self.told[key] for key in own if key in self.told}
        digest = digest_path(self.path / disk.ROOT)
        return {"store": self.path.name, "sequences": len(self.explanation), "sha256": digest, **given}


@dataclass(frozen=True)
class Piece:
    """Some of the sequences of a store, by their numbers (M,) in increasing order, and the names they get."""

    store: Opened
    rows: np.ndarray
    names: Sequence[str]


@dataclass(frozen=True)
class Gathered:
    """How many ``sequences`` the store holds, and how many of them were written ``now``."""

    sequences: int
    now: int


def check_apart(out: Path, stores: Sequence[Path]) -> None:
    """Raise for a place that cannot be written, or that is one of the stores or in one."""
    disk.read_header(out)
    check_writable(out)
    for place in (out.absolute(), *out.absolute().parents):
        for store in stores:
            if place.exists() and store.exists() and os.path.samefile(place, store):
                raise InputError(f"{out} lies in the store {store}, which is read; give another path")


def gather(pieces: Sequence[Piece], told: Mapping[str, Any], out: Path, execution: Execution, label: str) -> Gathered:
    """Write a store of all pieces, one after the other; continue it if it was interrupted.

    Parameters
    ----------
    pieces
        The sequences.
    told
        What is kept with them beside names, regions and lengths.
    out
        The store to write.
    execution
        Whether an earlier result gives way, whether progress is shown, and the command line.
    label
        What the progress bar says.

    Raises
    ------
    InputError, FileProblem
        As :class:`genolift.results.store.StoreWriter`.
    """
    first = pieces[0].store
    n = sum(len(piece.rows) for piece in pieces)
    row = max(piece.store.explanation.row_bytes for piece in pieces)
    provenance = {**told, **_listing(pieces)}
    if execution.command is not None:
        provenance["command"] = execution.command
    block = int(np.clip(4 * CHUNK_BYTES // max(1, row), 1, _LARGEST_BLOCK))
    with StoreWriter(
        out,
        provenance,
        n,
        block=1 << (block.bit_length() - 1),  # Readers take powers of two, and read each chunk once then.
        one_hot=all(piece.store.header["one_hot"] for piece in pieces),
        dtype=first.header["dtype"],
        force=execution.force,
        type_name=first.header["type"],
    ) as writer:
        done = writer.done_blocks
        pending = [k for k in range(len(writer.blocks)) if k not in done]
        now = sum(stop - start for start, stop in (writer.blocks[k] for k in pending))
        if now and now < n:
            log.info("continuing: %s of %s sequences are done", f"{n - now:,}", f"{n:,}")
        with bar(n, label, "sequences", show=execution.progress and now > 0) as display:
            display.initial = display.n = n - now
            for k in pending:
                start, stop = writer.blocks[k]
                writer.write(k, _block(pieces, start, stop))
                display.update(stop - start)
    return Gathered(n, now)


def _listing(pieces: Sequence[Piece]) -> dict[str, Any]:
    """Return names, regions and lengths; lengths are kept where the sequences differ in length."""
    regions = [piece.store.explanation.region_table for piece in pieces]
    known = [table.take(piece.rows) for table, piece in zip(regions, pieces, strict=True) if table is not None]
    listed: dict[str, Any] = {
        "names": Texts(name for piece in pieces for name in piece.names),
        "regions": _joined(known) if len(known) == len(pieces) else None,
    }
    lengths = [_lengths(piece) for piece in pieces]
    several = any(piece.store.explanation.lengths is not None for piece in pieces)
    if all(one is not None for one in lengths):
        joined = np.concatenate(lengths)
        if several or (joined != joined[0]).any():
            listed["lengths"] = joined
    return listed


def _joined(tables: Sequence[RegionTable]) -> RegionTable:
    chroms, strands = (
        Words(text for table in tables for text in getattr(table, name)) for name in ("chroms", "strands")
    )
    starts, ends = (np.concatenate([getattr(table, name) for table in tables]) for name in ("starts", "ends"))
    return RegionTable(chroms, starts, ends, strands)


def _lengths(piece: Piece) -> Any:
    """Return the true lengths of the sequences (M,); ``None`` for inputs that have no length."""
    explanation = piece.store.explanation
    if explanation.lengths is not None:
        return explanation.lengths[piece.rows]
    if explanation.several_inputs or explanation.of_images or explanation.inputs.ndim < 2:
        return None
    return np.full(len(piece.rows), explanation.inputs.shape[1])


def _block(pieces: Sequence[Piece], start: int, stop: int) -> Explanation:
    """Return the explanation of sequences ``start`` to ``stop`` of all pieces together."""
    parts, passed = [], 0
    for piece in pieces:
        rows = piece.rows[max(0, start - passed) : max(0, stop - passed)]
        passed += len(piece.rows)
        if len(rows):
            whole = len(rows) == rows[-1] - rows[0] + 1
            key = slice(int(rows[0]), int(rows[-1]) + 1) if whole else rows
            parts.append(piece.store.explanation[key])
    return parts[0] if len(parts) == 1 else type(parts[0]).concatenate(parts)


def shapes_of(explanation: Explanation) -> dict[str, Any]:
    """Return type and shape of each field without its sequences; lengths that may differ are called L."""
    shapes: dict[str, Any] = {}
    for name, value in explanation.fields.items():
        along = explanation.length_axes(name)
        texts = []
        for leaf in leaves(value):
            sizes = ["L" if axis in along else str(size) for axis, size in enumerate(leaf.shape)]
            texts.append(f"{leaf.dtype} ({', '.join(['N', *sizes[1:]])})")
        shapes[name] = texts[0] if len(texts) == 1 else texts
    return shapes


def digest_of(*parts: object) -> str:
    """Return a SHA-256 digest of texts and arrays of numbers."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else f"{part}\n".encode())
    return digest.hexdigest()
