"""Arrays that are read by rows when they are indexed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt


class LazyArray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array on disk, or derived from arrays on disk, whose first axis is read only where it is indexed.

    Indexing means what it means for NumPy arrays, and returns NumPy arrays. Whatever else NumPy arrays can do is done
    on ``np.asarray(self)``, which reads all rows.

    Parameters
    ----------
    shape
        The shape of the array.
    dtype
        The type of its values.
    read
        ``read(start, stop)`` returns the rows of a half-open range as a NumPy array. Where it can be pickled, the lazy
        array can be too.
    """

    def __init__(self, shape: tuple[int, ...], dtype: npt.DTypeLike, read: Callable[[int, int], np.ndarray]):
        self.shape = tuple(int(size) for size in shape)
        self.dtype = np.dtype(dtype)
        self._read = read

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"<array on disk, shape {self.shape}, {self.dtype}>"

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self._read(0, len(self)), dtype=dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        arrays = [np.asarray(x) if isinstance(x, LazyArray) else x for x in inputs]
        return getattr(ufunc, method)(*arrays, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(f"arrays have no attribute {name!r}")
        return getattr(np.asarray(self), name)

    def __getitem__(self, key: Any) -> np.ndarray:
        first, rest = (key[0], key[1:]) if isinstance(key, tuple) and key else (key, ())
        if isinstance(first, slice):
            rows = range(*first.indices(len(self)))
            if not rows:
                return self._read(0, 0)[(slice(None), *rest)]
            low, high = min(rows[0], rows[-1]), max(rows[0], rows[-1]) + 1
            step = slice(None, None, first.step)
            return self._read(low, high)[(step, *rest)]
        if first is None or first is Ellipsis or np.ndim(first) > 1:
            return np.asarray(self)[key]
        index = np.arange(len(self))[first]  # NumPy's own rules for bounds, negative numbers and masks
        if index.ndim == 0:
            return self._read(int(index), int(index) + 1)[(0, *rest)]
        return self._pick(index, rest)

    def _pick(self, index: np.ndarray, rest: tuple) -> np.ndarray:
        """Return rows in any order. Each run of neighbouring rows is read once."""
        if not len(index):
            return self._read(0, 0)[(index, *rest)]
        rows, inverse = np.unique(index, return_inverse=True)
        runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
        block = np.concatenate([self._read(int(run[0]), int(run[-1]) + 1) for run in runs])
        return block[(inverse, *rest)]

    def select(self, key: slice | np.ndarray | list[int]) -> LazyArray:
        """Return the rows of a slice, mask or list of numbers, without reading them."""
        index = np.arange(len(self))[key]
        return LazyArray((len(index), *self.shape[1:]), self.dtype, partial(_selected, self, index))


def rowwise(function: Callable[..., np.ndarray], *arrays: np.ndarray | LazyArray) -> Any:
    """Apply a function to arrays, or put that off until rows are read if one of the arrays is lazy.

    Parameters
    ----------
    function
        A function of as many arrays, which computes each row of its result from the same row of the arrays.
    *arrays
        Arrays with the same number of rows.

    Returns
    -------
    np.ndarray or LazyArray
        The function's result; a lazy array if one of the arrays is lazy.
    """
    if not any(isinstance(array, LazyArray) for array in arrays):
        return function(*arrays)
    sample = function(*(np.zeros((1, *array.shape[1:]), array.dtype) for array in arrays))
    return LazyArray((len(arrays[0]), *sample.shape[1:]), sample.dtype, partial(_applied, function, arrays))


def _selected(array: LazyArray, index: np.ndarray, start: int, stop: int) -> np.ndarray:
    return array[index[start:stop]]


def _applied(function: Callable[..., np.ndarray], arrays: tuple, start: int, stop: int) -> np.ndarray:
    return function(*(array[start:stop] for array in arrays))
