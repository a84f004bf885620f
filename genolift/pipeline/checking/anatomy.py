"""What a model is: the library that made it, its layers and its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from genolift.models.layout import Arranged
from genolift.models.savedmodel import SavedModel
from genolift.pipeline.checking.finding import Finding

_LIBRARIES = {"keras": "Keras 3", "tf_keras": "Keras 2 (tf_keras)"}


@dataclass(frozen=True)
class Anatomy(Finding):
    """What a model is.

    Parameters
    ----------
    name
        What it is called.
    kind
        What made it, in words.
    layers
        The number of its layers; None for a model that has none.
    weights
        The number of its weights; None where nobody can count them.
    """

    title: ClassVar[str] = "Model"
    key: ClassVar[str] = "model"
    name: str
    kind: str
    layers: int | None = None
    weights: int | None = None

    def lines(self) -> list[str]:
        """Return one line that says all of it."""
        told = [f"{self.name}: {self.kind}"]
        if self.layers is not None:
            told.append(f"{self.layers:,} layers")
        if self.weights is not None:
            told.append(f"{self.weights:,} weights")
        return [", ".join(told)]


def anatomy(model: Any, name: str | None = None) -> Anatomy:
    """Return what a model is; ``name`` is what it is called if not by its own name."""
    inner = model.model if isinstance(model, Arranged) else model
    name = name or str(getattr(inner, "name", None) or getattr(inner, "__name__", "model"))
    if isinstance(inner, SavedModel):
        return Anatomy(name, "a SavedModel, which runs as a graph")
    library = _LIBRARIES.get(type(inner).__module__.partition(".")[0])
    base = next((one.__module__.partition(".")[0] for one in type(inner).__mro__ if _is_library(one)), None)
    if base is None:
        return Anatomy(name, "a function of tensors")
    kind = f"a {type(inner).__name__} model of {library or _LIBRARIES[base]}"
    weights = [int(np.prod(weight.shape)) for weight in getattr(inner, "weights", [])]
    return Anatomy(name, kind, len(list(_layers(inner))) or None, sum(weights) if weights else None)


def _is_library(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in _LIBRARIES


def _layers(model: Any) -> list[Any]:
    """Return the layers of a model and of the models inside it, without those models."""
    found = []
    for layer in getattr(model, "layers", []):
        found += _layers(layer) if getattr(layer, "layers", None) else [layer]
    return found
