"""What a BED file marks in the sequences of a store."""

from __future__ import annotations

import os
import warnings
from collections import defaultdict

import numpy as np

from genolift.plot.web.summaries import Mark
from genolift.results.explanation import Explanation
from genolift.results.regions import RegionTable
from genolift.sequence.regions import Interval, read_intervals
from genolift.support.errors import GenoliftWarning, InputError

_FLIPPED = {"+": "-", "-": "+"}


def marks_of(result: Explanation, path: str | os.PathLike) -> dict[int, list[Mark]]:
    """Return what is marked in each sequence, by its number.

    Parameters
    ----------
    result
        The explanation.
    path
        A BED file. Its first column holds names of sequences; or chromosomes, where the explanation knows its regions.

    Raises
    ------
    InputError
        If nothing of the file lies in any sequence.

    Warns
    -----
    GenoliftWarning
        If stretches reach beyond the sequence that they name, of which only what lies inside is marked.
    """
    intervals = read_intervals(path, summits="none")
    marks: dict[int, list[Mark]] = defaultdict(list)
    by_name = defaultdict(list)
    for number, name in enumerate(result.name_texts):
        by_name[str(name)].append(number)
    width, beyond = result.inputs.shape[1], []
    for one in intervals:
        for number in by_name.get(one.chrom, ()):
            length = width if result.lengths is None else int(result.lengths[number])
            if one.end > length:
                beyond.append((one, length))
            if one.start < length:
                marks[number].append((one.start, min(one.end, length), _label(one), one.strand))
    if beyond and marks:
        one, length = beyond[0]
        warnings.warn(
            f"{path}: {len(beyond):,} of its stretches reach beyond the sequence that they name, of which only what "
            f"lies inside is marked; the first is {one.chrom}, {one.start:,} to {one.end:,}, and this has {length:,} "
            "bases",
            GenoliftWarning,
            stacklevel=2,
        )
    if result.region_table is not None:
        _add_of_genome(result.region_table, intervals, marks)
    if not marks:
        raise InputError(
            f"{path}: nothing of it lies in these sequences; its first column names {intervals[0].chrom!r}"
        )
    return dict(marks)


def _add_of_genome(table: RegionTable, intervals: list[Interval], marks: dict[int, list[Mark]]) -> None:
    """Add what overlaps the regions, in the direction of each."""
    by_chrom: dict[str, list[Interval]] = defaultdict(list)
    for one in intervals:
        by_chrom[one.chrom].append(one)
    sorted_by = {chrom: sorted(some, key=lambda one: one.start) for chrom, some in by_chrom.items()}
    starts = {chrom: np.array([one.start for one in some]) for chrom, some in sorted_by.items()}
    widest = {chrom: max(one.end - one.start for one in some) for chrom, some in sorted_by.items()}
    for number, (chrom, start, end, strand) in enumerate(table):
        if chrom not in sorted_by:
            continue
        first = np.searchsorted(starts[chrom], start - widest[chrom], "left")
        last = np.searchsorted(starts[chrom], end, "left")
        for one in sorted_by[chrom][first:last]:
            if one.end <= start:
                continue
            a, b, direction = max(one.start, start) - start, min(one.end, end) - start, one.strand
            if strand == "-":
                a, b, direction = end - start - b, end - start - a, _FLIPPED.get(direction, direction)
            marks[number].append((a, b, _label(one), direction))


def _label(one: Interval) -> str:
    return "" if one.name == "." else one.name
