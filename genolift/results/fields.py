"""The fields of an explanation: what their shapes follow, and what is done to each array of one alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from genolift.results.lazy import LazyArray
from genolift.support.errors import InputError

# What a field's shape follows, N sequences first (and then T targets, if a list of targets was explained).
INPUT, POSITION, OUTPUT, REFERENCE = "as inputs", "per position", "(N,)", "(N, R)"
PAIR = "per pair of positions"


def leaves(value: Any) -> list:
    """Return the arrays of a field: one, or one for each of several inputs."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return [item for item in items if item is not None]


def each(function: Callable[..., Any], *values: Any) -> Any:
    """Return ``function`` of fields' arrays, input by input; an input for which a field is undefined stays so."""

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
    """Return an array as it is, or what becomes one."""
    return value if isinstance(value, LazyArray) else np.asarray(value)


def sum_channels(raw: np.ndarray) -> np.ndarray:
    """Return the sum over the last axis, the four bases."""
    return raw.sum(axis=-1)


def project(x: np.ndarray, hypothetical: np.ndarray) -> np.ndarray:
    """Return inputs × hypothetical scores, which may have an axis of targets that inputs have not."""
    if hypothetical.ndim == x.ndim + 1:
        x = x[:, None]
    return x * hypothetical


def concatenate(*arrays: np.ndarray | LazyArray) -> np.ndarray:
    """Return arrays one after another; raise :class:`InputError` where their rows differ in shape."""
    shapes = {array.shape[1:] for array in arrays}
    if len(shapes) > 1:
        raise InputError(f"fields of shapes {', '.join(map(str, sorted(shapes)))} per sequence cannot be concatenated")
    return np.concatenate([np.asarray(array) for array in arrays])
