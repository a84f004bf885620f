"""NumPy archives that are written row by row, so that no whole array is in memory."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

_NO_DATE = (1980, 1, 1, 0, 0, 0)  # Without a date the same scores give the same bytes.


@contextmanager
def archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a new ``.npz`` file, which :func:`member` fills."""
    with zipfile.ZipFile(path, "w", allowZip64=True) as file:
        yield file


@contextmanager
def member(
    file: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike
) -> Iterator[Callable[[np.ndarray], object]]:
    """Add an array to an archive, and yield a function that appends rows to it, in order.

    Whole numbers and text are compressed. Floating-point numbers are not, because they hardly get smaller.
    """
    dtype = np.dtype(dtype)
    info = zipfile.ZipInfo(name + ".npy", _NO_DATE)
    info.compress_type = zipfile.ZIP_STORED if dtype.kind == "f" else zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": tuple(shape)}
    with file.open(info, "w", force_zip64=True) as out:
        np.lib.format.write_array_header_1_0(out, header)
        yield lambda rows: out.write(np.ascontiguousarray(rows, dtype=dtype).reshape(-1).view(np.uint8).data)


def add(file: zipfile.ZipFile, name: str, array: npt.ArrayLike) -> None:
    """Add a whole array to an archive."""
    array = np.asarray(array)
    with member(file, name, array.shape, array.dtype) as write:
        write(array.reshape(1) if array.ndim == 0 else array)
