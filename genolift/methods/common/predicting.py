"""The targets, and their slopes, on many modified copies of sequences: batches of one shape under the memory budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from operator import itemgetter
from typing import Any

import numpy as np

from genolift.engine.running.overlap import lanes, overlapped
from genolift.engine.walk.points import Points
from genolift.methods.common.blocks import pad
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.traced import Traced
from genolift.support.memory import check_fits
from genolift.support.seeds import stream
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

# Activations a batch should hold at most: beyond the caches larger batches only cost memory.
_BATCH_BYTES = 96e6
# Copies of a row's activations alive at once: going forward they are freed as it goes, coming back they are not.
_FORWARD, _BACKWARD = 2, 4


def batch_size(traced: Traced, inputs: Inputs, memory: int, backward: bool = False) -> int:
    """How many copies of a sequence are predicted at a time; :class:`InputError` where not even one fits ``memory``."""
    row_bytes = traced.probe([array.shape[1:] for array in inputs.arrays]).row_bytes
    need = row_bytes * (_BACKWARD if backward else _FORWARD)
    check_fits(need, memory, "prediction")
    return int(max(1, min(memory // (lanes(traced.program) * need), _BATCH_BYTES // row_bytes)))


def few_shapes(size: int, count: int) -> int:
    """Return how many of ``count`` to run at a time, at most ``size``.

    There are few such numbers, because something is compiled for each of them.
    """
    return min(size, 1 << max(count - 1, 0).bit_length())


def batches(arrays: list[np.ndarray], size: int) -> Iterator[tuple[slice, list[np.ndarray]]]:
    """Yield the rows of each batch, at most ``size``, and the arrays there, padded to one number of rows."""
    count = len(arrays[0])
    size = few_shapes(size, count)
    for start in range(0, count, size):
        rows = slice(start, min(start + size, count))
        yield rows, [pad(array[rows], size) for array in arrays]


# The sequence whose draws all others have, in :func:`same_draws`.
_DRAWING: ContextVar[tuple[bytes, ...] | None] = ContextVar("drawing", default=None)


def streams(seed: int, label: str, arrays: list[np.ndarray]) -> list[np.random.Generator]:
    """Return a random stream for each sequence that depends on ``seed``, what it is for, and the sequence alone."""
    held = _DRAWING.get()
    return [stream(seed, label, *(held or _bytes([array[n] for array in arrays]))) for n in range(len(arrays[0]))]


@contextmanager
def same_draws(xs: list[np.ndarray]) -> Iterator[None]:
    """Inside, :func:`streams` gives every sequence the draws of ``xs``, an array per input."""
    token = _DRAWING.set(_bytes(xs))
    try:
        yield
    finally:
        _DRAWING.reset(token)


def _bytes(xs: list[np.ndarray]) -> tuple[bytes, ...]:
    return tuple(np.ascontiguousarray(x).tobytes() for x in xs)


class Copies:
    """Modified copies of sequences.

    Copies are numbered. A function ``make(which)`` returns for the numbers ``which`` (b,) the numbers of the sequences
    that they were made from, (b,), and the copies themselves as a list with an array (b, ...) per input.

    Parameters
    ----------
    points
        What computes values and slopes.
    arrays
        The sequences (n, ...), an array per input.
    size
        How many copies are computed at a time.
    tick
        Called with the number of copies of each batch that is done.
    """

    def __init__(self, points: Points, arrays: list[np.ndarray], size: int, tick: Callable | None = None):
        self.points, self.arrays, self.size = points, arrays, size
        self.tick = tick or (lambda count: None)
        self._frozen = points.frozen(arrays, size)

    def __len__(self) -> int:
        return len(self.arrays[0])

    def predictions(self) -> np.ndarray:
        """Return the targets (n, T) of the sequences themselves; ``tick`` is not called."""
        return self._values(len(self), self.themselves, lambda count: None)

    def own_slopes(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return the targets (n, T) of the sequences themselves, and slopes (n, T, ...) per input."""
        return self.own(self.points.slopes)

    def own(self, compute: Callable) -> tuple[np.ndarray, Any]:
        """Return the targets (n, T) of the sequences themselves, and what ``compute`` finds there.

        ``compute`` takes what the methods of the points take, and gives values (b, T) and a structure of arrays
        (b, ...).
        """
        parts = [
            tf.nest.map_structure(itemgetter(slice(kept)), found)
            for kept, found in self._computed(compute, len(self), self.themselves, self.tick)
        ]
        return tf.nest.map_structure(lambda *arrays: np.concatenate(arrays), *parts)

    def themselves(self, which: np.ndarray) -> tuple:
        """Return the sequences of these numbers as copies of themselves, for :meth:`values` and :meth:`slopes`."""
        return which, [array[which] for array in self.arrays]

    def values(self, count: int, make: Callable) -> np.ndarray:
        """Return the targets (count, T) of copies number 0 to ``count`` − 1."""
        return self._values(count, make, self.tick)

    def _values(self, count: int, make: Callable, tick: Callable) -> np.ndarray:
        parts = [values[:kept] for kept, values in self._computed(self.points.values, count, make, tick)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.points.targets)), np.float32)

    def grid(self, shape: tuple[int, ...], make: Callable) -> np.ndarray:
        """Return the targets (*shape, T) of copies that have several numbers each, the first of them the sequence's.

        ``make(*numbers)`` returns the copies alone.
        """

        def unravelled(which):
            numbers = np.unravel_index(which, shape)
            return numbers[0], make(*numbers)

        return self.values(int(np.prod(shape)), unravelled).reshape(*shape, len(self.points.targets))

    def slopes(self, count: int, make: Callable) -> Iterator[tuple[np.ndarray, np.ndarray, list[np.ndarray]]]:
        """Yield, batch by batch, the numbers of copies (b,), their values (b, T) and slopes (b, T, ...) per input."""
        start = 0
        for kept, (values, slopes) in self._computed(self.points.slopes, count, make, self.tick):
            yield np.arange(start, start + kept), values[:kept], [slope[:kept] for slope in slopes]
            start += kept

    def _computed(self, compute: Callable, count: int, make: Callable, tick: Callable) -> Iterator[tuple[int, Any]]:
        """Yield for each batch how many copies it has, and what ``compute`` gives, padded to the batch's size."""

        def one(batch):
            kept, rows, arrays = batch
            return kept, compute(arrays, *self._frozen, rows)

        for kept, found in overlapped(one, self._batches(count, make), min(self.size, lanes(self.points.program))):
            yield kept, found
            tick(kept)

    def _batches(self, count: int, make: Callable):
        size = few_shapes(self.size, count)
        for start in range(0, count, size):
            which = np.arange(start, min(start + size, count))
            rows, arrays = make(which)
            yield len(which), pad(rows, size).astype(np.int32), [pad(array, size) for array in arrays]
