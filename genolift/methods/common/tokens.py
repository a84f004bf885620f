"""Integer-coded inputs on the user's side: tokens (N, L) in and as references, their one-hot (N, L, V) inside."""

from __future__ import annotations

import numpy as np

from genolift.methods import references as refs
from genolift.methods.common.inputs import Inputs, check_shapes
from genolift.support.errors import InputError


def encode(tokens: np.ndarray, size: int, name: str) -> np.ndarray:
    """Tokens 0 ... ``size`` − 1, any shape, as one-hot (..., ``size``)."""
    codes = tokens.astype(np.int64)
    if (codes != tokens).any() or codes.min(initial=0) < 0 or codes.max(initial=0) >= size:
        raise InputError(
            f"{name} holds tokens, whole numbers from 0 to {size - 1} (the embedding has {size} rows), but there are "
            f"values from {tokens.min():g} to {tokens.max():g}"
        )
    found = np.zeros((*codes.shape, size), np.float32)
    np.put_along_axis(found, codes[..., None], 1, axis=-1)
    return found


def fit(inputs: Inputs, traced) -> Inputs:
    """What was given as a trace takes it: checked against its shapes, tokens as one-hot."""
    check_shapes(inputs.arrays, traced.shapes, traced.names)
    inputs.tokens = traced.tokens
    inputs.arrays = [
        array if size is None else encode(array, size, f"input {name!r}")
        for array, size, name in zip(inputs.arrays, traced.tokens, traced.names, strict=True)
    ]
    return inputs


class OfTokens(refs.Reference):
    """A reference that draws tokens, for inputs that are one-hot inside."""

    def __init__(self, inner: refs.Reference, size: int):
        self.inner, self.size = inner, size

    @property
    def count(self):
        return self.inner.count

    @property
    def shared(self):
        return self.inner.shared

    def prepare(self, X: np.ndarray) -> None:
        if hasattr(self.inner, "prepare"):
            self.inner.prepare(_decode(X))

    def draw(self, X, rows=None):
        return encode(self.inner.draw(_decode(X), rows), self.size, "the reference")

    def describe(self):
        return self.inner.describe()


def _decode(X: np.ndarray) -> np.ndarray:
    return X.argmax(-1).astype(np.float32)


def reference(given: refs.Reference, size: int) -> refs.Reference:
    """The reference for a token input of ``size`` tokens."""
    if isinstance(given, (refs.Fixed, refs.Computed, refs.Own)):
        return OfTokens(given, size)
    if isinstance(given, refs.Background) or (size == 4 and isinstance(given, (refs.Shuffled, refs.Genomic))):
        return given
    raise InputError(
        f"{type(given).__name__} references are not defined for sequences of {size} tokens; give tokens, "
        f"references.Fixed(array of shape (R, L) or (N, R, L)) or a function from (N, L) to (N, R, L), or "
        f"Background([{size} frequencies])"
    )
