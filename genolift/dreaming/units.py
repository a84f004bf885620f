"""Hidden units as they are described, without a model."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

from genolift.support.errors import InputError

#: How a unit's values at the rows of its layer become one number.
OVER = ("max", "mean")


@dataclass(frozen=True)
class Unit:
    """A unit of a hidden layer, such as a filter of a convolution, as the number that is maximised.

    Parameters
    ----------
    layer : str
        The layer's name or path.
    channel : int
        The number of the unit on the layer's last axis, from 0.
    over : {"max", "mean"} or int, default "max"
        What is taken of a unit that has a value at each row of its layer: the largest, their mean, or the value at one
        row, by its number from 0. A unit of a layer without rows has one value, and this does not matter.

    Raises
    ------
    InputError
        If ``channel`` or a row is no whole number from 0, or ``over`` is none of these.
    """

    layer: str
    channel: int
    over: str | int = "max"

    def __post_init__(self) -> None:
        if not _is_place(self.channel):
            raise InputError(f"the unit {self.channel!r} of layer {self.layer!r} is not a whole number from 0")
        if self.over not in OVER and not _is_place(self.over):
            raise InputError(
                f"a unit is taken over its rows by 'max', 'mean' or the number of a row, not {self.over!r}"
            )

    @property
    def name(self) -> str:
        """The unit as results and messages call it."""
        return f"unit {self.channel} of {self.layer}"


def _is_place(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 0
