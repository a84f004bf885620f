"""HDF5 files written row by row."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

_CHUNK_BYTES = 2**20


@contextmanager
def hdf5_file(path: Path) -> Iterator:
    """A new HDF5 file. What HDF5 itself reports, such as a full disk, is an ``OSError``."""
    import h5py

    try:
        with h5py.File(path, "w") as file:
            yield file
    except RuntimeError as problem:  # raised where a file cannot be closed
        raise OSError(str(problem)) from None


def dataset(file, name: str, shape: tuple[int, ...], dtype):
    """A compressed data set, chunked by rows; gzip, which every HDF5 can read."""
    row = np.dtype(dtype).itemsize * int(np.prod(shape[1:]))
    rows = int(np.clip(_CHUNK_BYTES // max(1, row), 1, shape[0]))
    return file.create_dataset(
        name, shape, dtype, chunks=(rows, *shape[1:]), compression="gzip", compression_opts=1, shuffle=True
    )
