"""The check that what a method found is finite, which says of NaN and infinity where they come from."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from typing import Any

import numpy as np

from genolift.results.fields import leaves
from genolift.support.errors import GenoliftWarning

# Fields with an axis of references, in which the places of references that were not drawn hold NaN.
_BY_REFERENCE = ("reference_predictions", "residual")


def lost(fields: dict[str, Any], gaps: Collection[str]) -> dict[str, np.ndarray]:
    """Return the numbers of the sequences for which a field is not finite, by the name of the field.

    Parameters
    ----------
    fields
        The fields of an explanation.
    gaps
        Fields in which NaN says that there is nothing.
    """
    found: dict[str, np.ndarray] = {}
    for name, value in fields.items():
        arrays = [np.asarray(leaf) for leaf in leaves(value)] if name not in gaps else []
        for array in (one for one in arrays if one.dtype.kind == "f"):
            bad = ~np.isfinite(array)
            if name in _BY_REFERENCE and "reference_count" in fields:
                bad &= np.arange(array.shape[-1]) < np.asarray(fields["reference_count"])[..., None]
            rows = np.flatnonzero(bad.reshape(len(bad), -1).any(1))
            if len(rows):
                found[name] = np.union1d(found.get(name, rows), rows)
    return found


def first(found: dict[str, np.ndarray]) -> str:
    """Return the field that explains why others are not finite, if it is among those that are not."""
    return next((name for name in ("predictions", "reference_predictions") if name in found), next(iter(found)))


def warn(found: dict[str, np.ndarray], count: int, where: str) -> None:
    """Warn of fields that are not finite.

    Parameters
    ----------
    found
        The numbers of the sequences for which a field is not finite, by the name of the field.
    count
        How many sequences were explained.
    where
        The step that makes them so, in words, or an empty text where none is known.
    """
    rows = found[first(found)]
    who = f"{len(rows)} of {count} sequences (the first is number {rows[0]})"
    if "predictions" in found:
        what, remedy = "f(x) is not finite", "mend the model, or leave these sequences out"
    elif "reference_predictions" in found:
        what, remedy = "f(reference) is not finite", "give other references"
    else:
        what = "the prediction is finite, but what was computed around it is not"
        remedy = "the slope is infinite there, or the model is not finite at changed copies of the sequence"
    begins = f", from {where} on" if where else ""
    warnings.warn(
        f"for {who}, {what}{begins}, so {', '.join(found)} hold NaN or infinite values: {remedy}",
        GenoliftWarning,
        stacklevel=4,
    )
