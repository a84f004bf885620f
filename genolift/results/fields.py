"""The fields of an explanation: what their shapes follow, and what is done to each array of one alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# What a field's shape follows, N sequences first (and then T targets, if a list of targets was explained).
INPUT, POSITION, OUTPUT, REFERENCE = "as inputs", "per position", "(N,)", "(N, R)"
PAIR = "per pair of positions"


def leaves(value) -> list:
    """The arrays of a field: one, or one for each of several inputs."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return [item for item in items if item is not None]


def each(function: Callable, *values):
    """``function`` of fields' arrays, input by input; an input for which a field is undefined stays so."""

    def call(*items):
        return None if any(item is None for item in items) else function(*items)

    form = values[-1]
    if isinstance(form, dict):
        return {key: call(*(value[key] for value in values)) for key in form}
    if isinstance(form, list):
        return [call(*items) for items in zip(*values, strict=True)]
    return call(*values)


def is_dna(inputs) -> bool:
    """Whether inputs are one-hot DNA by their shape, (N, L, 4)."""
    return inputs.ndim == 3 and inputs.shape[-1] == 4


def cut_or_pad(array: np.ndarray, axis: int, length: int) -> np.ndarray:
    """Cut or pad with zeros at the end of one axis."""
    if array.shape[axis] >= length:
        return array[(slice(None),) * axis + (slice(length),)]
    widths = [(0, length - array.shape[axis]) if i == axis else (0, 0) for i in range(array.ndim)]
    return np.pad(array, widths)
