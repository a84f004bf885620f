"""Searches that follow slopes of a relaxed sequence: Ledidi and Fast SeqProp.

Both draw sequences from logits, predict what was drawn, and carry the slope back to the logits as if the draw were the
distribution that it was drawn from (a straight-through estimator).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.special import softmax

from genolift.methods.editing.best import Best
from genolift.methods.editing.problem import Found, Problem
from genolift.sequence.alphabet import UNKNOWN

# Ledidi: draws at a time, iterations, iterations without a better one, learning rate, what is added to x before its
# logarithm, temperature, the weight of an edit, by what it is divided where the goal is not reached, and how often.
_DRAWS, _ITERATIONS, _PATIENCE, _RATE, _EPS, _TAU, _EDIT, _LESS, _AGAIN = 16, 1000, 100, 1.0, 1e-4, 1.0, 0.1, 4.0, 3
# Fast SeqProp: draws at a time, iterations and learning rate.
_SAMPLES, _STEPS, _SLOW = 10, 500, 0.01


@dataclass
class Adam:
    """Adam (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019), for each lane by itself.

    Parameters
    ----------
    rate
        The learning rate.
    decay
        The weight decay.
    """

    rate: float
    decay: float = 0.0
    steps: int = 0
    first: dict = field(default_factory=dict)
    second: dict = field(default_factory=dict)

    def step(self, parameters: dict[str, np.ndarray], slopes: dict[str, np.ndarray]) -> None:
        """Change parameters in place, against their slopes."""
        self.steps += 1
        for name, slope in slopes.items():
            self.first[name] = 0.9 * self.first.get(name, 0) + 0.1 * slope
            self.second[name] = 0.999 * self.second.get(name, 0) + 0.001 * slope**2
            mean, square = self.first[name] / (1 - 0.9**self.steps), self.second[name] / (1 - 0.999**self.steps)
            parameters[name] *= 1 - self.rate * self.decay
            parameters[name] -= self.rate * mean / (np.sqrt(square) + 1e-8)


def ledidi(problem: Problem, width: int) -> Found:
    """Return for each lane the best draft that Ledidi draws (Schreiber, Lorbeer, Heinzl, Reiter, Lu et al. 2025).

    Weights W, 0 at first, are added to log(x + ε). Sequences are drawn from the sum by a hard Gumbel-softmax. What is
    minimised is the squared distance from the goal, in units of what it was at first, and the weight λ = 0.1 for each
    edit. Where that ends without reaching the goal, it is tried again with a smaller λ. Of all sequences that were
    drawn, the one that reaches the goal with the fewest edits is taken.

    Parameters
    ----------
    problem
        The problem.
    width
        Not used.
    """
    best, weight = Best(problem), _EDIT
    draws = {int(lane): problem.stream(int(lane)) for lane in best.open}
    for _ in range(_AGAIN):
        lanes = best.open
        if not len(lanes):
            break
        _ledidi(problem, best, lanes, draws, weight)
        weight /= _LESS
    return best.found()


def _ledidi(problem: Problem, best: Best, lanes: np.ndarray, draws: dict, weight: float) -> None:
    """Optimise the logits of some lanes, with a weight for each edit."""
    relaxed = _Relaxed(problem, lanes, draws)
    logits = np.log(relaxed.x + _EPS)
    parameters = {"W": np.zeros_like(logits)}
    adam, least, waited = Adam(_RATE, 0.01), np.full(len(lanes), np.inf), np.zeros(len(lanes), int)
    for _ in range(_ITERATIONS):
        noisy = logits + parameters["W"]
        sampled, soft = relaxed.draw(noisy, _DRAWS, _TAU)
        values, slopes = relaxed.slopes(sampled, best, _DRAWS)
        owner = np.repeat(lanes, _DRAWS)
        short, astray = problem.aims.missing(values, owner)
        towards = 2 * (short + astray)[:, None] * problem.aims.slopes(values, owner)
        slope = np.einsum("mk,mklb->mlb", towards, slopes).reshape(sampled.shape)
        slope += weight * np.sign(sampled - relaxed.x[:, None]) / 2
        towards_weights = through_softmax(soft, slope).mean(1) / _TAU
        edits = (sampled != relaxed.x[:, None]).any(-1).sum(-1).mean(1)
        total = ((short + astray) ** 2).reshape(-1, _DRAWS).mean(1) + weight * edits
        waited = np.where(total < least, 0, waited + 1)
        least = np.minimum(total, least)
        if (waited >= _PATIENCE).all():
            break
        adam.step(parameters, {"W": np.where(relaxed.free[..., None], towards_weights, 0)})


def seqprop(problem: Problem, width: int) -> Found:
    """Return for each lane the best draft that Fast SeqProp draws (Linder & Seelig 2021, equations 5 to 8).

    The logits of each base are normalised over positions, with a scale and an offset that are learned, before sequences
    are drawn from them. They begin at the sequence itself, where the paper begins at random. Nothing in what is
    minimised counts edits, so that superfluous ones are left for pruning.

    Parameters
    ----------
    problem
        The problem.
    width
        Not used.
    """
    best = Best(problem)
    lanes = best.open
    if not len(lanes):
        return best.found()
    # There is no limit to edits while drafts are drawn, because most of them are undone afterwards.
    relaxed = _Relaxed(problem, lanes, {int(lane): problem.stream(int(lane)) for lane in lanes})
    parameters = {"l": relaxed.x.copy(), "scale": np.ones((len(lanes), 1, 4)), "offset": np.zeros((len(lanes), 1, 4))}
    adam, owner = Adam(_SLOW), np.repeat(lanes, _SAMPLES)
    for _ in range(_STEPS):
        normal, deviation = normalised(parameters["l"])
        sampled, _ = relaxed.draw(normal * parameters["scale"] + parameters["offset"], _SAMPLES, 1.0)
        values, slopes = relaxed.slopes(sampled, best, _SAMPLES)
        if not len(best.open):
            break
        slope = np.einsum("mk,mklb->mlb", problem.aims.slopes(values, owner), slopes).reshape(sampled.shape).mean(1)
        soft = softmax(normal * parameters["scale"] + parameters["offset"], -1)
        slope = np.where(relaxed.free[..., None], through_softmax(soft, slope), 0)
        adam.step(
            parameters,
            {
                "l": through_normalisation(slope * parameters["scale"], normal, deviation),
                "scale": (slope * normal).sum(1, keepdims=True),
                "offset": slope.sum(1, keepdims=True),
            },
        )
    return best.found()


def through_softmax(soft: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Return slopes (..., 4) with respect to logits, from those with respect to their softmax ``soft`` (..., 4)."""
    return soft * (slope - (slope * soft).sum(-1, keepdims=True))


