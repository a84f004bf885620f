"""Frozen graphs as models: GraphDefs whose weights are constants, and of which a file holds nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genolift.models.graphs import GraphModel
from genolift.models.safety import UNSAFE, unsafe_operations
from genolift.support.errors import FileProblem, InputError, Remedy, Setting, file_problems, reason_of
from genolift.support.tensorflow import Tensor, quiet_tensorflow

# Operations whose values are not in a graph that was not frozen.
_VARIABLES = {"Variable", "VariableV2", "VarHandleOp", "HashTableV2", "HashTable"}
# Operations that no model returns.
_NO_OUTPUTS = {"NoOp", "Const", "Placeholder", "PlaceholderWithDefault", "Assert", "SaveV2", "Print", "PrintV2"}
# Operations that take what a caller gives.
_HOLES = {"Placeholder", "PlaceholderWithDefault"}
# The names of switches between training and inference in graphs of TensorFlow 1.
_TRAINING = re.compile(r"train|learning_phase|dropout", re.IGNORECASE)


def load_graph(
    path: Path, inputs: Sequence[str] | None = None, outputs: Sequence[str] | None = None, unsafe: bool = False
) -> GraphModel:
    """Return the model of a frozen graph, a GraphDef whose weights are constants.

    Parameters
    ----------
    path
        The file, usually called ``.pb``.
    inputs
        The names of the placeholders that are the inputs. By default they are all on which the outputs depend, without
        switches between training and inference, which are set to inference.
    outputs
        The names of the tensors that are the outputs. By default it is the only one that nothing in the graph reads.
    unsafe
        Whether to allow graphs that call Python or touch files. The default is ``False``.

    Raises
    ------
    FileProblem
        If the file is damaged or the graph has variables.
    InputError
        If there are no such inputs or outputs, if there are several candidates, or if the graph calls Python or touches
        files and ``unsafe`` is ``False``.
    """
    tf = quiet_tensorflow()
    graph = parse_graph(path)
    if graph is None:
        raise FileProblem(f"{path} is damaged or is not a frozen graph")
    nodes = {node.name: node for node in graph.node}
    if variables := sorted({node.op for node in graph.node} & _VARIABLES):
        raise FileProblem(
            f"{path} is a graph with variables ({', '.join(variables)}), whose values stand elsewhere; freeze it with "
            "tf.compat.v1.graph_util.convert_variables_to_constants, or give the SavedModel's directory"
        )
    for operation in () if unsafe else unsafe_operations(graph):
        raise InputError(
            f"{path}: the model's graph contains {operation}, which calls Python or touches files",
            Remedy.naming("{} if you trust the file", UNSAFE),
        )
    ends = [_known(nodes, name, path, "outputs") for name in outputs] if outputs else [_only_end(graph, path)]
    needed = _ancestors(nodes, ends)
    holes = [node for node in graph.node if node.op == "Placeholder" and node.name in needed]
    fed = {node.name: node for node in holes}
    truths = [node for node in graph.node if node.op in _HOLES and _is_truth(node) and node.name in needed]
    switches = [node for node in truths if _TRAINING.search(node.name)]
    if inputs:
        starts = [_known(nodes, name, path, "inputs").partition(":")[0] for name in inputs]
        open_ends = [name for name in fed if name not in starts and nodes[name] not in switches]
        if open_ends:
            told = ", ".join(open_ends)
            raise InputError(f"{path}: the output depends on the placeholders {told} too; name all of them as inputs")
    else:
        starts = [node.name for node in holes if node not in switches]
    if not starts:
        raise InputError(f"{path}: the output {', '.join(ends)} depends on no placeholder, so the graph takes no input")
    specs = {name: _spec(nodes[name], path) for name in starts}
    off = [node.name for node in switches if node.name not in starts]

    def run(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        fed = {f"{name}:0": tensor for name, tensor in tensors.items()}
        fed |= {f"{name}:0": tf.constant(False) for name in off}
        found = tf.graph_util.import_graph_def(graph, input_map=fed, return_elements=ends, name="")
        return dict(zip(_labels(ends), found, strict=True))

    try:
        with tf.Graph().as_default():
            made = run({name: tf.compat.v1.placeholder(spec.dtype, spec.shape) for name, spec in specs.items()})
    except (ValueError, KeyError, tf.errors.OpError) as problem:
        raise FileProblem(f"{path} cannot be used as a graph: {reason_of(problem)}") from problem
    kinds = {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in made.items()}
    whole = tf.function(run, autograph=False)

    def anywhere(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        return whole(tensors) if tf.executing_eagerly() else run(tensors)

    model = GraphModel(path.name, specs, kinds, anywhere)
    model.made_by = load_graph, (path.absolute(), inputs, outputs, unsafe)
    return model


def _is_truth(node: Any) -> bool:
    return node.attr["dtype"].type == quiet_tensorflow().bool.as_datatype_enum


def parse_graph(path: Path) -> Any | None:
    """Return the GraphDef of a file, or None if the file holds none."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.framework import graph_pb2

    graph = graph_pb2.GraphDef()
    try:
        with file_problems(path, "read"):
            graph.ParseFromString(path.read_bytes())
    except DecodeError:
        return None
    return graph if graph.node and all(node.op for node in graph.node) else None


