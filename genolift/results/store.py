"""Explanations on disk: written at once or block by block, continued after a kill, read lazily.

What is written and read here is known by its fields alone; :meth:`Explanation.load` makes an explanation of them.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genolift.results import arrays as checked
from genolift.results import layout as disk
from genolift.results import provenance as origin
from genolift.results.coding import from_codes, to_codes
from genolift.results.fields import INPUT, PAIR, POSITION, cut_or_pad, leaves
from genolift.results.lazy import LazyArray, rowwise
from genolift.results.listing import Listing
from genolift.results.lock import hold, tidy
from genolift.support.errors import FORCE, START_AFRESH, FileProblem, InputError, Remedy, file_problems
from genolift.support.files import write_json

if TYPE_CHECKING:
    from genolift.results.explanation import Explanation

_LISTED = ("names", "regions", "lengths")
# Kept with the result, but no difference between two: the same work may be asked for in other words.
_INCIDENTAL = {"command"}
# None either once all is done: what was scored is told apart by its own digest.
_INCIDENTAL_AT_LAST = {"versions", "threads", "chrom_sizes"}


@dataclass(frozen=True)
class Ticket:
    """What another process needs to write blocks of a store that is there already: its path and ``digest`` (of what the
    store says of itself), and what writing depends on."""

    path: Path
    digest: str
    header: dict
    width: int | None


class StoreWriter:
    """A store of ``n`` sequences that is written in blocks, in any order, and can be continued after a kill.

    ``provenance`` says how the result is made (``method``, ``target``, ``names``, ``regions``, ``lengths``
    and whatever else tells one result from another: model digest, input digest, ``versions``). A store that
    is there already is continued if its provenance is the same, whatever block size is asked for (``blocks``
    tells); ``versions``, ``threads`` and ``chrom_sizes`` matter only as long as it is incomplete, a ``command`` line
    never. ``one_hot`` promises that every base of the inputs is A, C, G, T or a neutral encoding, which are then kept as a
    byte each. ``dtype="float16"`` stores what runs along the sequence, inputs aside, in half precision. With ``lengths``,
    blocks are padded at the right to the longest sequence.

    Unless it is complete, the store is locked until this writer is closed (it is a context manager) or gone. Other
    processes write to it with a ``ticket``, after :meth:`prepare`.

    Raises :class:`InputError` for a store with other provenance, naming the first difference, and
    :class:`FileProblem` for a path that holds something else, cannot be written or is being written.
    """

    def __init__(
        self,
        path,
        provenance: dict,
        n: int,
        *,
        block: int = 64,
        one_hot: bool = False,
        dtype: str | None = None,
        force: bool = False,
        type_name: str = "Explanation",
    ):
        if n < 1 or block < 1:
            raise InputError(f"a store needs at least one sequence and one per block, not n={n}, block={block}")
        if dtype not in (None, "float32", "float16"):
            raise InputError(f"dtype is 'float32' or 'float16', not {dtype!r}")
        self.path = Path(path)
        listing = Listing.of(*(provenance.get(name) for name in _LISTED))
        options = {"type": type_name, "n": int(n), "dtype": dtype or "float32", "one_hot": bool(one_hot)}
        header = {
            "format": disk.FORMAT,
            **options,
            "block": int(block),
            "listing": listing.digests,
            "provenance": origin.encode({key: told for key, told in provenance.items() if key not in _LISTED}),
        }
        self._width = None if listing.lengths is None else int(listing.lengths.max())
        with file_problems(self.path, "written"):
            self._open(header, listing, force)
        # It is on disk, and large where many records were refused.
        self._header = {key: value for key, value in self._header.items() if key != "provenance"}

    def _open(self, header: dict, listing: Listing, force: bool) -> None:
        """Find the store as it is, or make it; nobody else may write to one that is incomplete."""
        self._owner, self._lock = True, None
        old = disk.read_header(self.path)
        if old is not None and not force:
            disk.check_format(self.path, old)
            self._header = old
            self._check_same(header, listing)
            if self.is_complete and listing.stands(self.path):
                if tidy(self.path):
                    disk.remove_leftovers(self.path)
                return
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = hold(self.path)
        old = disk.read_header(self.path)  # as whoever held the lock before has left it
        if old is not None and force:
            disk.remove_store(self.path)
            old = None
        if old is None:
            disk.write_group(self.path, header)
        self._header = old or header
        if old is not None:
            self._check_same(header, listing)
        disk.remove_leftovers(self.path)
        listing.write(self.path)
        if not (self.path / disk.BLOCKS / disk.ROOT).exists() or not self.done_blocks:
            checked.write_at_once(self.path, disk.BLOCKS, np.array(self.blocks, dtype=np.int64))

    @classmethod
    def attach(cls, ticket: Ticket) -> StoreWriter:
        """A writer of a store that another process has made and keeps locked; :meth:`write` is all it is for."""
        writer = cls.__new__(cls)
        writer.path, writer._header, writer._width = ticket.path, ticket.header, ticket.width
        writer._owner, writer._lock = False, None
        with file_problems(ticket.path, "written"):
            try:
                found = _digest(ticket.path)
            except FileNotFoundError:
                raise FileProblem(f"{ticket.path} is not there") from None
        if found != ticket.digest:
            raise FileProblem(f"{ticket.path} is another store than the one that is to be written")
        return writer

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(self, *problem) -> None:
        self.close()

    def close(self) -> None:
        """Give up the lock; from a store that is complete goes what writers have left that were killed."""
        if self._lock is not None and self.is_complete:
            with file_problems(self.path, "written"):
                disk.remove_leftovers(self.path)
        self._lock = None

    # -- what there is ---------------------------------------------------------------------------------------

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """First and last (exclusive) sequence of each block; the store's own, if it was there before."""
        return _blocks(self._header)

    @property
    def done_blocks(self) -> set[int]:
        """The numbers of the blocks that are wholly written."""
        return disk.done_blocks(self.path)

    @property
    def is_complete(self) -> bool:
        return len(self.done_blocks) == len(self.blocks)

    @property
    def ticket(self) -> Ticket:
        """For :meth:`attach` in other processes."""
        return Ticket(self.path.resolve(), _digest(self.path), self._header, self._width)

    def _check_same(self, header: dict, listing: Listing) -> None:
        old, new = dict(self._header), dict(header)
        old["block"], new["listing"] = new["block"], old["listing"]
        incidental = _INCIDENTAL | _INCIDENTAL_AT_LAST if self.is_complete else _INCIDENTAL
        for each in (old, new):
            each["provenance"] = {k: v for k, v in each["provenance"].items() if k not in incidental}
        old, new = ({**each.pop("provenance"), **each} for each in (old, new))
        difference = listing.difference(self.path, self._header["listing"]) or origin.first_difference(old, new)
        if difference:
            raise InputError(f"{self.path} holds another result: {difference}", START_AFRESH)

    # -- writing ---------------------------------------------------------------------------------------------

    def prepare(self, explanation: Explanation) -> None:
        """Make the arrays for explanations like this one, unless they are there; then they must be the same."""
        with file_problems(self.path, "written"):
            self._prepare(*self._plan(explanation))

    def write(self, k: int, explanation: Explanation) -> None:
        """Store block ``k``, the explanation of sequences ``blocks[k][0]`` to ``blocks[k][1]``."""
        start, stop = self.blocks[k]
        if len(explanation) != stop - start:
            raise InputError(f"block {k} holds {stop - start} sequences, not {len(explanation)}")
        plan, arrays = self._plan(explanation)
        with file_problems(self.path, "written"):
            self._prepare(plan, arrays)
            for name, values in arrays.items():
                checked.write(self.path / name, start, values)
            write_json(self.path / disk.DONE / f"{k}.json", {"start": start, "stop": stop})

    def _plan(self, explanation: Explanation) -> tuple[dict, dict[str, np.ndarray]]:
        """Which array holds what, as JSON, and the arrays' contents."""
        fields, arrays = {}, {}
        for name, value in explanation.fields.items():
            if name in (disk.BLOCKS, disk.LISTING):
                raise InputError(f"a field cannot be called {name!r}: the store uses that name")
            form = "dict" if isinstance(value, dict) else "list" if isinstance(value, list) else "array"
            items = list(value.items()) if form == "dict" else list(enumerate(value if form == "list" else [value]))
            entries = []
            for i, (key, leaf) in enumerate(items):
                label = None if leaf is None else name if form == "array" else f"{name}.{i}"
                entry = {"key": key, "array": label, "coding": "plain"}
                if leaf is not None:
                    arrays[label], entry["coding"] = self._encode(explanation, name, np.asarray(leaf))
                entries.append(entry)
            fields[name] = {"kind": explanation.kind(name), "form": form, "arrays": entries}
        return {"fields": fields, "undefined": explanation.undefined}, arrays

    def _encode(self, explanation: Explanation, name: str, leaf: np.ndarray) -> tuple[np.ndarray, str]:
        for axis in explanation.length_axes(name) if self._width is not None else ():
            if explanation.lengths is None and leaf.shape[axis] > self._width:
                raise InputError(f"{name} is {leaf.shape[axis]} long, but the longest sequence {self._width}")
            leaf = cut_or_pad(leaf, axis, self._width)
        if name == "inputs":
            if not self._header["one_hot"]:
                return leaf, "plain"
            codes = to_codes(leaf)
            if codes is None:
                raise InputError("inputs are neither one-hot nor a neutral encoding: store them with one_hot=False")
            return codes, "codes"
        runs_along = explanation.kind(name) in (INPUT, POSITION, PAIR)
        if runs_along and self._header["dtype"] == "float16" and leaf.dtype in (np.float32, np.float64):
            return leaf.astype(np.float16), "half"
        return leaf, "plain"

    def _prepare(self, plan: dict, arrays: dict[str, np.ndarray]) -> None:
        """Make the arrays with the first block; later blocks must have the same fields, shapes and types."""
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


