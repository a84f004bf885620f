"""The targets' values and slopes at any points, without references, as gradients and perturbations need them."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import TypeVar

import numpy as np

from genolift.engine.program import Program, Value
from genolift.engine.running.run import constants, forward
from genolift.engine.target import Target, for_each
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
        self._numbers: list[Tensor] = []
        self._weigh = compiled(self._weights, reduce_retracing=True)
        self._evaluate = compiled(self._values, reduce_retracing=True)
        self._differentiate = compiled(self._slopes, reduce_retracing=True)

    def each(self) -> list[Points]:
        """Return an evaluator of each target alone. Targets that differ only in numbers share what is compiled."""
        first: dict[tuple, Points] = {}
        alone = []
        for target in self.targets:
            kind = target.kind
            if kind not in first:
                first[kind] = Points(self.program, [target], self.propagation, self.letters)
            one = copy(first[kind])
            one.targets, one._numbers = [target], [tf.convert_to_tensor(number) for number in target.numbers]
            alone.append(one)
        return alone

    def frozen(self, xs: list[np.ndarray], size: int) -> list[Tensor]:
        """Return the weights (n, ...) at some sequences, of those terms of the targets whose weights follow x.

        Parameters
        ----------
        xs : list of np.ndarray
            The sequences (n, ...) for each input.
        size : int
            How many sequences are run at a time.
        """
        if not any(weights.follow for target in self.targets for _, weights in target.terms):
            return []
        with exact_float32:
            starts = range(0, len(xs[0]), size)
            parts = [self._weigh([tf.constant(x[start : start + size]) for x in xs], self._numbers) for start in starts]
        return [tf.concat(column, 0) for column in zip(*parts, strict=True)]

    def values(self, points: list[np.ndarray], weights: list[Tensor], rows: np.ndarray) -> np.ndarray:
        """Return the targets (B, T) at some points.

        Parameters
        ----------
        points : list of np.ndarray
            The points (B, ...) for each input.
        weights : list of Tensor
            The weights at the sequences, see :meth:`frozen`.
        rows : np.ndarray
            The places (B,) of the sequences that the points were made from.
        """
        with exact_float32:
            return self._evaluate([tf.constant(p) for p in points], weights, tf.constant(rows), self._numbers).numpy()

    def slopes(
        self, points: list[np.ndarray], weights: list[Tensor], rows: np.ndarray
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return the targets (B, T) and the slopes (B, T, ...) for each input, see :meth:`values`."""
        with exact_float32:
            given = [tf.constant(point) for point in points]
            values, slopes = self._differentiate(given, weights, tf.constant(rows), self._numbers)
        return values.numpy(), [slope.numpy() for slope in slopes]

    def _with(self, numbers: list[Tensor]) -> list[Target]:
        """Return the targets, or the one of this kind that has the given numbers."""
        return [self.targets[0].with_numbers(numbers)] if numbers else self.targets

    def _weights(self, xs: list[Tensor], numbers: list[Tensor]) -> list[Tensor]:
        values = forward(self.program, xs, constants(self.program))
        return [
            tf.cast(weights(values[value]), tf.float32)
            for target in self._with(numbers)
            for value, weights in target.terms
            if weights.follow
        ]

    def _with_frozen(self, weights: list[Tensor], rows: Tensor, numbers: list[Tensor]) -> list[Target]:
        """Return the targets with the weights of every point's own sequence in the place of those that follow x."""
        picked = (tf.gather(one, rows) for one in weights)
        return [
            replace(target, terms=tuple((v, w.given(next(picked)) if w.follow else w) for v, w in target.terms))
            for target in self._with(numbers)
        ]

    def _values(self, points: list[Tensor], weights: list[Tensor], rows: Tensor, numbers: list[Tensor]) -> Tensor:
        values, count = forward(self.program, points, constants(self.program)), tf.shape(points[0])[0]
        targets = self._with_frozen(weights, rows, numbers)
        return for_each(targets, lambda target: target.total(values.__getitem__, count))

    def _slopes(
        self, points: list[Tensor], weights: list[Tensor], rows: Tensor, numbers: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        propagation = self.propagation
        if propagation is not None:
            values, reached = self._walked_back(points, lambda *walk: propagation(*walk).reached, numbers)
            return values, corrected(reached, self.letters)
        points = [tf.identity(point) for point in points]
        values, count = forward(self.program, points, constants(self.program)), tf.shape(points[0])[0]

        def of_target(target: Target) -> tuple[Tensor, list[Tensor]]:
            seeds = target.seeds(values.__getitem__)
            outputs = [values[value] for value in seeds]
            slopes = tf.gradients(outputs, points, list(seeds.values()), unconnected_gradients="zero")
            return target.total(values.__getitem__, count), slopes

        totals, slopes = for_each(self._with_frozen(weights, rows, numbers), of_target)
        return totals, corrected(slopes, self.letters)

    def _walked_back(
        self, points: list[Tensor], walk_back: WalkBack[Result], numbers: list[Tensor] | None = None
    ) -> tuple[Tensor, Result]:
        """Return the targets (B, T), and what is walked back from them, with targets as the second axis."""
        pairs, count = Pairs(self.program, points, None, 1, False, False), tf.shape(points[0])[0]

        def of_target(target: Target) -> tuple[Tensor, Result]:
            inside = pairs.inside()
            return target.total(inside.x, count), walk_back(inside, target, target.seeds(inside.x))

        return for_each(self._with(numbers or []), of_target)
