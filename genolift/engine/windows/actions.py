"""The actions by which steps are run on windows of changed rows.

:mod:`~genolift.engine.windows.carry` chooses an action for a step, and :mod:`~genolift.engine.windows.windowed` runs
it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from genolift.engine.program import Step, Value
from genolift.engine.windows.reach import Reach, Slide


@dataclass
class Action:
    """What is done for one step.

    Parameters
    ----------
    step : Step
        The step.
    reaches : list of Reach or None
        The reach of each output, None for an output that changes everywhere.
    """

    step: Step
    reaches: list[Reach | None]

    @property
    def reach(self) -> Reach:
        """The reach of the first output, for an action that leaves rows unchanged."""
        reach = self.reaches[0]
        assert reach is not None
        return reach


@dataclass
class View(Action):
    """The same numbers in the same order under another shape."""


@dataclass
class Shift(Action):
    """The same rows under other numbers, as slices and padding give them.

    Parameters
    ----------
    key : tuple, optional
        The index that cuts the other axes. With None (the default) the action is padding.
    """

    key: tuple[Any, ...] | None = None


@dataclass
class Join(Action):
    """Several values one after the other along the length.

    Parameters
    ----------
    offsets : list of int
        The row where each value begins.
    """

    offsets: list[int] = field(default_factory=list)


@dataclass
class Rowwise(Action):
    """An operation that makes each row from the same row of its inputs.

    Parameters
    ----------
    inner : Reach
        The reach of the inputs that change.
    aligned : bool
        Whether inputs are broadcast against each other from the right, so that unchanged inputs may have rows too. By
        default True.
    waits : bool
        Whether all other inputs are constant along the length, so that the step can be run together with others. By
        default False.
    alone : bool
        Whether only one step reads the output. By default False.
    """

    inner: Reach
    aligned: bool = True
    waits: bool = False
    alone: bool = False


@dataclass
class Sliding(Action):
    """A convolution or pool along the length.

    Parameters
    ----------
    slide : Slide
        How its window moves.
    """

    slide: Slide


@dataclass
class Products(Sliding):
    """A convolution as products of each changed row with every tap, which are added up where they overlap."""

    kernel: Value


@dataclass
class Convolution(Sliding):
    """A convolution by TensorFlow's own kernel, on rows that need no more padding."""

    kernel: Value


@dataclass
class Maxima(Sliding):
    """Max pooling."""


@dataclass
class Averages(Sliding):
    """Average pooling.

    Parameters
    ----------
    counts : np.ndarray
        The number of rows in each window, (length,).
    """

    counts: np.ndarray


@dataclass
class Collapse(Action):
    """A sum or mean over the length and perhaps other axes, which changes by the sum of the rows' differences.

    Parameters
    ----------
    axes : tuple of int
        The axes.
    divisor : int
        What the sum is divided by, by default 1.
    """

    axes: tuple[int, ...] = ()
    divisor: int = 1


@dataclass
class Extreme(Action):
    """A maximum or minimum over the length.

    Parameters
    ----------
    sign : int
        1 (the default) for the maximum, −1 for the minimum.
    """

    sign: int = 1


@dataclass
class Contraction(Action):
    """A matrix product over the length (dense after flatten), where each row meets its own part of the matrix."""

    kernel: Value
