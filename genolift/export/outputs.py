"""Files that appear whole or not at all, and all of one job's together."""

import gzip
import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from genolift.results.layout import flush
from genolift.support.errors import FileProblem


@contextmanager
def outputs(paths: Sequence[Path], force: bool = False) -> Iterator[list[Path]]:
    """Temporary names beside ``paths``, with their suffixes; what was written there is moved into place at the end.

    Nothing is left behind if writing fails, and of several files none is moved before all are whole. One that was not
    written is not moved. Raises :class:`FileProblem` for a path that exists (unless ``force``), is a directory, or
    cannot be written, such as on a full disk.
    """
    for path in paths:
        check_new(path, force)
    parts: list[Path] = []
    where = paths[0]
    try:
        for where in paths:
            handle, name = tempfile.mkstemp(dir=where.parent, prefix=".genolift-", suffix=where.suffix)
            os.close(handle)
            parts.append(Path(name))
            parts[-1].unlink()  # only the name is needed; some libraries refuse an empty file
        where = paths[0]
        yield parts
        made = [(part, path) for part, path in zip(parts, paths, strict=True) if part.exists()]
        for part, _ in made:
            flush(part)
        for part, where in made:
            os.replace(part, where)
    except OSError as problem:
        if isinstance(problem, FileProblem):
            raise
        raise FileProblem(f"{where} cannot be written: {problem.strerror or problem}") from None
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def check_new(path: Path, force: bool) -> None:
    """Raise :class:`FileProblem` if no file can be made at ``path``, or, without ``force``, if there is one."""
    if path.is_dir():
        raise FileProblem(f"{path} is a directory; give the name of a file")
    if os.path.lexists(path) and not force:
        raise FileProblem(f"{path} is there already; give another path, or --force to replace it")
    if not path.parent.is_dir():
        raise FileProblem(f"{path} cannot be written: there is no directory {path.parent}")


@contextmanager
def text_file(path: Path) -> Iterator[io.TextIOBase]:
    """A text file to write, gzip, without a date, if its name ends in ``.gz``; lines end in a line feed."""
    with open(path, "wb") as raw:
        if path.suffix == ".gz":
            with gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed, io.TextIOWrapper(packed, "utf-8") as text:
                yield text
        else:
            with io.TextIOWrapper(raw, "utf-8", newline="\n") as text:
                yield text
