"""What is maximised: a target or a hidden unit of a model, as a function of relaxed sequences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from genolift.dreaming.units import Unit
from genolift.engine.program import Value
from genolift.engine.running.run import constants, forward
from genolift.engine.target import Target
from genolift.methods.common.blocks import pad
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.predicting import batch_size
from genolift.methods.common.traced import Traced
from genolift.methods.targets import Hidden, TargetLike, describe, is_function, text_of
from genolift.models.calling import Caller
from genolift.sequence.alphabet import is_dna
from genolift.support.errors import InputError, Remedy, UnsupportedModel, setting
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

tf = quiet_tensorflow()


class Subject:
    """A target or a unit of a model for sequences of one length.

    A unit behind a ReLU is maximised before it where that has the same maximum, because a ReLU that is shut has no
    slope to follow. A final sigmoid or softmax is looked through in the same way, as everywhere in genolift.

    Parameters
    ----------
    model
        The model: a Keras 3 or tf_keras model, a loaded SavedModel, or a function of tensors. It takes one-hot
        sequences (N, L, 4) and nothing else.
    target
        What is maximised, see :mod:`genolift.methods.targets`, or a :class:`Unit`. It is one number per sequence.
    length
        The length of the sequences. None is that of the model.
    activation
        ``"logit"`` looks through a final sigmoid or softmax, and through the ReLU behind a unit. ``"keep"`` does not.

    Attributes
    ----------
    length : int
        The length of the sequences.
    name : str
        What is maximised.
    looked_through : bool
        Whether the model's own number is another one, behind a sigmoid, a softmax or a ReLU.

    Raises
    ------
    InputError
        If the length does not fit the model, or the model has no such target or unit.
    UnsupportedModel
        If the model takes anything but one-hot sequences.
    """

    def __init__(
        self, model: Callable, target: TargetLike | Unit = None, length: int | None = None, activation: str = "logit"
    ):
        caller = Caller(model)
        self.length = _length(caller, length)
        self.shape = (self.length, 4)
        chosen = Hidden(target.layer) if isinstance(target, Unit) else target
        names = caller.names or ["sequence"]
        self.traced = Traced(model, chosen, activation, [self.shape], names)
        if self.traced.tokens[0] is not None:
            raise UnsupportedModel(
                "the model takes tokens, between which there is no way for a slope to follow; give the model behind "
                "its embedding as a function of one-hot sequences (N, L, 4)"
            )
        self.traced.probe([self.shape])  # This says what the model cannot take, or the target cannot be taken from.
        if isinstance(target, Unit):
            self.name = target.name
            self._values, self._own = self._of_unit(target, activation)
        else:
            self.name = target_name(target)
            self._values, self._own = self._of_target(target, activation)
        self.looked_through = self._own is not self._values
        self._evaluated = compiled(self._both, reduce_retracing=True)

    def values(self, x: Tensor) -> Tensor:
        """Return what is maximised (B,) of relaxed sequences (B, L, 4), inside a graph."""
        return self._values(self._known(x), tf.shape(x)[0])

    def rows_at_once(self, memory: int) -> int:
        """Return how many sequences can be computed with their slopes at a time; refuse a budget too small for one."""
        return batch_size(self.traced, Inputs([np.zeros((1, *self.shape), np.float32)]), memory, backward=True)

    def evaluate(self, X: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what the model says of sequences, and which bases it says that for.

        Parameters
        ----------
        X
            The sequences, (N, L, 4).
        size
            How many are computed at a time.

        Returns
        -------
        values : np.ndarray
            What is maximised, (N,).
        own : np.ndarray
            The model's own number, (N,), which is behind the sigmoid, softmax or ReLU that was looked through.
        slopes : np.ndarray
            The slopes of what is maximised, (N, L, 4).
        """
        parts = []
        with exact_float32:
            for start in range(0, len(X), size):
                some = X[start : start + size]
                found = self._evaluated(tf.constant(pad(some, size), tf.float32))
                parts.append([one.numpy()[: len(some)] for one in found])
        values, own, slopes = (np.concatenate(column) for column in zip(*parts, strict=True))
        return values, own, slopes

    def _known(self, x: Tensor) -> dict[Value, Tensor]:
        return forward(self.traced.program, [x], constants(self.traced.program))

    def _both(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        known, count = self._known(x), tf.shape(x)[0]
        values = self._values(known, count)
        (slopes,) = tf.gradients(values, [x], unconnected_gradients="zero")
        return values, self._own(known, count), slopes

    def _of_target(self, target: TargetLike, activation: str) -> tuple[Callable, Callable]:
        if self.traced.several or len(self.traced.targets) != 1:
            raise InputError(
                "one target is maximised at a time, and several are given; give a function of the outputs for a sum"
            )
        chosen = _function(self.traced.targets[0])
        if activation == "keep" or is_function(target):
            return chosen, chosen
        (kept,), _ = self.traced.resolved(target, "keep")
        return chosen, chosen if kept.values == self.traced.targets[0].values else _function(kept)

    def _of_unit(self, unit: Unit, activation: str) -> tuple[Callable, Callable]:
        (value,) = self.traced.targets[0].values
        shape = value.shape
        if shape is None or len(shape) not in (2, 3) or shape[-1] is None:
            raise UnsupportedModel(
                f"layer {unit.layer!r} gives values of shape {_told(shape)}; units are those of layers that give "
                "(N, units) or (N, rows, units)"
            )
        if unit.channel >= shape[-1]:
            raise InputError(
                f"layer {unit.layer!r} has {shape[-1]} units (0 to {shape[-1] - 1}), and no unit {unit.channel}"
            )
        rows = shape[1] if len(shape) == 3 else None
        if rows is not None and not isinstance(unit.over, str) and unit.over >= rows:
            raise InputError(f"layer {unit.layer!r} has {rows} rows (0 to {rows - 1}), and no row {unit.over}")
        own = _unit(value, unit)
        monotone = unit.over != "mean" or len(shape) == 2
        if activation == "keep" or not (monotone and value.step.op == "Relu"):
            return own, own
        return _unit(value.step.inputs[0], unit), own


def target_name(target: TargetLike) -> str:
    """Return a target as results and titles call it."""
    described = describe(target)
    return "the only output" if described is None else f"target {text_of(described)}"


def _function(target: Target) -> Callable[[dict[Value, Tensor], Tensor], Tensor]:
    return lambda known, count: target.total(known.__getitem__, count)


def _unit(value: Value, unit: Unit) -> Callable[[dict[Value, Tensor], Tensor], Tensor]:
    def taken(known: dict[Value, Tensor], count: Tensor) -> Tensor:
        numbers = known[value][..., unit.channel]
        if numbers.shape.rank == 1:
            return numbers
        if isinstance(unit.over, str):
            return tf.reduce_max(numbers, 1) if unit.over == "max" else tf.reduce_mean(numbers, 1)
        return numbers[:, unit.over]

    return taken


def _length(caller: Caller, length: int | None) -> int:
    shapes = caller.shapes
    if shapes is None:
        if length is None:
            raise InputError(
                "the model does not declare the length of its sequences",
                Remedy.naming("say how long they are with {}", setting("length", 200)),
            )
        shapes = [(length, 4)]
    if len(shapes) != 1 or not is_dna(shapes[0]):
        told = " and ".join(_told((None, *shape)) for shape in shapes)
        raise UnsupportedModel(
            f"the model takes {told}; what is maximised is a function of one sequence (N, L, 4) alone"
        )
    fixed = shapes[0][0]
    if fixed is None and length is None:
        raise InputError(
            "the model takes sequences of any length", Remedy.naming("choose one with {}", setting("length", 200))
        )
    if fixed is not None and length not in (None, fixed):
        raise InputError(f"the model takes sequences of {fixed}, and not of {length}")
    chosen = fixed if fixed is not None else length
    if not isinstance(chosen, int) or isinstance(chosen, bool) or chosen < 1:
        raise InputError(f"length={chosen!r} is not a whole number of at least 1")
    return chosen


def _told(shape: tuple | None) -> str:
    if shape is None:
        return "an unknown number of axes"
    return "(" + ", ".join("N" if i == 0 else str(size) for i, size in enumerate(shape)) + ")"
