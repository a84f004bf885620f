"""Regions of a genome: BED and narrowPeak files, and the sequences that were cut out by them."""

import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from genolift.sequence.alphabet import one_hot, reverse_complement
from genolift.sequence.files import open_text
from genolift.support.errors import FileProblem, InputError

_NARROWPEAK_COLUMNS = 10


class Interval(NamedTuple):
    """One line of a BED file: 0-based half-open, and the line it stood on."""

    chrom: str
    start: int
    end: int
    name: str
    strand: str
    line: int


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
        return cls(
            [
                reverse_complement(sequence) if interval.strand == "-" else sequence
                for interval, sequence in zip(intervals, sequences, strict=True)
            ],
            _unique_names(intervals),
            [interval.chrom for interval in intervals],
            np.array([interval.start for interval in intervals], dtype=np.int64),
            np.array([interval.end for interval in intervals], dtype=np.int64),
            [interval.strand for interval in intervals],
        )


def _unique_names(intervals: Sequence[Interval]) -> list[str]:
    """The file's own names if all have one and no two share it, else coordinates; repeats get a number."""
    names = [interval.name for interval in intervals]
    if "." not in names and len(set(names)) == len(names):
        return names
    seen: dict[str, int] = {}
    names = []
    for interval in intervals:
        strand = "" if interval.strand == "." else f"({interval.strand})"
        name = f"{interval.chrom}:{interval.start}-{interval.end}{strand}"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return names


def read_intervals(path, width: int | None = None) -> list[Interval]:
    """Intervals of a BED (3 columns or more) or narrowPeak (10 columns) file, plain or gzip.

    ``width``: each becomes this long, centred on its summit (narrowPeak) or its middle. Raises
    :class:`InputError` naming file and line for what is malformed, and if there is no interval at all.
    """
    if width is not None and width < 1:
        raise InputError(f"width must be at least 1, not {width}")
    intervals = []
    for number, line in _lines(path):
        try:
            intervals.append(_interval(line, number, width))
        except InputError as problem:
            raise InputError(f"{path}, line {number}: {problem}") from None
    if not intervals:
        raise InputError(f"{path} holds no regions: a BED line is chromosome, start, end, separated by tabs")
    return intervals


def _lines(path) -> Iterator[tuple[int, str]]:
    with open_text(path) as handle:
        try:
            for number, line in enumerate(handle, start=1):
                if line.strip() and not line.startswith(("#", "track", "browser")):
                    yield number, line.rstrip("\r\n")
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise FileProblem(f"{path} is truncated or damaged; copy it again") from None
        except UnicodeDecodeError:
            raise FileProblem(f"{path} is not a BED file: it holds binary data") from None


def _interval(line: str, number: int, width: int | None) -> Interval:
    fields = line.split("\t") if "\t" in line else line.split()
    if len(fields) < 3:
        raise InputError("a BED line has at least three columns: chromosome, start, end")
    start, end = _integer(fields[1], "start"), _integer(fields[2], "end")
    if not 0 <= start < end:
        raise InputError(f"start {start} and end {end} are no region: 0 <= start < end is needed")
    name = (fields[3].strip() if len(fields) > 3 else "") or "."
    strand = fields[5].strip() if len(fields) > 5 else "."
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
    return Interval(fields[0].strip(), start, end, name, strand, number)


def _integer(text: str, what: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{what} is {text!r}, not a whole number") from None
