"""Memory: the budget that a user allows, a dictionary that stays small, and memory returned to the system."""

from __future__ import annotations

import ctypes
import os
import re
from contextlib import suppress
from typing import Any

from genolift.support.errors import InputError, Remedy, setting

DEFAULT_BUDGET = "1GB"
_UNITS = {
    "": 1,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "KI": 2**10,
    "MI": 2**20,
    "GI": 2**30,
    "TI": 2**40,
}


def parse_bytes(budget: int | float | str | None) -> int:
    """Return a memory budget as a number of bytes.

    Parameters
    ----------
    budget
        A text such as ``"4GB"`` or ``"512MiB"``, a number of bytes, or ``None`` for ``DEFAULT_BUDGET``.

    Returns
    -------
    int
        The number of bytes.

    Raises
    ------
    InputError
        If a text is not a size, or if the budget is not positive.
    """
    if budget is None:
        budget = DEFAULT_BUDGET
    if isinstance(budget, str):
        match = re.fullmatch(r"\s*([0-9.]+)\s*([KMGT]?I?)B?\s*", budget.upper())
        if not match or match[2] == "I":
            raise InputError(f"memory budget {budget!r} is not a size; write for example '4GB' or '512MiB'")
        budget = float(match[1]) * _UNITS[match[2]]
    if budget <= 0:
        raise InputError(f"memory budget must be positive, not {budget}")
    return int(budget)


class Recent(dict):
    """A dict of at most ``most`` items. It drops the item that was put in first to make room for another."""

    def __init__(self, most: int):
        super().__init__()
        self._most = most

    def __setitem__(self, key: Any, value: Any) -> None:
        if key not in self and len(self) >= self._most:
            del self[next(iter(self))]
        super().__setitem__(key, value)


def give_back() -> None:
    """Return freed memory from the C library to the system. Only glibc can do so; elsewhere this does nothing."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def physical() -> int:
    """Return the memory of this machine in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def check_fits(need: int | float, budget: int, what: str) -> None:
    """Raise :class:`InputError` if the smallest step of a computation needs more memory than the budget.

    Parameters
    ----------
    need
        The number of bytes that the step needs.
    budget
        The budget in bytes.
    what
        The step, as the message calls it.
    """
    if need > budget:
        enough, remedy = need * 1.1, "give {} or more"
        if enough > physical():
            remedy += (
                f"; this machine has {physical() / 1e9:.2g} GB, so take one with more, shorter sequences, or a model "
                "with fewer output bins"
            )
        raise InputError(
            f"one {what} needs about {need / 1e9:.2g} GB for this model and length, more than the budget of "
            f"{budget / 1e9:.2g} GB",
            Remedy.naming(remedy, setting("memory", f"{enough / 1e9:.2g}GB")),
        )
