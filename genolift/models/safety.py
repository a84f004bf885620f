"""A search of stored architectures for code that would run when they are loaded, before any loader sees them."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from genolift.support.errors import InputError, Remedy, Setting

_LIBRARIES = {"keras", "tf_keras", "keras_hub", "keras_nlp", "keras_cv"}
_NOT_MODELLING = {"utils", "saving", "datasets", "preprocessing", "export"}
# The functions in these parts of TensorFlow only compute. Those in other parts read and write files or call Python.
_COMPUTING = {"math", "nn", "linalg", "signal", "image", "random", "bitwise", "keras", "__operators__"}
_NOT_COMPUTING = {"py_function", "numpy_function", "load_library", "load_op_library", "print", "function"}
PYTHON_OPERATIONS = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}
# These operations of SavedModels call Python, or touch files other than the model's own.
UNSAFE_OPERATIONS = PYTHON_OPERATIONS | {"ReadFile", "WriteFile", "MatchingFiles"}
UNSAFE = Setting("load with unsafe=True", "give --unsafe")


def unsafe_operations(graph: Any) -> list[str]:
    """Return the names of the operations of a GraphDef that call Python or touch files."""
    bodies = [graph.node, *(function.node_def for function in graph.library.function)]
    return sorted({node.op for body in bodies for node in body} & UNSAFE_OPERATIONS)


def objects(config: Any) -> Iterator[dict[str, Any]]:
    """Yield every serialised object (a dict with ``class_name``) anywhere in a configuration."""
    pending = [config]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if isinstance(item.get("class_name"), str):
                yield item
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)


def check_config(config: Any, layers: Mapping[str, type], path: Path) -> None:
    """Raise :class:`InputError` if an architecture holds Python code or classes from unknown modules.

    Parameters
    ----------
    config
        The architecture, as its JSON holds it.
    layers
        The custom layers that the user gave, by name. They are allowed.
    path
        The file, for the message.
    """
    for item in objects(config):
        kind = item["class_name"]
        if kind in layers:
            continue
        inner = item.get("config")
        name = (inner.get("name") if isinstance(inner, dict) else None) or item.get("name") or kind
        if kind in ("Lambda", "__lambda__"):
            raise InputError(
                f"{path}: {name!r} is a Lambda, Python code stored in the file that loading would run",
                Remedy.naming(
                    "{} if you trust the file, or replace it with {}",
                    UNSAFE,
                    Setting("layers={'Lambda': YourLayer}", "a layer called Lambda in the file of --layers-from"),
                ),
            )
        function = str(inner.get("function")) if isinstance(inner, dict) else ""
        if kind == "TFOpLambda" and not _computes(function):
            raise InputError(
                f"{path}: layer {name!r} calls tf.{function}, which may do more than compute",
                Remedy.naming("{} if you trust the file", UNSAFE),
            )
        _check_module(item, layers, path)


def give_layer(name: str) -> Remedy:
    """Return what helps where a file uses a class that Keras does not know."""
    return Remedy(
        f"give it with layers={{{name!r}: YourClass}}", "give the Python file that defines it with --layers-from"
    )


def _computes(function: str) -> bool:
    """Return whether a function of TensorFlow, named without ``tf.``, only computes."""
    first, *rest = function.split(".")
    return first in _COMPUTING if rest else first not in _NOT_COMPUTING


def _check_module(item: dict[str, Any], layers: Mapping[str, type], path: Path) -> None:
    """Raise :class:`InputError` if the class of an object is from a module that does not belong to Keras.

    Loaders import any module that a file names. Classes that the user gave or registered are allowed.
    """
    module, kind, registered = item.get("module"), item["class_name"], item.get("registered_name")
    if kind == "function" and isinstance(item.get("config"), str):
        kind = item["config"]
    if not isinstance(module, str) or kind in layers or registered in layers or _is_registered(registered):
        return
    root, *inside = module.split(".")
    if root in _LIBRARIES and not _NOT_MODELLING & set(inside):
        return
    if root == "builtins" and not hasattr(builtins, kind):
        return  # Keras writes the names of its own functions in this way.
    raise InputError(f"{path} uses {kind!r} from the module {module!r}, which is not part of Keras", give_layer(kind))


def _is_registered(name: str | None) -> bool:
    import keras

    # Layers of our own are registered when their modules are imported.
    from genolift.models.readable import heads, lattice, scan  # noqa: F401

    return name is not None and keras.saving.get_registered_object(name) is not None


def custom_objects(config: Any, layers: Mapping[str, type]) -> dict[str, type]:
    """Return the user's layers under every name that an architecture uses for them ("Layer", "package>Layer")."""
    by_name = dict(layers)
    for item in objects(config):
        registered = item.get("registered_name") or item["class_name"]
        short = str(registered).rsplit(">", maxsplit=1)[-1]
        if short in layers:
            by_name.setdefault(str(registered), layers[short])
    return by_name
