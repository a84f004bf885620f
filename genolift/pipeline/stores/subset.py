"""Some of the sequences of a store as a store of their own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from genolift.pipeline.common.execution import Execution
from genolift.pipeline.common.sources import read_names
from genolift.pipeline.common.standard_input import spooled
from genolift.pipeline.stores.gather import Gathered, Opened, Piece, check_apart, digest_of, gather
from genolift.results.regions import RegionTable
from genolift.sequence.regions import Malformed, scan_intervals
from genolift.support.errors import InputError, Remedy, setting
from genolift.support.texts import Texts

log = logging.getLogger("genolift")

CHOICES = ("fail", "skip")
_SHOWN = 3  # chromosomes that an error names


@dataclass(frozen=True)
class Subset:
    """What to take of a store.

    Parameters
    ----------
    store
        The store.
    out
        The store to write.
    regions
        A BED file: sequences are taken whose region overlaps one of its lines. ``None`` if names are given.
    names
        A list of names, one a line. ``None`` if regions are given.
    on_bad
        ``"fail"`` refuses lines that are malformed, or that ask for a name that the store has not. ``"skip"`` leaves
        them out.
    execution
        Whether an earlier result gives way, whether progress is shown, and the command line.
    """

    store: Path
    out: Path
    regions: Path | None = None
    names: Path | None = None
    on_bad: str = "fail"
    execution: Execution = field(default_factory=Execution)


def subset(job: Subset) -> Gathered:
    """Write the sequences that are asked for, in the order of the store; continue if it was interrupted.

    Raises
    ------
    InputError
        If neither or both of regions and names are given, if nothing in the store is meant, or for a line that is
        refused.
    FileProblem
        For a store that is not complete, and a place that cannot be written.
    """
    if (job.regions is None) == (job.names is None):
        raise InputError("either regions or names choose what is taken: give one of them")
    if job.on_bad not in CHOICES:
        raise InputError(f"on_bad is one of {', '.join(CHOICES)}, not {job.on_bad!r}")
    check_apart(job.out, [job.store])
    store = Opened.open(job.store)
    with spooled(job.regions, job.names) as place:
        if job.regions is not None:
            rows = _overlapping(_regions(store), place(job.regions), job)
        else:
            assert job.names is not None
            rows = _named(store.explanation.name_texts, place(job.names), job)
    names = Texts(store.explanation.name_texts[int(row)] for row in rows)
    return gather([Piece(store, rows, names)], _told(store, rows), job.out, job.execution, "copying")


def _regions(store: Opened) -> RegionTable:
    table = store.explanation.region_table
    if table is None:
        by_names = Remedy.naming("choose by {}", setting("names"))
        raise InputError(f"the sequences of {store.path} have no genome coordinates", by_names)
    return table


def _told(store: Opened, rows: np.ndarray) -> dict[str, Any]:
    told = {key: value for key, value in store.told.items() if key != "asked"} | {"subset": store.record}
    if told.get("sequences"):
        told["sequences"] = told["sequences"] | {"sha256": digest_of(told["sequences"].get("sha256"), rows)}
        told["sequences"].pop("unknown", None)  # How many unknown bases there are in the part is not known.
    return told


def _named(names: Sequence[str], path: Path, job: Subset) -> np.ndarray:
    """Return the numbers of the sequences that a list names, all of them where several have the same name."""
    numbers: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        numbers.setdefault(name, []).append(i)
    wanted, missing = set(), []
    for line, name in read_names(path):
        if name in numbers:
            wanted.update(numbers[name])
        else:
            missing.append(f"line {line}: {job.store} has no sequence {name!r}")
    _refuse(missing, job.names, job, not wanted)
    return np.array(sorted(wanted), np.int64)


def _overlapping(table: RegionTable, path: Path, job: Subset) -> np.ndarray:
    """Return the numbers of the regions that overlap a line of a BED file in at least one base."""
    spans: dict[str, list[tuple[int, int]]] = {}
    faults, count = [], 0
    for one in scan_intervals(path, summits="none"):
        if isinstance(one, Malformed):
            faults.append(f"line {one.line}: {one.reason}")
        else:
            spans.setdefault(one.chrom, []).append((one.start, one.end))
            count += 1
    _refuse(faults, job.regions, job, not spans)
    keep, codes, used = np.zeros(len(table), bool), table.chroms.codes, 0
    for code, chrom in enumerate(table.chroms.different):
        if chrom in spans:
            here = np.flatnonzero(codes == code)
            starts, ends = np.array(spans[chrom], np.int64).T
            keep[here] = _touch(starts, ends, table.starts[here], table.ends[here])
            used += int(_touch(table.starts[here], table.ends[here], starts, ends).sum())
    if not keep.any():
        asked, there = (", ".join(list(some)[:_SHOWN]) for some in (spans, table.chroms.different))
        raise InputError(
            f"no sequence of {job.store} overlaps a region of {job.regions}: the regions are on {asked}, and the "
            f"sequences on {there}"
        )
    if used < count:
        log.info("%s of %s regions of %s overlap no sequence", f"{count - used:,}", f"{count:,}", job.regions)
    return np.flatnonzero(keep)


def _touch(starts: np.ndarray, ends: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return for each stretch from ``left`` to ``right`` (M,) whether it overlaps one of some intervals (K,).

    Intervals that begin before its end, less those that end at its beginning or before, are those that overlap it.
    """
    begun = np.searchsorted(np.sort(starts), right, "left")
    over = np.searchsorted(np.sort(ends), left, "right")
    return begun > over


def _refuse(faults: list[str], path: Path | None, job: Subset, nothing: bool) -> None:
    """Raise for lines that cannot be used where that is refused or none is left; else say how many there are."""
    if not faults:
        return
    more = f", and {len(faults) - 1:,} more lines cannot be used" if len(faults) > 1 else ""
    if nothing:
        raise InputError(f"{path}, {faults[0]}{more}; nothing is left to take")
    if job.on_bad == "fail":
        skip = Remedy.naming("{} leaves such lines out", setting("on_bad", "skip"))
        raise InputError(f"{path}, {faults[0]}{more}", skip)
    log.info("%s: %s lines are left out; the first is %s", path, f"{len(faults):,}", faults[0])
