"""A hidden representation of sequences: the activations that a target is read from, or those of a layer."""

from __future__ import annotations

import numpy as np

from genolift.engine.operations.table import kind_of
from genolift.engine.program import Program, Value
from genolift.engine.running.run import constants, forward
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import compiled, quiet_tensorflow

tf = quiet_tensorflow()


def read_from(values: list[Value]) -> list[Value]:
    """What the last weighted steps before ``values`` read, but for views of the input itself."""
    found, seen, pending = [], set(), list(values)
    while pending:
        step = pending.pop(0).step
        if step in seen or step.op == "Input":
            continue
        seen.add(step)
        if kind_of(step) == "weighted":
            found += step.active_inputs
        else:
            pending += step.active_inputs
    return [value for value in dict.fromkeys(found) if not _is_view(value)]


def _is_view(value: Value) -> bool:
    """Whether there are passing steps only between the input and a value."""
    pending = [value]
    while pending:
        step = pending.pop().step
        if step.op != "Input":
            if kind_of(step) != "passing":
                return False
            pending += step.active_inputs
    return True


class Representation:
    """Activations of ``values`` as one vector for each point.

    ``values`` and ``frozen`` are those of :class:`genolift.engine.walk.points.Points`, so that copies can be predicted.
    """

    targets: tuple = ()

    def __init__(self, program: Program, values: list[Value]):
        self.program, self.hidden = program, values
        self._run = compiled(self._activations, reduce_retracing=True)

    def frozen(self, xs, size: int) -> tuple[list, list]:
        return [], []

    def values(self, points: list[np.ndarray], weights, by_row, rows) -> np.ndarray:
        """Vectors (B, D) at ``points`` (B, ...)."""
        with exact_float32:
            return self._run([tf.constant(point) for point in points]).numpy()

    def _activations(self, points):
        values = forward(self.program, points, constants(self.program))
        count = tf.shape(points[0])[0]
        return tf.concat([tf.reshape(values[value], [count, -1]) for value in self.hidden], 1)
