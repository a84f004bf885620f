"""A user's model ready to be explained: traced, its inputs and outputs named, what is explained resolved."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from genolift.engine.probe import Probe
from genolift.engine.regions import lower
from genolift.engine.trace import trace
from genolift.methods import targets
from genolift.models.signature import describe
from genolift.support.errors import InputError, UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


class Traced:
    """``program`` and ``targets`` of a model, for inputs of the given shapes (without batch, None where free)."""

    def __init__(self, model, target, activation: str, shapes: list[tuple], names: list[str]):
        function = _caller(model, names)
        computed = target if _is_function(target) else None
        specs = [tf.TensorSpec((None, *shape), tf.float32) for shape in shapes]
        traced = function if computed is None else lambda *tensors: computed(function(*tensors))
        self.program = lower(trace(traced, specs, names))
        known = _output_names(model, self.program) if computed is None else None
        self.program.output_names = known or self.program.output_names
        if computed is None:
            self.targets, self.several = targets.resolve(target, self.program, activation)
        else:
            self.targets, self.several = _computed(self.program, computed)
        self.shapes, self.names = shapes, names
        self.probe = Probe(self.program)

    def accepts(self, arrays: list[np.ndarray]) -> bool:
        """Whether arrays of these shapes fit this trace."""
        return all(
            len(shape) == array.ndim - 1 and all(s in (None, d) for s, d in zip(shape, array.shape[1:], strict=True))
            for shape, array in zip(self.shapes, arrays, strict=True)
        )


def _is_function(target) -> bool:
    return callable(target) and not isinstance(target, targets.SPECIAL)


def _computed(program, function) -> tuple[list, bool]:
    """Targets of a user's function of the outputs: (N,) or (N, T)."""
    (value,) = program.outputs[:1]
    if len(program.outputs) != 1 or value.shape is None or len(value.shape) not in (1, 2):
        raise InputError(f"a target function returns one tensor of shape (N,) or (N, T), not {value.shape}")
    if len(value.shape) == 1:
        return targets.resolve((), program, "keep")
    if value.shape[1] is None:
        raise InputError("a target function's number of targets must be known; it returned shape (N, ?)")
    return targets.resolve(list(range(value.shape[1])), program, "keep")


def ports(model) -> tuple[list[str], list[tuple]] | None:
    """Names and shapes of the inputs a model declares; None for a plain callable or a model never built."""
    try:
        signature = describe(model)
    except UnsupportedModel:
        return None
    return [port.name for port in signature.inputs], [tuple(port.shape) for port in signature.inputs]


def _output_names(model, program) -> list[str] | None:
    try:
        names = [port.name for port in describe(model).outputs]
    except UnsupportedModel:
        return None
    return names if len(names) == len(program.outputs) else None


def _caller(model, names: list[str]) -> Callable:
    """The model as a function of one tensor per input, run as at inference."""
    structure = getattr(model, "input", None) if hasattr(model, "inputs") and len(names) > 1 else None

    def call(*tensors):
        if len(tensors) == 1:
            argument = tensors[0]
        elif isinstance(structure, dict):
            argument = dict(zip(names, tensors, strict=True))
        else:
            argument = list(tensors)
        if _takes_training(model):
            return model(argument, training=False)
        return (
            model(argument)
            if len(tensors) == 1 or hasattr(model, "inputs") or hasattr(model, "signature")
            else model(*tensors)
        )

    return call


def _takes_training(model) -> bool:
    import keras

    bases = [keras.layers.Layer]
    tf_keras = __import__("sys").modules.get("tf_keras")
    if tf_keras is not None:
        bases.append(tf_keras.layers.Layer)
    return isinstance(model, tuple(bases))
