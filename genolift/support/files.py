"""Files that are written whole or not at all, whatever happens to the process or the machine."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from genolift.support.errors import FileProblem, file_problems

#: The end of a file's name until the file is whole.
PARTIAL = ".partial"
# The errors of file systems that cannot flush.
_CANNOT_FLUSH = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


# Of what pathlib makes of an address, which has one slash less.
_ADDRESS = re.compile(r"(https?|ftps?|sftp|s3|gs|gcs|az|abfss?|hdfs|dbfs|file|drs|doi):/+", re.IGNORECASE)


def address(path: object) -> str | None:
    """Return the address on a network that somebody gave as a path; ``None`` if it is a path."""
    found = _ADDRESS.match(str(path))
    return None if found is None else f"{found[1]}://{str(path)[found.end() :]}"


def check_no_address(path: object) -> None:
    """Raise :class:`FileProblem` for an address on a network in the place of a path."""
    if told := address(path):
        raise FileProblem(_ONLY_FILES.format(told))


def absent(path: object, more: str = "") -> FileProblem:
    """Return the error that a file is not there, and why where it is an address on a network."""
    told = address(path)
    return FileProblem(f"{path} does not exist{more}" if told is None else _ONLY_FILES.format(told))


_ONLY_FILES = "{} is an address, and only files of this machine are read and written; download it and give the file"


def flush(path: Path) -> None:
    """Have the system write a file or a directory to the disk itself, where it can.

    Not every system can open a directory, so a directory that cannot be written is not an error.

    Raises
    ------
    OSError
        If a file cannot be written to the disk.
    """
    is_directory = path.is_dir()
    try:
        handle = os.open(path, os.O_RDONLY if is_directory else os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as problem:
        if not is_directory and problem.errno not in _CANNOT_FLUSH:
            raise


def move_into_place(*moves: tuple[Path, Path]) -> None:
    """Give finished files their names.

    All of them are on the disk before the first is moved, so that a full disk or a power cut leaves the old files or
    the new ones, and never half of one.

    Parameters
    ----------
    moves
        Pairs of the file that is finished and the name it gets, on the same file system. The files are moved in this
        order.

    Raises
    ------
    OSError
        If the system refuses. Its ``filename2`` is the name that could not be given.
    """
    for part, _ in moves:
        flush(part)
    for part, path in moves:
        os.replace(part, path)
        flush(path.parent)


@contextmanager
def whole(path: Path, part: Path | None = None) -> Iterator[Path]:
    """Yield a name to write to. The file of that name becomes ``path`` at the end, or is removed after an error.

    Parameters
    ----------
    path
        The file to make or replace.
    part
        The name to write to until then, on the same file system. The default is a name beside ``path`` that no other
        process has, and that ends in ``PARTIAL``.

    Yields
    ------
    Path
        The name to write to.
    """
    if part is None:
        part = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    try:
        yield part
        move_into_place((part, path))
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_whole(path: Path, data: bytes) -> None:
    """Make or replace a file; raise :class:`FileProblem` if it is a directory or cannot be written."""
    if path.is_dir():
        raise FileProblem(f"{path} is a directory; give the name of a file")
    with file_problems(path, "written"), whole(path) as part:
        part.write_bytes(data)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file, and make its folder if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part, part.open("w") as file:
        json.dump(content, file)
