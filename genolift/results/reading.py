"""Reading a score store: how its result was made, and its fields."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genolift.results import arrays as checked
from genolift.results import layout as disk
from genolift.results import provenance as origin
from genolift.results.lazy import LazyArray, rowwise
from genolift.results.listing import LISTED, Listing
from genolift.support.errors import FileProblem


def read_provenance(path: str | os.PathLike) -> dict[str, Any]:
    """Return how the result in a store was made.

    Returns
    -------
    dict
        The provenance, and with it ``n`` (the number of sequences), ``done`` (how many of them are written), ``type``
        (the name of the type of explanation) and ``listing`` (the digests of the listing).

    Raises
    ------
    FileProblem
        If there is no store at this path, or it is damaged.
    """
    path = Path(path)
    header = disk.read_header(path)
    if header is None:
        raise FileProblem(f"{path} is not there" if not path.exists() else f"{path} is empty, not a score store")
    disk.check_format(path, header)
    try:
        blocks = disk.blocks(header)
        done = sum(blocks[k][1] - blocks[k][0] for k in disk.done_blocks(path))
        own = {key: header[key] for key in ("n", "type", "listing")}
        return {**origin.decode(header["provenance"]), **own, "done": done}
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise disk.damaged(path / disk.ROOT, f"{type(error).__name__} {error}") from None


@dataclass(frozen=True)
class Stored:
    """What a complete store holds.

    Attributes
    ----------
    type_name : str
        The name of the type of explanation.
    fields : dict
        Its fields by name, as lazy arrays.
    details : dict
        The other arguments that the type is made with.
    """

    type_name: str
    fields: dict[str, Any]
    details: dict[str, Any]


def load(path: str | Path) -> Stored:
    """Open a complete store. Its fields are read, and their checksums verified, when they are indexed.

    Raises
    ------
    FileProblem
        If there is no complete store at this path, or it is damaged.
    """
    path = Path(path)
    provenance = read_provenance(path)
    n, done, type_name = (provenance.pop(key) for key in ("n", "done", "type"))
    if done < n:
        raise FileProblem(f"{path} is incomplete: {done} of {n} sequences are done; run the same command again")
    listing = Listing.read(path, provenance.pop("listing"))
    own = {name: provenance.pop(name, None) for name in ("method", "target")}
    own |= {name: getattr(listing, name) for name in LISTED}
    plan: Any = disk.read_layout(path)  # A missing plan is found below, like any other damage.
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
        return rowwise(checked.from_codes, rows)
    return rowwise(_to_float32, rows) if coding == "half" else rows


def _to_float32(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)
