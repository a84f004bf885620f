"""FASTA files: streaming whole files, random access to large ones, and writing."""

import gzip
import hashlib
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from genolift.sequence.alphabet import AMBIGUOUS, BASES, check_letters
from genolift.sequence.files import is_bgzf, open_text, write_text
from genolift.sequence.regions import Interval, Regions, read_intervals
from genolift.support.errors import FileProblem, InputError, file_problems
from genolift.support.files import whole

_PLAIN_CODES = (BASES + "N").encode()
_RARE_CODES = (AMBIGUOUS.replace("N", "")).encode()


class Unusable(NamedTuple):
    """A record that cannot be read: its number in the file, from 1 on, its name, and why it cannot."""

    number: int
    name: str
    reason: str


def read_fasta(path) -> Iterator[tuple[str, str]]:
    """Records of a FASTA file one after another: (name, sequence in upper case).

    Reads plain, gzip and bgzip. The name is the first word of the header line. The file is opened at once,
    records are checked as they come. Raises :class:`FileProblem` for a file that is missing, a directory, not
    readable, damaged or not FASTA, and :class:`InputError` for records that are empty, nameless, named twice
    or not DNA.
    """
    path = Path(path)
    return _sound(path, _records(path, open_text(path), _fault))


def scan_fasta(path) -> Iterator[tuple[str, str] | Unusable]:
    """Like :func:`read_fasta`, with records that cannot be used in their place instead of an :class:`InputError`.

    A file that holds no record at all is an error still.
    """
    path = Path(path)
    return _records(path, open_text(path), _fault)


def _sound(path: Path, records) -> Iterator[tuple[str, str]]:
    for one in records:
        if isinstance(one, Unusable):
            raise InputError(f"{path}, record {one.number}: {one.reason}")
        yield one


def _records(path: Path, handle, fault: Callable[[str, str], str | None]) -> Iterator[tuple[str, str] | Unusable]:
    """What the file holds; ``fault(name, sequence)`` tells what is wrong with a record itself."""
    from Bio.SeqIO.FastaIO import SimpleFastaParser

    seen, number = set(), 0
    with handle, file_problems(path, "read"):
        try:
            for number, (title, sequence) in enumerate(SimpleFastaParser(_from_first_header(handle, path)), start=1):
                name = title.split(maxsplit=1)[0] if title.strip() else ""
                if not name:
                    reason = "it has no name after '>'"
                elif name in seen:
                    reason = f"two records are named {name!r}; names must be unique"
                else:
                    reason = fault(name, sequence)
                seen.add(name)
                yield Unusable(number, name, reason) if reason else (name, sequence.upper())
        except EOFError:
            raise FileProblem(f"{path} is truncated: the compressed data end too early; copy it again") from None
        except (gzip.BadGzipFile, zlib.error) as problem:
            raise FileProblem(f"{path} is damaged: {problem}; copy it again") from None
        except UnicodeDecodeError:
            raise FileProblem(f"{path} is not a FASTA file: it holds binary data, or text that is not UTF-8") from None
    if not number:
        raise InputError(f"{path} holds no sequences: a FASTA record is a line '>name' and lines of sequence")


def _from_first_header(handle, path: Path) -> Iterator[str]:
    """Lines of the file; refuses what stands before the first header but blank lines and comments."""
    started = False
    for line in handle:
        if "\0" in line:
            raise FileProblem(f"{path} is not a FASTA file: it holds binary data")
        if not started and line.strip() and not line.startswith(";"):
            if not line.startswith(">"):
                raise FileProblem(f"{path} is not a FASTA file: its first line does not begin with '>'")
            started = True
        if started:
            yield line


def _fault(name: str, sequence: str) -> str | None:
    """Why a record is not DNA, in words; ``None`` if it is."""
    if not sequence:
        return f"{name!r} is empty; remove it or give it a sequence"
    try:
        check_letters(sequence, repr(name))
    except InputError as problem:
        return str(problem)
    rare = len(sequence.upper().encode().translate(None, _PLAIN_CODES))
    if 2 * rare > len(sequence):
        # short proteins can be spelled in IUPAC letters alone; DNA never consists mostly of ambiguity codes
        return f"{name!r}: {rare} of {len(sequence)} letters are ambiguity codes other than N (is it protein?)"
    return None


def write_fasta(path, names: Sequence[str], sequences: Iterable[str]) -> None:
    """Write a FASTA file, one line per sequence, whole or not at all; gzip if the name ends in ``.gz``."""
    sequences = list(sequences)
    if len(names) != len(sequences):
        raise InputError(f"{len(names)} names were given for {len(sequences)} sequences")
    write_text(Path(path), "".join(f">{name}\n{sequence}\n" for name, sequence in zip(names, sequences, strict=True)))


