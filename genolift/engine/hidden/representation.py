"""The hidden representation of sequences, which is the activations that a target is read from, or those of a layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from genolift.engine.operations.steps import kind_of
from genolift.engine.program import Program, Value, ancestors
from genolift.engine.running.run import constants, forward
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

tf = quiet_tensorflow()


def read_from(values: list[Value]) -> list[Value]:
    """Return what the last weighted steps before ``values`` read, without views of the input itself."""

    def is_weighted(value: Value) -> bool:
        return value.step.op != "Input" and kind_of(value.step) == "weighted"

    last = (value.step for value in _active_ancestors(values, is_weighted) if is_weighted(value))
    read = dict.fromkeys(value for step in last for value in step.active_inputs)
    return [value for value in read if not _is_view(value)]


def _is_view(value: Value) -> bool:
    """Return whether only passing steps lie between the input and a value."""
    steps = (before.step for before in _active_ancestors([value]))
    return all(step.op == "Input" or kind_of(step) == "passing" for step in steps)


def _active_ancestors(values: list[Value], stop: Callable[[Value], bool] | None = None) -> Iterator[Value]:
    """Return some values and those that importance flows into from them, the nearest first."""
    return ancestors(values, lambda value: value.step.active_inputs, stop, breadth_first=True)


class Representation:
    """A reader of hidden activations as one vector for each point.

    It has the methods of :class:`genolift.engine.walk.points.Points` that evaluate targets, so it can stand in for one.

    Parameters
    ----------
    program : Program
        The traced model.
    values : list of Value
        The hidden values.
    """

    targets: tuple = ()

    def __init__(self, program: Program, values: list[Value]):
        self.program, self.hidden = program, values
        self._run = compiled(self._activations, reduce_retracing=True)

    def frozen(self, xs: list[np.ndarray], size: int) -> list[Tensor]:
        """Return no weights, because activations have none."""
        return []

    def values(self, points: list[np.ndarray], weights: list[Tensor], rows: np.ndarray) -> np.ndarray:
        """Return the vectors (B, D) at ``points`` (B, ...). Nothing depends on the other arguments."""
        with exact_float32:
            return self._run([tf.constant(point) for point in points]).numpy()

    def _activations(self, points):
        values = forward(self.program, points, constants(self.program))
        count = tf.shape(points[0])[0]
        return tf.concat([tf.reshape(values[value], [count, -1]) for value in self.hidden], 1)
