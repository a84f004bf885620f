"""Random access to genomes in FASTA files of any size."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from genolift.sequence.alphabet import check_letters
from genolift.sequence.fasta import check_beginning, read_fasta
from genolift.sequence.files import is_bgzf
from genolift.sequence.regions import Interval, Regions, read_intervals
from genolift.support.errors import FileProblem, InputError
from genolift.support.files import whole

if TYPE_CHECKING:
    from pyfaidx import Faidx


class Fasta:
    """Random access to a FASTA file of any size.

    Coordinates are 0-based and half-open, and sequences come in upper case. An index that lies beside the file is used
    when it is newer than the file. Otherwise an index is made in the user's cache directory, never beside the file. A
    gzip file that is not bgzip, or one with lines of uneven length, cannot be indexed as it is, so a plain copy goes to
    the cache directory too.

    Parameters
    ----------
    path
        The file: plain, gzip or bgzip.

    Attributes
    ----------
    path : Path
        The file.

    Raises
    ------
    FileProblem
        If the file is missing, is a directory, cannot be read, is damaged or is not FASTA, or if no cache directory can
        be written.
    InputError
        If the file holds no sequences, or if it has to be copied and holds a record without a name or two of one name.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        check_beginning(self.path)
        self._faidx = self._open()
        self._lengths = {name: entry.rlen for name, entry in self._faidx.index.items()}
        self._by_number: dict[str, str] | None = None
        if not self._lengths:
            raise InputError(f"{self.path} holds no sequences")

    def _open(self) -> Faidx:
        compressed = self.path.suffix in (".gz", ".bgz")
        with self.path.open("rb") as handle:
            if compressed == is_bgzf(handle):
                with suppress(Exception):  # What pyfaidx cannot read, the streaming reader below reads or explains.
                    return self._index(self.path, compressed)
        return self._index(self._normalised(), False)

    def _index(self, path: Path, compressed: bool) -> Faidx:
        from pyfaidx import Faidx

        beside = [Path(f"{path}{suffix}") for suffix in ((".fai", ".gzi") if compressed else (".fai",))]
        current = all(index.exists() and index.stat().st_mtime >= path.stat().st_mtime for index in beside)
        stem = str(path) if current else str(_cache_path(path))
        return Faidx(
            str(path),
            indexname=stem + ".fai",
            gzi_indexname=stem + ".gzi" if compressed else None,
            sequence_always_upper=True,
            as_raw=True,
        )

    def _normalised(self) -> Path:
        """Return a plain copy with lines of one length, which is made in the cache if it is not there."""
        target = Path(f"{_cache_path(self.path)}.fa")
        if not target.exists():
            with whole(target) as part:
                part.touch(0o600)  # Others may read the cache, but perhaps they must not read this file.
                with part.open("w") as out:
                    # Letters are checked when they are fetched, so a record that nobody asks for may hold others.
                    for name, sequence in read_fasta(self.path, check=False):
                        out.write(f">{name}\n")
                        out.writelines(sequence[i : i + 80] + "\n" for i in range(0, len(sequence), 80))
        return target

    @property
    def names(self) -> list[str]:
        """The names of the records, in the file's order."""
        return list(self._lengths)

    @property
    def sizes(self) -> dict[str, int]:
        """The number of bases of each record by its name, in the file's order."""
        return dict(self._lengths)

    def __contains__(self, name: str) -> bool:
        return name in self._lengths

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
            If the file has no such record.
        """
        if name not in self._lengths:
            raise InputError(f"{self.path} has no record {name!r}{self.hint(name)}")
        return self._lengths[name]

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
            self._by_number = {_number(known): known for known in self._lengths}
        if other := self._by_number.get(_number(name)):
            return f"; it calls it {other!r}"
        known = ", ".join(self.names[:3]) + (", ..." if len(self.names) > 3 else "")
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
        sequence = str(self._faidx.fetch(name, start + 1, end))
        check_letters(sequence, f"{self.path}: {name}:{start}-{end}")
        return sequence

    def regions(self, path: str | os.PathLike, width: int | None = None, summits: str = "auto") -> Regions:
        """Return the sequences of the regions of a BED or narrowPeak file.

        Regions on the strand ``-`` are reverse-complemented.

        Parameters
        ----------
        path
            The file of regions: plain, gzip or bgzip.
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
            return f"the genome has no {interval.chrom!r}{self.hint(interval.chrom)}"
        length = self._lengths[interval.chrom]
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


def _cache_path(path: Path) -> Path:
    """Return a path in the cache that belongs to this very version of the file."""
    path = path.resolve()
    stat = path.stat()
    key = hashlib.blake2b(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}".encode(), digest_size=10).hexdigest()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    for folder in (Path(base) / "genolift", Path(tempfile.gettempdir()) / f"genolift-{os.getuid()}"):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder / f"{path.name}.{key}"
    raise FileProblem(f"no cache directory for the index of {path} can be written; set XDG_CACHE_HOME")
