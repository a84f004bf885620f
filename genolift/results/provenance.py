"""How a result was made, as JSON: encoding, decoding, and the first difference between two of them."""

from typing import Any

import numpy as np

_PLAIN = {str, int, float, bool, type(None)}


def encode(value: Any) -> Any:
    """``value`` as JSON knows it. Tuples are marked, so that they come back as such; objects become text."""
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
        if all(type(item) in _PLAIN for item in value):  # a million names need no copy
            return value
        return [encode(item) for item in value]
    return repr(value)


def decode(value: Any) -> Any:
    """The inverse of :func:`encode`, but for objects, which stay text."""
    if isinstance(value, dict):
        if set(value) == {"tuple"}:
            return tuple(decode(item) for item in value["tuple"])
        return {key: decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decode(item) for item in value]
    return value


def first_difference(old: Any, new: Any, name: str = "") -> str | None:
    """Where two encoded values first differ, as ``"name is <old> there and <new> here"``, or ``None``."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            where = name if key == "tuple" else f"{name}.{key}" if name else key
            if key not in old or key not in new:
                return f"{where} is {_short(old.get(key))} there and {_short(new.get(key))} here"
            if found := first_difference(old[key], new[key], where):
                return found
        return None
    if isinstance(old, list) and isinstance(new, list):
        for i, (before, now) in enumerate(zip(old, new, strict=False)):
            if found := first_difference(before, now, f"{name}[{i}]"):
                return found
        if len(old) != len(new):
            return f"{name} has {len(old)} entries there and {len(new)} here"
        return None
    if type(old) is type(new) and (old == new or (old != old and new != new)):  # NaN agrees with NaN
        return None
    return f"{name} is {_short(old)} there and {_short(new)} here"


def _short(value: Any) -> str:
    text = repr(decode(value))
    return text if len(text) <= 60 else text[:57] + "..."
