"""Regions of a genome: BED and narrowPeak files, and the sequences that they cut out.

The lines are parsed here and not by a library, because malformed lines must be refused with their number. Of the
libraries that were tried, bioframe 0.8 loads a whole table and returns ``ten`` or 100.0 (from ``1e2``) as a start.
pybedtools 0.12 says what is wrong but not where. bx-python 0.15 names the line, but accepts negative starts and
``1_0``. bedspec 4.3 is strict enough, but it stops at the first malformed line and refuses scores above 1,000, which
MACS writes.
"""

from __future__ import annotations

import gzip
import logging
import os
import re
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genolift.sequence.alphabet import one_hot, reverse_complement
from genolift.sequence.files import open_text
from genolift.sequence.peaks import LOOKED_AT, offset_of, summit_column
from genolift.support.errors import FileProblem, InputError, Remedy
from genolift.support.h5ad import bed_lines, is_hdf5
from genolift.support.texts import Listed

log = logging.getLogger("genolift")

_WHOLE = re.compile(r"-?[0-9]+")
_COLUMNS = {"name": ("name", "motif_name"), "strand": ("strand",)}  # how headers call the columns
_SCORE = re.compile(r"\.|-?[0-9]+(\.[0-9]*)?")
_TITLES = {"chrom", "chr", "chromosome", "seqname", "seqnames"}  # the first word of a line that names the columns


class Interval(NamedTuple):
    """One line of a BED file: its coordinates (0-based, half-open), name and strand, and its number in the file.

    The name is ``"."`` and the strand is ``"."`` where the file gives none.
    """

    chrom: str
    start: int
    end: int
    name: str
    strand: str
    line: int


class Malformed(NamedTuple):
    """A line that is not a region: its number in the file, its text, the reason, and what would be right."""

    line: int
    text: str
    reason: str
    remedy: Remedy | None = None


@dataclass(frozen=True)
class Regions:
    """N sequences and where in the genome they come from.

    Attributes
    ----------
    sequences : list of str
        The bases of each region on its own strand, in upper case.
    names : list of str
        The names in the file, or the coordinates where a name is missing or occurs twice.
    chroms : list of str
        The chromosomes.
    starts, ends : np.ndarray
        (N,) int64, the first base of each region and the one after its last (0-based, half-open).
    strands : list of str
        ``"+"``, ``"-"``, or ``"."`` where the file gives no strand.
    """

    sequences: list[str]
    names: list[str]
    chroms: list[str]
    starts: np.ndarray
    ends: np.ndarray
    strands: list[str]

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, rows: Any) -> Regions:
        """Return the regions of an index, a slice, a list of indices or a boolean mask."""
        index = np.atleast_1d(np.arange(len(self))[rows])
        return Regions(
            sequences=[self.sequences[i] for i in index],
            names=[self.names[i] for i in index],
            chroms=[self.chroms[i] for i in index],
            starts=self.starts[index],
            ends=self.ends[index],
            strands=[self.strands[i] for i in index],
        )

    def one_hot(self, unknown: str = "uniform") -> np.ndarray:
        """Return the sequences as a one-hot array.

        Parameters
        ----------
        unknown
            How N and the other IUPAC codes are encoded: ``"uniform"`` (the default) is 1/4 in each channel, ``"zero"``
            is 0 in each channel.

        Returns
        -------
        np.ndarray
            (N, L, 4) float32.

        Raises
        ------
        InputError
            If the sequences differ in length.
        """
        return one_hot(self.sequences, unknown)

    @classmethod
    def cut(cls, intervals: Sequence[Interval], fetch: Callable[[str, int, int], str]) -> Regions:
        """Return the sequences of intervals.

        Parameters
        ----------
        intervals
            The intervals.
        fetch
            A function of chromosome, start and end that returns the bases on the forward strand.

        Returns
        -------
        Regions
            One sequence per interval, in the same order.
        """
        sequences = [fetch(interval.chrom, interval.start, interval.end) for interval in intervals]
        starts, ends = ([getattr(interval, side) for interval in intervals] for side in ("start", "end"))
        chroms, strands = ([getattr(interval, what) for interval in intervals] for what in ("chrom", "strand"))
        return cls(
            [
                reverse_complement(sequence) if strand == "-" else sequence
                for sequence, strand in zip(sequences, strands, strict=True)
            ],
            list(unique_names([interval.name for interval in intervals], chroms, starts, ends, strands)),
            chroms,
            np.array(starts, dtype=np.int64),
            np.array(ends, dtype=np.int64),
            strands,
        )