def save(explanation: Explanation, path, *, dtype: str | None = None, force: bool = False) -> None:
    """Write an explanation at once, a block in memory at a time."""
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
    blocks = _blocks({"n": len(explanation), "block": block})
    inputs = leaves(explanation.fields["inputs"])
    one_hot = all(to_codes(np.asarray(leaf[a:b])) is not None for leaf in inputs for a, b in blocks)
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
            writer.write(k, explanation[start:stop])


def read_provenance(path) -> dict:
    """What a store says of how it was made; ``n`` and ``done``, how many sequences it is for and has; its ``type``, and the
    digests of its ``listing``."""
    path = Path(path)
    header = disk.read_header(path)
    if header is None:
        raise FileProblem(f"{path} is not there" if not path.exists() else f"{path} is empty, not a score store")
    disk.check_format(path, header)
    try:
        blocks = _blocks(header)
        done = sum(blocks[k][1] - blocks[k][0] for k in disk.done_blocks(path))
        own = {key: header[key] for key in ("n", "type", "listing")}
        return {**origin.decode(header["provenance"]), **own, "done": done}
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise disk.damaged(path / disk.ROOT, f"{type(error).__name__} {error}") from None


@dataclass(frozen=True)
class Stored:
    """What a complete store holds: the ``fields`` of an explanation, the name of its type, and its ``details``, which are the
    other arguments that the type is made with."""

    type_name: str
    fields: dict[str, Any]
    details: dict[str, Any]


