"""``-`` in place of a file: standard input, put aside so that it can be read twice."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from genolift.support.errors import GenoliftError, InputError

DASH = Path("-")
CALLED = "standard input"
_Path = TypeVar("_Path", Path, "Path | None")


@contextmanager
def spooled(*paths: Path | None) -> Iterator[Callable[[_Path], _Path]]:
    """Copy standard input to a temporary file where one of the paths is ``-``.

    Errors that are raised inside call the copy standard input.

    Yields
    ------
    Callable
        A function from a path to where it is read: the copy for ``-``, and the path itself for all others.

    Raises
    ------
    InputError
        If several paths are ``-``, or if nothing is piped into standard input.
    """
    if sum(path == DASH for path in paths) > 1:
        raise InputError("standard input (-) can be read once only; give files for the others")
    if DASH not in paths:
        yield lambda path: path
        return
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError(
            "standard input (-) is a terminal, not data; pipe a file into it, as in zcat x.gz | genolift ..."
        )
    with tempfile.TemporaryDirectory(prefix="genolift-") as folder:
        copy = Path(folder) / "stdin"
        with copy.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        try:
            yield lambda path: copy if path == DASH else path
        except GenoliftError as problem:
            problem.args = tuple(str(part).replace(str(copy), CALLED) for part in problem.args)
            raise
