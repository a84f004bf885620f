"""Sizes that a program computes, as sums of constants and of numbers that are only known when it runs.

So it is known before the program runs that ``(5 + n) − n`` is 5, whatever the length n.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from genolift.engine.program import Step, Value
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

# A sum is written as one whole number of any size: its constant part, plus a power of this base for each unknown
# number. Neither constants nor the counts of unknown numbers come near half of it, so the parts are never mixed up.
_BASE = 1 << 80


def constant_difference(a: Value, b: Value) -> np.ndarray | None:
    """Return the numbers of ``a`` − ``b`` if they are the same whenever the program runs, else None.

    Parameters
    ----------
    a, b : Value
        Two tensors of integers of one shape.
    """
    sums = _Sums()
    left, right = sums(a), sums(b)
    if left is None or right is None or left.shape != right.shape:
        return None
    return _constant(np.array(left - right, object))


def constant(value: Value) -> np.ndarray | None:
    """Return the numbers of a tensor of integers if they are the same whenever the program runs, else None."""
    found = _Sums()(value)
    return None if found is None else _constant(found)


def _constant(sums: np.ndarray) -> np.ndarray | None:
    return sums.astype(np.int64) if all(abs(number) < _BASE // 2 for number in sums.flat) else None


def _sizes(shape: tuple[int | None, ...] | None) -> list[int] | None:
    """Return the sizes of all axes, or None where one is not known."""
    known = [size for size in shape or () if size is not None]
    return None if shape is None or len(known) < len(shape) else known


class _Sums:
    """The sums of the values that are asked for. An unknown number is the same one wherever it occurs."""

    def __init__(self) -> None:
        self._known: dict[Value, np.ndarray | None] = {}
        self._unknown = 0
        self._shapes: dict[Value, np.ndarray] = {}

    def __call__(self, value: Value) -> np.ndarray | None:
        """Return the sums of a tensor's elements, or None where their number is not known."""
        if value not in self._known:
            found = self._found(value) if value.dtype in ("int32", "int64") else None
            if found is not None and value.shape is not None and found.shape != value.shape:
                found = None
            self._known[value] = self._new(value.shape) if found is None else found
        return self._known[value]

    def _new(self, shape: tuple[int | None, ...] | None) -> np.ndarray | None:
        """Return a tensor of unknown numbers."""
        known = _sizes(shape)
        return (
            None
            if known is None
            else np.array([self._number() for _ in range(int(np.prod(known)))], object).reshape(known)
        )

    def _number(self) -> int:
        """Return a number that is not known, and is not any of those before."""
        self._unknown += 1
        return _BASE**self._unknown

    def _shape(self, value: Value) -> np.ndarray:
        """Return the shape of a tensor with a known number of axes, whoever asks for it."""
        if value not in self._shapes:
            sizes = [self._number() if size is None else size for size in value.shape or ()]
            self._shapes[value] = np.array(sizes, object)
        return self._shapes[value]

    def _found(self, value: Value) -> np.ndarray | None:
        """Return a tensor as a sum of others, or None where it is none."""
        step = value.step
        if step.op == "Const":
            return np.array(tf.make_ndarray(step.node.attr["value"].tensor), object)
        if step.op == "Shape" and step.inputs[0].shape is not None:
            return self._shape(step.inputs[0])
        if step.op not in _OF_SUMS or len(step.outputs) > 1:
            return None
        inputs = [self(source) for source in step.inputs]
        return None if any(one is None for one in inputs) else _OF_SUMS[step.op](step, *inputs)


def _slice(step: Step, x: np.ndarray, *places: np.ndarray) -> np.ndarray | None:
    """Return a slice of the kind that Python writes as ``x[1]`` and ``x[:2]``, of the first axis only."""
    begin, end, stride = (_constant(place) for place in places)
    masks = {name: step.node.attr[f"{name}_mask"].i for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}
    if begin is None or end is None or stride is None or masks["ellipsis"] or masks["new_axis"]:
        return None
    key: list[int | slice] = []
    for i in range(len(begin)):
        if masks["shrink_axis"] >> i & 1:
            key.append(int(begin[i]))
        else:
            first = None if masks["begin"] >> i & 1 else int(begin[i])
            last = None if masks["end"] >> i & 1 else int(end[i])
            key.append(slice(first, last, int(stride[i])))
    return np.array(x[tuple(key)], object)


def _product(step: Step, a: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    return None if _constant(a) is None and _constant(b) is None else np.array(a * b, object)


def _joined(step: Step, *inputs: np.ndarray) -> np.ndarray | None:
    axis = _constant(inputs[-1])
    return None if axis is None else np.concatenate(inputs[:-1], int(axis))


def _packed(step: Step, *inputs: np.ndarray) -> np.ndarray:
    return np.stack(inputs, step.node.attr["axis"].i)


def _added(step: Step, *inputs: np.ndarray) -> np.ndarray:
    return np.array(reduce(np.add, inputs), object)


def _subtracted(step: Step, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.array(a - b, object)


def _shaped(step: Step, x: np.ndarray, *more: np.ndarray) -> np.ndarray | None:
    """Return the same elements in the shape that the step's output has."""
    shape = _sizes(step.output.shape)
    return None if shape is None else x.reshape(shape)


def _same(step: Step, x: np.ndarray) -> np.ndarray:
    return x


_OF_SUMS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("Add", "AddV2", "AddN"), _added),
    **dict.fromkeys(("Reshape", "ExpandDims", "Squeeze"), _shaped),
    **dict.fromkeys(("Identity", "Cast"), _same),
    "Sub": _subtracted,
    "Mul": _product,
    "Pack": _packed,
    "ConcatV2": _joined,
    "StridedSlice": _slice,
}
