"""Edits of one-hot sequences: patterns written into them, stretches cut out."""

from __future__ import annotations

import numpy as np

from genolift.sequence.alphabet import UNKNOWN, encode, one_hot_codes
from genolift.support.errors import InputError


def as_codes(pattern, name: str = "the motif") -> np.ndarray:
    """A pattern as codes (w,): from a text (N and the like leave the base that is there), one-hot (w, 4), or a motif's
    matrix, whose consensus is taken."""
    if hasattr(pattern, "consensus"):
        pattern = pattern.consensus
    if isinstance(pattern, str):
        codes = encode(pattern)
    else:
        array = np.asarray(pattern)
        array = array[0] if array.ndim == 3 and len(array) == 1 else array
        if array.ndim != 2 or array.shape[-1] != 4:
            raise InputError(f"{name} is a text, a Motif or one-hot of shape (width, 4), not of shape {array.shape}")
        codes = one_hot_codes(array[None])[0]
    if not len(codes) or (codes == UNKNOWN).all():
        raise InputError(f"{name} holds no base that could be written into a sequence")
    return codes.astype(np.int64)


def reverse_codes(codes: np.ndarray) -> np.ndarray:
    """The pattern as the other strand shows it."""
    return np.where(codes == UNKNOWN, UNKNOWN, 3 - codes)[::-1]


def written(X: np.ndarray, codes: np.ndarray, starts) -> np.ndarray:
    """Copies of ``X`` (N, L, 4) with a pattern (w,) in place of what is there from ``starts`` (one, or (N,)) on."""
    starts = np.broadcast_to(starts, len(X))
    check_inside(starts, starts + len(codes), X.shape[1])
    found = X.copy()
    kept = np.flatnonzero(codes != UNKNOWN)
    found[np.arange(len(X))[:, None], starts[:, None] + kept] = np.eye(4, dtype=X.dtype)[codes[kept]]
    return found


def check_inside(starts: np.ndarray | int, ends: np.ndarray | int, length: int) -> None:
    """Raise :class:`InputError` unless every stretch lies within sequences of ``length`` and holds a base.

    Parameters
    ----------
    starts, ends
        Where the stretches begin and end (0-based, half-open): numbers, or arrays (N,) with a stretch for each sequence.
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
