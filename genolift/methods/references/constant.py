"""References that need no random draw: zeros, base frequencies, a user's function, and the input itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from typing_extensions import override

from genolift.methods.references.base import Reference, check_finite
from genolift.support.errors import InputError


class Zeros(Reference):
    """One reference of zeros for all sequences."""

    @override
    def draw(self, X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        return np.zeros((1, *X.shape[1:]), np.float32)


class Background(Reference):
    """One reference with the same base frequencies at every position, for all sequences.

    Parameters
    ----------
    frequencies : sequence of float, default (0.3, 0.2, 0.2, 0.3)
        The frequencies of A, C, G and T, or of as many letters as the input has channels.

    Raises
    ------
    InputError
        If a frequency is negative, or if they do not sum to 1.
    """

    def __init__(self, frequencies: Sequence[float] = (0.3, 0.2, 0.2, 0.3)):
        self.frequencies = np.asarray(frequencies, np.float64)
        if self.frequencies.ndim != 1 or (self.frequencies < 0).any() or abs(self.frequencies.sum() - 1) > 1e-6:
            raise InputError(f"background frequencies must be non-negative and sum to 1, not {list(frequencies)}")

    @override
    def draw(self, X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        if X.shape[-1] != len(self.frequencies):
            raise InputError(
                f"the background has {len(self.frequencies)} frequencies, but the input has {X.shape[-1]} channels"
            )
        return np.broadcast_to(self.frequencies.astype(np.float32), (1, *X.shape[1:])).copy()

    @override
    def describe(self) -> dict[str, Any]:
        return {"kind": "background", "frequencies": [float(f) for f in self.frequencies]}


class Computed(Reference):
    """References that a user's own function computes.

    Parameters
    ----------
    function : callable
        A function from inputs (N, ...) to their references (N, R, ...). It is called on blocks of the inputs, so the
        references of an input must not depend on the others.
    """

    shared = False

    def __init__(self, function: Callable[[np.ndarray], ArrayLike]):
        self.function = function

    @override
    def prepare(self, X: np.ndarray) -> None:
        self.count = self.draw(X[:1]).shape[1]

    @override
    def draw(self, X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        computed = np.asarray(self.function(X), np.float32)
        if computed.ndim != X.ndim + 1 or computed.shape[0] != len(X) or computed.shape[2:] != X.shape[1:]:
            raise InputError(
                f"the reference function gave shape {computed.shape} for inputs of shape {X.shape}; "
                f"it should give ({len(X)}, R, {', '.join(map(str, X.shape[1:]))})"
            )
        check_finite(computed, "the reference function gave")
        return computed

    @override
    def describe(self) -> dict[str, Any]:
        return {"kind": "computed", "function": getattr(self.function, "__qualname__", repr(self.function))}


class Own(Reference):
    """Each input as its own reference: it does not differ from it, so it gets no contribution."""

    shared = False
    is_own = True

    @override
    def draw(self, X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        return X[:, None]

    @override
    def describe(self) -> dict[str, Any]:
        return {"kind": "own value"}
