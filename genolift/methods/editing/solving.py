"""The search for designs of some sequences: goals, the search itself, pruning, verification, and what edits count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logit

from genolift.engine.walk.points import Points
from genolift.methods.common.predicting import Copies, streams
from genolift.methods.editing.constraints import Constraints, Pattern
from genolift.methods.editing.goals import Aims, Goal, Held
from genolift.methods.editing.problem import Oracle, Problem
from genolift.methods.editing.pruning import pruned
from genolift.methods.editing.searches import SEARCHES
from genolift.methods.perturbation.substituting import Substituting
from genolift.sequence.edits import spelled
from genolift.sequence.shuffle import shuffle
from genolift.support.errors import InputError

# So many shuffles say what a sequence is without its order.
_SHUFFLES = 10
# A prediction may miss the goal by this share of its size, which is rounding in float32.
_ROUNDING = 1e-6
# The nearest to 0 and 1 that a goal for a sigmoid may be.
_NEAREST = 1e-9


@dataclass(frozen=True)
class Asked:
    """What is asked for, as the options of :class:`genolift.methods.editing.minimal_change.MinimalChange` say it."""

    goal: Goal
    held: list[Held]
    algorithm: str
    width: int
    most: int
    solutions: int
    patterns: list[Pattern]
    gc: tuple[float, float] | None
    existing: str
    indels: bool
    moves: str
    fill: str
    seed: int


@dataclass(frozen=True)
class Solver:
    """The search for designs.

    Parameters
    ----------
    asked
        What is asked for.
    targets
        The number of explained targets.
    shown, steering
        The targets, explained and then held, as results show them, and on the scale by which the search is steered.
    linked
        For which of the explained targets that scale is of logits, (T,).
    substituting
        Mutagenesis on that scale.
    """

    asked: Asked
    targets: int
    shown: Points
    steering: Points
    linked: np.ndarray
    substituting: Substituting

    def __call__(
        self, xs: list[np.ndarray], place: int, codes: np.ndarray, fixed: np.ndarray, size: int, tick: Callable
    ) -> dict[str, Any]:
        """Return the fields (n, T, ...) of some sequences, see :class:`genolift.results.kinds.DesignExplanation`.

        Parameters
        ----------
        xs
            The sequences (n, ...), an array for each input.
        place
            The number of the input that is edited.
        codes
            Its bases, (n, L).
        fixed
            The positions that stay, (n, L).
        size
            How many drafts are predicted at a time.
        tick
            A function that is called with the number of predictions that are done.
        """
        asked, n, targets, length = self.asked, len(codes), self.targets, codes.shape[1]
        fill = np.full(4, 0.25 if asked.fill == "uniform" else 0)
        oracle = Oracle(Copies(self.steering, xs, size, tick), self.substituting, xs, place, asked.moves, fill)
        shown = Oracle(Copies(self.shown, xs, size, tick), self.substituting, xs, place, asked.moves, fill)
        at_x = shown.copies.predictions().astype(np.float64)
        rows, columns = np.repeat(np.arange(n), targets), np.tile(np.arange(targets), n)
        goals = self._goals(shown, at_x[:, :targets], place)[rows, columns]
        start = oracle.copies.predictions().astype(np.float64)
        rules = Constraints(codes[rows], [], asked.patterns, asked.gc, fixed[rows], "keep", asked.moves)
        random = streams(asked.seed, asked.algorithm, xs)
        draws = [random[row].spawn(targets) for row in range(n)]
        problem = Problem(
            oracle,
            self._aims(start[rows], at_x[rows], goals, columns),
            rules,
            rows,
            asked.most,
            asked.indels,
            lambda lane: draws[rows[lane]][columns[lane]],
        )
        reported = self._aims(at_x[rows], at_x[rows], goals, columns, linked=False)
        every, drafts = np.arange(len(rows)), []
        for k in range(asked.solutions):
            found = SEARCHES[asked.algorithm](problem, asked.width)
            slots = pruned(problem, found.slots)
            drafts.append(slots)
            if k == 0:
                at_least = found.at_least
            edited = (slots != problem.own).reshape(len(rows), length, 2).any(-1)
            problem = problem.without(edited)
        values = np.stack([shown.values(slots, rows) for slots in drafts], 1)  # (lanes, S, K)
        lacking = np.stack([_lack(reported, values[:, k], every) for k in range(asked.solutions)], 1)
        spelling = [spelled(slots, asked.moves)[0] for slots in drafts]
        per_lane = {
            "bases": np.stack([slots[:, 1::2] for slots in drafts], 1),
            "inserted": np.stack([slots[:, ::2] for slots in drafts], 1),
            "designs": np.stack(spelling, 1),
            "scores": self._counts(shown, problem.own, drafts[0], rows, columns, values[:, 0]),
        }
        by_lane = {
            "edit_count": np.stack([problem.edits(slots, every) for slots in drafts], 1).astype(np.int32),
            "design_predictions": values[every[:, None], np.arange(asked.solutions), columns[:, None]],
            "reached": (lacking == 0).astype(np.int8),
            "goal": goals,
            "at_least": at_least.astype(np.int32),
            "predictions": at_x[rows, columns],
            **({"held_predictions": values[:, 0, targets:], "held_at_x": at_x[rows, targets:]} if asked.held else {}),
        }

        def shaped(array: np.ndarray) -> np.ndarray:
            array = array.astype(np.float32) if array.dtype == np.float64 else array
            return array.reshape(n, targets, *array.shape[1:])

        return {key: [shaped(array)] for key, array in per_lane.items()} | {
            key: shaped(array) for key, array in by_lane.items()
        }

    def _goals(self, shown: Oracle, at_x: np.ndarray, place: int) -> np.ndarray:
        """Return the values (n, T) that predictions (n, T) must reach."""
        asked = self.asked
        if asked.goal.value is not None:
            return asked.goal.thresholds(at_x, None)
        x = shown.xs[place]
        shuffles = shuffle(x, _SHUFFLES, 2, asked.seed)

        def make(which: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
            rows, number = np.divmod(which, _SHUFFLES)
            arrays = [array[rows] for array in shown.xs]
            arrays[place] = shuffles[rows, number]
            return rows, arrays

        values = shown.copies.values(len(x) * _SHUFFLES, make)[:, : at_x.shape[1]].astype(np.float64)
        return asked.goal.thresholds(at_x, values.reshape(len(x), _SHUFFLES, -1).mean(1))

    def _aims(
        self, start: np.ndarray, at_x: np.ndarray, goals: np.ndarray, columns: np.ndarray, linked: bool = True
    ) -> Aims:
        """Return the goals of lanes, on the scale by which the search is steered.

        Parameters
        ----------
        start, at_x
            The predictions (M, K) at the sequence itself, on the scale of the search and as they are shown.
        goals
            The value that each target must reach, as it is shown, (M,).
        columns
            The target of each lane, (M,).
        linked
            Whether the scale of the search is that of logits where there are any.
        """
        asked, every, targets = self.asked, np.arange(len(goals)), self.targets
        thresholds = goals.copy()
        if linked and self.linked.any():
            which = self.linked[columns]
            outside = which & ((goals <= 0) | (goals >= 1))
            if outside.any() and asked.goal.value is not None:
                raise InputError(
                    f"the goal {goals[outside][0]:g} is out of reach, because the output is a sigmoid, between 0 and 1"
                )
            thresholds[which] = logit(np.clip(goals[which], _NEAREST, 1 - _NEAREST))
        own = start[every, columns]
        return Aims(
            columns,
            thresholds,
            asked.goal.directions(own, thresholds),
            own,
            asked.goal.within,
            asked.goal.to is not None,
            at_x[:, targets:],
            np.array([one.tolerance for one in asked.held]),
        )

    def _counts(
        self,
        shown: Oracle,
        own: np.ndarray,
        slots: np.ndarray,
        rows: np.ndarray,
        columns: np.ndarray,
        values: np.ndarray,
    ) -> np.ndarray:
        """Return what each edit counts at its position, (M, L): the prediction without it less the one with all."""
        lane, where = np.nonzero(slots != own)
        without = slots[lane]
        without[np.arange(len(lane)), where] = own[lane, where]
        scores = np.zeros((len(rows), own.shape[1] // 2))
        if len(lane):
            change = (
                shown.values(without, rows[lane])[np.arange(len(lane)), columns[lane]] - values[lane, columns[lane]]
            )
            np.add.at(scores, (lane, where // 2), change)
        return scores


def _lack(aims: Aims, values: np.ndarray, lanes: np.ndarray) -> np.ndarray:
    """Return what predictions lack, (M,), of which so little is nothing that it may be rounding in float32."""
    short, astray = aims.missing(values, lanes)
    own = np.abs(values[lanes, aims.column])
    short = np.where(short * np.abs(aims.threshold - aims.start) <= _ROUNDING * np.maximum(own, 1e-30), 0, short)
    return short + np.where(astray <= _ROUNDING, 0, astray)
