"""``-`` in place of a file: standard input, put aside so that it can be read twice."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genolift.support.errors import GenoliftError, InputError

DASH = Path("-")
CALLED = "standard input"


@contextmanager
def spooled(*paths: Path | None) -> Iterator[tuple[Path | None, ...]]:
    """The same paths, with a temporary copy of standard input in place of ``-``; gone afterwards.

    Errors raised inside call it standard input. Raises :class:`InputError` if several paths are ``-``, and
    where nothing is piped into it.
    """
    if sum(path == DASH for path in paths) > 1:
        raise InputError("standard input (-) can be read once only; give files for the others")
    if DASH not in paths:
        yield paths
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
            yield tuple(copy if path == DASH else path for path in paths)
        except GenoliftError as problem:
            problem.args = tuple(str(part).replace(str(copy), CALLED) for part in problem.args)
            raise
