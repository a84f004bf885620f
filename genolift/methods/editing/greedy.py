"""Greedy search: the best single edit of all, again and again, by exact mutagenesis of the sequence as it is now."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from genolift.methods.editing.problem import Found, Neighbours, Problem

# Losses that differ by less are ties, because rounding must not decide. The first neighbour wins.
TIE = 1e-6


def greedy(problem: Problem, start: np.ndarray | None = None, screen: Callable | None = None) -> Found:
    """Return for each lane the draft to which the best single edits lead.

    Each turn predicts every draft that is one edit away, and takes the one that lacks least. It ends where the goal is
    reached, where no edit brings it nearer, or where there would be too many edits. On a model that is a sum over
    positions this finds the fewest edits.

    Parameters
    ----------
    problem
        The problem.
    start
        The drafts (M, 2L) to begin with. By default nothing is edited yet.
    screen
        A function of the problem, drafts and lanes that returns what asks for some of the substitutions, see
        :meth:`genolift.methods.editing.problem.Problem.neighbours`. By default all are predicted.
    """
    slots = problem.own.copy() if start is None else start.copy()
    loss = problem.loss(slots, np.arange(problem.lanes))
    at_least = np.where(loss > 0, 1, 0)
    active = np.flatnonzero(loss > 0)
    first = start is None
    while len(active):
        asked = None if screen is None else screen(problem, slots[active], active)
        near = problem.neighbours(slots[active], active, asked)
        lanes = active[near.owner]
        rank = problem.aims.rank(near.values, lanes)
        if first:
            at_least[active] = 2
            at_least[lanes[rank <= 0]] = 1
            first = False
        rank = np.where(edits_after(problem, slots[active], near, active) <= problem.most, rank, np.inf)
        moved, drafts = [], []
        for number, chosen in enumerate(best_of_each(rank, near.owner, len(active))):
            if chosen >= 0 and rank[chosen] < loss[active[number]] - TIE:
                moved.append(number)
                drafts.append(chosen)
        if not moved:
            break
        made = near.made(slots[active], np.array(drafts))
        active = active[moved]
        # The fast form of mutagenesis may differ by rounding, so the goal is judged by the model itself.
        after = problem.loss(made, active)
        better = after < loss[active]
        active, made, after = active[better], made[better], after[better]
        slots[active], loss[active] = made, after
        active = active[after > 0]
    return Found(slots, at_least)


def edits_after(problem: Problem, slots: np.ndarray, near: Neighbours, lanes: np.ndarray) -> np.ndarray:
    """Return how many edits each neighbour (C,) has; ``slots`` (m, 2L) are the drafts beside it, in ``lanes`` (m,)."""
    own = problem.own[lanes]
    before, at = problem.edits(slots, lanes)[near.owner], (near.owner, near.where)
    return before - (slots[at] != own[at]) + (near.letter != own[at])


def best_of_each(rank: np.ndarray, owner: np.ndarray, count: int) -> np.ndarray:
    """Return the first neighbour of the lowest rank for each of ``count`` owners, and −1 for one without any."""
    chosen = np.full(count, -1)
    bounds = np.searchsorted(owner, np.arange(count + 1))
    for number, (first, last) in enumerate(pairwise(bounds)):
        if last > first:
            own = rank[first:last]
            chosen[number] = first + int(np.argmax(own <= own.min() + TIE))
    return chosen
