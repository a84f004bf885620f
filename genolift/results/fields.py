"""The fields of an explanation: what determines their shapes, and what can be done to each of their arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from genolift.results.lazy import LazyArray
from genolift.support.errors import InputError

# What determines the shape of a field. N sequences come first, then T targets if a list of targets was explained.
INPUT, POSITION, OUTPUT, REFERENCE = "as inputs", "per position", "(N,)", "(N, R)"
PAIR = "per pair of positions"


def is_image(shape: Sequence[int | None]) -> bool:
    """Return whether arrays of this shape, without the axis N, hold images: (height, width, channels).

    A side of fewer than five is none of an image: an axis of four may be bases, as in (1, length, 4) or (length, 4, 1).
    """
    return len(shape) == 3 and all(side is not None and side > 4 for side in shape[:2])


def told_size(shape: Sequence[int]) -> str:
    """Return the size of images (height, width, channels) in words."""
    channels = "" if shape[2] == 1 else f" and {shape[2]} channels"
    return f"{shape[0]} × {shape[1]} pixels{channels}"


def leaves(value: Any) -> list:
    """Return the arrays of a field: one, or one for each of several inputs."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return [item for item in items if item is not None]


def each(function: Callable[..., Any], *values: Any) -> Any:
    """Apply a function to the arrays of fields, input by input.

    Parameters
    ----------
    function
        A function of as many arrays as there are fields.
    *values
        Fields, each an array, or a dict or list of arrays by input. The last one determines the form of the result.

    Returns
    -------
    Any
        The function's results in the form of the last field; ``None`` for an input for which a field is undefined.
    """

    def call(*items):
        return None if any(item is None for item in items) else function(*items)

    form = values[-1]
    if isinstance(form, dict):
        return {key: call(*(value[key] for value in values)) for key in form}
    if isinstance(form, list):
        return [call(*items) for items in zip(*values, strict=True)]
    return call(*values)


def cut_or_pad(array: np.ndarray, axis: int, length: int) -> np.ndarray:
    """Cut or pad with zeros at the end of one axis."""
    if array.shape[axis] >= length:
        return array[(slice(None),) * axis + (slice(length),)]
    widths = [(0, length - array.shape[axis]) if i == axis else (0, 0) for i in range(array.ndim)]
    return np.pad(array, widths)


def as_array(value: Any) -> np.ndarray | LazyArray:
    """Return a lazy array as it is, and anything else as a NumPy array."""
    return value if isinstance(value, LazyArray) else np.asarray(value)


def sum_channels(raw: np.ndarray) -> np.ndarray:
    """Return the sum over the last axis, the four bases."""
    return raw.sum(axis=-1)


def project(x: np.ndarray, hypothetical: np.ndarray) -> np.ndarray:
    """Return inputs times hypothetical scores, which may have an axis of targets that the inputs have not.

    Parameters
    ----------
    x
        The inputs, (N, L, 4).
    hypothetical
        Their hypothetical scores, (N, L, 4) or (N, T, L, 4).
    """
    if hypothetical.ndim == x.ndim + 1:
        x = x[:, None]
    return x * hypothetical


def concatenate(*arrays: np.ndarray | LazyArray) -> np.ndarray:
    """Return arrays joined along their first axis; raise :class:`InputError` if their rows differ in shape."""
    shapes = {array.shape[1:] for array in arrays}
    if len(shapes) > 1:
        raise InputError(f"fields of shapes {', '.join(map(str, sorted(shapes)))} per sequence cannot be concatenated")
    return np.concatenate([np.asarray(array) for array in arrays])
