"""SavedModel directories as callables, which run TensorFlow's graph without the Python code that made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genolift.models.graphs import GraphModel, chosen_signature, of_function
from genolift.models.safety import UNSAFE, unsafe_operations
from genolift.support.errors import FileProblem, InputError, Remedy, file_problems
from genolift.support.tensorflow import quiet_tensorflow


class SavedModel(GraphModel):
    """The function of a loaded SavedModel that is called; the name of the directory is the model's name."""


def load_saved_model(path: Path, unsafe: bool = False, signature: str | None = None) -> GraphModel:
    """Return the model of a SavedModel directory.

    Parameters
    ----------
    path
        The directory.
    unsafe
        Whether to allow graphs that call Python or touch files. The default is ``False``.
    signature
        The name of the signature that is called. By default it is the only one, or the one called "serving_default".

    Raises
    ------
    FileProblem
        If the directory is damaged or has no signatures.
    InputError
        If it has no such signature, if several could be meant, or if the graph calls Python or touches
        files, and ``unsafe`` is ``False``.
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
    model = of_function(chosen_signature(functions, signature, str(path)), path.name, loaded, SavedModel)
    model.made_by = load_saved_model, (path.absolute(), unsafe, signature)
    return model


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
        for operation in unsafe_operations(graph.graph_def):
            raise InputError(
                f"{path}: the model's graph contains {operation}, which calls Python or touches files",
                Remedy.naming("{} if you trust the directory", UNSAFE),
            )
