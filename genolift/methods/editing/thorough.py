"""The default search: greedy, then beams, then fewer edits by undoing some and searching on."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from genolift.methods.editing.adabeam import gradabeam
from genolift.methods.editing.beam import beam
from genolift.methods.editing.greedy import edits_after, greedy
from genolift.methods.editing.problem import Found, Problem
from genolift.methods.editing.pruning import pruned
from genolift.sequence.edits import spelled

# With more edits than these, another search is tried.
_MANY = 7
# So many pairs of edits are undone, so many random parts of the edits are kept, and so many rounds in a row may fail.
_PAIRS, _PARTS, _FAILED = 24, 8, 2
# So many positions, those of the best slopes, are tried for each draft while edits are saved.
_SCREENED = 12
# The beam that predicts those alone keeps so many times as many drafts.
_WIDER = 4


def thorough(problem: Problem, width: int) -> Found:
    """Return for each lane a draft with few edits.

    Greedy search comes first. Then a beam four times as wide looks for fewer edits. It predicts the substitutions that
    the slopes of its drafts promise most of. Where neither reaches the goal, plain beam search is tried, and where more
    than seven edits are needed, GrAdaBeam. With insertions and deletions, neither the wide beam nor GrAdaBeam is tried.

    Where the goal was hard in this way, or there are insertions and deletions, edits are then saved in rounds. A round
    undoes pairs of edits and looks for one that does the work of both. Where there is none, it keeps random parts of
    the edits, and goes on greedily from each. In rounds the substitutions to predict are chosen by their slopes, too.
    The search ends where the number of edits is known to be the smallest, or after two rounds in vain. Elsewhere rounds
    save nothing that the wide beam does not, as benchmarks/design.py measured.

    Parameters
    ----------
    problem
        The problem.
    width
        The number of drafts that a beam keeps.
    """
    found, every = greedy(problem), np.arange(problem.lanes)
    loss = problem.loss(found.slots, every)
    slots = pruned(problem, found.slots)
    hard = (loss > 0) | problem.indels

    def attempt(search: Callable, wanted: np.ndarray) -> None:
        """Take what a search finds in the lanes (M,) where it is wanted and better than what is there."""
        lanes = np.flatnonzero(wanted)
        if len(lanes):
            some = problem.only(lanes)
            other = pruned(some, search(some, lanes).slots)
            after = problem.loss(other, lanes)
            fewer = problem.edits(other, lanes) < problem.edits(slots[lanes], lanes)
            better = (after < loss[lanes]) | ((after == loss[lanes]) & fewer)
            slots[lanes[better]], loss[lanes[better]] = other[better], after[better]

    if not problem.indels:
        edits = problem.edits(slots, every)
        most = np.where(loss > 0, problem.most, edits - 1)
        attempt(
            lambda some, lanes: beam(some, _WIDER * width, screened, most[lanes]),
            (loss > 0) | (edits > np.maximum(found.at_least, 1)),
        )
    attempt(lambda some, lanes: beam(some, width), loss > 0)
    hard |= problem.edits(slots, every) > _MANY
    if not problem.indels:
        attempt(lambda some, lanes: gradabeam(some, width), (loss > 0) | (problem.edits(slots, every) > _MANY))
    failed = np.zeros(problem.lanes, int)
    draws = [problem.stream(int(lane)) for lane in every]
    while True:
        edits = problem.edits(slots, every)
        lanes = np.flatnonzero(hard & (loss == 0) & (edits > np.maximum(found.at_least, 1)) & (failed < _FAILED))
        if not len(lanes):
            return Found(slots, found.at_least)
        for save in (_by_pairs, _by_parts):
            offered, owner = save(problem, slots, lanes, draws)
            for draft, lane in zip(offered, owner, strict=True):
                if problem.edits(draft[None], np.array([lane]))[0] < problem.edits(slots[[lane]], np.array([lane]))[0]:
                    slots[lane] = draft
            lanes = lanes[problem.edits(slots[lanes], lanes) == edits[lanes]]
            if not len(lanes):
                break
        failed[lanes] += 1


def screened(problem: Problem, slots: np.ndarray, lanes: np.ndarray) -> Callable:
    """Return what asks for the substitutions of drafts (m, 2L) whose slopes promise most."""

    def asked(allowed: np.ndarray, slot_of: np.ndarray, which: np.ndarray) -> np.ndarray:
        # Slopes are taken for these drafts only, because those of many drafts of long sequences fill the memory.
        values, slopes = problem.oracle.slopes(slots[which], problem.rows[lanes[which]])
        downhill = -np.einsum("mk,mklb->mlb", problem.aims.slopes(values, lanes[which]), slopes)
        codes, _ = spelled(slots[which], problem.oracle.moves)
        own = np.take_along_axis(downhill, np.minimum(codes, 3)[..., None].astype(int), 2)
        best = np.where(allowed, downhill - own, -np.inf).max(-1)
        kept = min(_SCREENED, best.shape[1])
        promising = best >= np.partition(best, -kept, 1)[:, -kept, None]
        return allowed & promising[..., None]

    return asked


def _by_pairs(
    problem: Problem, slots: np.ndarray, lanes: np.ndarray, draws: list[np.random.Generator]
) -> tuple[np.ndarray, np.ndarray]:
    """Return drafts in which one edit does the work of two, and their lanes."""
    undone, owner = [], []
    for lane in lanes:
        edited = np.flatnonzero(slots[lane] != problem.own[lane])
        pairs = np.array(list(combinations(edited, 2)))
        chosen = draws[lane].permutation(len(pairs))[:_PAIRS]
        for pair in pairs[np.sort(chosen)]:
            draft = slots[lane].copy()
            draft[pair] = problem.own[lane, pair]
            undone.append(draft)
            owner.append(lane)
    drafts, of = np.stack(undone), np.array(owner)
    near = problem.neighbours(drafts, of, screened(problem, drafts, of))
    rank = problem.aims.rank(near.values, of[near.owner])
    rank = np.where(
        edits_after(problem, drafts, near, of) < problem.edits(slots, np.arange(len(slots)))[of[near.owner]], rank, 1
    )
    good = np.flatnonzero(rank <= 0)
    good = good[np.argsort(rank[good], kind="stable")]
    _, first = np.unique(of[near.owner[good]], return_index=True)
    return _reached(problem, near.made(drafts, good[first]), of[near.owner[good[first]]])


def _by_parts(
    problem: Problem, slots: np.ndarray, lanes: np.ndarray, draws: list[np.random.Generator]
) -> tuple[np.ndarray, np.ndarray]:
    """Return drafts to which greedy search leads from random parts of the edits, and their lanes."""
    owner = np.repeat(lanes, _PARTS)
    drafts = slots[owner]
    for number, lane in enumerate(owner):
        edited = np.flatnonzero(slots[lane] != problem.own[lane])
        kept = int(draws[lane].integers(0, len(edited) - 1))
        away = draws[lane].permutation(edited)[kept:]
        drafts[number, away] = problem.own[lane, away]
    part = problem.only(owner, int(problem.edits(slots[lanes], lanes).max()) - 1)
    made = greedy(part, drafts, screened).slots
    which = np.flatnonzero(part.loss(made, np.arange(len(made))) == 0)
    if not len(which):
        return made[:0], owner[:0]
    return _reached(problem, pruned(part.only(which), made[which]), owner[which])


def _reached(problem: Problem, drafts: np.ndarray, lanes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return those of some drafts that reach the goal within the constraints, and their lanes."""
    if not len(drafts):
        return drafts, lanes
    good = problem.constraints.fine(drafts, lanes)
    good[good] = problem.loss(drafts[good], lanes[good]) == 0
    return drafts[good], lanes[good]
