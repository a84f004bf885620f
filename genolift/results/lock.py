"""One writer at a time: a lock that the system releases when its process ends, however it ends."""

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
except ImportError:  # a system without flock: nothing is locked there
    fcntl = None

NAME = "lock"
# What file systems answer that know no locks.
_UNKNOWN_HERE = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}

_held: WeakValueDictionary[tuple[int, Path], WriteLock] = WeakValueDictionary()
_guard = Lock()


class WriteLock:
    """Held from :func:`hold` until nobody in this process refers to it any more."""

    def __init__(self, path: Path, result: Path):
        self._file, self._owner = path / NAME, os.getpid()
        self._handle = _locked(self._file, result)

    def __del__(self):
        handle, self._handle = getattr(self, "_handle", None), None
        if handle is None:
            return
        if self._owner == os.getpid():  # not in a forked child
            with suppress(OSError):  # the lock counts, not the file: what stays after a kill is taken over
                self._file.unlink()
        os.close(handle)


def hold(path: Path, result: Path | None = None) -> WriteLock | None:
    """The lock of the directory ``path``, shared by all writers in this process; ``None`` where there are no locks.

    Raises :class:`FileProblem` if another process holds it, which names the ``result`` that is made there (default the
    directory).
    """
    if fcntl is None:
        return None
    with _guard:
        key = (os.getpid(), path.resolve())  # a forked child is another process
        lock = _held.get(key)
        if lock is None:
            lock = _held[key] = WriteLock(path, result or path)
        return lock


def tidy(path: Path) -> bool:
    """Remove what a process that was killed has left of its lock, where that can be done; returns whether it was."""
    if (path / NAME).exists():
        with suppress(OSError):
            return hold(path) is not None
    return False


def is_abandoned(path: Path) -> bool:
    """Whether the process that locked the directory ``path`` has ended, or none ever put anything there.

    Where that cannot be told, for want of locks, it is not.
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
            os.close(handle)  # whoever held it has removed it since: begin anew with the file there is now
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
