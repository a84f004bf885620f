"""Output files that appear whole or not at all, and all files of one job together."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from genolift.results.lock import hold, is_abandoned
from genolift.support.errors import FORCE, FileProblem, Remedy, file_problems
from genolift.support.files import check_no_address, move_into_place

_PREFIX = ".genolift-part-"
_YOUNG = 60  # A folder may not be locked yet for so many seconds after it was made.


@contextmanager
def outputs(paths: Sequence[Path], force: bool = False) -> Iterator[list[Path]]:
    """Yield temporary names for files, and move what was written there into place at the end.

    Nothing is left behind if writing fails. Of several files none is moved before all are whole, and one that was not
    written is not moved. Temporary files that a killed process has left beside the files are removed.

    Parameters
    ----------
    paths
        The files to make, all on the same file system.
    force
        Whether to replace files that exist.

    Yields
    ------
    list of Path
        Names with the same suffixes in a hidden folder beside the first path, in the same order.

    Raises
    ------
    FileProblem
        For a path that exists (unless ``force``), is a directory, or cannot be written, for example on a full disk.
    """
    for path in paths:
        check_new(path, force)
    folder, lock = None, None
    try:
        with file_problems(paths[0], "written"):
            _remove_abandoned(paths[0].parent)
            folder = Path(tempfile.mkdtemp(dir=paths[0].parent, prefix=_PREFIX))
            lock = hold(folder)
            parts = [folder / f"{i}{path.suffix}" for i, path in enumerate(paths)]
            yield parts
            try:
                move_into_place(*((part, path) for part, path in zip(parts, paths, strict=True) if part.exists()))
            except OSError as problem:
                raise FileProblem(f"{problem.filename2 or paths[0]} cannot be written: {problem.strerror}") from None
    finally:
        del lock
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove temporary folders of processes that were killed."""
    for entry in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - entry.stat().st_mtime > _YOUNG and is_abandoned(entry):
                shutil.rmtree(entry, ignore_errors=True)


def check_new(path: Path, force: bool) -> None:
    """Raise :class:`FileProblem` if no file can be made at ``path``, or, without ``force``, if there is one."""
    check_no_address(path)
    if path.is_dir():
        raise FileProblem(f"{path} is a directory; give the name of a file")
    if os.path.lexists(path) and not force:
        raise FileProblem(f"{path} is there already", Remedy.naming("give another path, or {} to replace it", FORCE))
    if not path.parent.is_dir():
        raise FileProblem(f"{path} cannot be written: there is no directory {path.parent}")


@contextmanager
def text_file(path: Path) -> Iterator[io.TextIOBase]:
    """Open a text file for writing. Its lines end in a line feed.

    If its name ends in ``.gz`` it is compressed with gzip, without a date, so that the same text gives the same bytes.
    """
    with open(path, "wb") as raw:
        if path.suffix == ".gz":
            with gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed, io.TextIOWrapper(packed, "utf-8") as text:
                yield text
        else:
            with io.TextIOWrapper(raw, "utf-8", newline="\n") as text:
                yield text
