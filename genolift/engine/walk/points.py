"""The targets' values and slopes at any points, without references: what gradients and perturbations are made of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from genolift.engine.program import Program
from genolift.engine.running.run import constants, forward
from genolift.engine.target import Target
from genolift.engine.walk.correction import corrected
from genolift.engine.walk.multipliers import Propagation
from genolift.engine.walk.pairs import Pairs
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import compiled, quiet_tensorflow

tf = quiet_tensorflow()


class Points:
    """Evaluates a program's targets at points that were made from some sequences.

    A target's weights are those of the sequence a point was made from (:meth:`frozen`), so that they never carry
    importance themselves. ``propagation`` walks back by rules in place of the plain gradient; its weights are then the
    point's own. ``letters`` tells which inputs have an axis of letters whose slopes are to be corrected.
    """

    def __init__(
        self,
        program: Program,
        targets: list[Target],
        propagation: Propagation | None = None,
        letters: list[bool] | None = None,
    ):
        self.program, self.targets, self.propagation = program, targets, propagation
        self.letters = letters or [False] * len(program.inputs)
        self._by_row: list[bool] | None = None
        self._weigh = compiled(self._weights, reduce_retracing=True)
        self._evaluate = compiled(self._values, reduce_retracing=True)
        self._differentiate = compiled(self._slopes, reduce_retracing=True)

    def frozen(self, xs: list[np.ndarray], size: int) -> tuple[list, list[bool]]:
        """Each term's weights at the sequences ``xs`` (n, ...), ``size`` at a time, and which have a row for each."""
        with exact_float32:
            # Two rows tell which weights have one each; most have none, and are the same for all sequences.
            parts = [self._weigh([tf.constant(np.resize(x[:2], (2, *x.shape[1:]))) for x in xs])]
            if any(self._by_row):
                starts = range(0, len(xs[0]), size)
                parts = [self._weigh([tf.constant(x[start : start + size]) for x in xs]) for start in starts]
        columns = zip(zip(*parts, strict=True), self._by_row, strict=True)
        return [tf.concat(column, 0) if by_row else column[0] for column, by_row in columns], list(self._by_row)

    def values(self, points: list[np.ndarray], weights: list, by_row: list[bool], rows: np.ndarray) -> np.ndarray:
        """The targets (B, T) at ``points`` (B, ...), which were made from the sequences ``rows`` (B,) of ``weights``."""
        with exact_float32:
            return self._evaluate([tf.constant(p) for p in points], weights, by_row, tf.constant(rows)).numpy()

    def slopes(self, points: list[np.ndarray], weights: list, by_row: list[bool], rows: np.ndarray) -> tuple:
        """Values (B, T) and slopes (B, T, ...) per input, see :meth:`values`."""
        with exact_float32:
            values, slopes = self._differentiate([tf.constant(p) for p in points], weights, by_row, tf.constant(rows))
        return values.numpy(), [slope.numpy() for slope in slopes]

    def _weights(self, xs):
        values = forward(self.program, xs, constants(self.program))
        found = [
            tf.cast(weights(values[value]), tf.float32) for target in self.targets for value, weights in target.terms
        ]
        terms = [value for target in self.targets for value, _ in target.terms]
        if self._by_row is None:
            self._by_row = [
                weight.shape.rank == value_at.shape.rank and weight.shape[0] != 1
                for weight, value_at in zip(found, [values[value] for value in terms], strict=True)
            ]
        return found

    def _seeds(self, weights, by_row, rows) -> list[list]:
        """Each target's terms as (value, weights of every point's own sequence)."""
        picked = iter([tf.gather(w, rows) if own else w for w, own in zip(weights, by_row, strict=True)])
        return [[(value, next(picked)) for value, _ in target.terms] for target in self.targets]

    def _values(self, points, weights, by_row, rows):
        values = forward(self.program, points, constants(self.program))
        return totals(self._seeds(weights, by_row, rows), values.__getitem__, tf.shape(points[0])[0])

    def _slopes(self, points, weights, by_row, rows):
        if self.propagation is not None:
            return self._propagated(points)
        points = [tf.identity(point) for point in points]
        values = forward(self.program, points, constants(self.program))
        seeds = self._seeds(weights, by_row, rows)
        found = []
        for terms in seeds:
            outputs = [values[value] for value, _ in terms]
            grads = [tf.broadcast_to(w, tf.shape(y)) for (_, w), y in zip(terms, outputs, strict=True)]
            found.append(tf.gradients(outputs, points, grads, unconnected_gradients="zero"))
        return totals(seeds, values.__getitem__, tf.shape(points[0])[0]), self._stacked(found)

    def _propagated(self, points):
        pairs = Pairs(self.program, points, None, 1, False, False)
        seeds = [target.seeds(pairs.x) for target in self.targets]
        found = [self.propagation(pairs, target, seed) for target, seed in zip(self.targets, seeds, strict=True)]
        return totals([list(seed.items()) for seed in seeds], pairs.x, tf.shape(points[0])[0]), self._stacked(found)

    def _stacked(self, by_target: list[list]) -> list:
        columns = [tf.stack(column, axis=1) for column in zip(*by_target, strict=True)]
        return corrected(columns, self.letters)


def totals(seeds: list[list], at: Callable, count):
    """The targets (B, T) of ``count`` points, from each one's (value, weights); ``at(value)`` gives the value (B, ...)."""
    sums = [
        tf.add_n([tf.reduce_sum(tf.reshape(weights * at(value), [count, -1]), -1) for value, weights in terms])
        for terms in seeds
    ]
    return tf.stack(sums, axis=1)
