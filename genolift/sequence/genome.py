"""Random access to genomes in FASTA files of any size."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from genolift.sequence.alphabet import check_letters
from genolift.sequence.fasta import NOT_UTF8, check_beginning
from genolift.sequence.files import check_regular
from genolift.sequence.frames import BLANKS
from genolift.sequence.index import open_indexed
from genolift.sequence.regions import Interval, Regions, read_intervals
from genolift.support.errors import FileProblem, InputError


class Fasta:
    """Random access to a FASTA file of any size.

    Coordinates are 0-based and half-open, and sequences come in upper case. The file is read once from beginning to end
    to find where its records lie. Of a large file this is kept in the user's cache directory, so that the next time is
    quick. An index that lies beside the file is not used, because it may be of another version of it. A gzip file that
    is not bgzip, or one with lines of uneven length, cannot be read at any place, so a plain copy goes to the cache
    directory, and the log says so.

    Parameters
    ----------
    path
        The file: plain, gzip or bgzip.
    progress
        Whether reading it for the first time shows progress. The default ``None`` shows it for large files.

    Attributes
    ----------
    path : Path
        The file.

    Raises
    ------
    FileProblem
        If the file is missing, is a directory or a pipe, cannot be read, is damaged or is not FASTA, or if it has to be
        copied and the copy cannot be written.
    InputError
        If the file holds no sequences, or none with a name of its own.
    """

    def __init__(self, path: str | os.PathLike, progress: bool | None = None):
        self.path = Path(path)
        check_regular(self.path)
        check_beginning(self.path)
        self._bytes, frames = open_indexed(self.path, progress)
        # Nobody can ask for a record without a name, or for one whose name no other file can hold.
        known = [frame for frame in frames if frame.name and not NOT_UTF8.search(frame.name)]
        counts = Counter(frame.name for frame in known)
        self._repeated = {name: count for name, count in counts.items() if count > 1}
        self._frames = {frame.name: frame for frame in known if frame.name not in self._repeated}
        self._by_number: dict[str, str] | None = None
        if not self._frames:
            raise InputError(f"{self.path} holds no record that has a name of its own")

    @property
    def names(self) -> list[str]:
        """The names of the records, in the file's order, without those that several records share."""
        return list(self._frames)

    @property
    def sizes(self) -> dict[str, int]:
        """The number of bases of each record by its name, in the file's order."""
        return {name: frame.length for name, frame in self._frames.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._frames

    def length(self, name: str) -> int:
        """Return the number of bases of a record.

        Parameters
        ----------
        name
            The record's name.

        Returns
        -------
        int
            The number of bases.

        Raises
        ------
        InputError
            If the file has no such record, or several.
        """
        if name not in self._frames:
            raise InputError(f"{self.path} {self.absence(name)}")
        return self._frames[name].length

    def absence(self, name: str, called: str | None = None) -> str:
        """Return why there is no record of a name, as the end of a sentence about the file.

        Parameters
        ----------
        name
            A name that is not among ``names``.
        called
            What the sentence calls it. The default ``None`` is ``"record 'chr1'"``.

        Returns
        -------
        str
            ``"has no record '1'; it calls it 'chr1'"`` where only the style of the name differs, and else the file's
            first three names. Where several records have the name, it says that.
        """
        if name in self._repeated:
            return f"has {self._repeated[name]} records named {name!r}, and it is not clear which one is meant"
        return f"has no {called or f'record {name!r}'}{self.hint(name)}"

    def hint(self, name: str) -> str:
        """Return the end of an error message that says what a missing record may be called in this file.

        Parameters
        ----------
        name
            A name that the file does not have.

        Returns
        -------
        str
            ``"; it calls it 'chr1'"`` where only the style of the name differs, and else the file's first three names.
        """
        if self._by_number is None:
            self._by_number = {_number(known): known for known in self._frames}
        if other := self._by_number.get(_number(name)):
            return f"; it calls it {other!r}"
        known = ", ".join(self.names[:3]) + (", ..." if len(self._frames) > 3 else "")
        return f"; it has {known}"

    def fetch(self, name: str, start: int = 0, end: int | None = None) -> str:
        """Return bases of a record.

        Parameters
        ----------
        name
            The record's name.
        start, end
            The first base, and the one after the last (0-based, half-open). The default is the whole record.

        Returns
        -------
        str
            The bases in upper case.

        Raises
        ------
        InputError
            If the file has no such record, if it does not hold these bases, or if a letter is not DNA.
        """
        length = self.length(name)
        end = length if end is None else end
        if not 0 <= start < end <= length:
            raise InputError(f"{self.path}: {name}:{start}-{end} does not lie within {name}, which has {length} bases")
        frame = self._frames[name]
        data = self._bytes.read(frame.place(start), frame.place(end - 1) + 1).translate(None, BLANKS)
        if len(data) != end - start or not data.isascii():
            raise FileProblem(f"{self._bytes.path} is no longer what it was when it was first read; start again")
        sequence = data.decode("ascii").upper()
        check_letters(sequence, f"{self.path}: {name}:{start}-{end}")
        return sequence

    def regions(self, path: str | os.PathLike, width: int | None = None, summits: str = "auto") -> Regions:
        """Return the sequences of the regions of a BED or narrowPeak file.

        Regions on the strand ``-`` are reverse-complemented.

        Parameters
        ----------
        path
            The file of regions: plain, gzip or bgzip. A file of AnnData (.h5ad) gives the regions of its ``.var``.
        width
            Number of bases that every region gets, centred on the summit of a narrowPeak line or, without one, on the
            middle of the region. The default ``None`` keeps the regions as they are.
        summits
            Which column holds summits, as offsets from the start: ``"auto"`` (the default) takes column 10 where the
            lines are narrowPeak, ``"none"`` takes none, and a number such as ``"10"`` names the column.

        Returns
        -------
        Regions
            The sequences with their names, coordinates and strands.

        Raises
        ------
        InputError
            If a line is malformed, names a chromosome that the file does not have, or gives a region that leaves its
            chromosome (the message names file and line), or if there is no region.
        FileProblem
            If the file of regions cannot be read.
        """
        intervals = read_intervals(path, width, summits)
        for interval in intervals:
            if reason := self.fault(interval, width):
                raise InputError(f"{path}, line {interval.line}: {reason}")
        return Regions.cut(intervals, self.fetch)

    def fault(self, interval: Interval, width: int | None = None) -> str | None:
        """Return why an interval cannot be cut out, in words; ``None`` if it can.

        Parameters
        ----------
        interval
            The interval.
        width
            The width that the interval was set to, for the message; ``None`` (the default) if it is as its file has it.

        Returns
        -------
        str or None
            The reason.
        """
        if interval.chrom not in self:
            return f"the genome {self.absence(interval.chrom, repr(interval.chrom))}"
        length = self._frames[interval.chrom].length
        if interval.start >= 0 and interval.end <= length:
            return None
        widened = f" (at width {width})" if width is not None else ""
        return (
            f"{interval.chrom}:{interval.start}-{interval.end}{widened} leaves {interval.chrom}, "
            f"which has {length} bases"
        )

    def fetch_padded(self, name: str, start: int, end: int) -> str:
        """Return bases of a record like :meth:`fetch`, with N in the place of bases beyond the record's ends.

        Parameters
        ----------
        name
            The record's name.
        start, end
            The first base, and the one after the last (0-based, half-open). They may lie outside the record.

        Returns
        -------
        str
            ``end - start`` bases in upper case.

        Raises
        ------
        InputError
            If the file has no such record, if it holds none of these bases, or if a letter is not DNA.
        """
        length = self.length(name)
        inside = max(0, start), min(end, length)
        if not inside[0] < inside[1]:
            raise InputError(f"{self.path}: {name}:{start}-{end} lies beyond {name}, which has {length} bases")
        return "N" * (inside[0] - start) + self.fetch(name, *inside) + "N" * (end - inside[1])


def _number(chromosome: str) -> str:
    """Return what styles of naming a chromosome have in common: ``1`` for chr1, Chr1 and 1, ``m`` for chrM and MT."""
    number = chromosome.lower().removeprefix("chr")
    return "m" if number == "mt" else number
