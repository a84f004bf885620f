"""What tells the result of a store from others: the attributes of its root file, and where two of them differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genolift.results import layout as disk
from genolift.results import provenance as origin
from genolift.results.listing import LISTED, Listing
from genolift.support.errors import START_AFRESH, InputError

# What was typed is kept, but two results are the same if only it differs: one may ask for the same work in other words.
_INCIDENTAL = {"command", "asked"}
# These do not matter once all is done, because digests tell the inputs and the model apart.
_INCIDENTAL_AT_LAST = {"versions", "threads", "chrom_sizes"}


def header_of(
    provenance: dict[str, Any], n: int, block: int, one_hot: bool, dtype: str | None, type_name: str
) -> tuple[dict[str, Any], Listing]:
    """Return the attributes of a store's root file, and what is listed beside it.

    The arguments are those of :class:`genolift.results.store.StoreWriter`.
    """
    if n < 1 or block < 1:
        raise InputError(f"a store needs at least one sequence and one per block, not n={n}, block={block}")
    if dtype not in (None, "float32", "float16"):
        raise InputError(f"dtype is 'float32' or 'float16', not {dtype!r}")
    listing = Listing.of(*(provenance.get(name) for name in LISTED))
    options = {"type": type_name, "n": int(n), "dtype": dtype or "float32", "one_hot": bool(one_hot)}
    told = origin.encode({key: told for key, told in provenance.items() if key not in LISTED})
    return {
        "format": disk.FORMAT,
        **options,
        "block": int(block),
        "listing": listing.digests,
        "provenance": told,
    }, listing


def is_complete(path: Path, header: dict[str, Any]) -> bool:
    """Return whether all blocks of the store at ``path`` are written."""
    return len(disk.done_blocks(path)) == len(disk.blocks(header))


def check_same(path: Path, there: dict[str, Any], here: dict[str, Any], listing: Listing) -> None:
    """Raise :class:`InputError` if the store at ``path`` holds another result than the one that is to be written.

    Parameters
    ----------
    path
        The directory of the store.
    there, here
        The attributes of its root file, and those of the result to be written.
    listing
        What is listed beside the latter.
    """
    old, new = dict(there), dict(here)
    old["block"], new["listing"] = new["block"], old["listing"]
    incidental = _INCIDENTAL | _INCIDENTAL_AT_LAST if is_complete(path, there) else _INCIDENTAL
    for each in (old, new):
        each["provenance"] = {k: v for k, v in each["provenance"].items() if k not in incidental}
    old, new = ({**each.pop("provenance"), **each} for each in (old, new))
    difference = listing.difference(path, there["listing"]) or origin.first_difference(old, new)
    if difference:
        raise InputError(f"{path} holds another result: {difference}", START_AFRESH)
