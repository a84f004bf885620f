"""Beam search: the best few drafts of each number of edits, and all that are one edit away from them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from genolift.methods.editing.greedy import TIE, edits_after
from genolift.methods.editing.problem import Found, Neighbours, Problem


def beam(problem: Problem, width: int, screen: Callable | None = None, most: np.ndarray | None = None) -> Found:
    """Return for each lane the best draft among those with the fewest edits that a beam finds.

    The drafts of a beam all have the same number of edits. Every draft that has one edit more is predicted, and the
    ``width`` best different ones are the next beam, also where they are worse than those before: two edits may do
    together what neither does alone. Of drafts that edit the same positions, only the best is kept while there are
    others, because the rest seldom leads anywhere else. The search ends with the first beam in which the goal is
    reached.

    Parameters
    ----------
    problem
        The problem.
    width
        The number of drafts that a beam keeps.
    screen
        What asks for some of the substitutions of a draft that is edited already, see
        :func:`genolift.methods.editing.greedy.greedy`. By default all are predicted.
    most
        The largest number of edits of each lane, (M,). By default that of the problem.
    """
    every = np.arange(problem.lanes)
    best = problem.own.copy()
    loss = problem.loss(best, every)
    at_least = np.where(loss > 0, 1, 0)
    lanes, slots = every[loss > 0], best[loss > 0]
    for edits in range(1, problem.most + 1):
        if most is not None:
            slots, lanes = slots[most[lanes] >= edits], lanes[most[lanes] >= edits]
        if not len(lanes):
            break
        # Of the sequence itself every single edit is tried, which ``at_least`` tells.
        asked = None if screen is None or edits == 1 else screen(problem, slots, lanes)
        near = problem.neighbours(slots, lanes, asked)
        rank = problem.aims.rank(near.values, lanes[near.owner])
        rank = np.where(edits_after(problem, slots, near, lanes) == edits, rank, np.inf)
        if edits == 1:
            at_least[lanes] = 2
            at_least[lanes[near.owner[rank <= 0]]] = 1
        kept = {}
        for lane in np.unique(lanes):
            mine = np.flatnonzero((lanes[near.owner] == lane) & np.isfinite(rank))
            order = mine[np.argsort(rank[mine], kind="stable")]
            drafts = _first_different(problem.own[lane], slots, near, order, width)
            if len(drafts):
                kept[lane] = drafts
        if not kept:
            break
        slots, lanes = np.concatenate(list(kept.values())), np.repeat(list(kept), [len(one) for one in kept.values()])
        after = problem.aims.rank(problem.values(slots, lanes), lanes)
        going_on = np.ones(len(lanes), bool)
        for lane in kept:
            mine = np.flatnonzero(lanes == lane)
            chosen = mine[np.argmax(after[mine] <= after[mine].min() + TIE)]
            if after[chosen] < loss[lane] - TIE:
                best[lane], loss[lane] = slots[chosen], max(after[chosen], 0)
            going_on[mine] = after[chosen] > 0
        slots, lanes = slots[going_on], lanes[going_on]
    return Found(best, at_least)


def _first_different(own: np.ndarray, slots: np.ndarray, near: Neighbours, order: np.ndarray, width: int) -> np.ndarray:
    """Return the first ``width`` neighbours in an order as drafts, none of them twice.

    Those that edit the same positions of ``own`` (2L,) as one before them come after all others.
    """
    first: list[np.ndarray] = []
    later: list[np.ndarray] = []
    seen: set[bytes] = set()
    for start in range(0, len(order), 4 * width):
        for draft in near.made(slots, order[start : start + 4 * width]):
            # The same draft may be reached from as many others as it has edits.
            if draft.tobytes() in seen:
                continue
            positions = (draft != own).tobytes()
            (later if positions in seen else first).append(draft)
            seen |= {draft.tobytes(), positions}
            if len(first) == width:
                return np.stack(first)
        del later[width:]
    return np.array((first + later)[:width], slots.dtype).reshape(-1, slots.shape[1])
