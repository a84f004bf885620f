"""TensorFlow's own kernel of an operation, run again at a chosen precision, in the current graph or outside of one."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from genolift.engine.operations.slopes import ATTRIBUTE, PREFIX
from genolift.engine.program import Step
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

_execute = import_module("tensorflow.python.eager.execute").execute
_context = import_module("tensorflow.python.eager.context").context

# Around it, TensorFlow looks for deprecated arguments, which takes longer than making a small operation.
_create = getattr(tf.Graph.create_op, "__wrapped__", tf.Graph.create_op)

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
    attributes = {
        key: _retyped(changed.get(key, attribute), precision)
        for key, attribute in step.node.attr.items()
        if not key.startswith("_") or (key == ATTRIBUTE and attribute.s.startswith(PREFIX.encode()))
    }
    calls = library is not None and any(attribute.HasField("func") for attribute in attributes.values())
    if tf.executing_eagerly() and not calls:
        return _executed(step, attributes, tensors)
    if calls:
        made = _imported(step.op, attributes, tensors, library)
    else:
        made = _create(tf.compat.v1.get_default_graph(), step.op, tensors, name="step", attrs=attributes)
    return list(made.outputs)


def _executed(step: Step, attributes: dict[str, Any], tensors: list[Tensor]) -> list[Tensor]:
    """Return the outputs of a step's operation outside of a graph."""
    if step.op == "Const":
        return [tf.constant(tf.make_ndarray(attributes["value"].tensor))]
    plain = [part for key, attribute in attributes.items() if key[0] != "_" for part in (key, _plain(attribute))]
    return list(_execute(step.op, len(step.outputs), tensors, tuple(plain), _context()))


def _plain(attribute: Any) -> Any:
    """Return an attribute as numbers, bytes and lists."""
    kind = attribute.WhichOneof("value")
    if kind == "shape":
        return tf.TensorShape(attribute.shape)
    if kind == "list":
        found = [field for field, _ in attribute.list.ListFields()]
        numbers = list(getattr(attribute.list, found[0].name)) if found else []
        return [tf.TensorShape(shape) for shape in numbers] if found and found[0].name == "shape" else numbers
    return getattr(attribute, kind)


def _imported(op: str, attributes: dict[str, Any], tensors: list[Tensor], library: Any) -> Any:
    """Return an operation that brings the functions that it calls into the graph.

    Importing looks at every node that the graph already has, so it is not done for other operations.
    """
    graph_def = tf.compat.v1.GraphDef()
    graph_def.library.CopyFrom(library)
    node = graph_def.node.add()
    node.op, node.name = op, "step"
    for key, attribute in attributes.items():
        node.attr[key].CopyFrom(attribute)
    graph = tf.compat.v1.get_default_graph()
    mapping = {}
    for i, tensor in enumerate(tensors):
        node.input.append(f"input{i}")
        # Inside the body of a loop, a tensor from outside has to be captured first.
        mapping[f"input{i}:0"] = tensor if tensor.graph is graph else tf.identity(tensor)
    (made,) = tf.graph_util.import_graph_def(graph_def, mapping, return_elements=["step"], name="")
    return made


def _retyped(attribute: Any, precision: Any) -> Any:
    """Return an attribute with floating-point and complex types replaced, and a constant's value cast."""
    if precision is None:
        return attribute
    exchange = dict.fromkeys(_FLOATS, precision) | dict.fromkeys(_COMPLEX, _complex(precision))
    field = attribute.WhichOneof("value")
    if field == "type":
        kinds = [attribute.type]
    elif field == "list":
        kinds = attribute.list.type
    elif field == "tensor":
        kinds = [attribute.tensor.dtype]
    else:
        return attribute
    if all(kind not in exchange or exchange[kind].as_datatype_enum == kind for kind in kinds):
        return attribute
    new = type(attribute)()
    if field == "tensor":
        value = tf.make_ndarray(attribute.tensor).astype(exchange[attribute.tensor.dtype].as_numpy_dtype)
        new.tensor.CopyFrom(tf.make_tensor_proto(value))
        return new
    new.CopyFrom(attribute)
    retyped = [exchange[kind].as_datatype_enum if kind in exchange else kind for kind in kinds]
    if field == "type":
        (new.type,) = retyped
    else:
        new.list.type[:] = retyped
    return new
