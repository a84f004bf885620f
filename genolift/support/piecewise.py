"""Functions of one number that are made of straight pieces, by which a rectifier is known however it is written.

``max(x, 0)``, a clip at zero, ``where(x > 0, x, 0)``, ``x * (x > 0)`` and ``(x + |x|) / 2`` are one function. Formulas
are evaluated here on whole functions instead of numbers: a function is its breaks, and the slope and the height of
every piece between them. The result is exact, except at single points.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

#: A straight piece: its slope, and its height where it meets zero.
Piece = tuple[float, float]
# Numbers that differ by this share are equal. Constants were rounded to float32.
_SAME = 1e-6


@dataclass(frozen=True)
class Piecewise:
    """A function made of straight pieces.

    Parameters
    ----------
    breaks
        Where one piece ends and the next one begins, in rising order.
    pieces
        The pieces from left to right, one more than there are breaks.
    """

    breaks: tuple[float, ...]
    pieces: tuple[Piece, ...]

    def piece_at(self, x: float) -> Piece:
        """Return the piece at a number that is not a break."""
        return self.pieces[bisect_left(self.breaks, x)]

    @property
    def is_rectifier(self) -> bool:
        """Whether the function has a break, and neither falls nor jumps anywhere."""
        breaks = zip(self.breaks, pairwise(self.pieces), strict=True)
        joined = all(_alike(a[0] * at + a[1], b[0] * at + b[1]) for at, (a, b) in breaks)
        return bool(self.breaks) and joined and all(slope >= 0 for slope, _ in self.pieces)

    @property
    def is_not_negative(self) -> bool:
        """Whether the function is nowhere below zero."""
        ends = [self.breaks[0] if self.breaks else 0.0, *self.breaks, self.breaks[-1] if self.breaks else 0.0]
        heights = [s * x + h for (s, h), both in zip(self.pieces, pairwise(ends), strict=True) for x in both]
        return min(heights) >= 0 and self.pieces[0][0] <= 0 <= self.pieces[-1][0]


def line(slope: float, height: float) -> Piecewise:
    """Return a function of one piece."""
    return Piecewise((), ((slope, height),))


#: x itself, and ReLU.
IDENTITY, RELU = line(1.0, 0.0), Piecewise((0.0,), ((0.0, 0.0), (1.0, 0.0)))


def same(one: Piecewise, other: Piecewise) -> bool:
    """Whether two functions are equal, up to the rounding of constants."""
    return len(one.breaks) == len(other.breaks) and all(
        _alike(a, b)
        for a, b in zip([*one.breaks, *np.ravel(one.pieces)], [*other.breaks, *np.ravel(other.pieces)], strict=True)
    )


def _alike(a: float, b: float) -> bool:
    return abs(a - b) <= _SAME * max(1.0, abs(a), abs(b))


# Formulas of whole functions


def by_piece(functions: list[Piecewise], combine: Callable[..., Piece | None]) -> Piecewise | None:
    """Return the function whose pieces are made of those of several functions, or None where a piece is not straight.

    Parameters
    ----------
    functions
        The functions.
    combine
        A function of a piece of each of them to a piece, or to None.
    """
    breaks = sorted({at for function in functions for at in function.breaks})
    pieces = [combine(*[function.piece_at(x) for function in functions]) for x in _between(breaks)]
    given = [piece for piece in pieces if piece is not None]
    if len(given) < len(pieces):
        return None
    kept = [i for i, (a, b) in enumerate(pairwise(given)) if not (_alike(a[0], b[0]) and _alike(a[1], b[1]))]
    return Piecewise(tuple(breaks[i] for i in kept), (*(given[i] for i in kept), given[-1]))


def _between(breaks: list[float]) -> list[float]:
    """Return a number in each of the stretches between breaks."""
    if not breaks:
        return [0.0]
    return [breaks[0] - 1, *((a + b) / 2 for a, b in pairwise(breaks)), breaks[-1] + 1]


def _crossing(one: Piecewise, other: Piecewise) -> Piecewise:
    """Return a function that is zero, with a break wherever one of the two functions ends or they cross."""
    breaks = sorted({*one.breaks, *other.breaks})
    ends = [-np.inf, *breaks, np.inf]
    crossings = set()
    for x, (low, high) in zip(_between(breaks), pairwise(ends), strict=True):
        (a, b), (c, d) = one.piece_at(x), other.piece_at(x)
        at = (d - b) / (a - c) if a != c else np.inf
        if low < at < high:
            crossings.add(float(at))
    breaks = sorted({*breaks, *crossings})
    return Piecewise(tuple(breaks), ((0.0, 0.0),) * (len(breaks) + 1))


def compared(one: Piecewise, other: Piecewise, choose: Callable[[float, Piece, Piece], Piece]) -> Piecewise | None:
    """Return the function that takes on each stretch what ``choose`` takes.

    ``choose`` is given the sign of the difference of the two functions there, and their pieces.
    """
    parted = _crossing(one, other)
    ends = list(parted.breaks)
    pieces = []
    for x in _between(ends):
        p, q = one.piece_at(x), other.piece_at(x)
        difference = (p[0] - q[0]) * x + p[1] - q[1]
        pieces.append(choose(float(np.sign(difference)), p, q))
    return by_piece([Piecewise(parted.breaks, tuple(pieces))], lambda piece: piece)


def larger(one: Piecewise, other: Piecewise) -> Piecewise | None:
    """Return the larger of two functions."""
    return compared(one, other, lambda sign, p, q: p if sign >= 0 else q)


def smaller(one: Piecewise, other: Piecewise) -> Piecewise | None:
    """Return the smaller of two functions."""
    return compared(one, other, lambda sign, p, q: p if sign <= 0 else q)


def within(x: Piecewise, low: Piecewise, high: Piecewise) -> Piecewise | None:
    """Return a function that is held between two others."""
    above = larger(x, low)
    return None if above is None else smaller(above, high)


def times(p: Piece, q: Piece) -> Piece | None:
    """Return the product of two pieces, or None where it is not straight."""
    return (p[0] * q[1] + q[0] * p[1], p[1] * q[1]) if p[0] == 0 or q[0] == 0 else None


def over(p: Piece, q: Piece) -> Piece | None:
    """Return the quotient of two pieces, or None where it is not straight."""
    return (p[0] / q[1], p[1] / q[1]) if q[0] == 0 and q[1] != 0 else None


def total(*pieces: Piece) -> Piece:
    """Return the sum of pieces."""
    return sum(slope for slope, _ in pieces), sum(height for _, height in pieces)
