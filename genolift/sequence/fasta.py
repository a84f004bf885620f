"""FASTA files, read from beginning to end and written."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from genolift.sequence.alphabet import BASES, check_letters
from genolift.sequence.files import open_text, write_text
from genolift.sequence.frames import record_name
from genolift.support.errors import FileProblem, InputError, file_problems

_PLAIN_CODES = (BASES + "N").encode()
# Bytes that are not UTF-8 are decoded as these, so that a description, which nobody reads, can be in any encoding.
NOT_UTF8 = re.compile("[\udc80-\udcff]")


class Unusable(NamedTuple):
    """A record that cannot be used: its number in the file (the first is 1), its name, and the reason."""

    number: int
    name: str
    reason: str


def read_fasta(path: str | os.PathLike, check: bool = True) -> Iterator[tuple[str, str]]:
    """Return the records of a FASTA file one after another.

    The file is opened at once, and each record is checked when its turn comes.

    Parameters
    ----------
    path
        The file: plain, gzip or bgzip.
    check
        Whether to refuse records that are empty or not DNA. The default is ``True``.

    Returns
    -------
    Iterator of (str, str)
        The name of each record, which is the first word of its header line, and its sequence in upper case.

    Raises
    ------
    FileProblem
        If the file is missing, is a directory, cannot be read, is damaged or is not FASTA.
    InputError
        If a record has no name, has the name of another, is empty or is not DNA, or if there is no record.
    """
    path = Path(path)
    return _sound(path, _records(path, open_text(path, "surrogateescape"), check))


def scan_fasta(path: str | os.PathLike) -> Iterator[tuple[str, str] | Unusable]:
    """Return the records of a FASTA file like :func:`read_fasta`, but do not stop at one that cannot be used.

    In the place of such a record comes an :class:`Unusable` with the reason.

    Raises
    ------
    FileProblem
        If the file is missing, is a directory, cannot be read, is damaged or is not FASTA.
    InputError
        If there is no record.
    """
    path = Path(path)
    return _records(path, open_text(path, "surrogateescape"), check=True)


def check_beginning(path: str | os.PathLike) -> None:
    """Raise the errors that :func:`read_fasta` would raise at the very beginning of the file."""
    path = Path(path)
    with open_text(path, "surrogateescape") as handle:
        try:
            if next(_from_first_header(handle, path), None) is None:
                raise InputError(f"{path} holds no sequences: a FASTA record is a line '>name' and lines of sequence")
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise FileProblem(f"{path} is truncated or damaged; copy it again") from None


def _sound(path: Path, records: Iterable[tuple[str, str] | Unusable]) -> Iterator[tuple[str, str]]:
    """Yield the records; raise :class:`InputError` at the first that cannot be used."""
    for one in records:
        if isinstance(one, Unusable):
            raise InputError(f"{path}, record {one.number}: {one.reason}")
        yield one


def lenient_records(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the records of a file that have a name, whatever else is wrong with them.

    Raises
    ------
    FileProblem
        If the file cannot be read, is damaged or is not FASTA.
    InputError
        If there is no record.
    """
    for title, sequence in _parsed(path, open_text(path, "surrogateescape")):
        if name := record_name(title):
            yield name, sequence.upper()


def _records(path: Path, handle: TextIO, check: bool) -> Iterator[tuple[str, str] | Unusable]:
    """Yield the records of an open file; ``check`` says whether they must be DNA."""
    seen: set[str] = set()
    for number, (title, sequence) in enumerate(_parsed(path, handle), start=1):
        name = record_name(title)
        reason: str | None
        if not name:
            reason = "it has no name after '>'"
        elif NOT_UTF8.search(name):
            reason = f"the name {name!r} is not UTF-8; descriptions may be in another encoding, but names must not"
        elif name in seen:
            reason = f"two records are named {name!r}; names must be unique"
        else:
            reason = _fault(name, sequence) if check else None
        seen.add(name)
        yield Unusable(number, name, reason) if reason else (name, sequence.upper())


def _parsed(path: Path, handle: TextIO) -> Iterator[tuple[str, str]]:
    """Yield title and sequence of each record of an open file, with errors that name the file."""
    from Bio.SeqIO.FastaIO import SimpleFastaParser

    empty = True
    with handle, file_problems(path, "read"):
        try:
            for record in SimpleFastaParser(_from_first_header(handle, path)):
                empty = False
                yield record
        except EOFError:
            raise FileProblem(f"{path} is truncated: the compressed data end too early; copy it again") from None
        except (gzip.BadGzipFile, zlib.error) as problem:
            raise FileProblem(f"{path} is damaged: {problem}; copy it again") from None
    if empty:
        raise InputError(f"{path} holds no sequences: a FASTA record is a line '>name' and lines of sequence")


def _from_first_header(handle: TextIO, path: Path) -> Iterator[str]:
    """Yield the lines from the first header on, those of sequence without blanks.

    Anything before the first header is refused, except blank lines and comments.
    """
    started = False
    for line in handle:
        if "\0" in line:
            raise FileProblem(f"{path} is not a FASTA file: it holds binary data")
        is_header = line.startswith(">")
        if not is_header and NOT_UTF8.search(line) and not line.startswith(";"):
            raise FileProblem(f"{path} is not a FASTA file: it holds binary data, or text that is not UTF-8")
        if not started and line.strip() and not line.startswith(";"):
            if not is_header:
                raise FileProblem(f"{path} is not a FASTA file: its first line does not begin with '>'")
            started = True
        if started:
            # The blank in front, which the parser removes, keeps a line with > behind a blank from becoming a header.
            yield line if is_header else " " + "".join(line.split())


def _fault(name: str, sequence: str) -> str | None:
    """Return why a record is not DNA, in words; ``None`` if it is."""
    if not sequence:
        return f"{name!r} is empty; remove it or give it a sequence"
    try:
        check_letters(sequence, repr(name))
    except InputError as problem:
        return str(problem)
    rare = len(sequence.upper().encode().translate(None, _PLAIN_CODES))
    if 2 * rare > len(sequence):
        # Short proteins can be spelled in IUPAC letters alone. DNA never consists mostly of ambiguity codes.
        return f"{name!r}: {rare} of {len(sequence)} letters are ambiguity codes other than N (is it protein?)"
    return None


def write_fasta(path: str | os.PathLike, names: Sequence[str], sequences: Iterable[str]) -> None:
    """Write a FASTA file, whole or not at all, with one line per sequence.

    A file whose name ends in ``.gz`` is compressed by gzip.

    Raises
    ------
    InputError
        If there is not one name per sequence.
    FileProblem
        If ``path`` is a directory or cannot be written.
    """
    sequences = list(sequences)
    if len(names) != len(sequences):
        raise InputError(f"{len(names)} names were given for {len(sequences)} sequences")
    write_text(Path(path), "".join(f">{name}\n{sequence}\n" for name, sequence in zip(names, sequences, strict=True)))
