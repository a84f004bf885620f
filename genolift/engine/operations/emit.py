"""Run a step again on other tensors, in the current graph, at a chosen precision."""

from __future__ import annotations

from functools import partial

from genolift.engine.operations import substitutes
from genolift.engine.program import Step
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

_HALVES = (tf.float16.as_datatype_enum, tf.bfloat16.as_datatype_enum)
_FLOATS = (*_HALVES, tf.float32.as_datatype_enum, tf.float64.as_datatype_enum)
_COMPLEX = (tf.complex64.as_datatype_enum, tf.complex128.as_datatype_enum)


def at_precision(dtype, precision):
    """The type that values of ``dtype`` have when a program runs at ``precision``."""
    if precision is None or not (dtype.is_floating or dtype.is_complex):
        return dtype
    return precision if dtype.is_floating else _complex(precision)


def _complex(precision):
    return tf.complex128 if precision == tf.float64 else tf.complex64


def emit(step: Step, tensors: list, precision=tf.float32, library=None) -> list:
    """The step's outputs for ``tensors`` in place of its inputs.

    Floating-point types become ``precision``: half-precision models are computed in float32, and any model can be
    computed in float64. ``None`` leaves them as they are.
    """
    if step.op in _OWN and (precision is not None or step.node is None):
        return _OWN[step.op](step, tensors, precision)
    if step.op in _SUBSTITUTES and precision is not None:
        return _SUBSTITUTES[step.op](step, tensors, partial(_native, step, precision=precision))
    return _native(step, tensors, precision, library)


def absolute_resize(step, tensors, precision) -> list:
    """Interpolation with the absolute values of its weights."""
    return substitutes.resize_absolutely(step, tensors, partial(_native, step, precision=precision))


def _native(step: Step, tensors: list, precision, library=None, **changed) -> list:
    """The library's own operation, with some of its attributes changed."""
    graph_def = tf.compat.v1.GraphDef()
    if library is not None and any(attribute.HasField("func") for attribute in step.node.attr.values()):
        graph_def.library.CopyFrom(library)
    node = graph_def.node.add()
    node.op, node.name = step.op, "step"
    for key, attribute in step.node.attr.items():
        if not key.startswith("_"):
            node.attr[key].CopyFrom(changed.get(key, attribute))
            _retype(node.attr[key], precision)
    graph = tf.compat.v1.get_default_graph()
    mapping = {}
    for i, tensor in enumerate(tensors):
        node.input.append(f"input{i}")
        # Inside a loop's body what comes from outside is captured first.
        mapping[f"input{i}:0"] = tensor if tensor.graph is graph else tf.identity(tensor)
    (operation,) = tf.graph_util.import_graph_def(graph_def, mapping, return_elements=["step"], name="")
    return list(operation.outputs)


def _retype(attribute, precision) -> None:
    """Replace floating-point and complex types in an attribute, and cast a constant's value."""
    if precision is None:
        return
    exchange = dict.fromkeys(_FLOATS, precision) | dict.fromkeys(_COMPLEX, _complex(precision))
    if attribute.type in exchange:
        attribute.type = exchange[attribute.type].as_datatype_enum
    for i, kind in enumerate(attribute.list.type):
        if kind in exchange:
            attribute.list.type[i] = exchange[kind].as_datatype_enum
    wanted = exchange.get(attribute.tensor.dtype) if attribute.HasField("tensor") else None
    if wanted is not None and attribute.tensor.dtype != wanted.as_datatype_enum:
        value = tf.make_ndarray(attribute.tensor).astype(wanted.as_numpy_dtype)
        attribute.tensor.CopyFrom(tf.make_tensor_proto(value))


def _variable(step, tensors, precision):
    value = tf.convert_to_tensor(step.payload)
    return [tf.cast(value, precision) if value.dtype.is_floating else value]


def _captured(step, tensors, precision):
    value = tf.identity(step.payload)
    return [tf.cast(value, precision) if value.dtype.is_floating else value]


