"""Edits of one-hot sequences: patterns that are written into them."""

from __future__ import annotations

from typing import Any

import numpy as np

from genolift.sequence.alphabet import UNKNOWN, encode, is_dna, one_hot_codes
from genolift.support.errors import InputError


def as_codes(pattern: Any, name: str = "the motif") -> np.ndarray:
    """Return a pattern as codes.

    Parameters
    ----------
    pattern
        A text, a one-hot array (w, 4) or (1, w, 4), or an object with a ``consensus``, such as a motif. A position
        that is not exactly one base (N, say) keeps the base of the sequence that the pattern is written into.
    name
        What an error message calls the pattern.

    Returns
    -------
    np.ndarray
        (w,) int64: A, C, G, T are 0 to 3, and any other position is 4.

    Raises
    ------
    InputError
        If the pattern has another shape, holds letters that are not DNA, or holds no base at all.
    """
    if hasattr(pattern, "consensus"):
        pattern = pattern.consensus
    if isinstance(pattern, str):
        codes = encode(pattern)
    else:
        array = np.asarray(pattern)
        array = array[0] if array.ndim == 3 and len(array) == 1 else array
        if not is_dna(array.shape):
            raise InputError(
                f"{name} must be a text, a Motif or one-hot of shape (width, 4), not an array of shape {array.shape}"
            )
        codes = one_hot_codes(array[None])[0]
    if not len(codes) or (codes == UNKNOWN).all():
        raise InputError(f"{name} holds no base that could be written into a sequence")
    return codes.astype(np.int64)


def reverse_codes(codes: np.ndarray) -> np.ndarray:
    """Return the codes (w,) of a pattern as the other strand shows it."""
    return np.where(codes == UNKNOWN, UNKNOWN, 3 - codes)[::-1]


def written(X: np.ndarray, codes: np.ndarray, starts: int | np.ndarray) -> np.ndarray:
    """Return copies of sequences with a pattern written into them.

    Parameters
    ----------
    X
        The one-hot sequences, (N, L, 4).
    codes
        The pattern's codes (w,), as :func:`as_codes` gives them. Where a code is 4, the sequence keeps its base.
    starts
        Where the pattern begins (0-based): one number for all sequences, or (N,).

    Returns
    -------
    np.ndarray
        (N, L, 4) of the type of ``X``.

    Raises
    ------
    InputError
        If the pattern does not lie within a sequence.
    """
    starts = np.broadcast_to(starts, len(X))
    check_inside(starts, starts + len(codes), X.shape[1])
    edited = X.copy()
    known = np.flatnonzero(codes != UNKNOWN)
    edited[np.arange(len(X))[:, None], starts[:, None] + known] = np.eye(4, dtype=X.dtype)[codes[known]]
    return edited


def check_inside(starts: np.ndarray | int, ends: np.ndarray | int, length: int) -> None:
    """Raise :class:`InputError` unless every stretch lies within sequences of ``length`` and holds a base.

    Parameters
    ----------
    starts, ends
        Where the stretches begin and end (0-based, half-open): numbers, or arrays (N,) with one stretch per sequence.
    length
        The number of bases of each sequence.
    """
    starts, ends = np.broadcast_arrays(np.atleast_1d(starts), ends)
    outside = ~((starts >= 0) & (starts < ends) & (ends <= length))
    if outside.any():
        first = outside.argmax()
        raise InputError(
            f"the stretch {starts[first]} to {ends[first]} (0-based, end not included) is not within 0 to {length}"
        )
