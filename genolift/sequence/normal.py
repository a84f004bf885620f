"""Variants in their normal form: as few bases as possible, as far to the left as possible.

One and the same change can be written in several ways: with bases around it that do not change, and, in a repeat, at
several places. A. Tan, G. R. Abecasis and H. M. Kang, Unified representation of genetic variants, Bioinformatics 31,
2202 (2015), show that the form below is unique.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

_CHUNK = 64  # bases that are fetched at first; repeats longer than that are rare


class Normal(NamedTuple):
    """A change of the genome: its first base (0-based), and the bases before and after. Neither is empty."""

    start: int
    ref: str
    alt: str


def normalise(start: int, ref: str, alt: str, fetch: Callable[[int, int], str]) -> Normal:
    """Return the normal form of a variant.

    Bases that both alleles share are left out at the right, then at the left. An insertion or a deletion moves to the
    left as far as the changed genome stays the same, and gets the base before it, or at the beginning of the chromosome
    the base behind it.

    Parameters
    ----------
    start
        The first base of ``ref`` (0-based).
    ref, alt
        Two different alleles in upper case, neither empty.
    fetch
        A function of start and end that returns the bases of the chromosome.
    """
    right = shared(ref[::-1], alt[::-1])
    ref, alt = ref[: len(ref) - right], alt[: len(alt) - right]
    left = shared(ref, alt)
    start, ref, alt = start + left, ref[left:], alt[left:]
    if ref and alt:
        return Normal(start, ref, alt)
    moved = _room_at_the_left(start, ref or alt, fetch)
    start, turn = start - moved, -moved % len(ref or alt)
    ref, alt = ref[turn:] + ref[:turn], alt[turn:] + alt[:turn]
    if start:
        before = fetch(start - 1, start)
        return Normal(start - 1, before + ref, before + alt)
    behind = fetch(len(ref), len(ref) + 1)
    return Normal(0, ref + behind, alt + behind)


def shared(one: str, other: str) -> int:
    """Return how many letters are the same at the beginning of two texts."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def shared_ends(one: str, other: str) -> tuple[int, int]:
    """Return how many letters are the same at the beginning of two texts, and at the end behind these."""
    left = shared(one, other)
    return left, shared(one[left:][::-1], other[left:][::-1])


def _room_at_the_left(start: int, bases: str, fetch: Callable[[int, int], str]) -> int:
    """Return by how many bases an insertion or deletion of ``bases`` before ``start`` can move to the left."""
    moved, size = 0, _CHUNK
    while start - moved:
        end = start - moved
        for base in reversed(fetch(max(0, end - size), end)):
            # Unknown bases may be anything, so nothing is known to stay the same there.
            if base != bases[-1 - moved % len(bases)] or base not in "ACGT":
                return moved
            moved += 1
        size *= 2
    return moved
