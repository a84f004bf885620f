"""Which lengths a model takes, found before any of many sequences is scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from genolift.pipeline.common.sources import Source
from genolift.support.errors import InputError
from genolift.support.tensorflow import compiled, quiet_tensorflow


def check_lengths(model: Any, names: Sequence[str], lengths: np.ndarray, fixed: int | None, path: Path) -> None:
    """Raise :class:`InputError` naming the first record that the model cannot take, and both lengths.

    Parameters
    ----------
    model
        A callable that takes (N, length, 4), or a list of them, all of which must take the sequences.
    names, lengths
        The name and the length of each of the N sequences.
    fixed
        The length that the model declares. Where it declares none, the shortest and the longest are tried.
    path
        The file that they come from.
    """
    if fixed is not None:
        for i in np.flatnonzero(lengths != fixed)[:1]:
            raise InputError(f"{path}: {names[i]!r} is {lengths[i]} long, but the model takes sequences of {fixed}")
        return
    _check(_trying(model), names, lengths, path)


def fitting(model: Any, fixed: int | None, on_bad: str, make: Callable[[int | None], Source], path: Path) -> Source:
    """Return sequences whose lengths the model takes.

    Parameters
    ----------
    model
        A callable that takes (N, length, 4), or a list of them, all of which must take the sequences.
    fixed
        The length that the model declares.
    on_bad
        What becomes of sequences that are too short for a model of any length: ``fail`` refuses them, and with anything
        else the sequences are made again for the shortest length that the model takes.
    make
        Makes the sequences, for a shortest length or for none.
    path
        The file that they come from.

    Raises
    ------
    InputError
        As :func:`check_lengths`.
    """
    source = make(None)
    if fixed is not None:
        return source
    takes, shortest = _trying(model), int(source.lengths.min())
    if on_bad != "fail" and not takes(shortest):
        least = _nearest(takes, shortest, int(source.lengths.max()))
        source = source if least is None or least < shortest else make(least)
    _check(takes, source.names, source.lengths, path)
    return source


def _trying(model: Any) -> Callable[[int], bool]:
    """Return :func:`takes` for this model, which tries each length once."""
    models = model if isinstance(model, list) else [model]
    return lru_cache(maxsize=None)(lambda length: all(takes(one, length) for one in models))


def _check(takes: Callable[[int], bool], names: Sequence[str], lengths: np.ndarray, path: Path) -> None:
    shortest, longest = int(lengths.argmin()), int(lengths.argmax())
    for wrong, other in ((shortest, longest), (longest, shortest)):
        if not takes(int(lengths[wrong])):
            allowed = _bound(takes, int(lengths[wrong]), int(lengths[other]))
            raise InputError(f"{path}: {names[wrong]!r} is {lengths[wrong]} long; the model takes {allowed}")


def takes(model: Any, length: int) -> bool:
    """Whether a sequence of ``length`` gets through the model, with something left of it after every layer."""
    tf = quiet_tensorflow()
    try:
        function: Any = compiled(lambda x: model(x))
        graph = function.get_concrete_function(tf.TensorSpec([1, length, 4], tf.float32))
        outputs = model(tf.fill([1, length, 4], 0.25))
    except Exception:  # too short for a layer, longer than a table of positions: each layer has its own error
        return False
    if not all(np.isfinite(np.asarray(output)).all() for output in tf.nest.flatten(outputs)):
        return False
    # A mean over no positions is not a number, but a ReLU makes a number of that again.
    tensors = [tensor for operation in graph.graph.get_operations() for tensor in operation.outputs]
    return not any(t.dtype.is_floating and (t.shape.rank or 0) > 1 and 0 in t.shape.as_list() for t in tensors)


def _bound(takes: Callable[[int], bool], wrong: int, other: int) -> str:
    """Say which lengths the model takes, from the one nearest to ``wrong`` on."""
    nearest = _nearest(takes, wrong, other)
    return "other lengths only" if nearest is None else f"{nearest} and {'more' if nearest > wrong else 'less'}"


def _nearest(takes: Callable[[int], bool], wrong: int, other: int) -> int | None:
    """Return the length nearest to ``wrong`` that the model takes, by bisection from ``other``."""
    tried = (other, 2 * wrong, 10 * wrong, 1000, 10_000)
    first = next((length for length in tried if takes(length)), None)
    if first is None:
        return None
    inside, outside = first, wrong
    while abs(inside - outside) > 1:
        middle = (inside + outside) // 2
        inside, outside = (middle, outside) if takes(middle) else (inside, middle)
    return inside
