"""The sequences to be scored: a whole FASTA file, streamed; records of one, by name; regions of one."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from genolift.pipeline.common.screening import Policy, Screening
from genolift.pipeline.keeping.digest import RecordDigest
from genolift.results.regions import RegionTable
from genolift.sequence.alphabet import count_unknown, reverse_complement
from genolift.sequence.fasta import Unusable, scan_fasta
from genolift.sequence.files import check_regular, open_text
from genolift.sequence.genome import Fasta
from genolift.sequence.regions import Interval, Malformed, scan_intervals, unique_names
from genolift.support.errors import FileProblem, InputError
from genolift.support.texts import Texts, Words

_LONGEST_TEXT = 60  # of a malformed line, as far as it is kept


class Source:
    """N named sequences that a job reads.

    ``names`` and ``lengths`` (N,) are theirs. ``places`` (N,) tells the line or number of the record of the input that
    each one is, ``numbers`` (N,) its number among all records from 0 on, and ``screening`` what became of the others.
    ``unknown`` is the number of unknown bases in all, and ``digest`` tells these sequences from others. ``regions``
    tells where they lie in a genome, whose chromosomes have the lengths ``chrom_sizes``; windows that were padded with
    N reach beyond their chromosome. Both are ``None`` where there is no genome. ``longest`` and ``shortest`` are the
    texts of one of the longest and of one of the shortest, on which a job can be tried before anything is written.
    """

    names: Sequence[str]
    regions: RegionTable | None = None
    chrom_sizes: dict[str, int] | None = None

    def __init__(self, records: Iterable[tuple[int, str, str]], screening: Screening):
        self.screening = screening
        names, lengths, places, numbers, digest = Texts(), array("q"), array("q"), array("q"), RecordDigest()
        self.unknown, self.longest, self.shortest = 0, "", ""
        for place, name, sequence in records:
            names.append(name)
            places.append(place)
            numbers.append(screening.read - 1)
            lengths.append(len(sequence))
            digest.add(name, sequence)
            self.unknown += count_unknown(sequence)
            if len(sequence) > len(self.longest):
                self.longest = sequence
            if len(names) == 1 or len(sequence) < len(self.shortest):
                self.shortest = sequence
        screening.check()
        self.names = names
        self.lengths, self.places = _compact(lengths), np.array(places, dtype=np.int64)
        self.numbers = np.array(numbers, dtype=np.int64)
        self.digest = digest.hexdigest()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def mixed(self) -> bool:
        """Whether the sequences differ in length."""
        return bool((self.lengths != self.lengths[0]).any())

    def blocks(self, wanted: list[tuple[int, int]]) -> Iterator[list[str]]:
        """Yield the sequences of half-open ranges, which come in order."""
        raise NotImplementedError


class StreamedSource(Source):
    """Sequences that can only be read from the beginning: once to check them and once to score them."""

    def __init__(self, path: Path, screening: Screening):
        self.path = path
        super().__init__(self.records(screening), screening)

    def records(self, screening: Screening) -> Iterator[tuple[int, str, str]]:
        """Yield place, name and sequence of each record that can be scored; tell ``screening`` of the others."""
        raise NotImplementedError

    def blocks(self, wanted: list[tuple[int, int]]) -> Iterator[list[str]]:
        """Read on from the beginning; raise :class:`FileProblem` where the file is no more what it was."""
        records = enumerate(self.records(Screening(Policy("skip"), self.path)))
        for start, stop in wanted:
            block = []
            for i, (_, name, sequence) in records:
                if i >= len(self) or name != self.names[i] or len(sequence) != self.lengths[i]:
                    raise _changed(self.path)
                if i >= start:
                    block.append(sequence)
                if i == stop - 1:
                    break
            if len(block) != stop - start:
                raise _changed(self.path)
            yield block


class FastaSource(StreamedSource):
    """All records of a FASTA file, never held in memory. ``length`` is what the model takes, ``None`` for any."""

    def __init__(self, path: Path, length: int | None = None, policy: Policy | None = None):
        check_regular(path)
        self.length, self.policy = length, policy or Policy()
        super().__init__(path, Screening(self.policy, path, "record"))

    def records(self, screening: Screening) -> Iterator[tuple[int, str, str]]:
        """Yield the records of the file that the model takes."""
        for place, record in enumerate(scan_fasta(self.path), start=1):
            screening.read += 1
            if isinstance(record, Unusable):
                screening.refuse(place, record.name, record.reason)
                continue
            name, sequence = record
            left, right = self.policy.padding(len(sequence), self.length)
            padded = "N" * left + sequence + "N" * right
            reason = self.policy.wrong_length(name, len(padded), self.length) or self.policy.too_unknown(padded)
            if reason:
                screening.refuse(place, name, reason)
                continue
            if left or right:
                screening.padded.append((place, name, left, right))
            yield place, name, padded


class CutSource(Source):
    """Intervals of a FASTA file, each read when it is wanted."""

    def __init__(self, fasta: Fasta, intervals: Iterable[Interval], screening: Screening):
        self.fasta, self._stamp = fasta, _stamp(fasta.path)
        columns = (Words(), array("q"), array("q"), Words())
        super().__init__(self._screened(intervals, screening, columns), screening)
        self.where = RegionTable(*columns)

    def _screened(self, intervals, screening: Screening, columns) -> Iterator[tuple[int, str, str]]:
        policy = screening.policy
        for one in intervals:
            left, right = max(0, -one.start), max(0, one.end - self.fasta.length(one.chrom))
            try:
                sequence = self._cut(one.chrom, one.start, one.end, one.strand)
            except InputError as problem:  # letters that are not DNA
                screening.refuse(one.line, one.name, str(problem))
                continue
            if reason := policy.wrong_length(one.name, len(sequence), None) or policy.too_unknown(sequence):
                screening.refuse(one.line, one.name, reason)
                continue
            if left or right:
                screening.padded.append((one.line, one.name, left, right))
            for column, value in zip(columns, (one.chrom, one.start, one.end, one.strand), strict=True):
                column.append(value)
            yield one.line, one.name, sequence

    def _cut(self, chrom: str, start: int, end: int, strand: str) -> str:
        sequence = self.fasta.fetch_padded(chrom, start, end)
        return reverse_complement(sequence) if strand == "-" else sequence

    def blocks(self, wanted: list[tuple[int, int]]) -> Iterator[list[str]]:
        """Cut the intervals out; raise :class:`FileProblem` where the FASTA file is no more what it was."""
        where = self.where
        for start, stop in wanted:
            if _stamp(self.fasta.path) != self._stamp:
                raise _changed(self.fasta.path)
            yield [self._cut(*region) for region in where[start:stop]]


class RegionSource(CutSource):
    """The regions of a BED or narrowPeak file, cut out of a FASTA file; options as in ``Fasta.regions``."""

    def __init__(
        self, fasta: Path, regions: Path, width: int | None, policy: Policy | None = None, summits: str = "auto"
    ):
        genome, screening = Fasta(fasta), Screening(policy or Policy(), regions)
        super().__init__(genome, self._intervals(genome, regions, width, summits, screening), screening)
        self.regions, self.chrom_sizes = self.where, genome.sizes
        where = self.where
        self.names = unique_names(self.names, where.chroms, where.starts, where.ends, where.strands)

    @staticmethod
    def _intervals(
        genome: Fasta, regions: Path, width: int | None, summits: str, screening: Screening
    ) -> Iterator[Interval]:
        for one in scan_intervals(regions, width, summits, screening.notes.append):
            screening.read += 1
            if isinstance(one, Malformed):
                remedy = "" if one.remedy is None else f" ({one.remedy.command})"
                screening.refuse(one.line, one.text[:_LONGEST_TEXT], one.reason + remedy)
                continue
            reason = genome.fault(one, width)
            mendable = (
                screening.policy.pads and one.chrom in genome and one.end > 0 and one.start < genome.length(one.chrom)
            )
            if reason and not mendable:
                screening.refuse(one.line, one.name, reason)
                continue
            yield one


class NamesSource(CutSource):
    """The records of a FASTA file that a list of names asks for, one name per line, in the list's order."""

    def __init__(self, fasta: Path, names: Path, length: int | None = None, policy: Policy | None = None):
        genome, screening = Fasta(fasta), Screening(policy or Policy(), names)
        super().__init__(genome, self._intervals(genome, names, length, screening), screening)

    @staticmethod
    def _intervals(genome: Fasta, names: Path, length: int | None, screening: Screening) -> Iterator[Interval]:
        seen: dict[str, int] = {}
        for line, name in read_names(names):
            screening.read += 1
            reason, left, right = None, 0, 0
            if name in seen:
                reason = f"{name!r} was asked for before, in line {seen[name]}"
            elif name not in genome:
                reason = f"the FASTA file {_several_words(name) or genome.absence(name)}"
            elif not (size := genome.length(name)):
                reason = f"{name!r} is empty in the FASTA file"
            else:
                left, right = screening.policy.padding(size, length)
                reason = screening.policy.wrong_length(name, size + left + right, length)
            seen.setdefault(name, line)
            if reason:
                screening.refuse(line, name, reason)
            else:
                yield Interval(name, -left, size + right, name, ".", line)


