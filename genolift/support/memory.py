"""Memory budgets: how much a user allows, as a number of bytes."""

import ctypes
import re
from contextlib import suppress

from genolift.support.errors import InputError

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
    """``"4GB"``, ``"512MiB"``, a number of bytes, or ``None`` (the default budget) as bytes."""
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
    """A dict that forgets what was put in first when it holds more than ``most``."""

    def __init__(self, most: int):
        super().__init__()
        self._most = most

    def __setitem__(self, key, value) -> None:
        if key not in self and len(self) >= self._most:
            del self[next(iter(self))]
        super().__setitem__(key, value)


def give_back() -> None:
    """Have the C library return to the system what it holds of freed memory; only glibc can be told so."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def check_fits(need: int | float, budget: int, what: str) -> None:
    """:class:`InputError` where ``what``, the least that can be done at a time, takes more than the budget."""
    if need > budget:
        raise InputError(
            f"one {what} needs about {need / 1e9:.2g} GB for this model and length, more than the budget of "
            f"{budget / 1e9:.2g} GB; give memory='{need * 1.1 / 1e9:.2g}GB' or more"
        )