class Fasta:
    """Random access to a FASTA file of any size: plain, gzip or bgzip.

    Coordinates are 0-based and half-open; sequences come in upper case. An index that lies beside the file is
    used when it is current; otherwise the index (and for plain gzip, or for lines of uneven length, a copy
    that can be indexed) goes to the user's cache directory, never beside the file.
    """

    def __init__(self, path):
        """Open ``path``; raises :class:`FileProblem` or :class:`InputError` like :func:`read_fasta`."""
        self.path = Path(path)
        with open_text(self.path) as handle:  # the clear errors: missing, directory, truncated, other compression
            _sniff(handle, self.path)
        self._faidx = self._open()
        self._lengths = {name: entry.rlen for name, entry in self._faidx.index.items()}
        self._by_number: dict[str, str] | None = None
        if not self._lengths:
            raise InputError(f"{self.path} holds no sequences")

    def _open(self):
        compressed = self.path.suffix in (".gz", ".bgz")
        with self.path.open("rb") as handle:
            if compressed == is_bgzf(handle):
                with suppress(Exception):  # whatever pyfaidx stumbles over, the streaming reader takes or explains
                    return self._index(self.path, compressed)
        return self._index(self._normalised(), False)

    def _index(self, path: Path, compressed: bool):
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
        """A plain copy with lines of one length, in the cache."""
        target = Path(f"{_cache_path(self.path)}.fa")
        if not target.exists():
            with whole(target) as part:
                part.touch(0o600)  # others may read the cache, and need not be allowed to read this file
                with part.open("w") as out:
                    # Letters are checked where they are fetched: a record that nobody asks for does no harm.
                    for name, sequence in _sound(
                        self.path, _records(self.path, open_text(self.path), lambda *record: None)
                    ):
                        out.write(f">{name}\n")
                        out.writelines(sequence[i : i + 80] + "\n" for i in range(0, len(sequence), 80))
        return target

    @property
    def names(self) -> list[str]:
        """Names of the records, in the file's order."""
        return list(self._lengths)

    @property
    def sizes(self) -> dict[str, int]:
        """The records' names and lengths, in the file's order."""
        return dict(self._lengths)

    def __contains__(self, name) -> bool:
        return name in self._lengths

    def length(self, name: str) -> int:
        """Number of bases of the record ``name``."""
        if name not in self._lengths:
            raise InputError(f"{self.path} has no record {name!r}{self.hint(name)}")
        return self._lengths[name]

    def hint(self, name: str) -> str:
        """What a record that is not there may be called here; to be added to a message."""
        if self._by_number is None:
            self._by_number = {_number(known): known for known in self._lengths}
        if other := self._by_number.get(_number(name)):
            return f"; it calls it {other!r}"
        known = ", ".join(self.names[:3]) + (", ..." if len(self.names) > 3 else "")
        return f"; it has {known}"

    def fetch(self, name: str, start: int = 0, end: int | None = None) -> str:
        """Bases ``start`` to ``end`` (0-based, half-open) of a record, upper case; an error if outside it."""
        length = self.length(name)
        end = length if end is None else end
        if not 0 <= start < end <= length:
            raise InputError(f"{self.path}: {name}:{start}-{end} does not lie within {name}, which has {length} bases")
        sequence = str(self._faidx.fetch(name, start + 1, end))
        check_letters(sequence, f"{self.path}: {name}:{start}-{end}")
        return sequence

    def regions(self, path, width: int | None = None) -> Regions:
        """Sequences of the regions of a BED or narrowPeak file, reverse-complemented on strand ``-``.

        ``width``: every region becomes this long, centred on the narrowPeak summit or, without one, on the
        middle. Raises :class:`InputError` naming file and line for a malformed line, an unknown chromosome,
        or a region that leaves its chromosome.
        """
        intervals = read_intervals(path, width)
        for interval in intervals:
            if reason := self.fault(interval, width):
                raise InputError(f"{path}, line {interval.line}: {reason}")
        return Regions.cut(intervals, self.fetch)

    def fault(self, interval: Interval, width: int | None = None) -> str | None:
        """Why an interval, widened to ``width``, cannot be cut out, in words; ``None`` if it can."""
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
        """Like :meth:`fetch`, with N for what lies beyond the record's ends."""
        length = self.length(name)
        inside = max(0, start), min(end, length)
        if not inside[0] < inside[1]:
            raise InputError(f"{self.path}: {name}:{start}-{end} lies beyond {name}, which has {length} bases")
        return "N" * (inside[0] - start) + self.fetch(name, *inside) + "N" * (end - inside[1])


def _number(chromosome: str) -> str:
    """What the habits of naming chromosomes have in common: ``1`` for chr1, Chr1 and 1, ``m`` for chrM and MT."""
    number = chromosome.lower().removeprefix("chr")
    return "m" if number == "mt" else number


def _sniff(handle, path: Path) -> None:
    """Raise what :func:`read_fasta` would raise at the very beginning of the file."""
    try:
        if next(_from_first_header(handle, path), None) is None:
            raise InputError(f"{path} holds no sequences: a FASTA record is a line '>name' and lines of sequence")
    except UnicodeDecodeError:
        raise FileProblem(f"{path} is not a FASTA file: it holds binary data, or text that is not UTF-8") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise FileProblem(f"{path} is truncated or damaged; copy it again") from None


def _cache_path(path: Path) -> Path:
    """A path in the cache that belongs to this very version of the file."""
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
