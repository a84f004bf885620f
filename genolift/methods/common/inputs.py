"""The sequences that a user gives (an array, regions, or several inputs as a dict or list) as float32 arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from genolift.sequence.alphabet import is_dna
from genolift.support.errors import InputError


@dataclass
class Inputs:
    """The sequences to explain, an array for each input of the model.

    Parameters
    ----------
    arrays
        The inputs (N, ...) as float32, in the model's order. Tokens are one-hot once the model is traced.
    keys
        The names of the inputs where the user gave a dict.
    listed
        Whether the user gave a list.
    names
        The names of the sequences, if they have any.
    regions
        The regions of a genome that the sequences are, if the user gave regions.
    tokens
        For each input the number of its different tokens, or None where it has none. The list is empty until the model
        is traced.
    """

    arrays: list[np.ndarray]
    keys: list[str] | None = None
    listed: bool = False
    names: list[str] | None = None
    regions: object = None
    tokens: list[int | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.arrays[0])

    @property
    def dna(self) -> list[bool]:
        """For each input, whether it is one-hot DNA (N, L, 4)."""
        return [is_dna(array.shape[1:]) for array in self.arrays]

    @property
    def one_hot(self) -> list[bool]:
        """For each input, whether its last axis is one of letters, whose sum is the score of a position."""
        tokens = self.tokens or [None] * len(self.arrays)
        return [dna or size is not None for dna, size in zip(self.dna, tokens, strict=True)]

    def pack(self, per_input: list) -> Any:
        """Return one thing per input in the structure that the user gave: a dict, a list, or the only one itself."""
        if self.keys is not None:
            return dict(zip(self.keys, per_input, strict=True))
        return per_input if self.listed else per_input[0]


def as_inputs(X: Any, input_names: list[str] | None) -> Inputs:
    """Return what a user gave as inputs.

    Parameters
    ----------
    X
        An array, regions, a dict of arrays by input name, or a list of arrays.
    input_names
        The names of the model's inputs, or None where the model does not declare them.

    Raises
    ------
    InputError
        If these are not the model's inputs, or not sequences of finite numbers.
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
    """Refuse arrays that do not have the shapes that the model declares, in which None means any length."""
    for array, shape, name in zip(arrays, shapes, names, strict=True):
        fits = array.ndim == len(shape) + 1 and all(s in (None, d) for s, d in zip(shape, array.shape[1:], strict=True))
        if not fits:
            takes = ", ".join("any" if s is None else str(s) for s in shape)
            raise InputError(f"input {name!r} takes arrays of shape (N, {takes}), but X has shape {array.shape}")


def _array(value: Any, name: str) -> np.ndarray:
    """Return one input as float32; ``name`` is what messages call it."""
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
