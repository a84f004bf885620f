"""The targets and their slopes on many modified copies of sequences, in batches that fit the memory budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from operator import itemgetter
from typing import Any, TypeAlias

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

#: Makes copies: from the numbers of copies (b,), the numbers of the sequences that they are made from (b,), and the
#: copies themselves as an array (b, ...) per input.
Make: TypeAlias = Callable[[np.ndarray], tuple[np.ndarray, list[np.ndarray]]]

# The most bytes of activations that a batch should hold. Larger batches do not fit the caches and only cost memory.
_BATCH_BYTES = 96e6
# How many copies of a row's activations are in memory at once. The forward pass frees them on the way; the backward
# pass needs them until its end.
_FORWARD, _BACKWARD = 2, 4


def batch_size(traced: Traced, inputs: Inputs, memory: int, backward: bool = False) -> int:
    """Return how many copies of a sequence are predicted at a time.

    Parameters
    ----------
    traced
        The model.
    inputs
        The sequences.
    memory
        The budget in bytes.
    backward
        Whether slopes are computed too, which takes more memory.

    Raises
    ------
    InputError
        If not even one copy fits the budget.
    """
    row_bytes = traced.probe([array.shape[1:] for array in inputs.arrays]).row_bytes
    need = row_bytes * (_BACKWARD if backward else _FORWARD)
    check_fits(need, memory, "prediction")
    return int(max(1, min(memory // (lanes(traced.program) * need), _BATCH_BYTES // row_bytes)))


def few_shapes(size: int, count: int) -> int:
    """Return how many of ``count`` rows to run at a time, at most ``size``.

    Below ``size`` it is a power of two, because something is compiled for every number that occurs.
    """
    return min(size, 1 << max(count - 1, 0).bit_length())


def batches(arrays: list[np.ndarray], size: int) -> Iterator[tuple[slice, list[np.ndarray]]]:
    """Divide arrays into batches that all have the same number of rows.

    Parameters
    ----------
    arrays
        An array (n, ...) per input.
    size
        The largest number of rows of a batch.

    Yields
    ------
    rows : slice
        The rows of the batch.
    batch : list of np.ndarray
        The arrays there. Those of the last batch are padded.
    """
    count = len(arrays[0])
    size = few_shapes(size, count)
    for start in range(0, count, size):
        rows = slice(start, min(start + size, count))
        yield rows, [pad(array[rows], size) for array in arrays]


# The sequence whose draws all others get inside :func:`same_draws`.
_DRAWING: ContextVar[tuple[bytes, ...] | None] = ContextVar("drawing", default=None)


def streams(seed: int, label: str, arrays: list[np.ndarray]) -> list[np.random.Generator]:
    """Return a random stream for each sequence that depends on nothing but the seed, the label and the sequence.

    Parameters
    ----------
    seed
        The seed of the method.
    label
        What the draws are for, so that different uses get different streams.
    arrays
        The sequences, an array (n, ...) per input.
    """
    held = _DRAWING.get()
    return [stream(seed, label, *(held or _bytes([array[n] for array in arrays]))) for n in range(len(arrays[0]))]


@contextmanager
def same_draws(xs: list[np.ndarray]) -> Iterator[None]:
    """Let :func:`streams` give every sequence the draws of one sequence for a while.

    Parameters
    ----------
    xs
        That sequence, an array without the axis N per input.
    """
    token = _DRAWING.set(_bytes(xs))
    try:
        yield
    finally:
        _DRAWING.reset(token)


def _bytes(xs: list[np.ndarray]) -> tuple[bytes, ...]:
    return tuple(np.ascontiguousarray(x).tobytes() for x in xs)


class Copies:
    """The targets and slopes of modified copies of some sequences.

    The copies are numbered, and a function :data:`Make` makes those of a batch when it is their turn.

    Parameters
    ----------
    points
        The engine's evaluation of the targets.
    arrays
        The sequences, an array (n, ...) per input.
    size
        The largest number of copies in a batch.
    tick
        A function that is called with the number of copies of each batch that is done.
    """

    def __init__(self, points: Points, arrays: list[np.ndarray], size: int, tick: Callable | None = None):
        self.points, self.arrays, self.size = points, arrays, size
        self.tick = tick or (lambda count: None)
        self._frozen = points.frozen(arrays, size)

    def __len__(self) -> int:
        return len(self.arrays[0])

    def predictions(self) -> np.ndarray:
        """Return the targets (n, T) of the sequences themselves. They do not count as copies for ``tick``."""
        return self._values(len(self), self.themselves, lambda count: None)

    def own_slopes(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return the targets (n, T) of the sequences themselves, and slopes (n, T, ...) per input."""
        return self.own(self.points.slopes)

    def own(self, compute: Callable) -> tuple[np.ndarray, Any]:
        """Return the targets (n, T) of the sequences themselves, and what else a function computes there.

        Parameters
        ----------
        compute
            A function that takes what the methods of the points take, and returns values (b, T) and a structure of
            arrays (b, ...).
        """
        parts = [
            tf.nest.map_structure(itemgetter(slice(kept)), computed)
            for kept, computed in self._computed(compute, len(self), self.themselves, self.tick)
        ]
        return tf.nest.map_structure(lambda *arrays: np.concatenate(arrays), *parts)

    def themselves(self, which: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return some of the sequences as copies of themselves, see :data:`Make`."""
        return which, [array[which] for array in self.arrays]

    def values(self, count: int, make: Make) -> np.ndarray:
        """Return the targets (count, T) of the copies with the numbers 0 to ``count`` − 1."""
        return self._values(count, make, self.tick)

    def _values(self, count: int, make: Make, tick: Callable) -> np.ndarray:
        parts = [values[:kept] for kept, values in self._computed(self.points.values, count, make, tick)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.points.targets)), np.float32)

    def grid(self, shape: tuple[int, ...], make: Callable) -> np.ndarray:
        """Return the targets (*shape, T) of copies with several numbers each.

        Parameters
        ----------
        shape
            How many different values each number has. The first number is that of the sequence.
        make
            A function that takes an array (b,) per number, and returns the copies as an array (b, ...) per input.
        """

        def unravelled(which: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
            numbers = np.unravel_index(which, shape)
            return numbers[0], make(*numbers)

        return self.values(int(np.prod(shape)), unravelled).reshape(*shape, len(self.points.targets))

    def slopes(self, count: int, make: Make) -> Iterator[tuple[np.ndarray, np.ndarray, list[np.ndarray]]]:
        """Yield the slopes of the copies with the numbers 0 to ``count`` − 1, batch by batch.

        Yields
        ------
        which : np.ndarray
            The numbers of the copies, (b,).
        values : np.ndarray
            Their targets, (b, T).
        slopes : list of np.ndarray
            Their slopes, (b, T, ...) per input.
        """
        start = 0
        for kept, (values, slopes) in self._computed(self.points.slopes, count, make, self.tick):
            yield np.arange(start, start + kept), values[:kept], [slope[:kept] for slope in slopes]
            start += kept

    def _computed(self, compute: Callable, count: int, make: Make, tick: Callable) -> Iterator[tuple[int, Any]]:
        """Yield for each batch how many copies it has, and what ``compute`` returns, padded to the batch's size."""

        def one(batch: tuple[int, np.ndarray, list[np.ndarray]]) -> tuple[int, Any]:
            kept, rows, arrays = batch
            return kept, compute(arrays, self._frozen, rows)

        for kept, computed in overlapped(one, self._batches(count, make), min(self.size, lanes(self.points.program))):
            yield kept, computed
            tick(kept)

    def _batches(self, count: int, make: Make) -> Iterator[tuple[int, np.ndarray, list[np.ndarray]]]:
        """Yield for each batch how many copies it has, the sequences they are made from, and the copies, padded."""
        size = few_shapes(self.size, count)
        for start in range(0, count, size):
            which = np.arange(start, min(start + size, count))
            rows, arrays = make(which)
            yield len(which), pad(rows, size).astype(np.int32), [pad(array, size) for array in arrays]
