"""Blocks of (sequence, reference) pairs: their shape, and their results put together again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from genolift.methods.common.inputs import Inputs


@dataclass(frozen=True)
class Plan:
    """Block shape: sequences and references at a time, and whether the two sides are shared between pairs; and how many
    blocks at a time."""

    sequences: int
    references: int
    leading: bool
    lanes: int


def repeat_to(array: np.ndarray, count: int, axis: int) -> np.ndarray:
    return array if array.shape[axis] == count else np.repeat(array, count, axis)


def pad(array: np.ndarray, rows: int) -> np.ndarray:
    if len(array) == rows:
        return array
    return np.concatenate([array, np.repeat(array[-1:], rows - len(array), axis=0)])


def head(block: dict, rows: int) -> dict[str, Any]:
    return {
        key: value if key == "count" else [a[:rows] for a in value] if isinstance(value, list) else value[:rows]
        for key, value in block.items()
    }


def merged(parts: list[tuple[int, dict]]) -> dict[str, Any]:
    """Blocks of the same sequences with different references as one (means and squares by Chan et al. 1983)."""
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
    """Of the mean over ``count`` (N,) references (ddof = 1), from sums of squared deviations (N, ...); NaN for one."""
    count = count.reshape(-1, *[1] * (squares.ndim - 1)).astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 1, np.sqrt(squares / (count - 1) / count), np.nan).astype(np.float32)


def widened(block: dict, rows: np.ndarray, more: dict) -> dict[str, Any]:
    """``block`` with further references for some of its rows; the others get NaN in the added places."""
    part = {key: [a[rows] for a in v] if isinstance(v, list) else v[rows] for key, v in block.items() if key != "count"}
    seen = int(block["count"][rows[0]])
    added = merged([(seen, part), (int(more["count"][0]), {k: v for k, v in more.items() if k != "count"})])
    wider = {
        key: _spread(value, rows, added[key], key in _BY_REFERENCE) for key, value in block.items() if key != "count"
    }
    counts = block["count"].copy()
    counts[rows] = added["count"]
    return {**wider, "count": counts}


def padded(block: dict, count: int) -> dict[str, Any]:
    """The block with NaN for references that were not needed, so that every call gives the same shape."""
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


def fields_of(blocks: list[dict], inputs: Inputs, several: bool) -> dict[str, Any]:
    """The fields of a result from those of its blocks: arrays (n, T, ...), and by input where they follow inputs: a list, with
    None for an input without, or a dict by number."""

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


def joined(blocks: list[dict]) -> dict[str, Any]:
    rows = [len(block["predictions"]) for block in blocks]
    joined: dict = {"count": np.repeat([block["count"] for block in blocks], rows)}
    for key, value in blocks[0].items():
        if key == "count":
            continue
        if isinstance(value, list):
            joined[key] = [np.concatenate([block[key][i] for block in blocks]) for i in range(len(value))]
        else:
            joined[key] = np.concatenate([block[key] for block in blocks])
    return joined
