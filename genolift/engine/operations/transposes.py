"""Transposes that are written out, so that a graph holds one operation or none for each.

TensorFlow makes a derivative by running the operation again and going back through it, which is four times as many
operations. They cost little when the graph runs, but much of the time in which it is made.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from genolift.engine.operations import narrow, slopes
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


def written_out(
    step: Step, grad: Tensor, weights_of: Callable[[Value], Tensor], absolute: bool = False
) -> dict[Value, Tensor] | None:
    """Return what arrives at a linear step's active inputs, or None where TensorFlow's derivative has to say it.

    Parameters
    ----------
    step : Step
        The linear step.
    grad : Tensor
        What is sent back, at the step's only output.
    weights_of : callable
        A function that returns the tensor of the input that holds the weights.
    absolute : bool
        Whether the step's weights count by their absolute values. By default they count as they are.
    """
    if hands_on(step):
        return {step.active_inputs[0]: grad}
    if narrow.applies(step):
        return {step.inputs[0]: narrow.transpose(step, grad, weights_of(step.inputs[1]))}
    written = _WRITTEN.get("reshape" if operation(step.op).view in ("reshape", "unit-axes") else step.op)
    return None if written is None else written(step, grad, weights_of, absolute)


def _reshape(step: Step, grad: Tensor, weights_of: Callable, absolute: bool) -> dict[Value, Tensor] | None:
    if len(step.active_inputs) != 1:
        return None
    shape = step.active_inputs[0].shape
    if shape is None or shape.count(None) > 1 or 0 in shape:
        return None
    return {step.active_inputs[0]: tf.reshape(grad, [-1 if size is None else size for size in shape])}


def _transpose(step: Step, grad: Tensor, weights_of: Callable, absolute: bool) -> dict[Value, Tensor] | None:
    if step.active_inputs != [step.inputs[0]]:
        return None
    order = weights_of(step.inputs[1])
    known = tf.get_static_value(order)
    back = tf.math.invert_permutation(order) if known is None else np.argsort(known % len(known))
    return {step.inputs[0]: tf.transpose(grad, back)}


def _part(step: Step, grad: Tensor, weights_of: Callable, absolute: bool) -> dict[Value, Tensor] | None:
    """Write out a slice without gaps as padding with zeros, which the library's own derivative takes ten times for."""
    cut = None if step.active_inputs != [step.inputs[0]] else _cut(step, weights_of)
    if cut is None:
        return None
    for axis, (_, _, single) in enumerate(cut):
        grad = tf.expand_dims(grad, axis) if single else grad
    return {step.inputs[0]: tf.pad(grad, [[before, behind] for before, behind, _ in cut])}


def _cut(step: Step, weights_of: Callable) -> list[tuple[int, int, bool]] | None:
    """Return how much a slice cuts off before and behind each axis, and whether it drops the axis for one element.

    None stands for a slice with gaps or new axes, and for one of which not everything is known here.
    """
    shape, masks = step.inputs[0].shape, {key: step.node.attr[f"{key}_mask"].i for key in _MASKS}
    begin, end, strides = (tf.get_static_value(weights_of(value)) for value in step.inputs[1:])
    if shape is None or masks["new_axis"] or begin is None or end is None or strides is None or (strides != 1).any():
        return None
    places = list(range(len(begin)))
    dots = next((i for i in places if masks["ellipsis"] >> i & 1), len(begin))
    rest = [None] * (len(shape) - len(begin) + (dots < len(begin)))
    cut: list[tuple[int, int, bool]] = []
    for size, i in zip(shape, [*places[:dots], *rest, *places[dots + 1 :]], strict=True):
        chosen = {key: i is not None and bool(mask >> i & 1) for key, mask in masks.items()}
        single = chosen["shrink_axis"]
        start = None if i is None or (chosen["begin"] and not single) else int(begin[i])
        stop = None if i is None or chosen["end"] or single else int(end[i])
        if single and start is not None:
            stop = start + 1 or None
        if size is not None:
            first, behind, _ = slice(start, stop).indices(size)
            cut.append((first, size - max(behind, first), single))
        elif single or (start is not None and start < 0) or (stop is not None and stop >= 0):
            return None
        else:
            cut.append((start or 0, -(stop or 0), False))
    return cut


def _sum(step: Step, grad: Tensor, weights_of: Callable, absolute: bool) -> dict[Value, Tensor] | None:
    """Write out a sum or a difference of two tensors of the same shape, or a tensor taken from a constant."""
    last = grad if step.op != "Sub" or absolute else -grad
    if len(step.active_inputs) == 2 and all(alike(value.shape, step.output.shape) for value in step.inputs):
        return {step.inputs[0]: grad, step.inputs[1]: last}
    if step.active_inputs == [step.inputs[1]] and _fits(step.inputs[0].shape, step.inputs[1].shape):
        return {step.inputs[1]: last}
    return None


def _negative(step: Step, grad: Tensor, weights_of: Callable, absolute: bool) -> dict[Value, Tensor] | None:
    return {step.inputs[0]: grad if absolute else -grad}


def _scaled(step: Step, grad: Tensor, weights_of: Callable, absolute: bool) -> dict[Value, Tensor] | None:
    """Write out a product with a constant that is repeated to the shape of the active factor."""
    if len(step.active_inputs) != 1 or not step.output.dtype.startswith("float"):
        return None
    (source,) = step.active_inputs
    (other,) = (value for value in step.inputs if value is not source)
    if not _fits(other.shape, source.shape):
        return None
    weights = weights_of(other)
    if slopes.ATTRIBUTE not in step.node.attr:
        return {source: grad * weights}
    known = tf.get_static_value(weights)
    if known is not None and not np.isfinite(known).all():
        return None
    return {source: tf.math.multiply_no_nan(grad, weights)}  # A factor of zero stops what is infinite.


def _matrices(step: Step, grad: Tensor, weights_of: Callable, absolute: bool) -> dict[Value, Tensor] | None:
    if step.active_inputs != [step.inputs[0]] or step.node.attr["transpose_a"].b:
        return None
    if step.inputs[0] is step.inputs[1] or not step.output.dtype.startswith("float"):
        return None
    weights = weights_of(step.inputs[1])
    return {step.inputs[0]: tf.linalg.matmul(grad, weights, transpose_b=not step.node.attr["transpose_b"].b)}


_MASKS = ("begin", "end", "ellipsis", "new_axis", "shrink_axis")

#: Functions (step, grad, weights_of, absolute) -> what arrives at active inputs, by operation, or by its view of them.
_WRITTEN: dict[str, Callable[..., dict[Value, Tensor] | None]] = {
    "reshape": _reshape,
    "Transpose": _transpose,
    "StridedSlice": _part,
    "Add": _sum,
    "AddV2": _sum,
    "Sub": _sum,
    "Neg": _negative,
    "Mul": _scaled,
    "MatMul": _matrices,
}
