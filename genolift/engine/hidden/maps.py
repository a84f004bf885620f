"""Activation maps, which combine the activations of a layer's rows with the slopes of the targets there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from genolift.engine.operations.steps import kind_of
from genolift.engine.operations.table import operation
from genolift.engine.program import Program, Step, Value, ancestors
from genolift.engine.running.run import constants, forward
from genolift.engine.target import Target, for_each
from genolift.engine.windows.receptive import Receptive
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

tf = quiet_tensorflow()


def class_activation(activations: Tensor, slopes: Tensor) -> Tensor:
    """Return the map Σ_c w_c A_jc (Zhou et al. 2016, equation 2).

    The weight w_c of a channel's mean is the sum of its J rows' slopes.

    Parameters
    ----------
    activations, slopes : Tensor
        The activations A and the slopes of a target, (N, J, C).

    Returns
    -------
    Tensor
        The map, (N, J).
    """
    return tf.einsum("njc,nc->nj", activations, tf.reduce_sum(slopes, 1))


def gradient_weighted(activations: Tensor, slopes: Tensor) -> Tensor:
    """Return the map relu(Σ_c α_c A_jc) (Selvaraju et al. 2017, equations 1 and 2).

    The weight α_c of a channel is its mean slope over the length.

    Parameters
    ----------
    activations, slopes : Tensor
        The activations A and the slopes of a target, (N, J, C).

    Returns
    -------
    Tensor
        The map, (N, J).
    """
    return tf.nn.relu(tf.einsum("njc,nc->nj", activations, tf.reduce_mean(slopes, 1)))


class Rows:
    """A reader of hidden activations as rows of channels, for sequences of any length.

    Parameters
    ----------
    program : Program
        The traced model.
    values : list of Value
        The hidden values.
    channels : list of int
        How many numbers each row of a value has.
    """

    def __init__(self, program: Program, values: list[Value], channels: list[int]):
        self.program, self.values, self.channels = program, values, channels
        self._run = compiled(self._compute, reduce_retracing=True)

    def __call__(self, xs: list[np.ndarray]) -> Any:
        """Return the rows (N, J, C) of each value.

        Parameters
        ----------
        xs : list of np.ndarray
            The sequences (N, ...) for each input.
        """
        with exact_float32:
            results = self._run([tf.constant(x, tf.float32) for x in xs])
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), results)

    def _compute(self, xs):
        known = forward(self.program, xs, constants(self.program))
        return self._shaped([known[value] for value in self.values])

    def _shaped(self, tensors: list) -> list:
        return [tf.reshape(t, [tf.shape(t)[0], -1, size]) for t, size in zip(tensors, self.channels, strict=True)]


class Maps(Rows):
    """A reader of the targets (N, T), and of the targets' maps (N, T, J) of each value.

    Parameters
    ----------
    program : Program
        The traced model.
    targets : list of Target
        The scalars that are explained.
    own : list of list of Value
        The values that each target has a map of, which are the same for targets of a kind. Its maps of the other
        values are zero.
    channels : dict of Value to int
        How many numbers each row of a value has.
    weigh : callable
        A function from activations and slopes to a map, such as :func:`class_activation`.
    """

    def __init__(
        self,
        program: Program,
        targets: list[Target],
        own: list[list[Value]],
        channels: dict[Value, int],
        weigh: Callable[[Tensor, Tensor], Tensor],
    ):
        self.targets, self.own, self.weigh = targets, own, weigh
        values = list(dict.fromkeys(value for some in own for value in some))
        super().__init__(program, values, [channels[value] for value in values])

    def _compute(self, xs):
        known = forward(self.program, xs, constants(self.program))
        hidden = [known[value] for value in self.values]
        own = {target.kind: some for target, some in zip(self.targets, self.own, strict=True)}
        count = tf.shape(xs[0])[0]

        def of_target(target: Target) -> tuple[Tensor, list[Tensor]]:
            seeds = target.seeds(known.__getitem__)
            outputs = [known[value] for value in seeds]
            slopes = tf.gradients(outputs, hidden, list(seeds.values()), unconnected_gradients="zero")
            rows = zip(self.values, self._shaped(hidden), self._shaped(slopes), strict=True)
            maps = [
                self.weigh(a, slope) if value in own[target.kind] else tf.zeros_like(a[..., 0])
                for value, a, slope in rows
            ]
            return target.total(known.__getitem__, count), maps

        return for_each(self.targets, of_target)


def averaged(value: Value, sequences: list[Receptive]) -> tuple[list[Value], Step | None]:
    """Return the values whose means over all rows a value is a weighted sum of.

    Parameters
    ----------
    value : Value
        The value.
    sequences : list of Receptive
        The receptive fields in each input that is a sequence.

    Returns
    -------
    rows : list of Value
        The values. The list is empty if a step stands in the way.
    step : Step or None
        The step that stands in the way.
    """
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
