"""Input that can be read once only, such as standard input (``-``) and pipes, copied so that it can be read twice."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from genolift.sequence.files import SPOOL, is_stream
from genolift.support.errors import FileProblem, GenoliftError, InputError, file_problems

log = logging.getLogger("genolift")

DASH = Path("-")
CALLED = "standard input"
_Path = TypeVar("_Path", Path, "Path | None")


@contextmanager
def spooled(*paths: Path | None) -> Iterator[Callable[[_Path], _Path]]:
    """Copy what can be read once only to temporary files: standard input where a path is ``-``, and pipes.

    Errors that are raised inside, and what is logged there, call the copies what the user called them.

    Yields
    ------
    Callable
        A function from a path to where it is read: the copy, and the path itself for a file.

    Raises
    ------
    InputError
        If several paths are standard input, or the same pipe, or if nothing is piped into standard input.
    FileProblem
        If a pipe cannot be read, or the copy cannot be written.
    """
    streams = [path for path in paths if path is not None and (path == DASH or is_stream(path))]
    if not streams:
        yield lambda path: path
        return
    for path in streams:
        if streams.count(path) > 1:
            told = f"{CALLED} (-)" if path == DASH else path
            raise InputError(f"{told} can be read once only; give files for the others")
    if DASH in streams and (sys.stdin is None or sys.stdin.isatty()):
        raise InputError(
            "standard input (-) is a terminal, not data; pipe a file into it, as in zcat x.gz | genolift ..."
        )
    with tempfile.TemporaryDirectory(prefix=SPOOL) as folder:
        copies = {path: Path(folder) / f"{number}-{path.name}" for number, path in enumerate(streams)}
        for path, copy in copies.items():
            _copy(path, copy)
        called = {str(copy): CALLED if path == DASH else str(path) for path, copy in copies.items()}

        def place(path: _Path) -> _Path:
            return path if path is None else copies.get(path, path)

        names = _Called(called)
        log.addFilter(names)
        try:
            yield place
        except GenoliftError as problem:
            problem.args = tuple(names.in_text(str(part)) for part in problem.args)
            raise
        finally:
            log.removeFilter(names)


class _Called(logging.Filter):
    """Calls copies in what is logged what the user called them."""

    def __init__(self, names: dict[str, str]):
        super().__init__()
        self._names = names

    def in_text(self, text: str) -> str:
        for copy, name in self._names.items():
            text = text.replace(copy, name)
        return text

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.in_text(record.getMessage()), ()
        return True


def _copy(path: Path, copy: Path) -> None:
    """Write what comes from standard input or a pipe to a file."""
    if path != DASH:
        log.info("%s is a pipe, and is read until it ends", path)
    with file_problems(CALLED if path == DASH else path, "read"):
        source = sys.stdin.buffer if path == DASH else path.open("rb")
    try:
        with copy.open("wb") as out:
            shutil.copyfileobj(source, out)
    except OSError as problem:
        raise FileProblem(
            f"{CALLED if path == DASH else path} cannot be put aside in {copy.parent.parent}: "
            f"{problem.strerror or problem}; set TMPDIR to a directory with room, or give a file"
        ) from None
    finally:
        if path != DASH:
            source.close()
