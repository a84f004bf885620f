"""What a model takes, and the inputs that it is tried on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from genolift.models.calling import Caller
from genolift.models.layout import Arranged, guess
from genolift.pipeline.checking.finding import Finding, columns, shape


@dataclass(frozen=True)
class Taken:
    """One input: its ``shape`` without the axis of sequences, and in words what it is taken for."""

    name: str
    shape: tuple[int | None, ...]
    reading: str


@dataclass(frozen=True)
class InputsFound(Finding):
    """The inputs of a model.

    Parameters
    ----------
    inputs
        Each input.
    tried_length
        The length that was tried, where the model takes any.
    layout
        The layout that was guessed from the shape, where DNA does not come as (length, 4).
    """

    title: ClassVar[str] = "Inputs"
    key: ClassVar[str] = "inputs"
    inputs: tuple[Taken, ...]
    tried_length: int | None = None
    layout: str | None = None

    def lines(self) -> list[str]:
        """Return a line for each input, and what was assumed."""
        lines = columns([(one.name, shape(one.shape), one.reading) for one in self.inputs])
        if self.layout is not None:
            lines.append(
                f"Its shape looks like DNA in the layout {self.layout}, so it is given sequences as (N, L, 4)."
            )
        if self.tried_length is not None:
            lines.append(f"It takes any length, and is tried with {self.tried_length:,}.")
        return lines


@dataclass
class Sample:
    """Inputs that a model is tried on.

    Parameters
    ----------
    X
        The inputs as a method takes them: an array, a list of arrays, or a dict by the name of the input.
    what
        What they are, in words that follow "on".
    names
        What the sequences are called, for messages.
    """

    X: Any
    what: str
    names: list[str]

    def __len__(self) -> int:
        if isinstance(self.X, dict):
            return len(next(iter(self.X.values())))
        return len(self.X[0] if isinstance(self.X, list) else self.X)

    def first(self, count: int) -> Sample:
        """Return the first of the sequences."""
        return replace(self, X=_each(self.X, lambda one: one[:count]), names=self.names[:count])

    def repeated(self, count: int) -> Sample:
        """Return so many sequences, which are the first over and over."""
        X = _each(self.X, lambda one: np.repeat(one[:1], count, 0))
        return replace(self, X=X, names=self.names[:1] * count)


def _each(X: Any, function: Callable[[np.ndarray], np.ndarray]) -> Any:
    """Return inputs in the same structure, each as a function makes it."""
    if isinstance(X, dict):
        return {key: function(one) for key, one in X.items()}
    return [function(one) for one in X] if isinstance(X, list) else function(X)


def likely_layout(model: Any) -> str | None:
    """Return the layout that a model's only input most likely has, where it is not (length, 4)."""
    shapes = None if isinstance(model, Arranged) else Caller(model).shapes
    if shapes is None or len(shapes) != 1:
        return None
    layout = guess(shapes[0])
    return None if layout is None else str(layout)
