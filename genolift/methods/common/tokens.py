"""Inputs of tokens: the user gives integers (N, L), and the methods work with their one-hot form (N, L, V)."""

from __future__ import annotations

from typing import Any

import numpy as np

from genolift.methods import references as refs
from genolift.methods.common.inputs import Inputs, check_shapes
from genolift.methods.common.traced import Traced
from genolift.support.errors import InputError

# The largest number up to which float32, in which the methods calculate, holds every whole number.
_EXACT = 2**24


def encode(tokens: np.ndarray, size: int, name: str) -> np.ndarray:
    """Return tokens as one-hot.

    Parameters
    ----------
    tokens
        Whole numbers from 0 to ``size`` − 1, of any shape and numeric type.
    size
        How many different tokens there are.
    name
        What the error message calls the tokens.

    Returns
    -------
    np.ndarray
        The tokens as float32 with an axis of length ``size`` at the end.

    Raises
    ------
    InputError
        If there are other values.
    """
    codes = tokens.astype(np.int64)
    if (codes != tokens).any() or codes.min(initial=0) < 0 or codes.max(initial=0) >= size:
        raise InputError(
            f"{name} holds tokens, whole numbers from 0 to {size - 1} (the embedding has {size} rows), but there are "
            f"values from {tokens.min():g} to {tokens.max():g}"
        )
    one_hot = np.zeros((*codes.shape, size), np.float32)
    np.put_along_axis(one_hot, codes[..., None], 1, axis=-1)
    return one_hot


def adapt(inputs: Inputs, traced: Traced) -> Inputs:
    """Return inputs in the form in which a traced model takes them: with its shapes, and tokens as one-hot."""
    check_shapes(inputs.arrays, traced.shapes, traced.names)
    for array, kind, name in zip(inputs.arrays, traced.whole, traced.names, strict=True):
        if kind is not None:
            _check_whole(array, kind, f"input {name!r}")
    inputs.tokens = traced.tokens
    inputs.kept = traced.kept
    inputs.arrays = [
        array if size is None else encode(array, size, f"input {name!r}")
        for array, size, name in zip(inputs.arrays, traced.tokens, traced.names, strict=True)
    ]
    return inputs


def _check_whole(array: np.ndarray, kind: str, name: str) -> None:
    """Refuse numbers that the model could not take as they are, because its input is of the integer type ``kind``."""
    limits = np.iinfo(kind) if kind != "bool" else None
    low, high = (0, 1) if limits is None else (max(limits.min, -_EXACT), min(limits.max, _EXACT))
    if (array != np.round(array)).any() or array.min() < low or array.max() > high:
        raise InputError(
            f"{name} takes whole numbers from {low} to {high} ({kind}), but there are values from {array.min():g} to "
            f"{array.max():g}, or numbers between them that are not whole"
        )


class TokenReference(refs.Reference):
    """References that are drawn as tokens, for inputs that the methods hold as one-hot.

    Parameters
    ----------
    inner
        The references as the user gave them, for tokens (N, L).
    size
        How many different tokens there are.
    """

    def __init__(self, inner: refs.Reference, size: int):
        self.inner, self.size = inner, size
        self.is_own = inner.is_own
        self._learn()

    def _learn(self) -> None:
        self.count, self.shared = self.inner.count, self.inner.shared

    def prepare(self, X: np.ndarray) -> None:
        """Prepare the references for the tokens behind one-hot inputs (N, L, size)."""
        self.inner.prepare(_decode(X))
        self._learn()

    def draw(self, X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Return the references of one-hot inputs (n, L, size), one-hot themselves."""
        return encode(self.inner.draw(_decode(X), rows), self.size, "the reference")

    def describe(self) -> dict[str, Any]:
        """Return what the references are, for the result's record."""
        return self.inner.describe()


def _decode(X: np.ndarray) -> np.ndarray:
    return X.argmax(-1).astype(np.float32)


def usual_reference(usual: refs.Reference, size: int) -> refs.Reference:
    """Return what takes the place of a method's default references for an input of ``size`` different tokens.

    Four tokens can be shuffled and drawn as bases are. Otherwise it is the even mixture of all tokens, at which an
    embedding gives the mean of its rows: shuffles of k-mers are no sequences, and zeros stand for no token.
    """
    return usual if size == 4 and usual.only_dna else refs.Background([1 / size] * size)


def token_reference(given: refs.Reference, size: int) -> refs.Reference:
    """Return references for an input of ``size`` different tokens.

    Raises
    ------
    InputError
        If the references are not defined for tokens.
    """
    if isinstance(given, (refs.Fixed, refs.Computed, refs.Own)):
        return TokenReference(given, size)
    if isinstance(given, refs.Background) or (size == 4 and given.only_dna):
        return given
    raise InputError(
        f"{type(given).__name__} references are not defined for sequences of {size} tokens; give tokens, "
        f"references.Fixed(array of shape (R, L) or (N, R, L)) or a function from (N, L) to (N, R, L), or "
        f"Background([{size} frequencies])"
    )
