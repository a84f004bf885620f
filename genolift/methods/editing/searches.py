"""The searches by name."""

from __future__ import annotations

from collections.abc import Callable

from genolift.methods.editing.adabeam import adabeam, gradabeam
from genolift.methods.editing.beam import beam
from genolift.methods.editing.exhaustive import exhaustive
from genolift.methods.editing.greedy import greedy
from genolift.methods.editing.problem import Found, Problem
from genolift.methods.editing.relaxed import ledidi, seqprop
from genolift.methods.editing.thorough import thorough

#: What each search does with a problem and the width of its population.
SEARCHES: dict[str, Callable[[Problem, int], Found]] = {
    "thorough": thorough,
    "greedy": lambda problem, width: greedy(problem),
    "beam": beam,
    "exhaustive": lambda problem, width: exhaustive(problem),
    "ledidi": ledidi,
    "fast-seqprop": seqprop,
    "adabeam": adabeam,
    "gradabeam": gradabeam,
}
#: The searches that follow slopes, which take more memory.
WITH_SLOPES = ("thorough", "ledidi", "fast-seqprop", "gradabeam")
#: The searches that try insertions and deletions, too.
WITH_INDELS = ("thorough", "greedy", "beam", "exhaustive")
