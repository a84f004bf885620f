"""The targets' values and slopes at any points, without references: what gradients and perturbations are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from genolift.engine.program import Program, Value
from genolift.engine.running.run import constants, forward
from genolift.engine.target import Target
from genolift.engine.walk.correction import corrected
from genolift.engine.walk.multipliers import Walked
from genolift.engine.walk.pairs import Pairs
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

tf = quiet_tensorflow()

Found = TypeVar("Found")
#: From both sides of some points, a target and its weights to what is walked back from it.
WalkBack = Callable[[Pairs, Target, dict[Value, Tensor]], Found]


class Points:
    """Evaluates a program's targets at points that were made from some sequences.

    A target's weights are those of the sequence a point was made from (:meth:`frozen`), so that they never carry
    importance themselves.

    Parameters
    ----------
    program, targets
        What is evaluated.
    propagation
        Walks back by rules in place of the plain gradient. The weights are then the point's own.
    letters
        Which inputs have an axis of letters whose slopes are to be corrected; by default none.
    """

    def __init__(
        self,
        program: Program,
        targets: list[Target],
        propagation: WalkBack[Walked] | None = None,
        letters: list[bool] | None = None,
    ):
        self.program, self.targets, self.propagation = program, targets, propagation
        self.letters = letters or [False] * len(program.inputs)
        self._weigh = compiled(self._weights, reduce_retracing=True)
        self._evaluate = compiled(self._values, reduce_retracing=True)
        self._differentiate = compiled(self._slopes, reduce_retracing=True)

    def frozen(self, xs: list[np.ndarray], size: int) -> tuple[list[Tensor], list[bool]]:
        """Return each term's weights at the sequences ``xs`` (n, ...), and which of them have a row for each sequence.

        ``size`` sequences are run at a time.
        """
        with exact_float32:
            # Two rows tell which weights have one each; most have none, and are the same for all sequences.
            parts = [self._weigh([tf.constant(np.resize(x[:2], (2, *x.shape[1:]))) for x in xs])]
            values = [value for target in self.targets for value, _ in target.terms]
            by_row = [_one_each(value, weights) for value, weights in zip(values, parts[0], strict=True)]
            if any(by_row):
                starts = range(0, len(xs[0]), size)
                parts = [self._weigh([tf.constant(x[start : start + size]) for x in xs]) for start in starts]
        columns = zip(zip(*parts, strict=True), by_row, strict=True)
        return [tf.concat(column, 0) if each else column[0] for column, each in columns], by_row

    def values(
        self, points: list[np.ndarray], weights: list[Tensor], by_row: list[bool], rows: np.ndarray
    ) -> np.ndarray:
        """Return the targets (B, T) at ``points`` (B, ...) that were made from the sequences ``rows`` (B,) of ``weights``."""
        with exact_float32:
            return self._evaluate([tf.constant(p) for p in points], weights, by_row, tf.constant(rows)).numpy()

    def slopes(
        self, points: list[np.ndarray], weights: list[Tensor], by_row: list[bool], rows: np.ndarray
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return values (B, T) and slopes (B, T, ...) per input, see :meth:`values`."""
        with exact_float32:
            values, slopes = self._differentiate([tf.constant(p) for p in points], weights, by_row, tf.constant(rows))
        return values.numpy(), [slope.numpy() for slope in slopes]

    def _weights(self, xs):
        values = forward(self.program, xs, constants(self.program))
        return [
            tf.cast(weights(values[value]), tf.float32) for target in self.targets for value, weights in target.terms
        ]

    def _seeds(self, weights, by_row, rows) -> list[list]:
        """Each target's terms as (value, weights of every point's own sequence)."""
        picked = iter([tf.gather(w, rows) if own else w for w, own in zip(weights, by_row, strict=True)])
        return [[(value, next(picked)) for value, _ in target.terms] for target in self.targets]

    def _values(self, points, weights, by_row, rows):
        values = forward(self.program, points, constants(self.program))
        return totals(self._seeds(weights, by_row, rows), values.__getitem__, tf.shape(points[0])[0])

    def _slopes(self, points, weights, by_row, rows):
        if self.propagation is not None:
            predictions, walked = self._walked_back(points, self.propagation)
            return predictions, self._stacked([one.reached for one in walked])
        points = [tf.identity(point) for point in points]
        values = forward(self.program, points, constants(self.program))
        seeds = self._seeds(weights, by_row, rows)
        found = []
        for terms in seeds:
            outputs = [values[value] for value, _ in terms]
            grads = [tf.broadcast_to(w, tf.shape(y)) for (_, w), y in zip(terms, outputs, strict=True)]
            found.append(tf.gradients(outputs, points, grads, unconnected_gradients="zero"))
        return totals(seeds, values.__getitem__, tf.shape(points[0])[0]), self._stacked(found)

    def _walked_back(self, points: list[Tensor], walk_back: WalkBack[Found]) -> tuple[Tensor, list[Found]]:
        """The targets (B, T), and what is walked back from each of them."""
        pairs = Pairs(self.program, points, None, 1, False, False)
        seeds = [target.seeds(pairs.x) for target in self.targets]
        found = [walk_back(pairs, target, seed) for target, seed in zip(self.targets, seeds, strict=True)]
        return totals([list(seed.items()) for seed in seeds], pairs.x, tf.shape(points[0])[0]), found

    def _stacked(self, by_target: list[list]) -> list:
        columns = [tf.stack(column, axis=1) for column in zip(*by_target, strict=True)]
        return corrected(columns, self.letters)


def _one_each(value: Value, weights: Tensor) -> bool:
    """Whether weights that were made of two rows of a value have a row for each of them."""
    as_deep = value.shape is None or len(value.shape) == weights.shape.rank
    return weights.shape.rank > 0 and as_deep and weights.shape[0] != 1


def totals(seeds: list[list], at: Callable[[Value], Tensor], count: Tensor) -> Tensor:
    """Return the targets (B, T) of ``count`` points, from each one's (value, weights).

    ``at(value)`` gives the value (B, ...).
    """
    sums = [
        tf.add_n([tf.reduce_sum(tf.reshape(weights * at(value), [count, -1]), -1) for value, weights in terms])
        for terms in seeds
    ]
    return tf.stack(sums, axis=1)