def read_names(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a list of names with their numbers, but for blank lines and comments (``#``)."""
    empty = True
    with open_text(path) as handle:
        try:
            for number, line in enumerate(handle, start=1):
                if "\0" in line:
                    raise FileProblem(f"{path} is not a list of names: it holds binary data, or text that is not UTF-8")
                name = line.strip()
                if name.startswith(">"):
                    # A header line of the FASTA file goes on with a description, which is no part of the name.
                    name = (name[1:].split(maxsplit=1) or [""])[0]
                if name and not name.startswith("#"):
                    empty = False
                    yield number, name
        except UnicodeDecodeError:
            raise FileProblem(
                f"{path} is not a list of names: it holds binary data, or text that is not UTF-8"
            ) from None
        except EOFError:
            raise FileProblem(f"{path} is truncated; copy it again") from None
    if empty:
        raise InputError(f"{path} holds no names; it should hold one per line")


def _several_words(name: str) -> str:
    """Return why there is no record of the name, where a line of a list of names holds several words; else nothing."""
    if len(name.split()) < 2:
        return ""
    return (
        f"has no record {name!r}; a record's name is the first word of its header, so write one name a line, without a "
        "description"
    )


def _compact(numbers: array) -> np.ndarray:
    """Return an array, of one number in memory if all are the same."""
    whole = np.array(numbers, dtype=np.int64)
    return np.broadcast_to(whole[:1].copy(), whole.shape) if len(whole) and (whole == whole[0]).all() else whole


def _stamp(path: Path) -> tuple[int, int]:
    state = os.stat(path)
    return state.st_size, state.st_mtime_ns


def _changed(path) -> FileProblem:
    return FileProblem(f"{path} was changed while it was being read; start again")
