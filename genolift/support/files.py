"""Files that appear whole or not at all, whatever happens to the process or the machine."""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genolift.support.errors import FileProblem, file_problems

#: What the name of a file ends in until it is whole.
PARTIAL = ".partial"
# What file systems answer that cannot be asked to flush.
_CANNOT_FLUSH = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


def flush(path: Path) -> None:
    """Have the system write a file or a directory to the disk itself, where it can.

    Raises ``OSError`` for a file that the disk does not take. Directories cannot be opened on every system, and that
    is no error.
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
        As the system says it. Its ``filename2`` is the name that could not be given.
    """
    for part, _ in moves:
        flush(part)
    for part, path in moves:
        os.replace(part, path)
        flush(path.parent)


@contextmanager
def whole(path: Path, part: Path | None = None) -> Iterator[Path]:
    """Yield a name to write to; what was written there becomes ``path`` at the end, and is removed if there was an error.

    Parameters
    ----------
    path
        The file to make or replace.
    part
        The name to write to until then, on the same file system. The default is a name beside ``path`` that no other
        process has, and that ends in ``PARTIAL``.
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


def write_json(path: Path, content: dict) -> None:
    """Write a JSON file, and its folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part, part.open("w") as file:
        json.dump(content, file)
