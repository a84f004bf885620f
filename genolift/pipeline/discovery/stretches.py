"""Stretches of a BED file, and where they lie in the sequences of a store."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from genolift.export.bed import one_word
from genolift.export.source import Scores
from genolift.results.regions import RegionTable
from genolift.sequence.regions import Malformed, scan_intervals
from genolift.support.errors import InputError, Remedy, setting
from genolift.support.texts import Texts, Words

#: What becomes of a stretch. The codes of :class:`Placed` are places in this list.
STATUSES = (
    "ok",
    "partly_outside",
    "outside",
    "unknown_chromosome",
    "unknown_sequence",
    "ambiguous_sequence",
    "malformed",
)
_OK, _PARTLY, _OUTSIDE, _NO_CHROMOSOME, _NO_SEQUENCE, _AMBIGUOUS, _MALFORMED = range(len(STATUSES))
_AT_ONCE = 1024  # Stretches that are compared with their windows at once, which are many where windows overlap.
_SHOWN = 3


@dataclass(frozen=True)
class Stretches:
    """The lines of a BED file, kept as columns.

    Attributes
    ----------
    chroms, strands : Words
        K chromosomes, or names of sequences, and strands.
    starts, ends : np.ndarray
        (K,) int64, 0-based and half-open. Both are 0 where the line is malformed.
    names : Texts
        K names, ``"."`` where there is none.
    lines : np.ndarray
        (K,) int64, the number of each line in the file.
    malformed : dict of int to str
        Why a line is no stretch, by its place among the K.
    """

    chroms: Words
    starts: np.ndarray
    ends: np.ndarray
    names: Texts
    strands: Words
    lines: np.ndarray
    malformed: dict[int, str]

    def __len__(self) -> int:
        return len(self.starts)

    @classmethod
    def read(cls, path: Path) -> Stretches:
        """Read a BED file, plain, gzip or bgzip. Malformed lines are kept with the reason."""
        chroms, strands, names = Words(), Words(), Texts()
        starts, ends, lines = array("q"), array("q"), array("q")
        malformed: dict[int, str] = {}
        for one in scan_intervals(path, summits="none"):
            if isinstance(one, Malformed):
                malformed[len(lines)] = one.reason
                chrom, start, end, name, strand = one_word((one.text.split() or ["."])[0]), 0, 0, ".", "."
            else:
                chrom, start, end, name, strand = one_word(one.chrom), one.start, one.end, one.name, one.strand
            chroms.append(chrom)
            starts.append(start)
            ends.append(end)
            names.append(name)
            strands.append(strand)
            lines.append(one.line)
        columns = (np.array(column, np.int64) for column in (starts, ends, lines))
        first, last, numbers = columns
        return cls(chroms, first, last, names, strands, numbers, malformed)


class Placed(NamedTuple):
    """Where K stretches lie in the sequences of a store.

    Attributes
    ----------
    stretch, sequence, start, end : np.ndarray
        (M,) a row for each sequence that holds a whole stretch: the number of the stretch, that of the sequence, and
        the place in the sequence as it was scored. The rows are in the order of stretches, then of sequences.
    status : np.ndarray
        (K,) int8, what became of each stretch, as a place in ``STATUSES``.
    inside : np.ndarray
        (K,) int64, the largest number of its bases that one sequence holds.
    """

    stretch: np.ndarray
    sequence: np.ndarray
    start: np.ndarray
    end: np.ndarray
    status: np.ndarray
    inside: np.ndarray


def place(stretches: Stretches, scores: Scores, coordinates: str = "auto") -> Placed:
    """Find the sequences that hold each stretch.

    Parameters
    ----------
    stretches
        The stretches.
    scores
        The scores of the sequences.
    coordinates
        ``"genome"`` if the stretches are on chromosomes, of which regions were scored; ``"sequence"`` if they are on
        the scored sequences, by name and as they were scored. ``"auto"`` (the default) is the genome where regions of
        one were scored.

    Raises
    ------
    InputError
        If no stretch lies in a sequence, or it is not clear which coordinates are meant.
    """
    wanted = set(stretches.chroms.different)
    named = _named(scores.names, wanted) if coordinates != "genome" else {}
    in_genome = coordinates == "genome" or (coordinates == "auto" and scores.regions is not None)
    if in_genome:
        regions = scores.located("a stretch of the genome")
        if both := sorted(named.keys() & set(regions.chroms.different)):
            raise InputError(
                f"{both[0]!r} is both a chromosome and the name of a scored sequence",
                Remedy.naming("say by {} whether genome or sequence is meant", setting("coordinates")),
            )
        placed = _in_genome(stretches, regions)
    else:
        placed = _in_sequences(stretches, scores, named)
    if not (placed.status == _OK).any():
        _refuse(stretches, placed, scores, in_genome, named)
    return placed


def note(stretches: Stretches, placed: Placed, i: int) -> str:
    """Return why there are no numbers for a stretch, in words; nothing where there are some."""
    length = stretches.ends[i] - stretches.starts[i]
    return {
        _OK: "",
        _PARTLY: f"no scored sequence holds more than {placed.inside[i]} of its {length} bases",
        _OUTSIDE: "no scored sequence reaches there",
        _NO_CHROMOSOME: "no region of this chromosome was scored",
        _NO_SEQUENCE: "no sequence of this name was scored",
        _AMBIGUOUS: "several scored sequences have this name",
        _MALFORMED: stretches.malformed.get(i, ""),
    }[int(placed.status[i])]


def _named(names: Iterable[str], wanted: set[str]) -> dict[str, list[int]]:
    """Return the numbers of the sequences that have one of the wanted names, as BED has them."""
    found: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        word = one_word(name)
        if word in wanted:
            found.setdefault(word, []).append(i)
    return found


def _in_genome(stretches: Stretches, regions: RegionTable) -> Placed:
    n = len(stretches)
    status, inside = np.full(n, _NO_CHROMOSOME, np.int8), np.zeros(n, np.int64)
    theirs, codes = regions.chroms.codes, stretches.chroms.codes
    numbers = {chrom: code for code, chrom in enumerate(regions.chroms.different)}
    good = np.ones(n, bool)
    good[list(stretches.malformed)] = False
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for code, chrom in enumerate(stretches.chroms.different):
        windows = np.flatnonzero(theirs == numbers[chrom]) if chrom in numbers else np.zeros(0, np.int64)
        if not len(windows):
            continue
        windows = windows[np.argsort(regions.starts[windows], kind="stable")]
        here = np.flatnonzero((codes == code) & good)
        status[here] = _OUTSIDE
        for first in range(0, len(here), _AT_ONCE):
            found.append(_holding(stretches, here[first : first + _AT_ONCE], regions, windows, inside))
    status[inside > 0] = _PARTLY
    stretch, sequence = _joined(found)
    status[stretch] = _OK
    status[~good] = _MALFORMED
    start = stretches.starts[stretch] - regions.starts[sequence]
    end = stretches.ends[stretch] - regions.starts[sequence]
    spans = regions.ends[sequence] - regions.starts[sequence]
    back = np.array([strand == "-" for strand in regions.strands.different], bool)
    turned = back[regions.strands.codes[sequence]] if len(back) else np.zeros(0, bool)
    start, end = np.where(turned, spans - end, start), np.where(turned, spans - start, end)
    return Placed(stretch, sequence, start, end, status, inside)


def _holding(
    stretches: Stretches, here: np.ndarray, regions: RegionTable, windows: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of a stretch and a window that holds it, and note in ``inside`` how much windows hold.

    The windows are those of one chromosome, in the order of their starts.
    """
    starts, ends = regions.starts[windows], regions.ends[windows]
    low = np.searchsorted(starts, stretches.starts[here] - (ends - starts).max(), "right")
    high = np.searchsorted(starts, stretches.ends[here], "left")
    counts = high - low
    stretch = np.repeat(here, counts)
    place = np.arange(len(stretch)) - np.repeat(np.cumsum(counts) - counts - low, counts)
    first = np.maximum(starts[place], stretches.starts[stretch])
    common = np.minimum(ends[place], stretches.ends[stretch]) - first
    np.maximum.at(inside, stretch, common)
    whole = common == stretches.ends[stretch] - stretches.starts[stretch]
    return stretch[whole], windows[place[whole]]


