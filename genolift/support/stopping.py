"""Long work that stops when nobody waits for it any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Abandoned(BaseException):
    """Work was given up on request. No handler of errors takes it for one, like :class:`KeyboardInterrupt`."""


_asked: ContextVar[Callable[[], bool] | None] = ContextVar("asked", default=None)


@contextmanager
def stopping(asked: Callable[[], bool]) -> Iterator[None]:
    """Let the work of the block end by :class:`Abandoned` soon after ``asked`` returns true.

    It ends where it counts its progress, and between blocks of sequences and references.
    """
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)


def check_stop() -> None:
    """Raise :class:`Abandoned` if the work that runs in this thread is to stop."""
    asked = _asked.get()
    if asked is not None and asked():
        raise Abandoned
