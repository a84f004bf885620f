"""Transposes that are written out, so that a graph holds one operation or none for each.

TensorFlow makes a derivative by running the operation again and going back through it, which is four times as many
operations. They cost little when the graph runs, but much of the time in which it is made.
"""

from __future__ import annotations

from collections.abc import Callable

from genolift.engine.operations import narrow
from genolift.engine.operations.table import operation
from genolift.engine.program import Step, Value
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def hands_on(step: Step) -> bool:
    """Whether a difference of the step's only active input is the difference of its output, as where a bias is added.

    It is not where the active input is repeated along an axis.
    """
    if not operation(step.op).shift or len(step.active_inputs) != 1:
        return False
    (source,) = step.active_inputs
    others = [value for value in step.inputs if value is not source]
    if len(others) != len(step.inputs) - 1:
        return False
    return step.op == "BiasAdd" or all(_fits(value.shape, source.shape) for value in others)


def _fits(shape: tuple[int | None, ...] | None, whole: tuple[int | None, ...] | None) -> bool:
    """Whether a tensor of one shape is repeated to another, or is of the same, so that the other stays as it is."""
    if shape is None or whole is None or len(shape) > len(whole):
        return False
    pairs = zip(reversed(shape), reversed(whole), strict=False)
    return all(size == 1 or (size is not None and size == other) for size, other in pairs)


def alike(one: tuple[int | None, ...] | None, other: tuple[int | None, ...] | None) -> bool:
    """Whether two tensors of the same rows have the same shape for sure, so that neither is repeated along an axis."""
    if one is None or other is None or len(one) != len(other):
        return False
    return one[:1] == other[:1] and None not in one[1:] and one[1:] == other[1:]


def written_out(step: Step, grad: Tensor, weights_of: Callable[[Value], Tensor]) -> dict[Value, Tensor] | None:
    """Return what arrives at a linear step's active inputs, or None where TensorFlow's derivative has to say it.

    Parameters
    ----------
    step : Step
        The linear step.
    grad : Tensor
        What is sent back, at the step's only output.
    weights_of : callable
        A function that returns the tensor of the input that holds the weights.
    """
    if hands_on(step):
        return {step.active_inputs[0]: grad}
    if narrow.applies(step):
        return {step.inputs[0]: narrow.transpose(step, grad, weights_of(step.inputs[1]))}
    if operation(step.op).view in ("reshape", "unit-axes") and len(step.active_inputs) == 1:
        shape = step.active_inputs[0].shape
        if shape is None or shape.count(None) > 1 or 0 in shape:
            return None
        return {step.active_inputs[0]: tf.reshape(grad, [-1 if size is None else size for size in shape])}
    if step.op in ("Add", "AddV2") and len(step.active_inputs) == 2:
        whole = all(alike(value.shape, step.output.shape) for value in step.inputs)
        return dict.fromkeys(step.inputs, grad) if whole else None
    if step.op != "MatMul" or step.active_inputs != [step.inputs[0]] or step.node.attr["transpose_a"].b:
        return None
    if step.inputs[0] is step.inputs[1] or not step.output.dtype.startswith("float"):
        return None
    weights = weights_of(step.inputs[1])
    return {step.inputs[0]: tf.linalg.matmul(grad, weights, transpose_b=not step.node.attr["transpose_b"].b)}
