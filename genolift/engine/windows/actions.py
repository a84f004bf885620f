"""What can be done for a step on windows of changed rows; :mod:`~genolift.engine.windows.carry` chooses, and
:mod:`~genolift.engine.windows.windowed` does it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from genolift.engine.program import Step, Value
from genolift.engine.windows.reach import Reach, Slide


@dataclass
class Action:
    """What is done for one step. ``reaches`` are those of its outputs, ``None`` for one that changes everywhere."""

    step: Step
    reaches: list[Reach | None]


@dataclass
class View(Action):
    """The same numbers in the same order under another shape."""


@dataclass
class Shift(Action):
    """The same rows under other numbers: slices and padding. ``key`` cuts the other axes."""

    key: tuple | None = None


@dataclass
class Join(Action):
    """Several values one after the other along the length; ``offsets`` are where each begins."""

    offsets: list[int] = field(default_factory=list)


@dataclass
class Rowwise(Action):
    """Each row comes of the same row of the inputs, ``inner`` of those that change.

    ``aligned``: inputs are broadcast against each other from the right, so that unchanged ones may have rows too.
    ``waits``: what does not change is constant along the length, so that the step can be done together with others.
    ``alone``: one step reads what it gives.
    """

    inner: Reach
    aligned: bool = True
    waits: bool = False
    alone: bool = False


@dataclass
class Sliding(Action):
    """A convolution or pool along the length."""

    slide: Slide
    kernel: Value | None = None


@dataclass
class Products(Sliding):
    """A convolution as products of each changed row with every tap, which are added up where they overlap."""


@dataclass
class Convolution(Sliding):
    """A convolution by the library's own kernel, on rows with nothing left to pad."""


@dataclass
class Maxima(Sliding):
    """Max pooling."""


@dataclass
class Averages(Sliding):
    """Average pooling; ``counts`` (length,) are the rows that each window holds."""

    counts: np.ndarray = None


@dataclass
class Collapse(Action):
    """A sum or mean over the length, and perhaps other axes: what it changes by is the sum of the rows' differences."""

    axes: tuple[int, ...] = ()
    divisor: int = 1


@dataclass
class Extreme(Action):
    """A maximum (``sign`` 1) or minimum (−1) over the length."""

    sign: int = 1


@dataclass
class Contraction(Action):
    """A matrix product over the length (dense after flatten): each changed row meets its own rows of the matrix."""

    kernel: Value = None
