"""Nodes of a graph (TensorFlow's NodeDef) and steps that are made here rather than recorded from a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from genolift.engine.program import Dependence, Step, Value
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def new_node(op: str, **attributes: Any) -> Any:
    """Return the node of an operation.

    Each attribute is a bool, a whole number, bytes, an array, or a type by its name.
    """
    node = tf.compat.v1.NodeDef()
    node.op = op
    _set(node, attributes)
    return node


def copy_of(node: Any, name: str | None = None, **attributes: Any) -> Any:
    """Return a copy of a node with another name or with other attributes."""
    copy = type(node)()
    copy.CopyFrom(node)
    if name is not None:
        copy.name = name
    _set(copy, attributes)
    return copy


def _set(node, attributes: dict) -> None:
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
    """Return the step of a node with one output; it belongs to the layers that the step ``like`` belongs to."""
    step = Step(node.op, f"{like.name}/{node.op}", inputs, node, like.layers)
    step.dependence = max((value.dependence for value in inputs), default=Dependence.CONSTANT)
    step.outputs.append(Value(step, 0, shape, dtype))
    return step


def new_constant(numbers: Sequence[int], like: Step) -> Step:
    """Return a step that gives whole numbers, such as the axes of a reduction."""
    given = np.array(numbers, np.int32)
    return new_step(new_node("Const", dtype="int32", value=given), [], given.shape, "int32", like)
