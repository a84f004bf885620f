"""How a result was made, as JSON: encoding, decoding, and the first difference between two provenances."""

from __future__ import annotations

from typing import Any

import numpy as np

_PLAIN = {str, int, float, bool, type(None)}


def encode(value: Any) -> Any:
    """Return a value in a form that JSON can express.

    Tuples are marked, so that :func:`decode` gives tuples back. Arrays become lists. Other objects become text.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, np.ndarray):
        return encode(value.tolist())
    if isinstance(value, list):
        if all(type(item) in _PLAIN for item in value):  # A million names are not copied.
            return value
        return [encode(item) for item in value]
    return repr(value)


def decode(value: Any) -> Any:
    """Invert :func:`encode`, except that objects stay text."""
    if isinstance(value, dict):
        if set(value) == {"tuple"}:
            return tuple(decode(item) for item in value["tuple"])
        return {key: decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decode(item) for item in value]
    return value


def first_difference(old: Any, new: Any, name: str = "") -> str | None:
    """Return where two encoded values first differ.

    Parameters
    ----------
    old, new
        The values, as :func:`encode` returns them.
    name
        What to call the values; keys and places within them are appended to it.

    Returns
    -------
    str or None
        A sentence such as ``"name is <old> there and <new> here"``; ``None`` if the values are the same.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            where = name if key == "tuple" else f"{name}.{key}" if name else key
            if key not in old or key not in new:
                return f"{where} is {_short(old.get(key))} there and {_short(new.get(key))} here"
            if difference := first_difference(old[key], new[key], where):
                return difference
        return None
    if isinstance(old, list) and isinstance(new, list):
        for i, (before, now) in enumerate(zip(old, new, strict=False)):
            if difference := first_difference(before, now, f"{name}[{i}]"):
                return difference
        if len(old) != len(new):
            return f"{name} has {len(old)} entries there and {len(new)} here"
        return None
    if type(old) is type(new) and (old == new or (old != old and new != new)):  # NaN is the same as NaN here.
        return None
    return f"{name} is {_short(old)} there and {_short(new)} here"


def _short(value: Any) -> str:
    text = repr(decode(value))
    return text if len(text) <= 60 else text[:57] + "..."