def normalised(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return logits (m, L, 4) with mean 0 and variance 1 over positions for each base, and the deviation (m, 1, 4)."""
    deviation = np.sqrt(logits.var(1, keepdims=True) + 1e-5)
    return (logits - logits.mean(1, keepdims=True)) / deviation, deviation


def through_normalisation(slope: np.ndarray, normal: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Return slopes (m, L, 4) with respect to logits, from those with respect to what :func:`normalised` returns."""
    return (slope - slope.mean(1, keepdims=True) - normal * (slope * normal).mean(1, keepdims=True)) / deviation


class _Relaxed:
    """Sequences that are drawn from logits, for some lanes.

    Parameters
    ----------
    problem
        The problem.
    lanes
        The lanes, (m,).
    draws
        The random stream of each lane.
    """

    def __init__(self, problem: Problem, lanes: np.ndarray, draws: dict[int, np.random.Generator]):
        self.problem, self.lanes, self.streams = problem, lanes, [draws[int(lane)] for lane in lanes]
        bases = problem.own[lanes][:, 1::2]
        self.x = np.concatenate([np.eye(4), np.zeros((1, 4))])[bases.astype(int)]  # (m, L, 4)
        self.known = bases != UNKNOWN
        self.free = ~problem.constraints.fixed[lanes]

    def draw(self, logits: np.ndarray, count: int, tau: float) -> tuple[np.ndarray, np.ndarray]:
        """Return sequences (m, count, L, 4) drawn by a Gumbel-softmax, one-hot and soft; fixed positions stay."""
        noise = np.stack([stream.gumbel(size=(count, *logits.shape[1:])) for stream in self.streams])
        soft = softmax((logits[:, None] + noise) / tau, -1)
        hard = np.eye(4)[soft.argmax(-1)]
        return np.where(self.free[:, None, :, None], hard, self.x[:, None]), soft

    def slopes(self, sampled: np.ndarray, best: Best, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return predictions (m · count, K) of sequences and their slopes, and offer them to the best so far."""
        owner = np.repeat(self.lanes, count)
        slots = self.problem.own[owner].copy()
        codes = sampled.reshape(-1, *sampled.shape[2:]).argmax(-1)
        slots[:, 1::2] = np.where(np.repeat(self.known, count, 0), codes, UNKNOWN)
        values, slopes = self.problem.oracle.slopes(slots, self.problem.rows[owner])
        best.offer(slots, values, owner)
        return values, slopes