def _in_sequences(stretches: Stretches, scores: Scores, named: dict[str, list[int]]) -> Placed:
    words = stretches.chroms.different
    number = np.array([named[word][0] if word in named else -1 for word in words], np.int64)
    several = np.array([len(named.get(word, ())) > 1 for word in words], bool)
    codes = stretches.chroms.codes
    sequence = number[codes]
    length = np.where(sequence >= 0, scores.lengths[sequence], 0)
    inside = np.maximum(0, np.minimum(stretches.ends, length) - stretches.starts)
    status = np.where(stretches.ends <= length, _OK, np.where(inside > 0, _PARTLY, _OUTSIDE)).astype(np.int8)
    status[sequence < 0] = _NO_SEQUENCE
    status[several[codes]] = _AMBIGUOUS
    status[list(stretches.malformed)] = _MALFORMED
    stretch = np.flatnonzero(status == _OK)
    return Placed(stretch, sequence[stretch], stretches.starts[stretch], stretches.ends[stretch], status, inside)


def _joined(found: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of a stretch and a sequence in the order of stretches, then of sequences."""
    empty = np.zeros(0, np.int64)
    stretch = np.concatenate([empty, *(one for one, _ in found)])
    sequence = np.concatenate([empty, *(one for _, one in found)])
    order = np.lexsort((sequence, stretch))
    return stretch[order], sequence[order]


def _refuse(stretches: Stretches, placed: Placed, scores: Scores, in_genome: bool, named: dict[str, list[int]]) -> None:
    """Raise the error that says why none of the stretches can be summarized."""
    if len(stretches.malformed) == len(stretches):
        raise InputError(f"line {stretches.lines[0]}: {stretches.malformed[0]} (and no other line is a stretch)")
    commonest = STATUSES[Counter(placed.status.tolist()).most_common(1)[0][0]]
    asked = ", ".join(stretches.chroms.different[:_SHOWN])
    have = scores.regions.chroms.different if in_genome and scores.regions is not None else scores.names
    known = ", ".join(have[:_SHOWN]) + (", ..." if len(have) > _SHOWN else "")
    what = "chromosomes" if in_genome else "sequences"
    message = (
        f"none of the {len(stretches):,} stretches lies whole in a scored sequence ({commonest.replace('_', ' ')} is "
        f"the commonest reason): they are on {asked}, and the {what} of the store are {known}"
    )
    if in_genome and named:
        raise InputError(
            message,
            Remedy.naming("their names are those of scored sequences, so give {}", setting("coordinates", "sequence")),
        )
    raise InputError(message)
