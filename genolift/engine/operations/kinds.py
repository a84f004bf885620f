"""Kinds: what an operation is, mathematically. The kind says by what rule importance goes back through it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from genolift.engine.program import Step


class Kind:
    """What all kinds have in common.

    ``elementwise`` operations treat each element by itself (where shapes agree), so that several of them can be fused
    into one function of their common source.
    """

    elementwise: bool = False


@dataclass(frozen=True)
class Linear(Kind):
    """An operation that is linear in each of ``factors``, or in all its active inputs together where there are none.

    With one factor active the others are weights; with several active the step is a *product*. ``mixes`` marks the
    weighted sums (convolutions, matrix products) after which the positive and negative parts of a difference are formed
    anew (Shrikumar et al. 2017, section 3.5.1); the others pass the two parts through side by side. Inactive floating
    inputs that are neither weights nor in ``keep`` are offsets, and drop out of differences.

    Parameters
    ----------
    factors
        The places of the inputs that multiply; ``None`` says that every input does.
    keep
        The places of further inputs that a difference needs as they are.
    mixes
        Whether it is a weighted sum of many elements.
    convolves
        Whether it is a convolution.
    elementwise
        Whether it treats each element by itself.
    absolute
        ``(step, tensors, precision) -> outputs``, the operation with |weights|, where these are not an input.
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
    """One of several elements passes: pooling and reductions by maximum, or by minimum (``sign`` −1)."""

    sign: int = 1


@dataclass(frozen=True)
class Extremum(Kind):
    """The maximum of two tensors, element by element, or the minimum (``sign`` −1)."""

    sign: int = 1

    elementwise = True


@dataclass(frozen=True)
class Sort(Kind):
    """The largest elements of each row, in order, by a network of comparators in so many turns."""

    LONGEST = 24  # two to this power is the longest row

    @classmethod
    def turns(cls, length: int | None) -> int:
        """Return how many turns of comparators sort a row; ``None`` is a row whose length is not known."""
        power = cls.LONGEST if length is None else (length - 1).bit_length()
        return power * (power + 1) // 2


@dataclass(frozen=True)
class Softmax(Kind):
    """Exponentials over their sum along the last axis, or the logarithm of that."""

    log: bool = False


@dataclass(frozen=True)
class Loop(Kind):
    """A program of its own that runs turn by turn (recurrent layers)."""


@dataclass(frozen=True)
class Comparison(Kind):
    """Truth values of each element. No importance flows through these, but a fused function may contain them."""

    elementwise = True
