"""The arrays in a score store. They have checksums, and they are written and read by rows.

One-hot inputs are kept as one byte per base, where no information is lost by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from genolift.results import layout as disk
from genolift.results.lazy import LazyArray
from genolift.support.errors import FileProblem
from genolift.support.files import flush

CHUNK_BYTES = 4 * 2**20
# Chunks of zeros are written too, so that a missing chunk means damage. Zarr reads this setting when an array is
# opened.
_EVERY_CHUNK = {"array.write_empty_chunks": True}
# Codes 0 to 3 are A, C, G, T; 4 and 5 are the two neutral encodings of an unknown base, uniform and zero.
PATTERNS = np.concatenate([np.eye(4), np.full((1, 4), 0.25), np.zeros((1, 4))]).astype(np.float32)
UNIFORM, ZERO = 4, 5


def create(folder: Path, name: str, rows: int, like: np.ndarray, block: int, overwrite: bool) -> None:
    """Make an empty array in a store.

    The size of a chunk divides the size of a block, so that no two blocks write to the same file.

    Parameters
    ----------
    folder
        The directory of the store.
    name
        The name of the array, which becomes the name of its directory.
    rows
        The number of rows that the array will have.
    like
        An array whose rows have the shape and the type of the rows to come. Its values are not used.
    block
        How many rows are written at once.
    overwrite
        Whether to replace an array of this name.
    """
    at_once = min(block, max(1, CHUNK_BYTES // max(1, like[:1].nbytes)))
    at_once = next(size for size in range(at_once, 0, -1) if block % size == 0)
    zarr.create_array(  # By path, because opening the group would read the whole provenance of the store.
        folder,
        name=name,
        shape=(rows, *like.shape[1:]),
        chunks=(at_once, *(max(1, size) for size in like.shape[1:])),
        dtype=like.dtype,
        compressors=[ZstdCodec(level=3), Crc32cCodec()],
        overwrite=overwrite,
    )


def write(path: Path, start: int, values: np.ndarray) -> None:
    """Write ``values`` into the rows from ``start`` on, and have the system flush them to the disk."""
    with zarr.config.set(_EVERY_CHUNK):
        array = zarr.open_array(path, mode="r+")
    array[start : start + len(values)] = values
    for file in _chunk_files(path, array, start, start + len(values)):
        flush(file)


def write_at_once(folder: Path, name: str, values: np.ndarray) -> None:
    """Make an array and write all its rows. An array of the same name is replaced."""
    block = max(1, min(len(values), CHUNK_BYTES // max(1, values[:1].nbytes)))
    create(folder, name, len(values), values, block, overwrite=True)
    write(folder / name, 0, values)


def open_rows(store: Path, label: str) -> LazyArray:
    """Return an array of a store, whose rows are read, and their checksums verified, when they are indexed.

    Parameters
    ----------
    store
        The directory of the store.
    label
        The name of the array in it.

    Raises
    ------
    FileProblem
        If the array is damaged or missing. For chunks this is raised when they are read.
    """
    rows = _open(store, label)
    return LazyArray(rows.array.shape, rows.array.dtype, rows)


def _open(store: Path, label: str) -> _Rows:
    try:
        return _Rows(store, label, zarr.open_array(store / label, mode="r"))
    except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        raise disk.damaged(store, f"{type(error).__name__} {error}") from None


@dataclass(frozen=True)
class _Rows:
    """The rows of an array of a store. A pickle of it holds the place of the store, not the rows."""

    store: Path
    label: str
    array: zarr.Array

    def __call__(self, start: int, stop: int) -> np.ndarray:
        """Return the rows of a half-open range."""
        missing = [file for file in _chunk_files(self.store / self.label, self.array, start, stop) if not file.exists()]
        if missing:
            raise disk.damaged(self.store, f"{missing[0].relative_to(self.store)} is missing")
        try:
            return np.asarray(self.array[start:stop])
        except (ValueError, OSError, RuntimeError) as error:
            what = "a checksum is wrong" if "checksum" in str(error) else error
            raise disk.damaged(self.store, f"{self.label}, rows {start} to {stop}: {what}") from None

    def __reduce__(self) -> tuple:
        return _reopened, (self.store.absolute(), self.label)


def _reopened(store: Path, label: str) -> _Rows:
    if not store.exists():
        raise FileProblem(
            f"{store} is not there; a result that was loaded from a store reads its rows there, also as a copy or in "
            "another process"
        )
    return _open(store, label)


def _chunk_files(folder: Path, array: zarr.Array, start: int, stop: int) -> list[Path]:
    """Return the files of the chunks that hold these rows. Only the first axis is divided into chunks."""
    if stop <= start:
        return []
    rows, rest = array.chunks[0], ["0"] * (array.ndim - 1)
    return [folder.joinpath("c", str(i), *rest) for i in range(start // rows, (stop - 1) // rows + 1)]


def to_codes(inputs: np.ndarray) -> np.ndarray | None:
    """Return one-hot inputs as codes.

    Parameters
    ----------
    inputs
        The inputs, (..., L, 4).

    Returns
    -------
    np.ndarray or None
        Codes (..., L) of type uint8, which are places in ``PATTERNS``; ``None`` unless decoding gives the same bits
        back.
    """
    if inputs.dtype != np.float32 or inputs.ndim < 2 or inputs.shape[-1] != 4:
        return None
    largest = inputs.max(axis=-1)
    codes = np.where(largest == 1, inputs.argmax(axis=-1), np.where(largest == 0, ZERO, UNIFORM)).astype(np.uint8)
    bits = np.ascontiguousarray(inputs).view(np.uint32)
    return codes if np.array_equal(PATTERNS[codes].view(np.uint32), bits) else None


def from_codes(codes: np.ndarray) -> np.ndarray:
    """Return the inputs (..., L, 4), float32, of codes (..., L)."""
    return PATTERNS[codes]
