"""What a user explains, as float32 arrays: one array, regions, or several inputs as a dict or list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from genolift.sequence.alphabet import is_dna
from genolift.support.errors import InputError


@dataclass
class Inputs:
    """What a user explains, an array for each input in the model's order.

    Parameters
    ----------
    arrays
        The inputs (N, ...). Where the model takes tokens they are one-hot.
    keys
        The names of the inputs, where they were given as a dict.
    listed
        Whether they were given as a list.
    names
        What the sequences are called.
    regions
        Where the sequences come from.
    tokens
        How many different tokens each input has, and None for an input that has none.
    """

    arrays: list[np.ndarray]
    keys: list[str] | None = None
    listed: bool = False
    names: list[str] | None = None
    regions: Any = None
    tokens: list[int | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.arrays[0])

    @property
    def dna(self) -> list[bool]:
        """Which inputs are one-hot DNA, (N, L, 4)."""
        return [is_dna(array.shape[1:]) for array in self.arrays]

    @property
    def one_hot(self) -> list[bool]:
        """Which inputs have an axis of letters at the end, whose sum is the score of a position."""
        tokens = self.tokens or [None] * len(self.arrays)
        return [dna or size is not None for dna, size in zip(self.dna, tokens, strict=True)]

    def pack(self, per_input: list) -> Any:
        """Return a list with an entry per input in the structure in which the user gave the inputs."""
        if self.keys is not None:
            return dict(zip(self.keys, per_input, strict=True))
        return per_input if self.listed else per_input[0]


def as_inputs(X: Any, input_names: list[str] | None) -> Inputs:
    """Return what was given as arrays in the model's order.

    Parameters
    ----------
    X
        One array, regions, or several inputs as a dict by name or as a list.
    input_names
        The names of the model's inputs; None where it does not tell them.

    Raises
    ------
    InputError
        If these are not the model's inputs, or no finite numbers.
    """
    if isinstance(X, dict):
        expected = input_names or list(X)
        if set(X) != set(expected):
            raise InputError(f"the model's inputs are {', '.join(expected)}; X has {', '.join(map(str, X))}")
        inputs = Inputs([_array(X[name], name) for name in expected], keys=list(expected))
    elif isinstance(X, (list, tuple)):
        inputs = Inputs([_array(x, f"input {i}") for i, x in enumerate(X)], listed=True)
    elif hasattr(X, "one_hot"):
        inputs = Inputs([_array(X.one_hot(), "regions")], names=list(X.names), regions=X)
    else:
        inputs = Inputs([_array(X, "X")])
    if input_names is not None and len(inputs.arrays) != len(input_names):
        raise InputError(
            f"the model has {len(input_names)} inputs ({', '.join(input_names)}), but {len(inputs.arrays)} were given"
        )
    counts = {len(array) for array in inputs.arrays}
    if len(counts) != 1:
        raise InputError(f"the inputs have different numbers of sequences: {[len(a) for a in inputs.arrays]}")
    if not len(inputs):
        raise InputError("there are no sequences to explain: X has length 0")
    return inputs


def check_shapes(arrays: list[np.ndarray], shapes: list[tuple], names: list[str]) -> None:
    """Raise an :class:`InputError` for an array that does not have the shape that the model declares.

    In the shapes, which are without the axis of sequences, None stands for a size that is free.
    """
    for array, shape, name in zip(arrays, shapes, names, strict=True):
        fits = array.ndim == len(shape) + 1 and all(s in (None, d) for s, d in zip(shape, array.shape[1:], strict=True))
        if not fits:
            takes = ", ".join("any" if s is None else str(s) for s in shape)
            raise InputError(f"input {name!r} takes arrays of shape (N, {takes}), but X has shape {array.shape}")


def _array(value, name: str) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype == object or array.dtype.kind in "USO":
        raise InputError(f"{name} holds {array.dtype}, not numbers; encode sequences with genolift.one_hot first")
    if array.ndim < 2:
        raise InputError(f"{name} has shape {array.shape}; the first axis is the sequences, as in (N, L, 4)")
    if array.dtype.kind == "c":
        raise InputError(f"{name} holds complex numbers; give their real and imaginary parts as channels")
    if 0 in array.shape[1:]:
        raise InputError(f"{name} has shape {array.shape}: there is nothing in its sequences")
    array = array.astype(np.float32, copy=False)
    if not np.isfinite(array).all():
        raise InputError(f"{name} holds NaN or infinite values")
    return array
