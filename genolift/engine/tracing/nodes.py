"""Nodes of a graph (TensorFlow's NodeDef) and steps that rewriting adds to a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from genolift.engine.program import Dependence, Step, Value
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def new_node(op: str, **attributes: Any) -> Any:
    """Return a node of the operation ``op``.

    Each attribute is a bool, an int, bytes, an array, or the name of a type.
    """
    node = tf.compat.v1.NodeDef()
    node.op = op
    _set(node, attributes)
    return node


def copy_of(node: Any, name: str | None = None, **attributes: Any) -> Any:
    """Return a copy of a node under another name or with other attributes; what is not given stays as it is."""
    copy = type(node)()
    copy.CopyFrom(node)
    if name is not None:
        copy.name = name
    _set(copy, attributes)
    return copy


def _set(node: Any, attributes: dict[str, Any]) -> None:
    for name, given in attributes.items():
        attribute = node.attr[name]
        if isinstance(given, bool):
            attribute.b = given
        elif isinstance(given, int):
            attribute.i = given
        elif isinstance(given, bytes):
            attribute.s = given
        elif isinstance(given, np.ndarray):
            attribute.tensor.CopyFrom(tf.make_tensor_proto(given))
        else:
            attribute.type = tf.as_dtype(given).as_datatype_enum


def new_step(node: Any, inputs: list[Value], shape: tuple[int | None, ...] | None, dtype: str, like: Step) -> Step:
    """Return the step of a node with one output, which belongs to the same layers as another step.

    Parameters
    ----------
    node : NodeDef
        The node that the step runs.
    inputs : list of Value
        What the step reads.
    shape : tuple or None
        The shape of its output, as in :class:`Value`.
    dtype : str
        The name of the type of its output.
    like : Step
        The step whose layers, and the beginning of whose name, the new step takes over.
    """
    step = Step(node.op, f"{like.name}/{node.op}", inputs, node, like.layers)
    step.dependence = max((value.dependence for value in inputs), default=Dependence.CONSTANT)
    step.outputs.append(Value(step, 0, shape, dtype))
    return step


def new_constant(numbers: Sequence[int], like: Step) -> Step:
    """Return a step whose output is an int32 vector, such as the axes of a reduction; see :func:`new_step`."""
    given = np.array(numbers, np.int32)
    return new_step(new_node("Const", dtype="int32", value=given), [], given.shape, "int32", like)
