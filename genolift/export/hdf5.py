"""HDF5 files that are written row by row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import h5py

_CHUNK_BYTES = 2**20


@contextmanager
def hdf5_file(path: Path) -> Iterator[h5py.File]:
    """Open a new HDF5 file. Problems that HDF5 itself reports, such as a full disk, are raised as ``OSError``."""
    import h5py

    try:
        with h5py.File(path, "w") as file:
            yield file
    except RuntimeError as problem:  # HDF5 raises it for a file that cannot be closed.
        raise OSError(str(problem)) from None


def dataset(file: h5py.File, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> h5py.Dataset:
    """Make a data set that is chunked by rows, and compressed with gzip, which every HDF5 library can read."""
    row = np.dtype(dtype).itemsize * int(np.prod(shape[1:]))
    rows = int(np.clip(_CHUNK_BYTES // max(1, row), 1, shape[0]))
    return file.create_dataset(
        name, shape, dtype, chunks=(rows, *shape[1:]), compression="gzip", compression_opts=1, shuffle=True
    )
