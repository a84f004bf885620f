"""Several stores of the same scores of different sequences as one."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genolift.pipeline.common.execution import Execution
from genolift.pipeline.stores.gather import Gathered, Opened, check_apart, digest_of, gather, shapes_of
from genolift.pipeline.stores.repeats import without_repeats
from genolift.results.provenance import encode, first_difference
from genolift.support.errors import GenoliftWarning, InputError

log = logging.getLogger("genolift")

# What differs between stores of different sequences that were otherwise made alike.
_OWN = ("sequences", "records", "chrom_sizes", "command", "asked", "threads", "versions", "merged", "subset")


@dataclass(frozen=True)
class Merging:
    """Stores to merge.

    Parameters
    ----------
    stores
        The stores, in the order that their sequences get.
    out
        The store to write.
    on_repeated
        What becomes of sequences that are there twice, see
        :func:`genolift.pipeline.stores.repeats.without_repeats`.
    execution
        Whether an earlier result gives way, whether progress is shown, and the command line.
    """

    stores: tuple[Path, ...]
    out: Path
    on_repeated: str = "fail"
    execution: Execution = field(default_factory=Execution)


def merge(job: Merging) -> Gathered:
    """Write one store of the sequences of all; continue it if it was interrupted.

    Everything is checked before anything is written.

    Raises
    ------
    InputError
        For stores of another method, model, target or option, naming the first difference, for repeated sequences, and
        for a store at ``job.out`` that was made in another way.
    FileProblem
        For a store that is not complete, and a place that cannot be written.
    """
    if len(job.stores) < 2:
        raise InputError("a merger takes two stores or more; `genolift subset` makes a store of a part of one")
    check_apart(job.out, job.stores)
    stores = [Opened.open(path) for path in job.stores]
    for other in stores[1:]:
        if difference := first_difference(_alike(stores[0]), _alike(other)):
            raise InputError(f"{other.path} cannot be merged with {stores[0].path}: {difference}")
    _tell_versions(stores)
    told = _together(stores)
    pieces, left_out = without_repeats(stores, job.on_repeated)
    if left_out:
        log.info("%s sequences are left out, because they are there before", f"{left_out:,}")
    return gather(pieces, told, job.out, job.execution, "merging")


def _alike(store: Opened) -> dict[str, Any]:
    """Return what stores have in common that can be merged."""
    told = {key: value for key, value in store.told.items() if key not in _OWN}
    told["method"] = {key: value for key, value in store.explanation.method.items() if key != "genolift"}
    if files := _row_files(store):
        # Each store has rows of its own for its records, as it has sequences of its own.
        told["model"] = told["model"] | {"also": told["model"]["also"] | dict.fromkeys(files, "a row for each record")}
    encoding = (store.told.get("sequences") or {}).get("encoding")
    about = {"encoding of unknown bases": encoding, "regions": store.explanation.region_table is not None}
    kinds = {key: store.header[key] for key in ("type", "dtype")}
    fields = {"fields": shapes_of(store.explanation), "undefined": store.explanation.undefined}
    return encode({**told, **about, **kinds, **fields})


def _row_files(store: Opened) -> dict[str, str]:
    """Return the digests of the files that gave further inputs of the model a row for each record, by input."""
    model = store.told.get("model")
    also = model.get("also") if isinstance(model, dict) else None
    return {name: value["sha256"] for name, value in (also or {}).items() if isinstance(value, dict)}


def _tell_versions(stores: Sequence[Opened]) -> None:
    """Warn of stores that other versions made, whose scores may differ by more than rounding."""
    first = stores[0]
    for other in stores[1:]:
        if difference := first_difference(*(encode(store.told.get("versions") or {}) for store in (first, other))):
            warnings.warn(
                f"{first.path} and {other.path} were made by different versions ({difference}); the merged store keeps "
                "the versions of each, and its scores may differ where the versions do",
                GenoliftWarning,
                3,
            )
            return


def _together(stores: Sequence[Opened]) -> dict[str, Any]:
    """Return what the merged store tells of how it was made."""
    first = stores[0].told
    told = {key: value for key, value in first.items() if key not in _OWN}
    told["merged"] = [store.record for store in stores]
    files = [_row_files(store) for store in stores]
    if files[0]:
        joined = {name: {"sha256": digest_of(*(one[name] for one in files))} for name in files[0]}
        told["model"] = told["model"] | {"also": told["model"]["also"] | joined}
    if "versions" in first:
        told["versions"] = first["versions"]
    threads = {store.told.get("threads") for store in stores}
    if len(threads) == 1 and None not in threads:
        told["threads"] = threads.pop()
    sequences = _of_all(stores, "sequences")
    if sequences:
        told["sequences"] = {
            **sequences[0],
            "sha256": digest_of(*(one.get("sha256") for one in sequences)),
            "unknown": sum(int(one.get("unknown") or 0) for one in sequences),
        }
    records = _of_all(stores, "records")
    if records:
        told["records"] = _records(records)
    if sizes := _chrom_sizes(stores):
        told["chrom_sizes"] = sizes
    return told


def _of_all(stores: Sequence[Opened], key: str) -> list[dict[str, Any]]:
    """Return what each store tells under a key; nothing unless all tell something."""
    found = [store.told[key] for store in stores if store.told.get(key)]
    return found if len(found) == len(stores) else []


def _records(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what became of the records of all inputs, one input after the other."""
    told: dict[str, Any] = {"counted_by": records[0]["counted_by"]}
    for key in ("read", "scored"):
        told[key] = sum(one[key] for one in records)
    for key in ("not_scored", "padded"):
        told[key] = [entry for one in records for entry in one[key]]
    return told


def _chrom_sizes(stores: Sequence[Opened]) -> list[list[Any]]:
    """Return the lengths of all chromosomes, if each store knows those of its genome; refuse contradictions."""
    sizes: dict[str, int] = {}
    for store in stores:
        known = store.told.get("chrom_sizes")
        if known is None:
            return []
        for chrom, size in dict(known).items():
            if sizes.setdefault(chrom, size) != size:
                raise InputError(
                    f"{store.path} is of a genome whose {chrom} has {size:,} bases, and in stores before it has "
                    f"{sizes[chrom]:,}; they are of different assemblies"
                )
    return [list(one) for one in sizes.items()]
