"""Batch normalisation by the statistics of what goes in: how tf_keras runs layer normalisation, rows as channels."""

from __future__ import annotations

import numpy as np

from genolift.engine.program import Dependence, Step, Value
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def applies(step: Step) -> bool:
    """Whether the step computes its own mean and variance."""
    return step.op in ("FusedBatchNormV2", "FusedBatchNormV3") and step.node.attr["is_training"].b


def standardise(step: Step) -> list[Step]:
    """The step as sums and products; the last of the steps returned is ``step`` itself, rewritten."""
    steps: list[Step] = []
    x, scale, offset = step.inputs[:3]
    first = step.node.attr["data_format"].s == b"NCHW"
    axes = (0, 2, 3) if first else (0, 1, 2)
    small = None if x.shape is None else tuple(1 if i in axes else size for i, size in enumerate(x.shape))

    def add(op: str, inputs: list[Value], shape, **attributes) -> Value:
        new = Step(op, f"{step.name}/{op}", inputs, _node(op, x.dtype, **attributes), step.layers)
        new.dependence = max((value.dependence for value in inputs), default=Dependence.CONSTANT)
        new.outputs.append(Value(new, 0, shape, x.dtype))
        steps.append(new)
        return new.output

    def constant(array) -> Value:
        array = np.asarray(array)
        node = tf.compat.v1.NodeDef(op="Const")
        node.attr["dtype"].type = tf.as_dtype(array.dtype).as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(array))
        new = Step("Const", f"{step.name}/Const", [], node, step.layers)
        new.outputs.append(Value(new, 0, array.shape, array.dtype.name))
        steps.append(new)
        return new.output

    over = constant(np.array(axes, np.int32))
    along = constant(np.array([1, -1, 1, 1] if first else [1, 1, 1, -1], np.int32))
    epsilon = constant(np.array(step.node.attr["epsilon"].f, tf.as_dtype(x.dtype).as_numpy_dtype))
    means = {"keep_dims": True, "Tidx": tf.int32}
    centred = add("Sub", [x, add("Mean", [x, over], small, **means)], x.shape)
    variance = add("Mean", [add("Square", [centred], x.shape), over], small, **means)
    inverse = add("Rsqrt", [add("AddV2", [variance, epsilon], small)], small)
    scale, offset = (add("Reshape", [value, along], small, Tshape=tf.int32) for value in (scale, offset))
    scaled = add("Mul", [add("Mul", [centred, inverse], x.shape), scale], x.shape)
    step.op, step.inputs, step.node = "AddV2", [scaled, offset], _node("AddV2", x.dtype)
    del step.outputs[1:]
    return [*steps, step]


def _node(op: str, dtype: str, **attributes):
    node = tf.compat.v1.NodeDef(op=op)
    node.attr["T"].type = tf.as_dtype(dtype).as_datatype_enum
    for key, value in attributes.items():
        if isinstance(value, bool):
            node.attr[key].b = value
        else:
            node.attr[key].type = value.as_datatype_enum
    return node
