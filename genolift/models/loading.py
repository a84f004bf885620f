"""Models read from files: ``.keras``, ``.h5``, architecture JSON with weights, SavedModels, and frozen graphs.

A file that Keras 2 wrote is read by ``tf_keras``, the maintained continuation of Keras 2, and the model stays a
``tf_keras`` model. It is not converted to Keras 3, because Keras 3 has no class for TFOpLambda layers, refuses list
configurations and some files of Keras 2.1, and each converted layer would need its own proof of equality. Models of
both libraries are callables made of TensorFlow operations, and the methods need no more than that.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from genolift.models.frozen import load_graph, parse_graph
from genolift.models.layout import Layout, arranged
from genolift.models.safety import check_config, custom_objects, give_layer
from genolift.models.savedmodel import load_saved_model
from genolift.support.errors import FileProblem, InputError, Remedy, setting
from genolift.support.files import check_no_address
from genolift.support.tensorflow import quiet_tensorflow

_KINDS = Remedy.naming(
    "a model is a .keras file, a Keras .h5 file, an architecture .json (with {}), a SavedModel directory or a frozen "
    "graph",
    setting("weights"),
)
_SIGNATURE = setting("signature")
_LEAVE_OUT = Remedy("leave inputs= and outputs= out", "leave --graph-input and --graph-output out")
_NAMES = {"graph": "frozen graph"}
# Keras distinguishes its two formats of weights by these names.
_LEGACY_WEIGHTS, _WEIGHTS = "weights.h5", "model.weights.h5"


def load_model(
    path: str | os.PathLike,
    weights: str | os.PathLike | None = None,
    layers: Mapping[str, type] | None = None,
    unsafe: bool = False,
    layout: str | None = None,
    signature: str | None = None,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
) -> Any:
    """Return the model of a file, ready to be called and without its training state.

    Parameters
    ----------
    path
        A ``.keras`` file, a ``.h5`` file of Keras 2 or 3, the JSON of an architecture, a SavedModel directory, or a
        frozen graph (``.pb``). The content decides which of these it is, not the name.
    weights
        The HDF5 file of the weights, for the JSON of an architecture. In a Keras file they replace its own.
    layers
        The classes of custom layers by name.
    unsafe
        Whether to allow code in the file (Lambda layers, for example) that runs when the model is loaded or called. The
        default is ``False``. Set it only for files that you trust.
    layout
        The layout in which the model takes DNA if it is not (N, length, 4), such as ``"NCL"`` for (N, 4, length); see
        :mod:`genolift.models.layout`.
    signature
        The signature of a SavedModel that is called. The default is its only one, or the one called
        "serving_default".
    inputs, outputs
        The names of the placeholders and of the tensors that are a frozen graph's inputs and outputs, where they cannot
        be found in it.

    Returns
    -------
    keras.Model, tf_keras.Model or SavedModel
        A Keras 3 model if Keras 3 wrote the file, a ``tf_keras`` model if Keras 2 did, and a
        :class:`genolift.models.savedmodel.SavedModel` for a directory. A frozen graph is a
        :class:`genolift.models.graphs.GraphModel`. With ``layout``, a callable around it that takes
        (N, length, 4).

    Raises
    ------
    FileProblem
        If the file is missing, cannot be read, is damaged or is not a model.
    InputError
        If the model holds code that would run, an unknown layer, or no input of the layout, or if the weights are
        missing or do not suit the architecture.
    """
    path, custom = Path(path), dict(layers or {})
    if layout is not None:
        Layout.parse(layout)  # A wrong layout is refused before anything slow is done.
    quiet_tensorflow()
    kind = _kind(path)
    if signature is not None and kind != "SavedModel":
        raise InputError(f"{path} is no SavedModel, so it has no signatures", Remedy.naming("leave {} out", _SIGNATURE))
    if (inputs or outputs) and kind != "graph":
        raise InputError(f"{path} is no frozen graph and says itself what its inputs and outputs are", _LEAVE_OUT)
    if kind in ("SavedModel", "graph"):
        if weights is not None:
            leave_out = Remedy.naming("leave {} out", setting("weights"))
            raise InputError(f"{path}: a {_NAMES.get(kind, kind)} holds its weights already", leave_out)
        saved = load_saved_model(path, unsafe, signature) if kind == "SavedModel" else None
        return arranged(saved or load_graph(path, inputs, outputs, unsafe), layout)
    return arranged(_load_keras(kind, path, weights, custom, unsafe), layout)


def _load_keras(kind: str, path: Path, weights: str | os.PathLike | None, layers: dict[str, type], unsafe: bool) -> Any:
    if kind == "JSON" and weights is None:
        give = Remedy.naming("give the weights file with {}", setting("weights"))
        raise InputError(f"{path} is an architecture without weights", give)
    model = _READERS[kind](path, layers, unsafe)
    if weights is not None:
        _load_weights(model, Path(weights), path)
    return model


def _kind(path: Path) -> str:
    """Return which kind of model a file or directory is, from its content."""
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return "SavedModel"
        raise FileProblem(f"{path} is a directory without saved_model.pb, not a model", _KINDS)
    start = _first_bytes(path)
    if start.startswith(b"PK\x03\x04"):
        return "keras"
    if start == b"\x89HDF\r\n\x1a\n":
        return "HDF5"
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return "JSON"
    if start[:3] == b"\x08\x01\x12":
        raise FileProblem(f"{path} is the graph of a SavedModel; give the directory in which it lies")
    if start[:1] == b"\x0a" and parse_graph(path) is not None:
        return "graph"
    what = "is empty" if not start else "is not a model"
    raise FileProblem(f"{path} {what}", _KINDS)


def _first_bytes(path: Path) -> bytes:
    check_no_address(path)
    try:
        with path.open("rb") as file:
            return file.read(8)
    except FileNotFoundError as error:
        raise FileProblem(f"{path}: there is no such file") from error
    except OSError as error:
        raise FileProblem(f"{path} cannot be read: {error.strerror}") from error


def _read_keras(path: Path, layers: dict[str, type], unsafe: bool) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            missing = {"config.json", "metadata.json", "model.weights.h5"} - set(archive.namelist())
            if missing:
                raise FileProblem(f"{path} is a zip file but not a Keras model: it has no {', '.join(sorted(missing))}")
            if damaged := archive.testzip():
                raise FileProblem(f"{path} is damaged: its {damaged} does not match its checksum; copy it again")
            config, metadata = (json.loads(archive.read(name)) for name in ("config.json", "metadata.json"))
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise FileProblem(f"{path} is damaged or was cut short, so it cannot be read; copy it again") from error
    return _load(_library(metadata.get("keras_version")), path, "model.keras", config, layers, unsafe)


def _read_hdf5(path: Path, layers: dict[str, type], unsafe: bool) -> Any:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            attributes, groups = dict(file.attrs), set(file)
    except OSError as error:
        raise FileProblem(f"{path} is damaged or was cut short, so it cannot be read; copy it again") from error
    if "model_config" not in attributes:
        if "layer_names" in attributes or groups & {
            "layers",
            "_layer_checkpoint_dependencies",
            "model_weights",
        }:
            give_both = Remedy(
                "give both: load_model('architecture.json', weights=...)", "give MODEL.json and --weights"
            )
            raise FileProblem(f"{path} holds weights without an architecture", give_both)
        raise FileProblem(f"{path} is an HDF5 file but not a Keras model", _KINDS)
    try:
        config = json.loads(attributes["model_config"])
    except ValueError as error:
        raise FileProblem(f"{path}: its model_config is not JSON; save the model again") from error
    return _load(_library(attributes.get("keras_version")), path, "model.h5", config, layers, unsafe)


def _read_json(path: Path, layers: dict[str, type], unsafe: bool) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
        config = json.loads(text)
    except ValueError as error:
        raise FileProblem(f"{path} is not valid JSON ({str(error).splitlines()[0]})", _KINDS) from error
    if not isinstance(config, dict) or "class_name" not in config or "config" not in config:
        raise FileProblem(f"{path} is JSON but not a Keras architecture; model.to_json() writes one")
    # Keras 3 writes the module of every object and no version. Keras 2 wrote a version and no modules.
    library = _library(config.get("keras_version", "3" if "module" in config else "2"))
    _check_library(library, layers, path)
    if not unsafe:
        check_config(config, layers, path)
    known = custom_objects(config, layers)
    with _explained(path):
        if library.__name__ == "tf_keras" and not unsafe:
            return library.models.model_from_json(text, custom_objects=known)
        if library.__name__ == "tf_keras":  # Its model_from_json cannot allow Lambda layers; the function below can.
            kind = "Sequential" if config["class_name"] == "Sequential" else "Model"
            config = {**config, "module": "keras", "class_name": kind, "registered_name": None}
        return library.saving.deserialize_keras_object(config, custom_objects=known, safe_mode=not unsafe)


_READERS: dict[str, Callable[[Path, dict[str, type], bool], Any]] = {
    "keras": _read_keras,
    "HDF5": _read_hdf5,
    "JSON": _read_json,
}


def _library(version: str | bytes | None) -> Any:
    """Return the library that reads files of a version of Keras; a file without one is of Keras 2."""
    version = version.decode() if isinstance(version, bytes) else str(version or "2")
    if version.startswith("3"):
        import keras

        return keras
    import tf_keras

    return tf_keras


def _check_library(library: Any, layers: dict[str, type], path: Path) -> None:
    """Refuse custom layers of the other Keras than the one that reads the file, which Keras itself does not notice."""
    mine, other = ("Keras 2", "Keras 3") if library.__name__ == "tf_keras" else ("Keras 3", "Keras 2")
    wrong = sys.modules.get("keras" if mine == "Keras 2" else "tf_keras")
    for name, kind in layers.items():
        if wrong is not None and isinstance(kind, type) and issubclass(kind, wrong.layers.Layer):
            use = "1, so that tf.keras is Keras 2" if mine == "Keras 2" else "0, so that tf.keras is Keras 3"
            raise InputError(
                f"{path} is a file of {mine}, and the class of layer {name!r} is one of {other}; set the environment "
                f"variable TF_USE_LEGACY_KERAS to {use}, before Python starts, or derive the class from "
                f"{library.__name__}.layers.Layer"
            )


def _load(library: Any, path: Path, name: str, config: Any, layers: dict[str, type], unsafe: bool) -> Any:
    """Load a whole model with the library that reads it, under a ``name`` that tells the library the format."""
    _check_library(library, layers, path)
    if not unsafe:
        check_config(config, layers, path)
    with _alias(path, name) as file, _explained(path), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*freshly-initialized weights")  # _fill finds them
        model = library.models.load_model(
            str(file), custom_objects=custom_objects(config, layers), compile=False, safe_mode=not unsafe
        )
        # Keras itself refuses a .h5 file that lacks values.
        missing = _fill(model, file) if name.endswith(".keras") else None
    if missing:
        raise FileProblem(f"{path} has no values for {missing}; save the model again with the Keras that made it")
    return model


def _load_weights(model: Any, path: Path, architecture: Path) -> None:
    """Load the weights of an HDF5 file into a model; refuse a file that lacks some of them."""
    import h5py

    if path.is_dir():
        raise FileProblem(f"{path} is a directory; weights are an HDF5 file")
    if _first_bytes(path) != b"\x89HDF\r\n\x1a\n":
        raise FileProblem(f"{path} is not an HDF5 file; model.save_weights('weights.h5') writes one")
    try:
        with h5py.File(path, "r") as file:
            legacy = "layer_names" in file.attrs or "model_weights" in file
            if not legacy and not {"layers", "_layer_checkpoint_dependencies"} & set(file):
                raise FileProblem(f"{path} is an HDF5 file without Keras weights; model.save_weights() writes them")
    except FileProblem:
        raise
    except OSError as error:
        raise FileProblem(f"{path} is damaged or was cut short, so it cannot be read; copy it again") from error
    with _alias(path, _LEGACY_WEIGHTS if legacy else _WEIGHTS) as file:
        try:
            missing = _fill(model, file)
        except Exception as error:  # Keras raises errors of many types.
            raise InputError(f"the weights in {path} do not fit {architecture}: {_first_line(error)}") from error
    if missing:
        raise InputError(f"{path} has no values for {missing} of {architecture}; save all weights again")


def _fill(model: Any, file: Path) -> str | None:
    """Load weights, and return the name of the first variable that got none.

    Keras does not change a variable for which the file has no values, and warns at best. Therefore all variables are
    set to NaN before.
    """
    blank = [np.full(weight.shape, np.nan) if _is_float(weight) else weight for weight in model.get_weights()]
    model.set_weights(blank)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.load_weights(str(file))
    for variable, weight in zip(model.weights, model.get_weights(), strict=True):
        if _is_float(weight) and weight.size and np.isnan(weight).all():
            return repr(getattr(variable, "path", variable.name))
    return None


def _is_float(weight: np.ndarray) -> bool:
    return np.issubdtype(weight.dtype, np.floating)


@contextmanager
def _alias(path: Path, name: str) -> Iterator[Path]:
    """Yield another path of the file, with a ``name`` from which Keras recognises the format."""
    with tempfile.TemporaryDirectory() as directory:
        alias = Path(directory) / name
        try:
            alias.symlink_to(path.resolve())
        except OSError:  # The file system has no links.
            shutil.copyfile(path, alias)
        yield alias


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn any error that Keras raises while loading into one of ours, with a message of one line."""
    try:
        yield
    except Exception as error:  # Keras raises errors of many types.
        text = str(error)
        unknown = re.search(r"(?:Unknown \w+|Could not (?:locate|find) \w+):? '?(?:\w+>)?(\w+)'?", text)
        if unknown:
            raise InputError(
                f"{path} uses {unknown[1]!r}, which Keras does not know", give_layer(unknown[1])
            ) from error
        raise FileProblem(f"{path} cannot be loaded as a Keras model: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = " ".join(lines[:2]) if lines and lines[0].endswith(":") else (lines or [type(error).__name__])[0]
    return said[:300]
