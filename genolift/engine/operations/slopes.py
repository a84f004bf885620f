"""Derivatives in which a factor of zero wins over one that is infinite or undefined.

A square root has an infinite slope at zero, and a logarithm behind ``where`` is undefined where it is masked. The chain
rule multiplies such a slope by the exact zero of a dead ReLU, of a square at zero or of the masked branch, and makes
NaN of a function that is flat there. These derivatives are those of the library, except that zero times anything is
zero. Where no zero stops it, an infinite slope stays infinite, so that it is noticed.

They are registered with TensorFlow under a name for each operation, and the steps of a program ask for them by that
name (:mod:`genolift.engine.tracing.guarding`). Derivatives of derivatives are right too.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

_registry = import_module("tensorflow.python.framework.ops").gradient_registry

#: The attribute by which TensorFlow finds the derivative of a node, and what begins the names of the derivatives here.
ATTRIBUTE, PREFIX = "_gradient_op_type", "genolift."

#: The derivative of an operation: from the operation and what flows back into it to what flows into its inputs.
Derivative = Callable[..., Any]


def product(slope: Tensor, flow: Tensor) -> Tensor:
    """Return ``slope`` times ``flow``, which is zero where one of them is zero, whatever the other is."""
    stopped = (slope == 0) & ~tf.math.is_finite(flow)
    return tf.math.multiply_no_nan(slope, tf.where(stopped, tf.zeros_like(flow), flow))


def unbroadcast(tensor: Tensor, like: Tensor) -> Tensor:
    """Return the sums of a tensor over the axes along which ``like`` was broadcast to its shape."""
    if tensor.shape.is_fully_defined() and tensor.shape == like.shape:
        return tensor
    shape = tf.shape(like)
    axes, _ = tf.raw_ops.BroadcastGradientArgs(s0=shape, s1=tf.shape(tensor))
    return tf.reshape(tf.reduce_sum(tensor, axes), shape)


def _elementwise(op: Any, flow: Tensor) -> list[Tensor]:
    """Return the derivative of an operation that treats each element by itself."""
    inputs = list(op.inputs)
    if len(inputs) > 1:  # The library's derivative adds up over axes that were broadcast, so broadcasting comes first.
        shape = tf.shape(op.outputs[0])
        whole = [tf.broadcast_to(tensor, shape) for tensor in inputs]
        names = [argument.name for argument in op.op_def.input_arg]
        op = getattr(tf.raw_ops, op.type)(**dict(zip(names, whole, strict=True))).op
    slopes = _library(op)(op, tf.ones_like(flow))
    slopes = slopes if isinstance(slopes, (list, tuple)) else [slopes]
    flows = [None if slope is None else product(slope, flow) for slope in slopes]
    return [None if one is None else unbroadcast(one, like) for one, like in zip(flows, inputs, strict=True)]


def _product(op: Any, flow: Tensor) -> list[Tensor]:
    """Return the derivative of a product."""
    a, b = op.inputs
    return [unbroadcast(product(b, flow), a), unbroadcast(product(a, flow), b)]


def _quotient(op: Any, flow: Tensor) -> list[Tensor]:
    """Return the derivative of a quotient."""
    top, bottom = op.inputs
    return [
        unbroadcast(product(1 / bottom, flow), top),
        unbroadcast(product(-op.outputs[0] / bottom, flow), bottom),
    ]


def _power(op: Any, flow: Tensor) -> list[Tensor]:
    """Return the derivative of a power. That to the exponent is zero where the base is zero, as in the library."""
    base, exponent = op.inputs
    positive = base > 0
    logarithm = tf.where(positive, tf.math.log(tf.where(positive, base, tf.ones_like(base))), tf.zeros_like(base))
    one_less = tf.pow(base, exponent - 1)
    return [
        unbroadcast(product(product(exponent, one_less), flow), base),
        unbroadcast(product(product(logarithm, op.outputs[0]), flow), exponent),
    ]


def _selection(op: Any, flow: Tensor) -> list[Tensor]:
    """Return the derivative of a reduction to the largest or smallest element, which is zero at all other elements."""
    library = _library(op)
    shares, *rest = library(op, tf.ones_like(flow))
    flows = library(op, flow)[0]
    return [tf.where(shares == 0, tf.zeros_like(flows), flows), *rest]


def _softmax(op: Any, flow: Tensor) -> Tensor:
    """Return the derivative of a softmax, in which elements of probability zero take no part."""
    (shares,) = op.outputs
    mean = tf.reduce_sum(product(shares, flow), -1, keepdims=True)
    return product(shares, flow - mean)


def _library(op: Any) -> Derivative:
    """Return the library's own derivative of an operation."""
    return _registry.lookup(op.type)


#: The derivatives of operations that are not elementwise, or that are quicker than by the general way.
_OWN: dict[str, Derivative] = {
    "Mul": _product,
    "RealDiv": _quotient,
    "Div": _quotient,
    "Pow": _power,
    "Max": _selection,
    "Min": _selection,
    "Softmax": _softmax,
}
# The library's derivatives of these select elements, so they never multiply.
_SELECTING = frozenset({"SelectV2", "Select", "Maximum", "Minimum", "ClipByValue"})


def guarded(name: str, elementwise: bool) -> str | None:
    """Return the name of an operation's derivative of this module, which is registered when it is first asked for.

    Parameters
    ----------
    name : str
        The operation.
    elementwise : bool
        Whether it treats each element by itself.

    Returns
    -------
    str or None
        The name for TensorFlow. None where the library's own derivative multiplies nothing, or where it has none.
    """
    if name in _SELECTING or not (elementwise or name in _OWN) or name not in _registry.list():
        return None
    if PREFIX + name not in _registry.list():
        tf.RegisterGradient(PREFIX + name)(_OWN.get(name, _elementwise))
    return PREFIX + name
