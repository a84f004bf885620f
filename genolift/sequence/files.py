"""Text files, compressed or not, opened and written with errors that name the file and the problem."""

from __future__ import annotations

import codecs
import gzip
import io
import os
from pathlib import Path

from genolift.support.errors import FileProblem
from genolift.support.files import absent, write_whole

#: How the names of directories begin in which input that can be read once only is put aside.
SPOOL = "genolift-spool-"
_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_OTHER_COMPRESSION = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd"}


def is_stream(path: Path) -> bool:
    """Return whether a path can be read once only, because it is a pipe, a terminal or another device."""
    return path.exists() and not path.is_file() and not path.is_dir()


def check_regular(path: Path) -> None:
    """Raise :class:`FileProblem` for a file that can be read once only, where it has to be read several times."""
    if is_stream(path):
        raise FileProblem(
            f"{path} is not a regular file but a pipe or a device, and it has to be read more than once; write it to a "
            "file first"
        )


def is_gzip(handle: io.BufferedReader) -> bool:
    """Return whether a binary file begins as gzip, which bgzip does too. The position in the file does not change."""
    return handle.peek(2)[:2] == b"\x1f\x8b"


def is_bgzf(handle: io.BufferedReader) -> bool:
    """Return whether a binary file begins with a BGZF block, a gzip member with the extra field BC.

    The position in the file does not change.
    """
    head = handle.peek(16)[:16]
    return head[:4] == b"\x1f\x8b\x08\x04" and head[12:14] == b"BC"


def _as_latin_1(problem: UnicodeError) -> tuple[str, int]:
    """Return the letters of Latin-1 that bytes stand for, and where to go on."""
    if not isinstance(problem, UnicodeDecodeError):
        raise problem
    try:
        # This is Latin-1 with quotation marks and the like. Five bytes have no meaning in it, which binary data hold.
        return problem.object[problem.start : problem.end].decode("cp1252"), problem.end
    except UnicodeDecodeError:
        raise problem from None


#: What becomes of bytes that are not UTF-8: they are letters of Latin-1, as older programs write them.
LATIN_1 = "genolift-latin-1"
codecs.register_error(LATIN_1, _as_latin_1)


def open_text(path: str | os.PathLike, errors: str = LATIN_1) -> io.TextIOWrapper:
    """Open a plain, gzip or bgzip text file for reading as UTF-8. A byte order mark is skipped.

    Damage that lies further on in the file shows only when it is read there, as ``EOFError``, ``zlib.error``,
    ``gzip.BadGzipFile`` or ``UnicodeDecodeError``.

    Parameters
    ----------
    path
        The file.
    errors
        What becomes of bytes that are not UTF-8, as Python's ``open`` takes it. The default reads them as letters of
        Latin-1, if they can be that.

    Raises
    ------
    FileProblem
        If the file is missing, is a directory, cannot be read, is compressed in another way, or is a bgzip file without
        its end marker.
    """
    path = Path(path)
    try:
        raw = path.open("rb")
    except FileNotFoundError:
        raise absent(path) from None
    except IsADirectoryError:
        raise FileProblem(f"{path} is a directory, not a file") from None
    except OSError as problem:
        raise FileProblem(f"{path} cannot be read: {problem.strerror or problem}") from None
    try:
        head = raw.peek(8)[:8]
        for magic, name in _OTHER_COMPRESSION.items():
            if head.startswith(magic):
                raise FileProblem(f"{path} is compressed with {name}; decompress it or use gzip or bgzip")
        if not is_gzip(raw):
            return io.TextIOWrapper(raw, encoding="utf-8-sig", errors=errors)
        if is_bgzf(raw) and raw.seekable():
            raw.seek(-min(len(_BGZF_END), os.fstat(raw.fileno()).st_size), os.SEEK_END)
            complete = raw.read() == _BGZF_END
            raw.seek(0)
            if not complete:
                raise FileProblem(f"{path} is truncated: the end marker of bgzip is missing; copy it again")
        return io.TextIOWrapper(gzip.GzipFile(fileobj=raw, mode="rb"), encoding="utf-8-sig", errors=errors)
    except BaseException:
        raw.close()
        raise


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file, whole or not at all.

    A file whose name ends in ``.gz`` is compressed by gzip, without a date in it, so that the same text gives the same
    bytes.

    Raises
    ------
    FileProblem
        If ``path`` is a directory or cannot be written.
    """
    path = Path(path)
    data = text.encode()
    write_whole(path, gzip.compress(data, 6, mtime=0) if path.suffix == ".gz" else data)
