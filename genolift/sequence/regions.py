"""Regions of a genome: BED and narrowPeak files, and the sequences that were cut out by them.

Lines are read here: of the libraries tried on malformed lines, bioframe 0.8 loads a whole table and gives back ``ten`` or
100.0 (from ``1e2``) as a start, and pybedtools 0.12 says what is wrong but not where; bx-python 0.15 names the line, but
takes negative starts and ``1_0``; bedspec 4.3 is as strict as is wanted, but ends at the first line at fault and refuses
scores above 1,000, which MACS writes.
"""

import gzip
import re
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from genolift.sequence.alphabet import one_hot, reverse_complement
from genolift.sequence.files import open_text
from genolift.support.errors import FileProblem, InputError
from genolift.support.texts import Listed

_NARROWPEAK_COLUMNS = 10
_WHOLE = re.compile(r"-?[0-9]+")
_TITLES = {"chrom", "chr", "chromosome", "seqname", "seqnames"}  # of a first line that names the columns


class Interval(NamedTuple):
    """One line of a BED file: 0-based half-open, and the line it stood on."""

    chrom: str
    start: int
    end: int
    name: str
    strand: str
    line: int


class Malformed(NamedTuple):
    """A line that is no region: its number, what it holds, and why it is none."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True)
class Regions:
    """N sequences and where they come from; ``sequences`` are on the region's own strand, upper case."""

    sequences: list[str]
    names: list[str]
    chroms: list[str]
    starts: np.ndarray
    ends: np.ndarray
    strands: list[str]

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, rows) -> "Regions":
        """The regions of an index, a slice, a list of indices or a boolean mask."""
        index = np.atleast_1d(np.arange(len(self))[rows])
        return Regions(
            *([values[i] for i in index] for values in (self.sequences, self.names, self.chroms)),
            self.starts[index],
            self.ends[index],
            [self.strands[i] for i in index],
        )

    def one_hot(self, unknown: str = "uniform") -> np.ndarray:
        """The sequences as (N, L, 4) float32; an error if they differ in length."""
        return one_hot(self.sequences, unknown)

    @classmethod
    def cut(cls, intervals: Sequence[Interval], fetch: Callable[[str, int, int], str]) -> "Regions":
        """Cut intervals out of a genome: ``fetch(chrom, start, end)`` gives the forward strand."""
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


def unique_names(names: Sequence[str], chroms, starts, ends, strands) -> Sequence[str]:
    """The file's own names if all have one and no two share it, else their coordinates."""
    if "." not in names and not _repeats(names):
        return names
    return CoordinateNames(chroms, starts, ends, strands)


class CoordinateNames(Listed):
    """Names such as ``chr1:100-300(-)``, made of the regions' columns when they are asked for; repeats get a number."""

    def __init__(self, *columns: Sequence):
        self._columns, self._again = columns, {}
        self._again = _repeats(self)

    def __len__(self) -> int:
        return len(self._columns[0])

    def text(self, i: int) -> str:
        chrom, start, end, strand = (column[i] for column in self._columns)
        name = f"{chrom}:{start}-{end}" + ("" if strand == "." else f"({strand})")
        return f"{name}#{self._again[i]}" if i in self._again else name


def _repeats(names: Sequence[str]) -> dict[int, int]:
    """Which names have come before, and the how-many-eth each is: compared by hash first, for there may be millions."""
    hashes = np.fromiter(map(hash, names), np.int64, len(names))
    order = np.argsort(hashes, kind="stable")
    alike = np.flatnonzero(np.diff(hashes[order]) == 0)
    seen: Counter = Counter()
    found = {}
    for i in np.unique(order[np.concatenate([alike, alike + 1])]).tolist():
        seen[names[i]] += 1
        if seen[names[i]] > 1:
            found[i] = seen[names[i]]
    return found


def read_intervals(path, width: int | None = None) -> list[Interval]:
    """Intervals of a BED (3 columns or more) or narrowPeak (10 columns) file, plain or gzip.

    ``width``: each becomes this long, centred on its summit (narrowPeak) or its middle. Raises
    :class:`InputError` naming file and line for what is malformed, and if there is no interval at all.
    """
    intervals = []
    for one in scan_intervals(path, width):
        if isinstance(one, Malformed):
            raise InputError(f"{path}, line {one.line}: {one.reason}")
        intervals.append(one)
    return intervals


def scan_intervals(path, width: int | None = None) -> Iterator[Interval | Malformed]:
    """Like :func:`read_intervals`, line by line, with malformed lines in their place instead of an error."""
    if width is not None and width < 1:
        raise InputError(f"width must be at least 1, not {width}")
    empty = True
    for number, line in _lines(path):
        if empty and _names_columns(line):
            continue
        empty = False
        try:
            yield _interval(line, number, width)
        except InputError as problem:
            yield Malformed(number, line, str(problem))
    if empty:
        raise InputError(f"{path} holds no regions: a BED line is chromosome, start, end, separated by tabs")


def _lines(path) -> Iterator[tuple[int, str]]:
    with open_text(path) as handle:
        try:
            for number, line in enumerate(handle, start=1):
                if "\0" in line:
                    raise FileProblem(f"{path} is not a BED file: it holds binary data")
                words = line.split(maxsplit=1)
                if words and not line.startswith("#") and words[0] not in ("track", "browser"):
                    yield number, line.rstrip("\r\n")
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise FileProblem(f"{path} is truncated or damaged; copy it again") from None
        except UnicodeDecodeError:
            raise FileProblem(f"{path} is not a BED file: it holds binary data, or text that is not UTF-8") from None


def _names_columns(line: str) -> bool:
    fields = line.lower().split()
    return len(fields) > 2 and fields[0] in _TITLES and not _WHOLE.fullmatch(fields[1])


def _interval(line: str, number: int, width: int | None) -> Interval:
    fields = line.split("\t") if "\t" in line else line.split()
    if len(fields) < 3:
        raise InputError("a BED line has at least three columns: chromosome, start, end")
    start, end = _integer(fields[1], "start"), _integer(fields[2], "end")
    if not 0 <= start < end:
        raise InputError(f"start {start} and end {end} are no region: 0 <= start < end is needed")
    name = (fields[3].strip() if len(fields) > 3 else "") or "."
    strand = fields[5].strip() if len(fields) > 5 else "."
    if not fields[0].strip():
        raise InputError("chromosome (column 1) is empty")
    if strand not in ("+", "-", "."):
        raise InputError(f"strand (column 6) is {strand!r}; it must be +, - or .")
    summit = -1
    if len(fields) == _NARROWPEAK_COLUMNS:  # a BED12 line also has a column 10, but it means something else
        summit = _integer(fields[9], "summit (column 10)")
        if not -1 <= summit < end - start:
            raise InputError(f"summit (column 10) is {summit}, outside the region of {end - start} bases")
    if width is not None:
        centre = start + summit if summit >= 0 else (start + end) // 2
        start = centre - width // 2
        end = start + width
    return Interval(sys.intern(fields[0].strip()), start, end, name, strand, number)


def _integer(text: str, what: str) -> int:
    if not _WHOLE.fullmatch(text.strip()):
        raise InputError(f"{what} is {text!r}, not a whole number")
    return int(text)
