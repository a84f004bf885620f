"""The kinds of operations. What an operation is mathematically says by which rule importance goes back through it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from genolift.engine.program import Step


class Kind:
    """The base class of all kinds."""

    #: Whether the operation treats each element by itself (where shapes agree). Several such operations can be fused
    #: into one function of their common source.
    elementwise: bool = False


@dataclass(frozen=True)
class Linear(Kind):
    """An operation that is linear in each of ``factors``, or in all its active inputs together where there are none.

    If one factor is active, the others are weights. If several are active, the step is a *product*. Inactive floating
    inputs that are neither factors nor in ``keep`` are offsets, which drop out of differences.

    Parameters
    ----------
    factors : tuple of int, or None
        The places of the inputs that multiply each other. The default is that none do; ``None`` says that every input
        does.
    keep : tuple of int
        The places of further inputs that a difference needs as they are. By default there are none.
    mixes : bool
        Whether the operation is a weighted sum of many elements, as convolutions and matrix products are. After these
        the positive and negative parts of a difference are formed anew (Shrikumar et al. 2017, section 3.5.1). The
        other linear operations pass the two parts through side by side. By default False.
    convolves : bool
        Whether the operation is a convolution. By default False.
    elementwise : bool
        Whether the operation treats each element by itself. By default False.
    absolute : callable, optional
        A function (step, tensors, precision) -> outputs that runs the operation with the absolute values of its
        weights, for operations whose weights are not an input.
    """

    factors: tuple[int, ...] | None = ()
    keep: tuple[int, ...] = ()
    mixes: bool = False
    convolves: bool = False
    elementwise: bool = False
    absolute: Callable | None = None

    def factors_of(self, step: Step) -> tuple[int, ...]:
        """Return the places of a step's inputs that multiply."""
        return tuple(range(len(step.inputs))) if self.factors is None else self.factors


@dataclass(frozen=True)
class Unary(Kind):
    """A nonlinearity applied to each element, or to the elements of several tensors."""

    elementwise = True


@dataclass(frozen=True)
class Selection(Kind):
    """An operation that lets one of several elements pass, such as pooling or a reduction.

    Parameters
    ----------
    sign : int
        1 (the default) where the maximum passes, −1 where the minimum passes.
    over : str, optional
        What it selects among: the elements of ``"windows"``, as pools do, or those along ``"axes"``, which the second
        input names. By default this is not known, and the operation's derivative says which element passed.
    """

    sign: int = 1
    over: Literal["windows", "axes"] | None = None


@dataclass(frozen=True)
class Extremum(Kind):
    """The maximum of two tensors, element by element, or their minimum.

    Parameters
    ----------
    sign : int
        1 (the default) for the maximum, −1 for the minimum.
    """

    sign: int = 1

    elementwise = True


@dataclass(frozen=True)
class Sort(Kind):
    """The largest elements of each row, in order, found by a network of comparators that works in turns."""

    LONGEST = 24  # The longest row has two to this power elements.

    @classmethod
    def turns(cls, length: int | None) -> int:
        """Return how many turns of comparators sort a row of ``length`` elements, by default the longest row."""
        power = cls.LONGEST if length is None else (length - 1).bit_length()
        return power * (power + 1) // 2


@dataclass(frozen=True)
class Softmax(Kind):
    """Exponentials divided by their sum along the last axis, or the logarithm of that where ``log`` is True."""

    log: bool = False


@dataclass(frozen=True)
class Loop(Kind):
    """A program of its own that runs turn by turn (recurrent layers)."""


@dataclass(frozen=True)
class Comparison(Kind):
    """A truth value for each element. No importance flows through it, but a fused function may contain it."""

    elementwise = True
