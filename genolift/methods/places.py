"""Weights that are 1 at some places along the axes of a value, and 0 elsewhere.

A place below zero counts from the end. Where the length of an axis is free, it is known only when the program runs, so
weights say how long the axis must be at least.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral

import numpy as np

from genolift.engine.target import Weights
from genolift.support.errors import InputError
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def one_number(index: Sequence[int]) -> Weights:
    """Return weights that are 1 for one number of a value and 0 elsewhere.

    Parameters
    ----------
    index
        The place along each axis behind the first.
    """
    numbers = np.array([int(i) for i in index], np.int32)
    return Weights(at_index, (numbers,), least=tuple(_least([int(i)]) for i in index))


def at_index(at_x: Tensor, index: Tensor) -> Tensor:
    """Return weights that are 1 for the number at an index and 0 elsewhere."""
    mask = tf.ones([1] * at_x.shape.rank, at_x.dtype)
    for axis in range(1, at_x.shape.rank):
        length = tf.shape(at_x)[axis]
        line = tf.one_hot(tf.math.floormod(index[axis - 1], length), length, dtype=at_x.dtype)
        mask = mask * tf.reshape(line, [1] * axis + [-1] + [1] * (at_x.shape.rank - axis - 1))
    return mask


def crossing(places: Sequence[list[int] | None], sizes: Sequence[int | None]) -> Weights:
    """Return weights that are 1 where the place along each axis behind the first is among those chosen.

    Parameters
    ----------
    places
        For each axis the chosen places, as :func:`chosen` returns them, or None for all.
    sizes
        The length of each axis, None where it is free.
    """
    lines = [line for pair in zip(places, sizes, strict=True) for line in _lines(*pair)]
    return Weights(_crossed, tuple(lines), least=tuple(_least(some or ()) for some in places))


def chosen(what: int | slice | Iterable[int], size: int | None, axis: str) -> list[int]:
    """Return some places along an axis as a list, or refuse those that are not there.

    Parameters
    ----------
    what
        A place, a slice or several places. Those below zero count from the end.
    size
        The length of the axis, None where it is free.
    axis
        What messages call the places, such as ``"bins"``.

    Returns
    -------
    list of int
        The places, from 0 on where the length is known.

    Raises
    ------
    InputError
        If there are none, or they are no whole numbers, or some are beyond the end.
    """
    if isinstance(what, slice):
        what = _sliced(what, size, axis)
    several: list = [what] if isinstance(what, Integral) or not isinstance(what, Iterable) else list(what)
    if any(not isinstance(i, Integral) or isinstance(i, bool | np.bool_) for i in several):
        told = "a mask; give numpy.flatnonzero of it" if all(isinstance(i, bool | np.bool_) for i in several) else ""
        raise InputError(f"{axis} must be whole numbers, not {told or repr(what)}")
    if not several:
        raise InputError(f"{axis} {what!r} are empty, so there is nothing to sum")
    places = [int(i) for i in several]
    if size is None:
        return places
    beyond = [i for i in places if not -size <= i < size]
    if beyond:
        raise InputError(
            f"{axis} {beyond[0]} {'is' if len(beyond) == 1 else 'and more are'} out of range: there are {size} (0 to "
            f"{size - 1}, or {-size} to -1 from the end)"
        )
    return [i % size for i in places]


def _sliced(what: slice, size: int | None, axis: str) -> Iterable[int]:
    """Return the places of a slice. Its ends are taken as they are, rather than cut to the axis."""
    step = 1 if what.step is None else what.step
    if size is not None:
        if any(end is not None and not -size <= end <= size for end in (what.start, what.stop)):
            raise InputError(f"{axis} {what!r} is out of range: there are {size}")
        return range(*what.indices(size))
    start, stop = 0 if what.start is None else what.start, what.stop
    if start < 0 and stop is None:
        stop = 0
    if step < 1 or stop is None or (start < 0) != (stop < 0 or (start < 0 and stop == 0)):
        raise InputError(
            f"{axis} {what!r} depends on the length of the output, which is free in this model; give both ends of a "
            "range, counted from the same side"
        )
    return range(start, stop, step)


def _least(places: Iterable[int]) -> int:
    """Return how long an axis must be for all places to be there."""
    return max((i + 1 if i >= 0 else -i for i in places), default=0)


def _lines(some: list[int] | None, size: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return 1 at the chosen places along an axis and 0 at the others, from the beginning and backwards from the end.

    Two empty arrays stand for all places. Where the size of the axis is free, an array ends some way behind the last
    chosen place. Sums over different stretches have arrays of few sizes then, for each of which a program is made.
    """
    if some is None:
        return np.ones(0, np.float32), np.ones(0, np.float32)
    return _line([i for i in some if i >= 0], size), _line([-1 - i for i in some if i < 0], None)


def _line(some: list[int], size: int | None) -> np.ndarray:
    if not some and size is None:
        return np.zeros(0, np.float32)
    line = np.zeros(1 << max(some).bit_length() if size is None else size, np.float32)
    line[some] = 1
    return line


def _crossed(at_x: Tensor, *lines: Tensor) -> Tensor:
    """Return the product of a line along each axis behind the first."""
    mask = tf.ones([1] * at_x.shape.rank, at_x.dtype)
    for axis, (front, back) in enumerate(zip(lines[::2], lines[1::2], strict=True), start=1):
        if front.shape[0] or back.shape[0]:
            length = tf.shape(at_x)[axis]
            line = tf.maximum(_fitted(front, length), _fitted(back, length)[::-1])
            mask = mask * tf.reshape(tf.cast(line, at_x.dtype), [1] * axis + [-1] + [1] * (at_x.shape.rank - axis - 1))
    return mask


def _fitted(line: Tensor, length: Tensor) -> Tensor:
    """Return a line cut or filled with zeros to a length."""
    line = tf.convert_to_tensor(line)[:length]
    return tf.pad(line, [[0, length - tf.shape(line)[0]]])
