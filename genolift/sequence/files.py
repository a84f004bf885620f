"""Opening and writing text files, compressed or not, with errors that name the file and the trouble."""

import gzip
import io
import os
from pathlib import Path

from genolift.support.errors import FileProblem
from genolift.support.files import write_whole

_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_OTHER_COMPRESSION = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd"}


def is_bgzf(handle) -> bool:
    """Whether a binary file begins with a BGZF block (a gzip member with the extra field BC)."""
    head = handle.peek(16)[:16]
    return head[:4] == b"\x1f\x8b\x08\x04" and head[12:14] == b"BC"


def open_text(path) -> io.TextIOBase:
    """Open a plain, gzip or bgzip text file for reading as UTF-8 (a byte order mark is skipped).

    Raises :class:`FileProblem` if it is missing, a directory, not readable, compressed in another way, or a
    bgzip file without its end marker. Damage further on shows as ``EOFError``, ``zlib.error`` or
    ``UnicodeDecodeError`` when it is read.
    """
    path = Path(path)
    try:
        raw = path.open("rb")
    except FileNotFoundError:
        raise FileProblem(f"{path} does not exist") from None
    except IsADirectoryError:
        raise FileProblem(f"{path} is a directory, not a file") from None
    except OSError as problem:
        raise FileProblem(f"{path} cannot be read: {problem.strerror or problem}") from None
    try:
        head = raw.peek(8)[:8]
        for magic, name in _OTHER_COMPRESSION.items():
            if head.startswith(magic):
                raise FileProblem(f"{path} is compressed with {name}; decompress it or use gzip or bgzip")
        if not head.startswith(b"\x1f\x8b"):
            return io.TextIOWrapper(raw, encoding="utf-8-sig")
        if is_bgzf(raw) and raw.seekable():
            raw.seek(-min(len(_BGZF_END), os.fstat(raw.fileno()).st_size), os.SEEK_END)
            complete = raw.read() == _BGZF_END
            raw.seek(0)
            if not complete:
                raise FileProblem(f"{path} is truncated: the end marker of bgzip is missing; copy it again")
        return io.TextIOWrapper(gzip.GzipFile(fileobj=raw, mode="rb"), encoding="utf-8-sig")
    except BaseException:
        raw.close()
        raise


def write_text(path, text: str) -> None:
    """Write ``text``, whole or not at all; gzip, without a date, if the name ends in ``.gz``."""
    path = Path(path)
    data = text.encode()
    write_whole(path, gzip.compress(data, 6, mtime=0) if path.suffix == ".gz" else data)