def _gather_variable(step, tensors, precision):
    """An embedding lookup reads the variable through its handle, which knows one precision only."""
    (variable,) = _variable(step, [], precision)
    return [tf.gather(variable, tensors[-1], batch_dims=step.node.attr["batch_dims"].i)]


def _batch_norm(step, tensors, precision):
    """The fused kernel exists in float32 only; at inference it is this affine map (Ioffe & Szegedy 2015)."""
    x, scale, offset, mean, variance = tensors
    axis = 1 if step.node.attr["data_format"].s == b"NCHW" else -1
    shape = [1, -1, 1, 1] if axis == 1 else [-1]
    factor = tf.reshape(scale * tf.math.rsqrt(variance + tf.cast(step.node.attr["epsilon"].f, precision)), shape)
    y = (x - tf.reshape(mean, shape)) * factor + tf.reshape(offset, shape)
    statistics = [mean, variance, mean, variance, tf.zeros([], precision)]  # what training would want
    return [y, *statistics[: len(step.outputs) - 1]]


def _loop(step, tensors, precision):
    return step.payload.run(tensors, precision)[0]


def _read_list(step, tensors, precision):
    """A list is a dense tensor with time in front."""
    return [tf.gather(*tensors)]


def grows(step) -> bool:
    """Whether writing to a list beyond its end makes it longer."""
    return step.node.attr["resize_if_index_out_of_bounds"].b


def _write_list(step, tensors, precision):
    """``tensors`` begin with the list, or with the length of one that is empty."""
    into, index, item = tensors
    if into.shape.rank == 0:
        length = tf.maximum(into, index + 1) if grows(step) else into
        return [tf.scatter_nd([[index]], [item], tf.concat([[length], tf.shape(item)], 0))]
    if grows(step):
        more = tf.maximum(index + 1 - tf.shape(into)[0], 0)
        into = tf.concat([into, tf.zeros(tf.concat([[more], tf.shape(item)], 0), into.dtype)], 0)
    return [tf.tensor_scatter_nd_update(into, [[index]], [item])]


def _length_of_list(step, tensors, precision):
    return [tf.shape(tensors[0])[0]]


def _tokens(step, tensors, precision):
    """The tokens that a one-hot stands for."""
    return [tf.cast(tf.argmax(tensors[0], -1), at_precision(tf.as_dtype(step.output.dtype), precision))]


def _token_table(step, tensors, precision):
    """The rows of an embedding in the order of the tokens that look them up."""
    lookup, body, gather = step.payload
    known = dict(zip(step.inputs, tensors, strict=True))
    kind = at_precision(tf.as_dtype(lookup.tokens.dtype), precision)
    known[lookup.tokens] = tf.cast(tf.range(lookup.size), kind)
    for inner in (*body, gather):
        outputs = emit(inner, [known[value] for value in inner.inputs], precision)
        if inner is gather:
            return outputs
        known.update(zip(inner.outputs, outputs, strict=True))


def _guarded_reciprocal(step, tensors, precision):
    """1/x, and 0 for 0 (the quotients of DivNoNan as products)."""
    return [tf.math.reciprocal_no_nan(tensors[0])]


_OWN = {
    "Tokens": _tokens,
    "TokenTable": _token_table,
    "ReciprocalNoNan": _guarded_reciprocal,
    "Loop": _loop,
    "TensorListGetItem": _read_list,
    "TensorListSetItem": _write_list,
    "TensorListLength": _length_of_list,
    "Variable": _variable,
    "Captured": _captured,
    "ResourceGather": _gather_variable,
    "FusedBatchNormV3": _batch_norm,
    "FusedBatchNormV2": _batch_norm,
}

_SUBSTITUTES = {
    **dict.fromkeys(["Conv2D", "Conv3D"], substitutes.convolution),
    **dict.fromkeys(["Conv2DBackpropInput", "Conv3DBackpropInputV2"], substitutes.transposed_convolution),
    **dict.fromkeys(["MaxPool3D", "AvgPool3D"], substitutes.pool3d),
    **dict.fromkeys(["ResizeBilinear", "ResizeBicubic", "ScaleAndTranslate"], substitutes.resize),
}
