"""What every reference object does, and references that are ready-made."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from typing_extensions import override

from genolift.support.errors import InputError


class Reference(ABC):
    """The base of all references.

    A class of references defines :meth:`draw`, and sets ``count`` and ``shared`` where they are not 1 and True. A
    method first calls :meth:`prepare` with all inputs, and then :meth:`draw` with some of them at a time.
    """

    #: How many references each sequence has (R).
    count = 1
    #: Whether all sequences have the same references.
    shared = True
    #: Whether each input is its own reference.
    is_own = False
    #: Whether the references are one-hot DNA, which suits no other inputs.
    only_dna = False
    #: The relative standard error until which references are drawn; None where their number is given.
    tolerance: float | None = None

    def prepare(self, X: np.ndarray) -> None:  # noqa: B027 - most references need no preparation
        """Learn from the inputs how many references there are.

        Parameters
        ----------
        X : np.ndarray
            All the inputs (N, ...).

        Raises
        ------
        InputError
            If the references do not suit the inputs.
        """

    @abstractmethod
    def draw(self, X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Return the references of some inputs.

        Parameters
        ----------
        X : np.ndarray
            The inputs (n, ...).
        rows : np.ndarray, optional
            The numbers of these inputs among all of them, (n,). By default they are the first ones.

        Returns
        -------
        np.ndarray
            (R, ...) where all inputs share their references, and otherwise (n, R, ...).
        """

    def first(self, n: int) -> Reference:
        """Return the first references where they are drawn one after another, and otherwise all of them.

        Parameters
        ----------
        n : int
            How many references are wanted.

        Returns
        -------
        Reference
            References that draw the same arrays as these, cut off after ``n`` where that is possible.
        """
        return self

    def held(self, X: np.ndarray, row: int) -> Reference:
        """Return the references of one input as references that all inputs share.

        Parameters
        ----------
        X : np.ndarray
            The input (1, ...).
        row : int
            Its number among all the inputs.

        Returns
        -------
        Reference
            References that are the same for all inputs. Where each input is its own reference, that stays so.
        """
        if self.shared or self.is_own:
            return self
        fixed = Fixed(self.draw(X, np.array([row]))[0])
        fixed.prepare(X)
        return fixed

    def describe(self) -> dict[str, Any]:
        """Return what the references are, as a result records it.

        Returns
        -------
        dict
            The kind of reference and its parameters.
        """
        return {"kind": type(self).__name__.lower()}


class Fixed(Reference):
    """Ready-made references.

    Parameters
    ----------
    array : array_like
        The references: (R, ...) for all sequences, or (N, R, ...) with each sequence's own. They are kept as float32.

    Raises
    ------
    InputError
        If there are no references in the array, or if it holds NaN or infinite values.
    """

    def __init__(self, array: ArrayLike):
        # The array is copied, so that what the result says of it stays true.
        self.array = np.array(array, np.float32)
        self.array.setflags(write=False)
        if self.array.ndim < 1:
            raise InputError(f"fixed references have shape (R, L, 4) or (N, R, L, 4), not {self.array.shape}")
        if 0 in self.array.shape:
            raise InputError(f"fixed references of shape {self.array.shape} are none at all; give at least one")
        check_finite(self.array, "fixed references hold")

    @override
    def prepare(self, X: np.ndarray) -> None:
        shape, expected = self.array.shape, X.shape[1:]
        self.shared = len(shape) == len(expected) + 1
        if shape[len(shape) - len(expected) :] != expected or len(shape) - len(expected) not in (1, 2):
            raise InputError(f"fixed references of shape {shape} do not fit inputs of shape {X.shape}")
        if not self.shared and shape[0] != len(X):
            raise InputError(f"fixed references are given for {shape[0]} sequences, but there are {len(X)}")
        self.count = shape[0] if self.shared else shape[1]

    @override
    def draw(self, X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        return self.array if self.shared else self.array[: len(X)] if rows is None else self.array[rows]

    @override
    def describe(self) -> dict[str, Any]:
        return {"kind": "fixed", "shape": list(self.array.shape), "digest": self._digest}

    @cached_property
    def _digest(self) -> str:
        return hashlib.blake2b(self.array.tobytes(), digest_size=16).hexdigest()


def check_finite(array: np.ndarray, what: str) -> None:
    """Refuse references that are not finite; ``what`` begins the message, as in "fixed references hold"."""
    if not np.isfinite(array).all():
        raise InputError(f"{what} NaN or infinite values; references are numbers like the inputs'")
