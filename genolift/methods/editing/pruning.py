"""Pruning: edits that the goal is reached without are undone."""

from __future__ import annotations

import numpy as np

from genolift.methods.editing.greedy import TIE
from genolift.methods.editing.problem import Problem


def pruned(problem: Problem, slots: np.ndarray) -> np.ndarray:
    """Return the drafts (M, 2L) of all lanes without superfluous edits.

    An edit is superfluous if the draft without it is within the constraints and lacks no more than the draft with it.
    They are undone one by one, each time the one whose loss costs least, until each edit that is left is needed.

    Parameters
    ----------
    problem
        The problem.
    slots
        The drafts, one for each lane.
    """
    slots, every = slots.copy(), np.arange(problem.lanes)
    loss = problem.loss(slots, every)
    active = every
    while len(active):
        owner, where = np.nonzero(slots[active] != problem.own[active])
        lanes = active[owner]
        drafts = slots[lanes]
        drafts[np.arange(len(lanes)), where] = problem.own[lanes, where]
        if not len(drafts):
            break
        fine = problem.constraints.fine(drafts, lanes)
        values = problem.values(drafts, lanes)
        rank, after = problem.aims.rank(values, lanes), problem.aims.loss(values, lanes)
        rank = np.where(fine & (after <= loss[lanes]), rank, np.inf)
        again = []
        for lane in active:
            mine = np.flatnonzero(lanes == lane)
            if len(mine) and np.isfinite(rank[mine].min()):
                chosen = mine[np.argmax(rank[mine] <= rank[mine].min() + TIE)]
                slots[lane], loss[lane] = drafts[chosen], after[chosen]
                again.append(lane)
        active = np.array(again, int)
    return slots
