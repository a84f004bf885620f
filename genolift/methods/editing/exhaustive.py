"""Exhaustive search: every single edit, then every pair, so that the smallest number of edits is known."""

from __future__ import annotations

import numpy as np

from genolift.methods.editing.greedy import best_of_each, edits_after, greedy
from genolift.methods.editing.problem import Found, Problem

# So many drafts of one edit are tried with every second edit at a time.
_AT_ONCE = 32


def exhaustive(problem: Problem) -> Found:
    """Return for each lane a draft with the fewest edits, where one or two are enough.

    Where not even two edits are enough, greedy search goes on from the best pair, and ``at_least`` says that two are
    too few. A pair is tried also where one of its edits alone would break the constraints.

    Parameters
    ----------
    problem
        The problem.
    """
    every = np.arange(problem.lanes)
    slots = problem.own.copy()
    loss = problem.loss(slots, every)
    at_least = np.where(loss > 0, 1, 0)
    active = np.flatnonzero(loss > 0)
    if len(active):
        near = problem.neighbours(slots[active], active)
        rank = problem.aims.rank(near.values, active[near.owner])
        for number, chosen in enumerate(best_of_each(rank, near.owner, len(active))):
            lane = active[number]
            if chosen >= 0:
                made = near.made(slots[active], np.array([chosen]))
                after = problem.loss(made, np.array([lane]))[0]
                if after < loss[lane]:
                    slots[lane], loss[lane] = made[0], after
    for lane in active[loss[active] > 0]:
        at_least[lane] = 2
        if problem.most > 1:
            draft, after = _best_pair(problem, int(lane))
            if after < loss[lane]:
                slots[lane], loss[lane] = draft, after
            at_least[lane] = 2 if after == 0 else 3
    left = np.flatnonzero((loss > 0) & (at_least == 3))
    if len(left) and problem.most > 2:
        further = greedy(problem, slots)
        slots[left] = further.slots[left]
    return Found(slots, at_least)


def _best_pair(problem: Problem, lane: int) -> tuple[np.ndarray, float]:
    """Return the draft of two edits that lacks least, and what it lacks; the first that lacks nothing ends the search.

    Drafts of one edit have their turn in the order of what they lack, each with all edits whose turn is later. So every
    pair is tried once.
    """
    free = problem.free()
    own, best, least = problem.own[[lane]], problem.own[lane], np.inf
    single = free.neighbours(own, np.array([lane]))
    order = np.argsort(problem.aims.rank(single.values, np.full(len(single.owner), lane)), kind="stable")
    ones, slots = single.made(own, order), single.where[order]
    turn_of = np.full((own.shape[1], 4), -1)
    substitutions = np.flatnonzero(single.letter[order] >= 0)
    turn_of[slots[substitutions], single.letter[order][substitutions]] = substitutions
    for start in range(0, len(ones), _AT_ONCE):
        turns = np.arange(start, min(start + _AT_ONCE, len(ones)))

        def later(allowed: np.ndarray, slot_of: np.ndarray, which: np.ndarray, turns: np.ndarray = turns) -> np.ndarray:
            now = turns[which]
            return (turn_of[slot_of] > now[:, None, None]) & (slot_of != slots[now][:, None])[..., None]

        some, lanes = ones[turns], np.full(len(turns), lane)
        near = free.neighbours(some, lanes, later)
        rank = problem.aims.rank(near.values, np.full(len(near.owner), lane))
        rank = np.where(edits_after(problem, some, near, lanes) == 2, rank, np.inf)
        for candidate in np.argsort(rank, kind="stable"):
            if rank[candidate] >= least:
                break
            made = near.made(some, np.array([candidate]))
            if problem.constraints.fine(made, np.array([lane]))[0]:
                after = float(problem.loss(made, np.array([lane]))[0])
                if after < least:
                    best, least = made[0], after
                break
        if least == 0:
            break
    return best, least
