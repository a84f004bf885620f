"""Beam search: the best few drafts of each number of edits, and all that are one edit away from them."""

from __future__ import annotations

import numpy as np

from genolift.methods.editing.greedy import TIE, edits_after
from genolift.methods.editing.problem import Found, Problem


def beam(problem: Problem, width: int) -> Found:
    """Return for each lane the best draft among those with the fewest edits that a beam finds.

    The drafts of a beam all have the same number of edits. Every draft that has one edit more is predicted, and the
    ``width`` best different ones are the next beam, also where they are worse than those before: two edits may do
    together what neither does alone. The search ends with the first beam in which the goal is reached.

    Parameters
    ----------
    problem
        The problem.
    width
        The number of drafts that a beam keeps.
    """
    every = np.arange(problem.lanes)
    best = problem.own.copy()
    loss = problem.loss(best, every)
    at_least = np.where(loss > 0, 1, 0)
    lanes, slots = every[loss > 0], best[loss > 0]
    for edits in range(1, problem.most + 1):
        if not len(lanes):
            break
        near = problem.neighbours(slots, lanes)
        rank = problem.aims.rank(near.values, lanes[near.owner])
        rank = np.where(edits_after(problem, slots, near, lanes) == edits, rank, np.inf)
        if edits == 1:
            at_least[lanes] = 2
            at_least[lanes[near.owner[rank <= 0]]] = 1
        kept_lanes, kept = [], []
        for lane in np.unique(lanes):
            mine = np.flatnonzero((lanes[near.owner] == lane) & np.isfinite(rank))
            drafts = _first_different(problem, slots, near, mine, rank, width)
            if not len(drafts):
                continue
            after = problem.aims.rank(problem.values(drafts, np.full(len(drafts), lane)), np.full(len(drafts), lane))
            chosen = int(np.argmax(after <= after.min() + TIE))
            if after[chosen] < loss[lane] - TIE:
                best[lane], loss[lane] = drafts[chosen], max(after[chosen], 0)
            if after[chosen] > 0:
                kept_lanes += [lane] * len(drafts)
                kept.append(drafts)
        lanes = np.array(kept_lanes, int)
        slots = np.concatenate(kept) if kept else slots[:0]
    return Found(best, at_least)


def _first_different(problem, slots, near, mine, rank, width: int) -> np.ndarray:
    """Return the ``width`` best of some neighbours as drafts, none of them twice."""
    # The same draft may be reached from up to ``edits`` others, so more are looked at than are kept.
    order = mine[np.argsort(rank[mine], kind="stable")]
    drafts: np.ndarray = slots[:0]
    start = 0
    while len(drafts) < width and start < len(order):
        more = near.made(slots, order[start : start + 4 * width])
        together = np.concatenate([drafts, more])
        _, first = np.unique(together, axis=0, return_index=True)
        drafts = together[np.sort(first)][:width]
        start += 4 * width
    return drafts
