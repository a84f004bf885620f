"""Blocks of (sequence, reference) pairs: their shape, and their results put together again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from genolift.methods.common.inputs import Inputs


@dataclass(frozen=True)
class Plan:
    """The shape of a block.

    Parameters
    ----------
    sequences
        How many sequences are explained at a time.
    references
        How many references each of them is compared with at a time.
    leading
        Whether what is computed for one side of a pair is shared between pairs.
    lanes
        How many blocks are computed at a time.
    """

    sequences: int
    references: int
    leading: bool
    lanes: int


def repeat_to(array: np.ndarray, count: int, axis: int) -> np.ndarray:
    """Return the array with its only row along an axis repeated, where it has not that many rows already."""
    return array if array.shape[axis] == count else np.repeat(array, count, axis)


def pad(array: np.ndarray, rows: int) -> np.ndarray:
    """Return the array with its last row repeated until there are so many rows."""
    if len(array) == rows:
        return array
    return np.concatenate([array, np.repeat(array[-1:], rows - len(array), axis=0)])


def head(block: dict[str, Any], rows: int) -> dict[str, Any]:
    """Return the first rows of a block."""
    return {
        key: value if key == "count" else [a[:rows] for a in value] if isinstance(value, list) else value[:rows]
        for key, value in block.items()
    }


def merged(parts: list[tuple[int, dict[str, Any]]]) -> dict[str, Any]:
    """Return blocks of the same sequences with different references as one block.

    Each part is a number of references and a block. Means and squares are combined as by Chan et al. (1983).
    """
    count, total = parts[0][0], dict(parts[0][1])
    for more, part in parts[1:]:
        share = more / (count + more)
        gaps = [new - old for old, new in zip(total["mean"], part["mean"], strict=True)]
        total["squares"] = [
            old + new + gap**2 * count * share
            for old, new, gap in zip(total["squares"], part["squares"], gaps, strict=True)
        ]
        for key in ("raw", "multipliers", "hypothetical", "mean"):
            total[key] = [old + (new - old) * share for old, new in zip(total[key], part[key], strict=True)]
        for key in ("reference_predictions", "residual"):
            total[key] = np.concatenate([total[key], part[key]], axis=2)
        total["shares"] = [np.concatenate(both, axis=2) for both in zip(total["shares"], part["shares"], strict=True)]
        count += more
    return {**total, "count": count}


def standard_error(squares: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Return the standard error of a mean over references, with ddof = 1; NaN where there is only one.

    Parameters
    ----------
    squares
        Sums of squared deviations from the mean, (N, ...).
    count
        How many references each sequence has, (N,).
    """
    count = count.reshape(-1, *[1] * (squares.ndim - 1)).astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 1, np.sqrt(squares / (count - 1) / count), np.nan).astype(np.float32)


def widened(block: dict[str, Any], rows: np.ndarray, more: dict[str, Any]) -> dict[str, Any]:
    """Return a block with further references for some of its rows; the others get NaN in the added places."""
    part = {key: [a[rows] for a in v] if isinstance(v, list) else v[rows] for key, v in block.items() if key != "count"}
    seen = int(block["count"][rows[0]])
    added = merged([(seen, part), (int(more["count"][0]), {k: v for k, v in more.items() if k != "count"})])
    wider = {
        key: _spread(value, rows, added[key], key in _BY_REFERENCE) for key, value in block.items() if key != "count"
    }
    counts = block["count"].copy()
    counts[rows] = added["count"]
    return {**wider, "count": counts}


def padded(block: dict[str, Any], count: int) -> dict[str, Any]:
    """Return the block with NaN for references that were not needed, so that every call gives the same shape."""
    none = np.arange(0)

    def widen(value):
        if isinstance(value, list):
            return [widen(one) for one in value]
        return _spread(value, none, np.empty((0, value.shape[1], count), value.dtype), True)

    return {key: widen(value) if key in _BY_REFERENCE else value for key, value in block.items()}


_BY_REFERENCE = ("reference_predictions", "residual", "shares")


def _spread(old, rows: np.ndarray, new, by_reference: bool):
    if isinstance(old, list):
        return [_spread(a, rows, b, by_reference) for a, b in zip(old, new, strict=True)]
    if by_reference:
        missing = np.full((*old.shape[:2], new.shape[2] - old.shape[2]), np.nan, old.dtype)
        old = np.concatenate([old, missing], axis=2)
    else:
        old = old.copy()
    old[rows] = new
    return old


def fields_of(blocks: list[dict[str, Any]], inputs: Inputs, several: bool) -> dict[str, Any]:
    """Return the fields of a result from those of its blocks.

    Parameters
    ----------
    blocks
        Arrays (n, T, ...) by name. A field that follows inputs has an array for each of them: a list, with None for an
        input without, or a dict by the input's number.
    inputs
        What the result explains.
    several
        Whether the result has an axis of targets.
    """

    def whole(parts):
        array = np.concatenate(parts)
        return array if several else array[:, 0]

    fields = {}
    for key, value in blocks[0].items():
        if isinstance(value, np.ndarray):
            fields[key] = whole([block[key] for block in blocks])
            continue
        numbered = value if isinstance(value, dict) else dict(zip(range(len(inputs.arrays)), value, strict=True))
        given = [numbered.get(i) is not None for i in range(len(inputs.arrays))]
        fields[key] = inputs.pack(
            [whole([block[key][i] for block in blocks]) if g else None for i, g in enumerate(given)]
        )
    return fields


def joined(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return blocks of different sequences as one block."""
    rows = [len(block["predictions"]) for block in blocks]
    whole: dict[str, Any] = {"count": np.repeat([block["count"] for block in blocks], rows)}
    for key, value in blocks[0].items():
        if key == "count":
            continue
        if isinstance(value, list):
            whole[key] = [np.concatenate([block[key][i] for block in blocks]) for i in range(len(value))]
        else:
            whole[key] = np.concatenate([block[key] for block in blocks])
    return whole
