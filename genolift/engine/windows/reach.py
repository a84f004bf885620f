"""How far a substitution reaches: for each value of a program, the rows along its length that one can change."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from genolift.engine.program import Dependence, Program, Step, Value
from genolift.engine.running.run import constants, forward
from genolift.support.tensorflow import compiled, quiet_tensorflow

tf = quiet_tensorflow()

#: Sequences in the run that facts are taken from: more than one, so that the batch is told from axes of size one.
ROWS = 2


@dataclass(frozen=True, eq=False)
class Reach:
    """A substitution at position l changes rows ``starts[l]`` to ``starts[l] + width`` at most, along axis ``axis``.

    ``length`` is that axis' size. Axes between it and the batch have size one; ``axis`` 0 says that the rows of all
    sequences stand one after the other, (N · length, ...). A window may hang over either end: what hangs over is not
    there, which spares all that follows a special case at the ends.
    """

    axis: int
    length: int
    starts: np.ndarray
    width: int

    @property
    def ends(self) -> np.ndarray:
        return self.starts + self.width

    def moved(self, by: int = 0, axis: int | None = None, length: int | None = None) -> Reach:
        """The same rows with other numbers, because they stand elsewhere in another value."""
        return replace(
            self,
            starts=self.starts + by,
            axis=self.axis if axis is None else axis,
            length=self.length if length is None else length,
        )

    def union(self, other: Reach) -> Reach:
        """The shortest windows of one width that hold both."""
        starts = np.minimum(self.starts, other.starts)
        return replace(self, starts=starts, width=int((np.maximum(self.ends, other.ends) - starts).max()))

    def whole(self) -> Reach:
        """All the rows, wherever the substitution is."""
        return replace(self, starts=np.zeros_like(self.starts), width=self.length)

    def finer(self, factor: int, axis: int) -> Reach:
        """When each row becomes ``factor`` rows."""
        return Reach(axis, self.length * factor, self.starts * factor, self.width * factor)


@dataclass(frozen=True)
class Slide:
    """A window of ``taps`` rows, ``rate`` apart, that moves along the length by ``stride``; its first tap starts
    ``before`` rows ahead of the value's first row."""

    taps: int
    stride: int
    rate: int
    before: int
    length: int  # of what comes out

    @property
    def extent(self) -> int:
        """Rows from a window's first tap to its last."""
        return self.rate * (self.taps - 1) + 1

    def reach(self, inner: Reach, axis: int) -> Reach:
        """Which windows read one of the rows."""
        first = -((self.extent - 1 - self.before - inner.starts) // self.stride)  # rounded up
        last = (inner.ends - 1 + self.before) // self.stride
        return Reach(axis, self.length, first, int((last - first).max()) + 1)

    def read(self, inner: Reach, outer: Reach) -> Reach:
        """The rows that windows ``outer`` read."""
        starts = outer.starts * self.stride - self.before
        return replace(inner, starts=starts, width=(outer.width - 1) * self.stride + self.extent)


def padding_before(padding: str, length: int, out: int, extent: int, stride: int) -> int:
    """Rows added ahead of the first by TensorFlow's ``SAME`` and ``VALID``."""
    return max((out - 1) * stride + extent - length, 0) // 2 if padding == "SAME" else 0


class Facts:
    """What a run on blank sequences of one length tells: every value's shape, and the integers that shapes are made of.

    ``shapes`` are those for a batch of :data:`ROWS`.
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
        """Of one sequence."""
        return int(np.prod(self.shapes[value])) // ROWS


def _is_tensor(value: Value) -> bool:
    return value.dtype not in ("resource", "variant", "string")


class Layout:
    """What is known of a program's values on the way: the ``reaches`` so far, and the facts."""

    def __init__(self, facts: Facts):
        self.facts = facts
        self.reaches: dict[Value, Reach] = {}

    def shape(self, value: Value) -> tuple[int, ...]:
        """Return a value's shape for a batch of :data:`ROWS`."""
        return self.facts.shapes[value]

    def numbers(self, value: Value) -> list[int] | None:
        """Return the whole numbers that a value holds, such as axes; None where they are not known."""
        numbers = self.facts.numbers.get(value)
        return None if numbers is None else [int(number) for number in np.atleast_1d(numbers)]

    def changed(self, step: Step) -> list[Value]:
        """Return the inputs of a step that a substitution reaches."""
        return [value for value in dict.fromkeys(step.inputs) if value in self.reaches]

    def common(self, step: Step) -> Reach | None:
        """Return the union of the changed inputs' reaches, where they lie along one axis of one rank and length."""
        changed = self.changed(step)
        first, *others = [self.reaches[value] for value in changed]
        ranks = {len(self.shape(value)) for value in changed}
        if len(ranks) > 1 or any((one.axis, one.length) != (first.axis, first.length) for one in others):
            return None
        for other in others:
            first = first.union(other)
        return first

    def only_first(self, step: Step) -> Reach | None:
        """Return the reach of a step's first input, where all other inputs are constants."""
        others = step.inputs[1:]
        if any(value.dependence != Dependence.CONSTANT for value in others):
            return None
        return self.reaches.get(step.inputs[0])

    def fits(self, reach: Reach, value: Value) -> bool:
        """Whether a value's shape has the reach's rows where it says."""
        shape = self.shape(value)
        if reach.axis == 0:
            return shape[0] == ROWS * reach.length
        return shape[0] == ROWS and shape[reach.axis] == reach.length and set(shape[1 : reach.axis]) <= {1}
