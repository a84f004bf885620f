"""NumPy archives written row by row, so that no array need be in memory."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

_NO_DATE = (1980, 1, 1, 0, 0, 0)  # the same scores give the same bytes


@contextmanager
def archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """An ``.npz`` file to fill with :func:`member`."""
    with zipfile.ZipFile(path, "w", allowZip64=True) as file:
        yield file


@contextmanager
def member(file: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype) -> Iterator[Callable[[np.ndarray], None]]:
    """One array of an archive: a function that appends rows of it, in order.

    Whole numbers and text are compressed; floating point hardly can be.
    """
    dtype = np.dtype(dtype)
    info = zipfile.ZipInfo(name + ".npy", _NO_DATE)
    info.compress_type = zipfile.ZIP_STORED if dtype.kind == "f" else zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": tuple(shape)}
    with file.open(info, "w", force_zip64=True) as out:
        np.lib.format.write_array_header_1_0(out, header)
        yield lambda rows: out.write(np.ascontiguousarray(rows, dtype=dtype).reshape(-1).view(np.uint8).data)


def add(file: zipfile.ZipFile, name: str, array) -> None:
    """A whole small array."""
    array = np.asarray(array)
    with member(file, name, array.shape, array.dtype) as write:
        write(array.reshape(1) if array.ndim == 0 else array)
