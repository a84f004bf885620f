"""The targets' values and slopes at any points, without references, as gradients and perturbations need them."""

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

Result = TypeVar("Result")
#: A function that walks back from a target. It takes both sides of some points, the target and its weights.
WalkBack = Callable[[Pairs, Target, dict[Value, Tensor]], Result]


class Points:
    """An evaluator of a program's targets at points that were made from some sequences.

    A target's weights are those of the sequence that a point was made from (:meth:`frozen`), so that they never carry
    importance themselves.

    Parameters
    ----------
    program : Program
        The traced model.
    targets : list of Target
        The scalars that are evaluated.
    propagation : callable, optional
        A function that walks back by rules in place of the plain gradient. The weights are then the point's own.
    letters : list of bool, optional
        Which inputs have an axis of letters along which slopes are corrected. By default none has.
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
        """Return the weights of each target's terms at some sequences.

        Parameters
        ----------
        xs : list of np.ndarray
            The sequences (n, ...) for each input.
        size : int
            How many sequences are run at a time.

        Returns
        -------
        weights : list of Tensor
            The weights of each term.
        by_row : list of bool
            Whether a term's weights have a row for each sequence. If not, they are the same for all.
        """
        with exact_float32:
            # A run of two rows shows which weights have one for each. Most weights are the same for all sequences.
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
        """Return the targets (B, T) at some points.

        Parameters
        ----------
        points : list of np.ndarray
            The points (B, ...) for each input.
        weights : list of Tensor
            The weights of each term at the sequences, see :meth:`frozen`.
        by_row : list of bool
            Whether a term's weights have a row for each sequence.
        rows : np.ndarray
            The places (B,) of the sequences that the points were made from.
        """
        with exact_float32:
            return self._evaluate([tf.constant(p) for p in points], weights, by_row, tf.constant(rows)).numpy()

    def slopes(
        self, points: list[np.ndarray], weights: list[Tensor], by_row: list[bool], rows: np.ndarray
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return the targets (B, T) and the slopes (B, T, ...) for each input, see :meth:`values`."""
        with exact_float32:
            values, slopes = self._differentiate([tf.constant(p) for p in points], weights, by_row, tf.constant(rows))
        return values.numpy(), [slope.numpy() for slope in slopes]

    def _weights(self, xs):
        values = forward(self.program, xs, constants(self.program))
        return [
            tf.cast(weights(values[value]), tf.float32) for target in self.targets for value, weights in target.terms
        ]

    def _seeds(self, weights, by_row, rows) -> list[list]:
        """Return each target's terms as pairs of a value and the weights of every point's own sequence."""
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
        slopes = []
        for terms in seeds:
            outputs = [values[value] for value, _ in terms]
            grads = [tf.broadcast_to(w, tf.shape(y)) for (_, w), y in zip(terms, outputs, strict=True)]
            slopes.append(tf.gradients(outputs, points, grads, unconnected_gradients="zero"))
        return totals(seeds, values.__getitem__, tf.shape(points[0])[0]), self._stacked(slopes)

    def _walked_back(self, points: list[Tensor], walk_back: WalkBack[Result]) -> tuple[Tensor, list[Result]]:
        """Return the targets (B, T), and what is walked back from each of them."""
        pairs = Pairs(self.program, points, None, 1, False, False)
        seeds = [target.seeds(pairs.x) for target in self.targets]
        results = [walk_back(pairs, target, seed) for target, seed in zip(self.targets, seeds, strict=True)]
        return totals([list(seed.items()) for seed in seeds], pairs.x, tf.shape(points[0])[0]), results

    def _stacked(self, by_target: list[list]) -> list:
        columns = [tf.stack(column, axis=1) for column in zip(*by_target, strict=True)]
        return corrected(columns, self.letters)


def _one_each(value: Value, weights: Tensor) -> bool:
    """Return whether weights that were made of two rows of a value have a row for each of them."""
    as_deep = value.shape is None or len(value.shape) == weights.shape.rank
    return weights.shape.rank > 0 and as_deep and weights.shape[0] != 1


def totals(seeds: list[list], at: Callable[[Value], Tensor], count: Tensor) -> Tensor:
    """Return the targets (B, T) of some points.

    Parameters
    ----------
    seeds : list of list of (Value, Tensor)
        The terms of each target, which are values and their weights.
    at : callable
        A function that returns the tensor (B, ...) of a value.
    count : Tensor
        The number B of points.
    """
    sums = [
        tf.add_n([tf.reduce_sum(tf.reshape(weights * at(value), [count, -1]), -1) for value, weights in terms])
        for terms in seeds
    ]
    return tf.stack(sums, axis=1)
