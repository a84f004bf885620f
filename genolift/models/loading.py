"""Read models from files: today's ``.keras``, yesterday's ``.h5``, architecture JSON with weights,
SavedModels.

What Keras 2 wrote is read by ``tf_keras``, its maintained continuation, and stays a ``tf_keras`` model.
Converting it to Keras 3 was the alternative: Keras 3 has no class for TFOpLambda layers, refuses list
configurations and some Keras 2.1 files, and every converted layer would need its own proof of equality. Both
kinds are callables made of TensorFlow operations, which is all that the methods ask.
"""

import json
import re
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from genolift.models.layout import Layout, arranged
from genolift.models.safety import check_config, custom_objects, give_layer
from genolift.models.savedmodel import load_saved_model
from genolift.support.errors import FileProblem, InputError, Remedy, setting
from genolift.support.tensorflow import quiet_tensorflow

_KINDS = Remedy.naming(
    "a model is a .keras file, a Keras .h5 file, an architecture .json (with {}) or a SavedModel directory",
    setting("weights"),
)
_LEGACY_WEIGHTS, _WEIGHTS = (
    "weights.h5",
    "model.weights.h5",
)  # by these names Keras tells its two formats apart


def load_model(
    path,
    weights=None,
    layers: Mapping[str, type] | None = None,
    unsafe: bool = False,
    layout: str | None = None,
):
    """A model ready to be called, without its training state.

    ``path``: ``.keras``, ``.h5`` of Keras 2 or 3, architecture JSON (then ``weights`` is the HDF5 file), or a
    SavedModel directory; told apart by content, not by name. ``layers``: classes of custom layers by name.
    ``unsafe=True`` allows Lambda layers, whose Python code runs on loading: only for files you trust.
    ``layout`` is how the model takes DNA if not as (N, length, 4), such as ``"NCL"`` for (N, 4, length), see
    :mod:`genolift.models.layout`.

    Returns a Keras 3 model for what Keras 3 wrote, a ``tf_keras`` model for what Keras 2 wrote, and a
    :class:`genolift.models.savedmodel.SavedModel` for a directory; with ``layout``, a callable around it that takes
    (N, length, 4). Raises :class:`FileProblem` for what is
    not a model or damaged, and :class:`InputError` for Lambda layers, unknown layers, and weights that do not
    fit.
    """
    path, layers = Path(path), dict(layers or {})
    if layout is not None:
        Layout.parse(layout)  # refused before anything slow is done
    quiet_tensorflow()
    return arranged(_load_model(path, weights, layers, unsafe), layout)


def _load_model(path: Path, weights, layers: dict, unsafe: bool):
    kind = _kind(path)
    if kind == "SavedModel":
        if weights is not None:
            leave_out = Remedy.naming("leave {} out", setting("weights"))
            raise InputError(f"{path}: a SavedModel holds its weights already", leave_out)
        return load_saved_model(path, unsafe)
    if kind == "JSON" and weights is None:
        give = Remedy.naming("give the weights file with {}", setting("weights"))
        raise InputError(f"{path} is an architecture without weights", give)
    model = _READERS[kind](path, layers, unsafe)
    if weights is not None:
        _load_weights(model, Path(weights), path)
    return model


def _kind(path: Path) -> str:
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
    what = "is empty" if not start else "is not a model"
    raise FileProblem(f"{path} {what}", _KINDS)


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(8)
    except FileNotFoundError as error:
        raise FileProblem(f"{path}: there is no such file") from error
    except OSError as error:
        raise FileProblem(f"{path} cannot be read: {error.strerror}") from error


def _read_keras(path: Path, layers: dict, unsafe: bool):
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


def _read_hdf5(path: Path, layers: dict, unsafe: bool):
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


def _read_json(path: Path, layers: dict, unsafe: bool):
    try:
        text = path.read_text(encoding="utf-8-sig")
        config = json.loads(text)
    except ValueError as error:
        raise FileProblem(f"{path} is not valid JSON ({str(error).splitlines()[0]})", _KINDS) from error
    if not isinstance(config, dict) or "class_name" not in config or "config" not in config:
        raise FileProblem(f"{path} is JSON but no Keras architecture; model.to_json() writes one")
    # Keras 3 names every object's module and no version; Keras 2 did the opposite.
    library = _library(config.get("keras_version", "3" if "module" in config else "2"))
    if not unsafe:
        check_config(config, layers, path)
    known = custom_objects(config, layers)
    with _explained(path):
        if library.__name__ == "tf_keras" and not unsafe:
            return library.models.model_from_json(text, custom_objects=known)
        if library.__name__ == "tf_keras":  # its model_from_json cannot be told to allow Lambda layers; this can
            kind = "Sequential" if config["class_name"] == "Sequential" else "Model"
            config = {**config, "module": "keras", "class_name": kind, "registered_name": None}
        return library.saving.deserialize_keras_object(config, custom_objects=known, safe_mode=not unsafe)


_READERS = {"keras": _read_keras, "HDF5": _read_hdf5, "JSON": _read_json}


def _library(version):
    """The library that reads what Keras ``version`` wrote."""
    version = version.decode() if isinstance(version, bytes) else str(version or "2")
    if version.startswith("3"):
        import keras

        return keras
    import tf_keras

    return tf_keras


def _load(library, path: Path, name: str, config, layers: dict, unsafe: bool):
    if not unsafe:
        check_config(config, layers, path)
    with _alias(path, name) as file, _explained(path), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*freshly-initialized weights")  # seen to below
        model = library.models.load_model(
            str(file), custom_objects=custom_objects(config, layers), compile=False, safe_mode=not unsafe
        )
        missing = _fill(model, file) if name.endswith(".keras") else None  # reading .h5 is strict
    if missing:
        raise FileProblem(f"{path} has no values for {missing}; save the model again with the Keras that made it")
    return model


def _load_weights(model, path: Path, architecture: Path) -> None:
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
        except Exception as error:  # Keras raises many kinds
            raise InputError(f"the weights in {path} do not fit {architecture}: {_first_line(error)}") from error
    if missing:
        raise InputError(f"{path} has no values for {missing} of {architecture}; save all weights again")


def _fill(model, file: Path) -> str | None:
    """Load weights, and name the first variable that got none.

    Keras leaves a variable that it finds no values for as it was, with a warning at best: mark all of them
    first.
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
    """``path`` under a name that Keras recognises the format by, whatever the user calls it."""
    with tempfile.TemporaryDirectory() as directory:
        alias = Path(directory) / name
        try:
            alias.symlink_to(path.resolve())
        except OSError:  # file systems without links
            shutil.copyfile(path, alias)
        yield alias


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn whatever Keras raises while loading into one line."""
    try:
        yield
    except Exception as error:  # Keras raises many kinds
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
