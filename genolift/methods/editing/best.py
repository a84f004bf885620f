"""The best draft of each lane so far, for searches that come across many."""

from __future__ import annotations

import numpy as np

from genolift.methods.editing.problem import Found, Problem


class Best:
    """The best drafts so far: those that reach the goal with the fewest edits, and before that those that lack least.

    Parameters
    ----------
    problem
        The problem. Its own sequences are the first drafts.
    """

    def __init__(self, problem: Problem):
        self.problem = problem
        self.slots = problem.own.copy()
        every = np.arange(problem.lanes)
        self.loss = problem.loss(self.slots, every)
        self.at_least = np.where(self.loss > 0, 1, 0)
        self._edits = np.zeros(problem.lanes, int)

    @property
    def open(self) -> np.ndarray:
        """The lanes whose goal is not reached yet."""
        return np.flatnonzero(self.loss > 0)

    def offer(self, slots: np.ndarray, values: np.ndarray, lanes: np.ndarray) -> None:
        """Take drafts that are better than those so far and within the constraints.

        Parameters
        ----------
        slots
            The drafts, (m, 2L).
        values
            Their predictions, (m, K).
        lanes
            Their lanes, (m,).
        """
        loss, edits = self.problem.aims.loss(values, lanes), self.problem.edits(slots, lanes)
        better = (loss < self.loss[lanes]) | ((loss == 0) & (self.loss[lanes] == 0) & (edits < self._edits[lanes]))
        which = np.flatnonzero(better & (edits <= self.problem.most))
        which = which[self.problem.constraints.fine(slots[which], lanes[which])]
        for i in which[np.lexsort((edits[which], loss[which]))]:
            lane = lanes[i]
            if loss[i] < self.loss[lane] or (loss[i] == self.loss[lane] == 0 and edits[i] < self._edits[lane]):
                self.slots[lane], self.loss[lane], self._edits[lane] = slots[i], loss[i], edits[i]

    def found(self) -> Found:
        """Return what was found."""
        return Found(self.slots, self.at_least)
