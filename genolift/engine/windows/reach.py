"""How far a substitution reaches, as the rows along the length of each value that it can change."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from genolift.engine.program import Dependence, Program, Step, Value
from genolift.engine.running.run import constants, forward
from genolift.support.tensorflow import compiled, quiet_tensorflow

tf = quiet_tensorflow()

#: The number of sequences in the run that facts are taken from. It is above one, to tell the batch from axes of size
#: one.
ROWS = 2


@dataclass(frozen=True, eq=False)
class Reach:
    """The rows of a value that a substitution can change, as one window for each position of the input.

    A window may reach beyond either end of the value. Rows outside the value are ignored, so later code needs no edge
    cases.

    Parameters
    ----------
    axis : int
        The axis that has the rows. Axes between it and the batch have size one. With 0 the rows of all N sequences
        stand one after the other, (N · length, ...).
    length : int
        The size of that axis for one sequence.
    starts : np.ndarray
        The first changed row for each position of the input. It may be negative.
    width : int
        The number of changed rows.
    """

    axis: int
    length: int
    starts: np.ndarray
    width: int

    @property
    def ends(self) -> np.ndarray:
        """The row after the last changed one, for each position of the input."""
        return self.starts + self.width

    def moved(self, by: int = 0, axis: int | None = None, length: int | None = None) -> Reach:
        """Return the reach of the same rows in another value, where they stand elsewhere.

        Parameters
        ----------
        by : int
            How many rows further along they stand. By default 0.
        axis, length : int, optional
            The axis and the length of the other value. By default they are the same.
        """
        return replace(
            self,
            starts=self.starts + by,
            axis=self.axis if axis is None else axis,
            length=self.length if length is None else length,
        )

    def union(self, other: Reach) -> Reach:
        """Return the shortest windows of one width that hold the windows of both."""
        starts = np.minimum(self.starts, other.starts)
        return replace(self, starts=starts, width=int((np.maximum(self.ends, other.ends) - starts).max()))

    def whole(self) -> Reach:
        """Return the reach that holds all rows, wherever the substitution is."""
        return replace(self, starts=np.zeros_like(self.starts), width=self.length)

    def finer(self, factor: int, axis: int) -> Reach:
        """Return the reach along ``axis`` of a value in which each row has become ``factor`` rows."""
        return Reach(axis, self.length * factor, self.starts * factor, self.width * factor)


@dataclass(frozen=True)
class Slide:
    """The movement of the window of a convolution or pool along the length.

    Parameters
    ----------
    taps : int
        The number of rows that the window reads.
    stride : int
        How many rows it moves at a time.
    rate : int
        How many rows its taps lie apart.
    before : int
        How many rows ahead of the value's first row it starts, because of padding.
    length : int
        The number of rows of the output.
    """

    taps: int
    stride: int
    rate: int
    before: int
    length: int

    @property
    def extent(self) -> int:
        """The number of rows from a window's first tap to its last."""
        return self.rate * (self.taps - 1) + 1

    def reach(self, inner: Reach, axis: int) -> Reach:
        """Return the reach of the output, which is the windows that read one of the changed rows.

        Parameters
        ----------
        inner : Reach
            The reach of the input.
        axis : int
            The axis of the output that has the rows.
        """
        first = -((self.extent - 1 - self.before - inner.starts) // self.stride)  # The division rounds up.
        last = (inner.ends - 1 + self.before) // self.stride
        return Reach(axis, self.length, first, int((last - first).max()) + 1)

    def read(self, inner: Reach, outer: Reach) -> Reach:
        """Return the rows of an input with reach ``inner`` that the windows ``outer`` of the output read."""
        starts = outer.starts * self.stride - self.before
        return replace(inner, starts=starts, width=(outer.width - 1) * self.stride + self.extent)


def padding_before(padding: str, length: int, out: int, extent: int, stride: int) -> int:
    """Return how many rows TensorFlow's ``SAME`` or ``VALID`` padding adds ahead of the first.

    Parameters
    ----------
    padding : str
        ``"SAME"`` or ``"VALID"``.
    length, out : int
        The number of rows of the input and of the output.
    extent : int
        The number of rows from a window's first tap to its last.
    stride : int
        How many rows the window moves at a time.
    """
    return max((out - 1) * stride + extent - length, 0) // 2 if padding == "SAME" else 0


class Facts:
    """The facts that a run on blank sequences of one length shows.

    The attribute ``shapes`` holds the shape of every value for a batch of :data:`ROWS`, and ``numbers`` the integers
    that shapes and axes are made of.

    Parameters
    ----------
    program : Program
        The traced model.
    shapes : list of tuple of int
        The shapes of the inputs without the batch.
    """

    def __init__(self, program: Program, shapes: list[tuple[int, ...]]):
        plain = [value for step in program.steps for value in step.outputs if _is_tensor(value)]
        integers = [
            value
            for value in plain
            if value.dependence <= Dependence.SHAPE and value.dtype in ("int32", "int64", "bool")
        ]

        def look(*tensors):
            values = forward(program, list(tensors), constants(program))
            return [tf.shape(values[value]) for value in plain], [values[value] for value in integers]

        blank = [tf.zeros((ROWS, *shape)) for shape in shapes]
        sizes, numbers = compiled(look)(*blank)
        self.shapes: dict[Value, tuple[int, ...]] = {
            value: tuple(size.numpy().tolist()) for value, size in zip(plain, sizes, strict=True)
        }
        self.numbers: dict[Value, np.ndarray] = {
            value: number.numpy() for value, number in zip(integers, numbers, strict=True)
        }

    def elements(self, value: Value) -> int:
        """Return how many numbers a value holds for one sequence."""
        return int(np.prod(self.shapes[value])) // ROWS


def _is_tensor(value: Value) -> bool:
    return value.dtype not in ("resource", "variant", "string")


class RowLayout:
    """Where the changed rows of a program's values lie, as far as the steps have been looked at.

    The attribute ``reaches`` holds the reach of each value that changes in some rows only.

    Parameters
    ----------
    facts : Facts
        The shapes and integers of the program's values.
    """

    def __init__(self, facts: Facts):
        self.facts = facts
        self.reaches: dict[Value, Reach] = {}

    def shape(self, value: Value) -> tuple[int, ...]:
        """Return a value's shape for a batch of :data:`ROWS`."""
        return self.facts.shapes[value]

    def numbers(self, value: Value) -> list[int] | None:
        """Return the whole numbers that a value holds, such as axes, or None if they are not known."""
        numbers = self.facts.numbers.get(value)
        return None if numbers is None else [int(number) for number in np.atleast_1d(numbers)]

    def changed(self, step: Step) -> list[Value]:
        """Return the inputs of a step that a substitution reaches."""
        return [value for value in dict.fromkeys(step.inputs) if value in self.reaches]

    def common(self, step: Step) -> Reach | None:
        """Return the union of the changed inputs' reaches, or None if these differ in rank, axis or length."""
        changed = self.changed(step)
        first, *others = [self.reaches[value] for value in changed]
        ranks = {len(self.shape(value)) for value in changed}
        if len(ranks) > 1 or any((one.axis, one.length) != (first.axis, first.length) for one in others):
            return None
        for other in others:
            first = first.union(other)
        return first

    def only_first(self, step: Step) -> Reach | None:
        """Return the reach of a step's first input, or None if another input is no constant."""
        others = step.inputs[1:]
        if any(value.dependence != Dependence.CONSTANT for value in others):
            return None
        return self.reaches.get(step.inputs[0])

    def fits(self, reach: Reach, value: Value) -> bool:
        """Return whether a value's shape has the rows of a reach where the reach says."""
        shape = self.shape(value)
        if reach.axis == 0:
            return shape[0] == ROWS * reach.length
        return shape[0] == ROWS and shape[reach.axis] == reach.length and set(shape[1 : reach.axis]) <= {1}