def unique_names(
    names: Sequence[str],
    chroms: Sequence[str],
    starts: Sequence[int] | np.ndarray,
    ends: Sequence[int] | np.ndarray,
    strands: Sequence[str],
) -> Sequence[str]:
    """Return the regions' own names if each has one and no two share one, or else their coordinates as names.

    Each argument is a column with one entry per region; a region without a name has ``"."``.
    """
    if "." not in names and not _repeats(names):
        return names
    return CoordinateNames(chroms, starts, ends, strands)


class CoordinateNames(Listed):
    """Names such as ``chr1:100-300(-)``, which are made from the regions' columns when they are asked for.

    Parameters
    ----------
    *columns
        The chromosomes, starts, ends and strands. Regions that are alike get a number: the second is
        ``chr1:100-300(-)#2``.
    """

    def __init__(self, *columns: Sequence | np.ndarray):
        self._columns = columns
        self._again: dict[int, int] = {}
        self._again = _repeats(self)

    def __len__(self) -> int:
        return len(self._columns[0])

    def text(self, i: int) -> str:
        """Return the name of region ``i``."""
        chrom, start, end, strand = (column[i] for column in self._columns)
        name = f"{chrom}:{start}-{end}" + ("" if strand == "." else f"({strand})")
        return f"{name}#{self._again[i]}" if i in self._again else name


def _repeats(names: Sequence[str]) -> dict[int, int]:
    """Return, by its place, which occurrence of its name each repeated name is: 2 for the second, and so on.

    The names are compared by their hashes first, because there may be millions of them.
    """
    hashes = np.fromiter(map(hash, names), np.int64, len(names))
    order = np.argsort(hashes, kind="stable")
    alike = np.flatnonzero(np.diff(hashes[order]) == 0)
    seen: Counter[str] = Counter()
    repeats = {}
    for i in np.unique(order[np.concatenate([alike, alike + 1])]).tolist():
        seen[names[i]] += 1
        if seen[names[i]] > 1:
            repeats[i] = seen[names[i]]
    return repeats


def read_intervals(path: str | os.PathLike, width: int | None = None, summits: str = "auto") -> list[Interval]:
    """Return the intervals of a BED file (3 columns or more) or narrowPeak file (10 columns or more).

    Parameters
    ----------
    path
        The file: plain, gzip or bgzip. A file of AnnData (.h5ad) gives the regions of its ``.var``.
    width
        Number of bases that every interval gets, centred on its summit (narrowPeak) or its middle. The default ``None``
        keeps the intervals as they are.
    summits
        Which column holds summits, as offsets from the start: ``"auto"`` (the default) takes column 10 where the lines
        are narrowPeak, ``"none"`` takes none, and a number such as ``"10"`` names the column.

    Returns
    -------
    list of Interval
        The intervals in the file's order.

    Raises
    ------
    InputError
        If a line is malformed (the message names file and line), if it is not clear whether column 10 holds summits, or
        if there is no interval.
    FileProblem
        If the file cannot be read.
    """
    intervals = []
    for one in scan_intervals(path, width, summits):
        if isinstance(one, Malformed):
            raise InputError(f"{path}, line {one.line}: {one.reason}", one.remedy)
        intervals.append(one)
    return intervals


def scan_intervals(
    path: str | os.PathLike,
    width: int | None = None,
    summits: str = "auto",
    say: Callable[[str], None] | None = None,
) -> Iterator[Interval | Malformed]:
    """Yield the intervals of a file like :func:`read_intervals`, but do not stop at a malformed line.

    In the place of such a line comes a :class:`Malformed` with the reason. ``say`` is called with what was taken for
    summits; by default it is logged.
    """
    if width is not None and width < 1:
        raise InputError(f"width must be at least 1, not {width}")
    empty = True
    lines = bed_lines(Path(path)) if is_hdf5(Path(path)) else _lines(path)
    first = list(islice(lines, LOOKED_AT))
    column = None
    try:
        column = summit_column([_fields(line) for _, line in first], path, summits)
    except InputError:
        if width is not None:  # Without one, nothing is centred on a summit.
            raise
    if width is not None and column is not None:
        told = f"summits from column {column + 1}, on which windows are centred"
        say(told) if say is not None else log.info("%s: %s", path, told)
    places = _Places()
    for number, line in chain(first, lines):
        if empty and _names_columns(line):
            places = _places_of(line)
            continue
        empty = False
        try:
            yield _interval(line, number, width, column, places)
        except InputError as problem:
            yield Malformed(number, line, problem.message, problem.remedy)
    if empty:
        raise InputError(f"{path} holds no regions: a BED line is chromosome, start, end, separated by tabs")


