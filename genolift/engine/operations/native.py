"""TensorFlow's own kernel of an operation, run again in the current graph at a chosen precision."""

from __future__ import annotations

from typing import Any

from genolift.engine.operations.slopes import ATTRIBUTE, PREFIX
from genolift.engine.program import Step
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

_HALVES = (tf.float16.as_datatype_enum, tf.bfloat16.as_datatype_enum)
_FLOATS = (*_HALVES, tf.float32.as_datatype_enum, tf.float64.as_datatype_enum)
_COMPLEX = (tf.complex64.as_datatype_enum, tf.complex128.as_datatype_enum)


def at_precision(dtype: Any, precision: Any) -> Any:
    """Return the type that values of the DType ``dtype`` have when a program runs at ``precision`` (None: the same)."""
    if precision is None or not (dtype.is_floating or dtype.is_complex):
        return dtype
    return precision if dtype.is_floating else _complex(precision)


def _complex(precision: Any) -> Any:
    return tf.complex128 if precision == tf.float64 else tf.complex64


def run_natively(
    step: Step, tensors: list[Tensor], precision: Any, library: Any = None, **changed: Any
) -> list[Tensor]:
    """Return the outputs of a step's operation for other tensors.

    Parameters
    ----------
    step : Step
        The step whose node is run.
    tensors : list of Tensor
        The tensors that take the place of the step's inputs.
    precision : DType or None
        The type that floating-point attributes become. None leaves them as they are.
    library : FunctionDefLibrary, optional
        The functions that the step may call.
    **changed : AttrValue
        Attributes that take the place of the step's own.
    """
    graph_def = tf.compat.v1.GraphDef()
    if library is not None and any(attribute.HasField("func") for attribute in step.node.attr.values()):
        graph_def.library.CopyFrom(library)
    node = graph_def.node.add()
    node.op, node.name = step.op, "step"
    for key, attribute in step.node.attr.items():
        if not key.startswith("_") or (key == ATTRIBUTE and attribute.s.startswith(PREFIX.encode())):
            node.attr[key].CopyFrom(changed.get(key, attribute))
            _retype(node.attr[key], precision)
    graph = tf.compat.v1.get_default_graph()
    mapping = {}
    for i, tensor in enumerate(tensors):
        node.input.append(f"input{i}")
        # Inside the body of a loop, a tensor from outside has to be captured first.
        mapping[f"input{i}:0"] = tensor if tensor.graph is graph else tf.identity(tensor)
    (operation,) = tf.graph_util.import_graph_def(graph_def, mapping, return_elements=["step"], name="")
    return list(operation.outputs)


def _retype(attribute: Any, precision: Any) -> None:
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