def _known(nodes: dict[str, Any], name: str, path: Path, which: str) -> str:
    """Return the full name of a tensor that the user named."""
    node, _, number = name.partition(":")
    if node not in nodes:
        near = [one for one in nodes if one.rsplit("/", maxsplit=1)[-1] == node.rsplit("/", maxsplit=1)[-1]][:5]
        like = f"; there is {', '.join(near)}" if near else ""
        raise InputError(f"{path} has no operation {node!r} for its {which}{like}")
    return f"{node}:{number or 0}"


def _only_end(graph: Any, path: Path) -> str:
    """Return the name of the only tensor that nothing in the graph reads."""
    read = {name.lstrip("^").partition(":")[0] for node in graph.node for name in node.input}
    nodes = {node.name: node for node in graph.node}
    ends = [node for node in graph.node if node.name not in read and node.op not in _NO_OUTPUTS]
    holes = {node.name for node in graph.node if node.op == "Placeholder" and not _is_truth(node)}
    ends = [node for node in ends if holes & _ancestors(nodes, [node.name])]
    if len(ends) == 1:
        return f"{ends[0].name}:0"
    told = ", ".join(f"{node.name} ({node.op})" for node in ends[:20]) or "none that depends on an input"
    raise InputError(
        f"{path} does not say what its output is; candidates are {told}",
        Remedy.naming("name it with {}", Setting("load_model(..., outputs=[NAME])", "--graph-output NAME")),
    )


def _ancestors(nodes: dict[str, Any], ends: Sequence[str]) -> set[str]:
    """Return the names of all operations that some tensors are made of."""
    pending, seen = [name.partition(":")[0] for name in ends], set()
    while pending:
        name = pending.pop()
        if name not in seen and name in nodes:
            seen.add(name)
            pending.extend(one.lstrip("^").partition(":")[0] for one in nodes[name].input)
    return seen


def _spec(node: Any, path: Path) -> Any:
    """Return the shape and type of a placeholder, for any number of sequences."""
    tf = quiet_tensorflow()
    shape = tf.TensorShape(node.attr["shape"].shape) if "shape" in node.attr else tf.TensorShape(None)
    if not shape.rank:
        raise InputError(
            f"{path}: the placeholder {node.name!r} does not tell its shape; name the inputs, or freeze the graph with "
            "placeholders of a known number of axes"
        )
    # The graph is imported with a placeholder of any number of sequences, whatever number it was made for.
    return tf.TensorSpec([None, *shape[1:]], tf.as_dtype(node.attr["dtype"].type))


def _labels(ends: Sequence[str]) -> list[str]:
    """Return the names by which users know outputs: those of the operations, where these have one output each."""
    short = [name.partition(":")[0] for name in ends]
    return short if len(set(short)) == len(short) else list(ends)
