"""AdaBeam and GrAdaBeam: a beam of drafts whose mutants are mutated on while they get better.

The algorithms are those of Shor, Strand & McLean (2025), "NucleoBench: A Large-Scale Benchmark of Neural Nucleic Acid
Design Algorithms", and of its sequel on GrAdaBeam. They end when the goal is reached, where the originals end by time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax

from genolift.methods.editing.best import Best
from genolift.methods.editing.problem import Found, Problem

# Rollouts of each draft of the beam in a round; rounds; rounds in a row that may bring nothing; mutations in a row;
# tries for a mutant within the constraints.
_ROLLOUTS, _ROUNDS, _PATIENCE, _LONGEST, _TRIES = 4, 100, 10, 40, 20
# Of GrAdaBeam: the share of uniform draws at first, the largest probability of one substitution by its slope, and the
# largest logit.
_UNIFORM, _CAP, _LOGIT = 0.05, 0.10, 3.0


@dataclass(frozen=True)
class _Node:
    """A draft of a beam.

    Parameters
    ----------
    lane
        Its lane.
    slots
        The draft, (2L,).
    fitness
        How good it is.
    chances
        Of GrAdaBeam, how likely each substitution is drawn, (L, 4); None for uniform draws.
    rate
        The expected number of mutations.
    uniform
        Of GrAdaBeam, the share of uniform draws.
    """

    lane: int
    slots: np.ndarray
    fitness: float = -np.inf
    chances: np.ndarray | None = None
    rate: float = 1.0
    uniform: float = _UNIFORM


def adabeam(problem: Problem, width: int) -> Found:
    """Return for each lane the best draft that AdaBeam comes across.

    Each round starts several rollouts from every draft of the beam. A rollout mutates the draft at random, and goes on
    with the mutant while that is no worse. The best of all mutants of a round are the next beam.

    Parameters
    ----------
    problem
        The problem.
    width
        The number of drafts that a beam keeps.
    """
    return _search(problem, width, by_slopes=False)


def gradabeam(problem: Problem, width: int) -> Found:
    """Return for each lane the best draft that GrAdaBeam comes across.

    This is AdaBeam with mutations that are drawn by their slopes at the draft a rollout starts from, mixed with uniform
    draws. How many are drawn, and how uniformly, a mutant inherits from how it was made itself.

    Parameters
    ----------
    problem
        The problem.
    width
        The number of drafts that a beam keeps.
    """
    return _search(problem, width, by_slopes=True)


def _search(problem: Problem, width: int, by_slopes: bool) -> Found:
    best = Best(problem)
    # Where nothing may be edited, a mutant would be no worse than its parent forever.
    lanes = [int(lane) for lane in best.open if not problem.constraints.fixed[lane].all()]
    if not lanes:
        return best.found()
    draws = {lane: problem.stream(lane) for lane in lanes}
    roots = [_Node(lane, problem.own[lane]) for lane in lanes]
    if by_slopes:
        roots = _with_chances(problem, roots)
    beam = _mutants(problem, [root for root in roots for _ in range(width)], draws, best)
    waited, least = np.zeros(problem.lanes, int), best.loss.copy()
    for _ in range(_ROUNDS):
        beam = [node for node in beam if best.loss[node.lane] > 0 and waited[node.lane] < _PATIENCE]
        if not beam:
            break
        if by_slopes:
            beam = _with_chances(problem, beam)
        parents, seen = beam * _ROLLOUTS, dict[tuple, _Node]()
        for _ in range(_LONGEST):
            children = _mutants(problem, parents, draws, best)
            seen |= {(child.lane, child.slots.tobytes()): child for child in children}
            parents = [
                child for child, parent in zip(children, parents, strict=True) if child.fitness >= parent.fitness
            ]
            parents = [parent for parent in parents if best.loss[parent.lane] > 0 and parent.fitness > -np.inf]
            if not parents:
                break
        beam = _best_of_each(list(seen.values()), width)
        waited, least = np.where(best.loss < least, 0, waited + 1), best.loss.copy()
    return best.found()


def _best_of_each(nodes: list[_Node], width: int) -> list[_Node]:
    """Return the ``width`` fittest nodes of each lane."""
    kept: dict[int, list[_Node]] = {}
    for node in sorted(nodes, key=lambda one: -one.fitness):
        mine = kept.setdefault(node.lane, [])
        if len(mine) < width and node.fitness > -np.inf:
            mine.append(node)
    return [node for lane in sorted(kept) for node in kept[lane]]


def _mutants(problem: Problem, nodes: list[_Node], draws: dict[int, np.random.Generator], best: Best) -> list[_Node]:
    """Return a mutant of each node, with its fitness; one that breaks the constraints is the worst there is."""
    if not nodes:
        return []
    made = [_mutated(problem, node, draws[node.lane]) for node in nodes]
    slots, lanes = np.stack([node.slots for node in made]), np.array([node.lane for node in made])
    values = problem.values(slots, lanes)
    best.offer(slots, values, lanes)
    fine = problem.constraints.fine(slots, lanes) & (problem.edits(slots, lanes) <= problem.most)
    fitness = np.where(fine, -problem.aims.rank(values, lanes), -np.inf)
    return [replace(node, fitness=float(one)) for node, one in zip(made, fitness, strict=True)]


def _mutated(problem: Problem, node: _Node, draw: np.random.Generator) -> _Node:
    """Return a node with some substitutions more, within the constraints if that succeeds in a few tries."""
    bases = node.slots[1::2]
    free = np.flatnonzero(~problem.constraints.fixed[node.lane])
    if not len(free):
        return node
    for _ in range(_TRIES):
        count = 0
        while not count:  # A mutant has at least one mutation.
            count = int(draw.binomial(len(free), min(1.0, node.rate / len(free))))
        slots, child = node.slots.copy(), node
        if node.chances is None:
            at = draw.choice(free, count, replace=False)
            slots[2 * at + 1] = (bases[at] + draw.integers(1, 4, count)) % 4
        else:
            flat = node.chances.ravel()
            count = min(count, int((flat > 0).sum()))
            chosen = draw.choice(len(flat), count, replace=False, p=flat)
            at, letter = np.divmod(chosen, 4)
            slots[2 * at + 1] = letter
            child = _child(node, chosen, count)
        if (
            problem.edits(slots[None], np.array([node.lane]))[0] <= problem.most
            and (problem.constraints.fine(slots[None], np.array([node.lane]))[0])
        ):
            break
    return replace(child, slots=slots)


def _child(node: _Node, chosen: np.ndarray, count: int) -> _Node:
    """Return what a mutant inherits: the chances that are left, and how many mutations were drawn how uniformly."""
    assert node.chances is not None
    chances = node.chances.copy()
    there = node.chances.ravel()[chosen]
    chances.reshape(-1)[chosen] = 0
    total = chances.sum()
    chances = chances / total if total > 0 else np.where(node.chances > 0, 1 / (node.chances > 0).sum(), 0)
    by_chance = node.uniform / (node.chances > 0).sum() / (there + 1e-10)
    return replace(
        node, chances=chances, rate=float(max(1, count)), uniform=float(np.clip(by_chance.mean(), 0.01, 0.99))
    )


def _with_chances(problem: Problem, nodes: list[_Node]) -> list[_Node]:
    """Return nodes with the chance of each substitution by its slope."""
    slots, lanes = np.stack([node.slots for node in nodes]), np.array([node.lane for node in nodes])
    values, slopes = problem.oracle.slopes(slots, problem.rows[lanes])
    downhill = -np.einsum("mk,mklb->mlb", problem.aims.slopes(values, lanes), slopes)
    there = []
    for node, gain in zip(nodes, downhill, strict=True):
        bases = node.slots[1::2].astype(int)
        free = ~problem.constraints.fixed[node.lane]
        may = free[:, None] & (bases[:, None] != np.arange(4))
        own = np.take_along_axis(gain, np.minimum(bases, 3)[:, None], 1)
        there.append(replace(node, chances=_chances((gain - own)[may], may, node.uniform)))
    return there


def _chances(gains: np.ndarray, may: np.ndarray, uniform: float) -> np.ndarray:
    """Return the chance (L, 4) of each substitution that may be drawn; ``gains`` (c,) are those of these."""
    chances = np.zeros(may.shape)
    if not len(gains):
        return chances
    spread = gains.std()
    if spread < 1e-9:
        chances[may] = 1 / len(gains)
        return chances
    scaled = gains / spread
    by_slope = np.minimum(softmax(scaled / max(1.0, scaled.max() / _LOGIT)), _CAP)
    mixed = (1 - uniform) * by_slope / by_slope.sum() + uniform / len(gains)
    chances[may] = mixed / mixed.sum()
    return chances