def _lines(path: str | os.PathLike) -> Iterator[tuple[int, str]]:
    """Yield number and text of the lines that should be regions: not blank, comments, or for a genome browser."""
    with open_text(path) as handle:
        try:
            for number, line in enumerate(handle, start=1):
                if "\0" in line:
                    raise FileProblem(f"{path} is not a BED file: it holds binary data, or text that is not UTF-8")
                words = line.split(maxsplit=1)
                if words and not line.startswith("#") and words[0] not in ("track", "browser"):
                    yield number, line.rstrip("\r\n")
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise FileProblem(f"{path} is truncated or damaged; copy it again") from None
        except UnicodeDecodeError:
            raise FileProblem(f"{path} is not a BED file: it holds binary data, or text that is not UTF-8") from None


_UNSTRANDED = {"*": ".", "": "."}  # GRanges in R writes * for no strand, and some tools leave the column empty.


def _names_columns(line: str) -> bool:
    """Return whether a line is a header such as ``chrom start end``."""
    fields = line.lower().split()
    return len(fields) > 2 and fields[0] in _TITLES and not _WHOLE.fullmatch(fields[1])


class _Places(NamedTuple):
    """Which fields of a line are the name and the strand, from 0: those of BED, or what a header line says."""

    name: int = 3
    strand: int = 5


def _places_of(header: str) -> _Places:
    """Return where a header says that name and strand are; tables of hits call a name ``motif_name``."""
    titles = [title.strip() for title in _fields(header.lower())]
    found = {what: [titles.index(title) for title in known if title in titles] for what, known in _COLUMNS.items()}
    return _Places(**{what: places[0] for what, places in found.items() if places})


def _fields(line: str) -> list[str]:
    return line.split("\t") if "\t" in line else line.split()


def _check_separators(line: str, fields: list[str]) -> None:
    """Raise :class:`InputError` where tabs separate some columns of a line and blanks others.

    Names may hold blanks, so that the columns after a blank cannot be told.
    """
    words = line.split()
    if "\t" not in line or len(words) < 3:
        return
    coordinates = len(fields) < 3 or any(" " in field.strip() for field in fields[:3])
    # A strand behind a blank would be lost.
    strand = len(fields) < 6 <= len(words) and words[5] in ("+", "-") and _SCORE.fullmatch(words[4])
    if coordinates or strand:
        raise InputError(
            "tabs separate some of its columns, and blanks others; separate all by tabs, as sed -E 's/[ \\t]+/\\t/g' "
            "does where no name holds a blank"
        )


def _interval(line: str, number: int, width: int | None, column: int | None, places: _Places) -> Interval:
    fields = _fields(line)
    _check_separators(line, fields)
    if len(fields) < 3:
        raise InputError("a BED line has at least three columns: chromosome, start, end")
    start, end = _integer(fields[1], "start"), _integer(fields[2], "end")
    if not 0 <= start < end:
        raise InputError(f"start {start} and end {end} are not a region: 0 <= start < end is needed")
    name, strand = (fields[place].strip() if len(fields) > place else "." for place in places)
    if not fields[0].strip():
        raise InputError("chromosome (column 1) is empty")
    name, strand = name or ".", _UNSTRANDED.get(strand, strand)
    if strand not in ("+", "-", "."):
        raise InputError(
            f"strand (column {places.strand + 1}) is {strand!r}; it must be +, - or . (if column {places.strand + 1} "
            "holds something else, keep the first three columns: cut -f1-3)"
        )
    summit = offset_of(fields, column, end - start)
    if width is not None:
        centre = start + summit if summit >= 0 else (start + end) // 2
        start = centre - width // 2
        end = start + width
    return Interval(sys.intern(fields[0].strip()), start, end, name, strand, number)


def _integer(text: str, what: str) -> int:
    if not _WHOLE.fullmatch(text.strip()):
        raise InputError(f"{what} is {text!r}, not a whole number")
    return int(text)