def load(path: str | Path) -> Stored:
    """Open a complete store; its fields are read, and their checksums verified, where they are indexed."""
    path = Path(path)
    provenance = read_provenance(path)
    n, done, type_name = (provenance.pop(key) for key in ("n", "done", "type"))
    if done < n:
        raise FileProblem(f"{path} is incomplete: {done} of {n} sequences are done; run the same command again")
    listing = Listing.read(path, provenance.pop("listing"))
    own = {name: provenance.pop(name, None) for name in ("method", "target")}
    own |= {name: getattr(listing, name) for name in _LISTED}
    plan = disk.read_layout(path)
    try:
        fields = {}
        for name, field in plan["fields"].items():
            items = {entry["key"]: _open(path, entry, n) for entry in field["arrays"]}
            forms = {"dict": items, "list": list(items.values()), "array": next(iter(items.values()))}
            fields[name] = forms[field["form"]]
        undefined = plan["undefined"]
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise disk.damaged(path, f"{type(error).__name__} {error}") from None
    provenance["store"] = str(path)
    return Stored(type_name, fields, {"undefined": undefined, "provenance": provenance, **own})


def _open(path: Path, entry: dict, n: int) -> LazyArray | None:
    label, coding = entry["array"], entry["coding"]
    if label is None:
        return None
    rows = checked.open_rows(path, label)
    if len(rows) != n:
        raise ValueError(f"{label} has {len(rows)} sequences, not {n}")
    if coding == "codes":
        return rowwise(from_codes, rows)
    return rowwise(_to_float32, rows) if coding == "half" else rows


def _to_float32(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)


def _digest(path: Path) -> str:
    """Of what a store says of itself."""
    with open(path / disk.ROOT, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _blocks(header: dict) -> list[tuple[int, int]]:
    n, block = header["n"], header["block"]
    return [(start, min(n, start + block)) for start in range(0, n, block)]
