"""The file of a data set that holds its profiles, ``profiles.npz``: arrays of numbers and text, without pickle."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from genolift.support.errors import InputError, file_problems
from genolift.support.files import write_whole

FILE = "profiles.npz"
_NAMES = ("tasks", "reads", "expected")


def save_profiles(path: Path, tasks: Sequence[str], reads: np.ndarray, expected: np.ndarray | None) -> None:
    """Write reads (N, positions, T), and what is expected of them where it is known.

    Raises
    ------
    FileProblem
        If the file cannot be written.
    """
    arrays: dict[str, Any] = {"tasks": np.array(list(tasks), dtype=np.str_), "reads": reads.astype(np.int32)}
    if expected is not None:
        arrays["expected"] = expected.astype(np.float32)
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_whole(path, content.getvalue())


def load_profiles(path: Path, tasks: Sequence[str], n: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Return reads (N, positions, T) int32, and what is expected of them, float32, if the file holds it.

    Parameters
    ----------
    path
        The file.
    tasks
        The names of the T tasks.
    n
        The number of sequences.

    Raises
    ------
    FileProblem
        If the file cannot be read.
    InputError
        If it does not hold what the other files of the data set say.
    """
    with file_problems(path, "read"):
        try:
            with np.load(path, allow_pickle=False) as held:
                arrays = {name: held[name] for name in _NAMES if name in held}
        except (ValueError, EOFError, zipfile.BadZipFile) as problem:
            raise InputError(f"{path} is damaged or no .npz file; draw the data set again") from problem
    missing = [name for name in _NAMES[:2] if name not in arrays]
    if missing:
        raise InputError(f"{path} has no array {missing[0]!r}")
    reads, expected = arrays["reads"], arrays.get("expected")
    if arrays["tasks"].tolist() != list(tasks):
        raise InputError(
            f"{path} has the tasks {', '.join(map(str, arrays['tasks'].tolist()))}, not {', '.join(tasks)}"
        )
    if reads.ndim != 3 or reads.dtype.kind not in "iu" or reads.shape[::2] != (n, len(tasks)):
        raise InputError(
            f"{path}: reads are {reads.dtype} {reads.shape}, not whole numbers ({n}, positions, {len(tasks)})"
        )
    if reads.min(initial=0) < 0:
        raise InputError(f"{path}: reads are counted, and some are negative")
    if expected is not None and (expected.shape != reads.shape or expected.dtype.kind != "f"):
        raise InputError(f"{path}: expected reads are {expected.dtype} {expected.shape}, and the reads {reads.shape}")
    return reads.astype(np.int32), expected
