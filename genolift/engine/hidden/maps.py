"""Activation maps: what the activations of a layer's rows and the targets' slopes there say of each row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from genolift.engine.operations.steps import kind_of
from genolift.engine.operations.table import operation
from genolift.engine.program import Program, Step, Value, ancestors
from genolift.engine.running.run import constants, forward
from genolift.engine.target import Target
from genolift.engine.windows.receptive import Receptive
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import compiled, quiet_tensorflow

tf = quiet_tensorflow()


def class_activation(activations, slopes):
    """Σ_c w_c A_jc (Zhou et al. 2016, equation 2), rows (N, J, C) to (N, J).

    w_c is the weight of the channel's mean: each row's slope is a J-th of it.
    """
    return tf.einsum("njc,nc->nj", activations, tf.reduce_sum(slopes, 1))


def gradient_weighted(activations, slopes):
    """relu(Σ_c α_c A_jc), α_c the mean slope over the length (Selvaraju et al. 2017, equations 1 and 2)."""
    return tf.nn.relu(tf.einsum("njc,nc->nj", activations, tf.reduce_mean(slopes, 1)))


class Rows:
    """The activations of hidden ``values`` as rows of channels, (N, J, C) each, for sequences of any length.

    ``channels`` are the C of each: what stands behind the axis of rows.
    """

    def __init__(self, program: Program, values: list[Value], channels: list[int]):
        self.program, self.values, self.channels = program, values, channels
        self._run = compiled(self._compute, reduce_retracing=True)

    def __call__(self, xs: list[np.ndarray]):
        """Of inputs (N, ...), as NumPy arrays: a list with an entry for each value."""
        with exact_float32:
            found = self._run([tf.constant(x, tf.float32) for x in xs])
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), found)

    def _compute(self, xs):
        known = forward(self.program, xs, constants(self.program))
        return self._shaped([known[value] for value in self.values])

    def _shaped(self, tensors: list) -> list:
        return [tf.reshape(t, [tf.shape(t)[0], -1, size]) for t, size in zip(tensors, self.channels, strict=True)]


class Maps(Rows):
    """The targets (N, T), and for each value the targets' maps (N, T, J), ``weigh(activations, slopes)``.

    ``own[t]`` are the values that target number t has a map of; those of the others are zero.
    """

    def __init__(
        self, program: Program, targets: list[Target], own: list[list[Value]], channels: dict, weigh: Callable
    ):
        self.targets, self.own, self.weigh = targets, own, weigh
        values = list(dict.fromkeys(value for some in own for value in some))
        super().__init__(program, values, [channels[value] for value in values])

    def _compute(self, xs):
        known = forward(self.program, xs, constants(self.program))
        hidden = [known[value] for value in self.values]
        predictions, maps = [], []
        for target, own in zip(self.targets, self.own, strict=True):
            seeds = target.seeds(known.__getitem__)
            outputs = [known[value] for value in seeds]
            totals = [_total(seed * output) for seed, output in zip(seeds.values(), outputs, strict=True)]
            predictions.append(tf.add_n(totals))
            slopes = tf.gradients(outputs, hidden, list(seeds.values()), unconnected_gradients="zero")
            rows = zip(self.values, self._shaped(hidden), self._shaped(slopes), strict=True)
            maps.append(
                [self.weigh(a, slope) if value in own else tf.zeros_like(a[..., 0]) for value, a, slope in rows]
            )
        return tf.stack(predictions, axis=1), [tf.stack(column, axis=1) for column in zip(*maps, strict=True)]


def _total(tensor):
    return tf.reduce_sum(tf.reshape(tensor, [tf.shape(tensor)[0], -1]), 1)


def averaged(value: Value, sequences: list[Receptive]) -> tuple[list[Value], Step | None]:
    """The values whose means over all rows ``value`` is a weighted sum of, and the step that stands in the way, if any."""
    rows: list[Value] = []

    def is_mean(made: Value) -> bool:
        return any(one.averages(made.step) and one.knows(made.step.active_inputs[0]) for one in sequences)

    for made in ancestors([value], lambda made: reversed(made.step.active_inputs), stop=is_mean):
        step, active = made.step, made.step.active_inputs
        if is_mean(made):
            rows.append(active[0])
            continue
        linear = kind_of(step) in ("weighted", "passing") and operation(step.op).reduces != "mean"
        if not linear or any(one.knows(source) and one.rows(source) > 1 for one in sequences for source in active):
            return [], step
    return list(dict.fromkeys(rows)), None
