"""One-hot inputs as one byte per base, where no information is lost by it."""

from __future__ import annotations

import numpy as np

# Codes 0 to 3 are A, C, G, T; 4 and 5 are the two neutral encodings of an unknown base, uniform and zero.
PATTERNS = np.concatenate([np.eye(4), np.full((1, 4), 0.25), np.zeros((1, 4))]).astype(np.float32)
UNIFORM, ZERO = 4, 5


def to_codes(inputs: np.ndarray) -> np.ndarray | None:
    """Return one-hot inputs as codes.

    Parameters
    ----------
    inputs
        The inputs, (..., L, 4).

    Returns
    -------
    np.ndarray or None
        Codes (..., L) of type uint8, which are places in ``PATTERNS``; ``None`` unless decoding gives the same bits
        back.
    """
    if inputs.dtype != np.float32 or inputs.ndim < 2 or inputs.shape[-1] != 4:
        return None
    largest = inputs.max(axis=-1)
    codes = np.where(largest == 1, inputs.argmax(axis=-1), np.where(largest == 0, ZERO, UNIFORM)).astype(np.uint8)
    bits = np.ascontiguousarray(inputs).view(np.uint32)
    return codes if np.array_equal(PATTERNS[codes].view(np.uint32), bits) else None


def from_codes(codes: np.ndarray) -> np.ndarray:
    """Return the inputs (..., L, 4), float32, of codes (..., L)."""
    return PATTERNS[codes]
