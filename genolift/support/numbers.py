"""Numbers that a user gives, all checked in the same way."""

from __future__ import annotations

from typing import Any

from genolift.support.errors import InputError


def whole_number(value: Any, name: str, least: int = 1) -> int:
    """Return an option that counts something as an integer.

    Parameters
    ----------
    value
        What was given: an integer, or a number without a fraction.
    name
        What the error message calls it.
    least
        The smallest value that makes sense.

    Raises
    ------
    InputError
        If the value is not such a number. ``True`` and ``False`` are not numbers here.
    """
    try:
        if not isinstance(value, bool) and int(value) == value and value >= least:
            return int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError(f"{name} must be a whole number of at least {least}, not {value!r}")
