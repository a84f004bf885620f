"""Where results go: whether a path can be written, before anything is computed for it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from genolift.export.outputs import check_new
from genolift.support.errors import FileProblem, InputError, file_problems


def check_writable(path: Path) -> None:
    """Raise :class:`FileProblem` if nothing can be made at ``path``, looking only."""
    existing = next(place for place in (path, *path.absolute().parents) if os.path.lexists(place))
    where = path if existing == path else existing
    if existing != path and not existing.is_dir():
        raise FileProblem(f"{path} cannot be written: {existing} is not a directory")
    if not os.access(where, os.W_OK):
        raise FileProblem(f"{path} cannot be written: no permission to write to {where}")


def check_directory(path: Path) -> None:
    """Raise :class:`FileProblem` if ``path`` is neither a directory nor can be made one."""
    if path.exists() and not path.is_dir():
        raise FileProblem(f"{path} is a file; give the name of a directory")
    check_writable(path)


def check_file(path: Path) -> None:
    """Raise :class:`FileProblem` if no file can be made or replaced at ``path``; its folder must be there."""
    check_new(path, force=True)
    check_writable(path)
    with file_problems(path, "written"):  # permissions are not all that can stand in the way
        tempfile.TemporaryFile(dir=path.parent).close()


def check_apart(path: Path, inputs: Iterable[Path | None]) -> None:
    """Raise :class:`InputError` if ``path`` is one of the files that a job reads, which it would overwrite."""
    for other in inputs:
        if other is not None and path.exists() and other.exists() and os.path.samefile(path, other):
            raise InputError(f"{path} is read by this job, and would be overwritten; give another path")
