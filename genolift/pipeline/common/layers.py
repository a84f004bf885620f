"""A Python file of the user's own, and the custom layers of a model that it holds."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from genolift.support.errors import FileProblem, InputError
from genolift.support.tensorflow import quiet_tensorflow

# The packages whose layers Keras finds by itself.
_KNOWN = ("keras", "tf_keras", "tensorflow")


def run_file(path: Path) -> ModuleType:
    """Run a Python file that a user named, and return it as a module.

    Raises
    ------
    FileProblem
        If the file cannot be run.
    """
    if not path.is_file():
        raise FileProblem(f"{path} {'is not a file' if path.exists() else 'does not exist'}")
    quiet_tensorflow()
    spec = spec_from_file_location(f"genolift_layers_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise FileProblem(f"{path} is not a Python file: its name should end in .py")
    module = module_from_spec(spec)
    sys.path.insert(0, str(path.parent.resolve()))  # it may import its neighbours
    try:
        spec.loader.exec_module(module)
    except Exception as problem:  # a user's own code raises what it likes
        raise FileProblem(f"{path} cannot be run: {type(problem).__name__}: {problem}") from problem
    finally:
        sys.path.remove(str(path.parent.resolve()))
    return module


def layers_from(path: Path) -> dict[str, Any]:
    """Run a Python file and return the Keras layers it defines or imports, and the functions it defines, by name.

    Functions are the activations of layers. One that is called as an activation of Keras' is not taken for it.

    Raises
    ------
    FileProblem
        If the file cannot be run.
    InputError
        If it holds no layers.
    """
    held = own_layers(path)
    if not held:
        raise InputError(f"{path} holds no Keras layers; classes derived from keras.layers.Layer are looked for")
    return held


def own_layers(path: Path) -> dict[str, Any]:
    """Run a Python file as :func:`layers_from` does, and return what it holds, which may be nothing.

    Raises
    ------
    FileProblem
        If the file cannot be run.
    """
    module = run_file(path)
    import keras

    bases = tuple(library.layers.Layer for library in (keras, sys.modules.get("tf_keras")) if library)
    held: dict[str, Any] = {}
    for name, item in vars(module).items():
        is_own = getattr(item, "__module__", None) == module.__name__
        if isinstance(item, type) and issubclass(item, bases):
            if item.__module__.partition(".")[0] not in _KNOWN:
                held[name] = item
        elif is_own and isinstance(item, FunctionType) and not hasattr(keras.activations, name):
            held[name] = item
    return held
