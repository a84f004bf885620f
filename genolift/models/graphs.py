"""TensorFlow's own graphs as models: concrete functions, and frozen graphs of which a file holds nothing else.

A graph runs without the Python code that made it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from genolift.models.safety import UNSAFE, unsafe_operations
from genolift.models.signature import Port, Signature
from genolift.support.errors import FileProblem, InputError, Remedy, Setting, file_problems, reason_of
from genolift.support.tensorflow import Tensor, quiet_tensorflow

# Operations whose values are not in a graph that was not frozen.
_VARIABLES = {"Variable", "VariableV2", "VarHandleOp", "HashTableV2", "HashTable"}
# Operations that no model returns.
_NO_OUTPUTS = {"NoOp", "Const", "Placeholder", "PlaceholderWithDefault", "Assert", "SaveV2", "Print", "PrintV2"}
# The names of switches between training and inference in graphs of TensorFlow 1.
_TRAINING = re.compile(r"train|learning_phase|dropout", re.IGNORECASE)


class GraphModel:
    """A function of TensorFlow as a model.

    Parameters
    ----------
    name
        The model's name.
    inputs
        The shape and type of each input by name, in order.
    outputs
        Those of each output by name, in order.
    run
        The function: it takes a dict of tensors by input name, and returns a dict of tensors by output name.
    keep
        What must stay alive as long as the model, such as the owner of its variables.

    Attributes
    ----------
    signature : Signature
        The inputs and outputs.
    made_by : tuple or None
        The function and its arguments that make the model again from its file, so that it can be pickled.

    Raises
    ------
    InputError
        If an input or output does not tell its shape, or is made for a fixed number of sequences.
    """

    def __init__(
        self,
        name: str,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
        run: Callable[[dict], dict],
        keep: Any = None,
    ):
        self.name = name
        self.signature = Signature(_ports(name, inputs), _ports(name, outputs))
        self._dtypes = {key: spec.dtype for key, spec in inputs.items()}
        self._run, self._keep = run, keep

    made_by: tuple[Callable, tuple] | None = None

    def __reduce__(self) -> tuple:
        if self.made_by is None:
            raise TypeError(
                f"the graph {self.name!r} belongs to this process and cannot be pickled or copied; save it as a "
                "SavedModel and load that with genolift.load_model"
            )
        return self.made_by

    def __call__(self, inputs: Any) -> Any:
        """Return the model's outputs.

        Parameters
        ----------
        inputs
            One tensor, a list in the order of ``signature``, or a dict by input name.

        Returns
        -------
        Tensor or dict of str to Tensor
            The output, or several outputs by name.

        Raises
        ------
        InputError
            If the number or the names of the inputs are not those of the model.
        """
        tf = quiet_tensorflow()
        names = [port.name for port in self.signature.inputs]
        if not isinstance(inputs, dict):
            values = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
            if len(values) != len(names):
                raise InputError(
                    f"model {self.name!r} takes {len(names)} inputs ({', '.join(names)}), not {len(values)}"
                )
            inputs = dict(zip(names, values, strict=True))
        if set(inputs) != set(names):
            raise InputError(f"model {self.name!r} takes the inputs {', '.join(names)}, not {', '.join(inputs)}")
        outputs = self._run({name: tf.cast(inputs[name], self._dtypes[name]) for name in names})
        return next(iter(outputs.values())) if len(outputs) == 1 else {name: outputs[name] for name in sorted(outputs)}


def _ports(model: str, specs: Mapping[str, Any]) -> tuple[Port, ...]:
    ports = []
    for name, spec in specs.items():
        if spec.shape.rank is None:
            raise InputError(f"model {model!r} does not tell the shape of {name!r}; save it with an input signature")
        ports.append(Port(name, tuple(spec.shape)[1:], spec.dtype.name))
    return tuple(ports)


def of_function(
    function: Any, name: str | None = None, keep: Any = None, kind: type[GraphModel] = GraphModel
) -> GraphModel:
    """Return a concrete function as a model.

    Parameters
    ----------
    function : ConcreteFunction
        The function, such as a signature of a SavedModel, the result of ``get_concrete_function``, or what
        ``tf.compat.v1.wrap_function`` returned.
    name
        The model's name, by default the function's.
    keep
        What must stay alive as long as the model.
    kind
        The class of the model.

    Raises
    ------
    InputError
        If the function does not take tensors with a first axis of any number of sequences.
    """
    tf = quiet_tensorflow()
    own: Any = getattr(function, "name", "graph")
    named = name or (own.decode() if isinstance(own, bytes) else str(own))
    free = len(function.inputs) - len(function.captured_inputs)
    placeholders = function.inputs[:free]
    structure = function.structured_input_signature
    specs = [one for one in tf.nest.flatten(structure) if isinstance(one, tf.TypeSpec)]
    names = [getattr(spec, "name", None) or tensor.op.name for spec, tensor in zip(specs, placeholders, strict=False)]
    if len(specs) != free:  # Functions of TensorFlow 1 have no structure; they take their tensors one after the other.
        structure, names = None, [tensor.op.name for tensor in placeholders]
    fixed = [str(tensor.shape) for tensor in placeholders if tensor.shape.rank and tensor.shape[0] is not None]
    if fixed:
        raise InputError(
            f"the function {named!r} takes inputs of shape {' and '.join(fixed)}, that is a fixed number of sequences; "
            "make it again with None as the size of the first axis"
        )
    inputs = {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in zip(names, placeholders, strict=True)}
    if structure is not None and not structure[0]:  # The order of keyword arguments has no meaning.
        inputs = {name: inputs[name] for name in sorted(inputs)}
    given = function.structured_outputs
    outputs = given if isinstance(given, dict) else dict(zip(_numbered(given), tf.nest.flatten(given), strict=True))

    def run(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        values = [tensors[name] for name in names]
        if structure is None:
            result = function(*values)
        else:
            remaining = iter(values)
            arguments, keywords = tf.nest.map_structure(
                lambda one: next(remaining) if isinstance(one, tf.TypeSpec) else one, structure
            )
            result = function(*arguments, **keywords)
        return result if isinstance(result, dict) else dict(zip(outputs, tf.nest.flatten(result), strict=True))

    return kind(named, inputs, {key: outputs[key] for key in sorted(outputs)}, run, keep=(function, keep))


def _numbered(outputs: Any) -> list[str]:
    return [f"output_{i}" for i in range(len(quiet_tensorflow().nest.flatten(outputs)))]


def as_model(model: Any) -> Any:
    """Return a model that is given as a concrete function, or as the object of a SavedModel, as a callable model.

    All other models are returned as they are.

    Raises
    ------
    InputError
        If a SavedModel has several signatures, of which none is the one for serving.
    """
    from tensorflow.python.eager.polymorphic_function.concrete_function import ConcreteFunction

    if isinstance(model, ConcreteFunction):
        return of_function(model)
    signatures = getattr(model, "signatures", None)
    if isinstance(signatures, Mapping) and signatures and not hasattr(model, "layers"):
        return of_function(chosen_signature(signatures, None, "the SavedModel"), keep=model)
    return model


def chosen_signature(signatures: Mapping[str, Any], name: str | None, where: str) -> Any:
    """Return one of the signatures of a SavedModel.

    Parameters
    ----------
    signatures
        The functions by name.
    name
        The name of one of them; None for the only one, or the one called "serving_default".
    where
        What the error message calls the SavedModel.
    """
    if name is None and len(signatures) == 1:
        return next(iter(signatures.values()))
    if (name or "serving_default") in signatures:
        return signatures[name or "serving_default"]
    told = "; ".join(f"{key} takes {_told(signatures[key])}" for key in sorted(signatures))
    missing = "'serving_default'" if name is None else repr(name)
    raise InputError(
        f"{where} has no signature {missing}: {told}",
        Remedy(
            "choose one with load_model(..., signature=NAME), or give loaded.signatures[NAME]",
            "choose one with --signature NAME",
        ),
    )


def _told(function: Any) -> str:
    _, specs = function.structured_input_signature
    return " and ".join(f"{name} {spec.shape} ({spec.dtype.name})" for name, spec in sorted(specs.items()))


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
    truths = [node for node in holes if node.attr["dtype"].type == tf.bool.as_datatype_enum]
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
    ends = [node for node in ends if any(nodes[one].op == "Placeholder" for one in _ancestors(nodes, [node.name]))]
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
