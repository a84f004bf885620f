"""A lock that lets one process write at a time. The system releases it when the process ends, however it ends."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

from genolift.support.errors import FileProblem

try:
    import fcntl
except ImportError:  # The system has no flock, so nothing is locked there.
    fcntl = None  # type: ignore[assignment]  # A module that may be missing has no type of its own.

NAME = "lock"
# The errors of file systems that have no locks.
_UNKNOWN_HERE = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}

_held: WeakValueDictionary[tuple[int, Path], WriteLock] = WeakValueDictionary()
_guard = Lock()


class WriteLock:
    """A lock that is held from :func:`hold` until nothing in this process refers to it any more."""

    def __init__(self, path: Path, result: Path):
        self._file, self._owner = path / NAME, os.getpid()
        self._handle = _locked(self._file, result)

    def __del__(self):
        handle, self._handle = getattr(self, "_handle", None), None
        if handle is None:
            return
        if self._owner == os.getpid():  # A forked child leaves the file to its parent.
            with suppress(OSError):  # The lock counts and not the file: one that a killed process left is taken over.
                self._file.unlink()
        os.close(handle)


def hold(path: Path, result: Path | None = None) -> WriteLock | None:
    """Take the lock of a directory, which all writers in this process share.

    Parameters
    ----------
    path
        The directory.
    result
        What is made there, as the error names it; by default the directory.

    Returns
    -------
    WriteLock or None
        The lock; ``None`` on a system without locks.

    Raises
    ------
    FileProblem
        If another process holds the lock.
    """
    if fcntl is None:
        return None
    with _guard:
        key = (os.getpid(), path.resolve())  # A forked child is another process.
        lock = _held.get(key)
        if lock is None:
            lock = _held[key] = WriteLock(path, result or path)
        return lock


def tidy(path: Path) -> bool:
    """Remove the lock that a killed process has left in a directory, and return whether that was done."""
    if (path / NAME).exists():
        with suppress(OSError):
            return hold(path) is not None
    return False


def is_abandoned(path: Path) -> bool:
    """Return whether the process that locked a directory has ended, or the directory is empty.

    The answer is no on a system without locks, because it cannot be told there.
    """
    if fcntl is None:
        return False
    try:
        handle = os.open(path / NAME, os.O_RDWR)
    except FileNotFoundError:
        return not any(path.iterdir())
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(handle)


def _locked(file: Path, result: Path) -> int | None:
    while True:
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(file, handle):
                return handle
            os.close(handle)  # The last holder has removed this file since, so begin again with the file there is now.
        except OSError as error:
            os.close(handle)
            if isinstance(error, BlockingIOError) or error.errno in (errno.EACCES, errno.EAGAIN):
                raise FileProblem(
                    f"{result} is being written by another process; wait until it has finished, or give another path"
                ) from None
            if error.errno in _UNKNOWN_HERE:
                with suppress(OSError):
                    file.unlink()
                return None
            raise


def _is_still(file: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(file), os.fstat(handle))
    except FileNotFoundError:
        return False
