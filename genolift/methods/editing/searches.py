"""The searches by name."""

from __future__ import annotations

from collections.abc import Callable

from genolift.methods.editing.beam import beam
from genolift.methods.editing.exhaustive import exhaustive
from genolift.methods.editing.greedy import greedy
from genolift.methods.editing.problem import Found, Problem

#: What each search does with a problem and the width of its population.
SEARCHES: dict[str, Callable[[Problem, int], Found]] = {
    "greedy": lambda problem, width: greedy(problem),
    "beam": beam,
    "exhaustive": lambda problem, width: exhaustive(problem),
}
#: The searches that follow slopes, which take more memory.
WITH_SLOPES: tuple[str, ...] = ()
