"""The numbers of motif files: read strictly, and told apart from what are neither probabilities nor counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from genolift.support.errors import InputError

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
#: Published probabilities are rounded to two decimals at the least, so that the sum of four is off by as much as this.
ROUNDED_SUM = 0.0201
# Weighted counts are not whole, but no information in bits and hardly any contribution sums to as much as this.
_COUNTED = 5


class Line(NamedTuple):
    """A line of a file without the blanks around it, and its number."""

    number: int
    text: str


@dataclass(frozen=True)
class Entry:
    """A motif of a file.

    Attributes
    ----------
    names : tuple of str
        What the file calls it, the accession first.
    line : int
        The line where it begins.
    matrix : np.ndarray
        Probabilities (width, 4); of width 0 where there is a fault.
    fault : str
        Why it cannot be used; empty if it can.
    """

    names: tuple[str, ...]
    line: int
    matrix: np.ndarray = field(default_factory=lambda: np.empty((0, 4)))
    fault: str = ""


def numbers(fields: Sequence[str]) -> list[float] | None:
    """Return the numbers that fields hold, or ``None`` where one is something else, such as ``nan`` or ``0,97``."""
    if not all(_NUMBER.fullmatch(field) for field in fields):
        return None
    return [float(field) for field in fields]


def probabilities_of(matrix: np.ndarray, rows: Sequence[Line] | None = None, only: str = "") -> np.ndarray:
    """Return probabilities (width, 4) from probabilities or counts.

    Parameters
    ----------
    matrix
        What the file holds, (width, 4).
    rows
        The lines that hold the positions; ``None`` (the default) where a line holds a base.
    only
        Why nothing but probabilities is taken; empty (the default) takes counts too.

    Raises
    ------
    InputError
        If these are neither, such as log-odds or contributions, or if a position has no counts.
    """
    sums = matrix.sum(axis=1)

    def where(bad: np.ndarray) -> str:
        i = int(np.flatnonzero(bad)[0])
        place = f"position {i + 1}" if rows is None else f"line {rows[i].number}"
        return f"{place}: {' '.join(f'{value:g}' for value in matrix[i])}"

    bad = np.asarray((matrix < 0).any(axis=1))
    if bad.any():
        raise InputError(
            f"{where(bad)} has a number below 0; the matrix looks like log-odds or contributions, and probabilities "
            "or counts are needed"
        )
    bad = np.equal(sums, 0)
    if bad.any():
        raise InputError(f"{where(bad)} is a position without any counts")
    shares = only or ((matrix <= 1).all() and (matrix % 1 != 0).any())
    bad = np.abs(sums - 1) > ROUNDED_SUM
    if shares and bad.any():
        i = int(np.flatnonzero(bad)[0])
        counts = "; counts stand in files of JASPAR's or TRANSFAC's format" if (matrix % 1 == 0).all() else ""
        told = f"{where(bad)} sums to {sums[i]:g}" + (f"; {only}" if only else "")
        raise InputError(f"{told}; probabilities of A, C, G, T sum to 1{counts}")
    if not shares and (matrix % 1 != 0).any() and np.ptp(sums) > 0.02 * sums.mean() and sums.min() < _COUNTED:
        raise InputError(
            f"its positions sum to {sums.min():g} up to {sums.max():g}, and the numbers are not whole; the matrix "
            "looks like information in bits or contributions, and probabilities or counts are needed"
        )
    return matrix / sums[:, None]
