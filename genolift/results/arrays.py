"""Checksummed arrays in a score store: made, written by rows, and read by rows."""

from pathlib import Path

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from genolift.results import layout as disk
from genolift.results.lazy import LazyArray
from genolift.support.files import flush

CHUNK_BYTES = 4 * 2**20
# Zeros are written like all else, so that a missing chunk is damage. Zarr asks when an array is opened.
_EVERY_CHUNK = {"array.write_empty_chunks": True}


def create(folder: Path, name: str, rows: int, like: np.ndarray, block: int, overwrite: bool) -> None:
    """An array of so many ``rows`` that are ``like`` those of an array. Chunks divide blocks, so no two blocks write to one
    file."""
    at_once = min(block, max(1, CHUNK_BYTES // max(1, like[:1].nbytes)))
    at_once = next(size for size in range(at_once, 0, -1) if block % size == 0)
    zarr.create_array(  # by path: a group would be read with all that the store says of itself
        folder,
        name=name,
        shape=(rows, *like.shape[1:]),
        chunks=(at_once, *(max(1, size) for size in like.shape[1:])),
        dtype=like.dtype,
        compressors=[ZstdCodec(level=3), Crc32cCodec()],
        overwrite=overwrite,
    )


def write(path: Path, start: int, values: np.ndarray) -> None:
    """Rows from ``start`` on, as far as the disk itself."""
    with zarr.config.set(_EVERY_CHUNK):
        array = zarr.open_array(path, mode="r+")
    array[start : start + len(values)] = values
    for file in _chunk_files(path, array, start, start + len(values)):
        flush(file)


def write_at_once(folder: Path, name: str, values: np.ndarray) -> None:
    """An array that is written at once; one that is there is replaced."""
    block = max(1, min(len(values), CHUNK_BYTES // max(1, values[:1].nbytes)))
    create(folder, name, len(values), values, block, overwrite=True)
    write(folder / name, 0, values)


def open_rows(store: Path, label: str) -> LazyArray:
    """An array of a store, whose rows are read, and their checksums verified, where they are indexed."""
    path = store / label
    try:
        array = zarr.open_array(path, mode="r")
    except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        raise disk.damaged(store, f"{type(error).__name__} {error}") from None

    def read(start: int, stop: int) -> np.ndarray:
        missing = [file for file in _chunk_files(path, array, start, stop) if not file.exists()]
        if missing:
            raise disk.damaged(store, f"{missing[0].relative_to(store)} is missing")
        try:
            return np.asarray(array[start:stop])
        except (ValueError, OSError, RuntimeError) as error:
            what = "a checksum is wrong" if "checksum" in str(error) else error
            raise disk.damaged(store, f"{label}, rows {start} to {stop}: {what}") from None

    return LazyArray(array.shape, array.dtype, read)


def _chunk_files(folder: Path, array: zarr.Array, start: int, stop: int) -> list[Path]:
    """The files of the chunks that hold these rows; other axes are never divided."""
    if stop <= start:
        return []
    rows, rest = array.chunks[0], ["0"] * (array.ndim - 1)
    return [folder.joinpath("c", str(i), *rest) for i in range(start // rows, (stop - 1) // rows + 1)]
