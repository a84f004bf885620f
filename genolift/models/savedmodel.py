"""SavedModel directories as callables, which run TensorFlow's graph without the Python code that made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genolift.models.safety import UNSAFE, UNSAFE_OPERATIONS
from genolift.models.signature import Port, Signature
from genolift.support.errors import FileProblem, InputError, Remedy, file_problems
from genolift.support.tensorflow import quiet_tensorflow


class SavedModel:
    """The serving function of a loaded SavedModel.

    Parameters
    ----------
    path
        The directory, whose name is the model's name.
    loaded
        The object that TensorFlow loaded.
    function
        The function of ``loaded`` to call.

    Attributes
    ----------
    name : str
        The name of the directory.
    signature : Signature
        The inputs and outputs, in alphabetical order.
    """

    def __init__(self, path: Path, loaded: Any, function: Any):
        self.name = path.name
        self.signature = Signature(_ports(function.structured_input_signature[1]), _ports(function.structured_outputs))
        self._loaded = loaded  # This object owns the variables, so it must stay alive.
        self._function = function
        self._dtypes = {name: spec.dtype for name, spec in function.structured_input_signature[1].items()}

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
        outputs = self._function(**{name: tf.cast(inputs[name], self._dtypes[name]) for name in names})
        return next(iter(outputs.values())) if len(outputs) == 1 else {name: outputs[name] for name in sorted(outputs)}


def load_saved_model(path: Path, unsafe: bool = False) -> SavedModel:
    """Return the model of a SavedModel directory.

    Parameters
    ----------
    path
        The directory. Its only signature, or the one called "serving_default", is the function that will be called.
    unsafe
        Whether to allow graphs that call Python or touch files. The default is ``False``.

    Raises
    ------
    FileProblem
        If the directory is damaged or has no such signature.
    InputError
        If the graph calls Python or touches files, and ``unsafe`` is ``False``.
    """
    tf = quiet_tensorflow()
    stored = _parse(path)
    if not unsafe:
        _check_operations(stored, path)
    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:  # TensorFlow raises errors of many types.
        raise FileProblem(f"{path}: this SavedModel cannot be read: {str(error).splitlines()[0]}") from error
    functions = dict(loaded.signatures)
    if not functions:
        raise FileProblem(f"{path}: this SavedModel has no signature; save it with model.export() or signatures=")
    if "serving_default" not in functions and len(functions) > 1:
        raise FileProblem(f"{path}: none of the signatures {', '.join(sorted(functions))} is 'serving_default'")
    return SavedModel(path, loaded, functions.get("serving_default") or next(iter(functions.values())))


def _ports(structure: dict[str, Any]) -> tuple[Port, ...]:
    ports = []
    for name, spec in sorted(structure.items()):
        if spec.shape.rank is None:
            raise FileProblem(f"the SavedModel does not tell the shape of {name!r}; save it with an input signature")
        ports.append(Port(name, tuple(spec.shape)[1:]))
    return tuple(ports)


def _parse(path: Path) -> Any:
    """Return the stored message of a SavedModel, which holds its graphs."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    stored = saved_model_pb2.SavedModel()
    try:
        with file_problems(path / "saved_model.pb", "read"):
            stored.ParseFromString((path / "saved_model.pb").read_bytes())
    except DecodeError:
        stored.Clear()
    if not stored.meta_graphs:
        raise FileProblem(f"{path}: its saved_model.pb is damaged or is not a SavedModel; export the model again")
    return stored


def _check_operations(stored: Any, path: Path) -> None:
    """Raise :class:`InputError` if a graph calls Python or touches files."""
    for graph in stored.meta_graphs:
        bodies = [graph.graph_def.node, *(function.node_def for function in graph.graph_def.library.function)]
        for operation in sorted({node.op for body in bodies for node in body} & UNSAFE_OPERATIONS):
            raise InputError(
                f"{path}: the model's graph contains {operation}, which calls Python or touches files",
                Remedy.naming("{} if you trust the directory", UNSAFE),
            )
