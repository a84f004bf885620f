"""Arrays that are read by rows when they are indexed."""

from collections.abc import Callable

import numpy as np


class LazyArray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array on disk, or derived from arrays on disk, whose first axis is read only where it is indexed.

    ``read(start, stop)`` returns the rows of a half-open range as a NumPy array. Indexing gives NumPy arrays
    with NumPy's meaning; whatever else NumPy arrays can do is done on ``np.asarray(self)``, that is, on all
    rows.
    """

    def __init__(self, shape: tuple[int, ...], dtype, read: Callable[[int, int], np.ndarray]):
        self.shape = tuple(int(size) for size in shape)
        self.dtype = np.dtype(dtype)
        self._read = read

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"<array on disk, shape {self.shape}, {self.dtype}>"

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self._read(0, len(self)), dtype=dtype)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        arrays = [np.asarray(x) if isinstance(x, LazyArray) else x for x in inputs]
        return getattr(ufunc, method)(*arrays, **kwargs)

    def __getattr__(self, name: str):
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(f"arrays have no attribute {name!r}")
        return getattr(np.asarray(self), name)

    def __getitem__(self, key) -> np.ndarray:
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
        """Rows in any order, each run of neighbours read once."""
        if not len(index):
            return self._read(0, 0)[(index, *rest)]
        rows, inverse = np.unique(index, return_inverse=True)
        runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
        block = np.concatenate([self._read(int(run[0]), int(run[-1]) + 1) for run in runs])
        return block[(inverse, *rest)]

    def select(self, key) -> "LazyArray":
        """The rows of a slice, mask or list of numbers, still unread."""
        index = np.arange(len(self))[key]
        return LazyArray((len(index), *self.shape[1:]), self.dtype, lambda start, stop: self[index[start:stop]])


def rowwise(function: Callable, *arrays):
    """A ``function`` that treats rows alike, of arrays that share them; unread if any of the arrays is."""
    if not any(isinstance(array, LazyArray) for array in arrays):
        return function(*arrays)
    sample = function(*(np.zeros((1, *array.shape[1:]), array.dtype) for array in arrays))
    return LazyArray(
        (len(arrays[0]), *sample.shape[1:]),
        sample.dtype,
        lambda start, stop: function(*(array[start:stop] for array in arrays)),
    )
