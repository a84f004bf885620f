"""Influence by the Gauss-Newton matrix of all weights, inverted by conjugate gradients."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from genolift.influence.data import Block
from genolift.influence.method import OfAllWeights, Queries, Setting, check_damping
from genolift.influence.steps import Arrays
from genolift.support.errors import GenoliftWarning, InputError
from genolift.support.seeds import stream

# Most eigenvalues are near zero, and their mean is far below those that matter.
_RELATIVE_DAMPING = 10.0
_PROBES = 8  # Random directions in which the trace is measured.


class GaussNewton(OfAllWeights):
    """The mean of Jᵀ C J over training sequences, with the Jacobian J of the logits and the curvature C of the loss.

    It is the part of the Hessian that has no negative eigenvalues (Schraudolph 2002; Martens 2010). Its products with
    vectors take a pass over the training sequences each, and (G + λI) x = ∇m is solved by conjugate gradients for all
    queries at once. Every trainable weight of any layer takes part.

    Parameters
    ----------
    damping
        λ, which is added to all eigenvalues. By default it is ten times their mean, measured in 8 random directions.
        Of 0.1, 1 and 10, this did best in benchmarks/influence.py.
    iterations
        How many passes are made at most.
    tolerance
        The residual, as a share of the gradient, at which a query is solved.
    """

    name = "gauss-newton"

    def __init__(self, at: Setting, *, damping: float | None = None, iterations: int = 100, tolerance: float = 1e-3):
        super().__init__(at)
        check_damping(damping)
        if iterations < 1 or not 0 < tolerance < 1:
            raise InputError("conjugate gradients need at least one iteration, and a tolerance between 0 and 1")
        self._damping, self._iterations, self._tolerance = damping, iterations, tolerance
        self._applied = 0.0
        self._worst = 0.0

    def describe(self) -> dict[str, Any]:
        """Return the damping, and the largest residual that was left."""
        asked = {"damping": self._damping, "iterations": self._iterations, "tolerance": self._tolerance}
        return {**asked, "applied_damping": self._applied, "largest_residual": self._worst}

    def prepare(self) -> None:
        """Measure the mean eigenvalue where the damping depends on it."""
        self._applied = _RELATIVE_DAMPING * self._mean_eigenvalue() if self._damping is None else self._damping

    def _mean_eigenvalue(self) -> float:
        """Return vᵀGv / P, averaged over random signs v (Hutchinson's estimate of the trace)."""
        signs = stream(self.seed, "directions of the trace").choice([-1.0, 1.0], (_PROBES, self.subject.parameters))

        def add(sums: Arrays, block: Block) -> None:
            moves = self.moves.along(block.X, signs)
            sums["sum"] += (moves * self.subject.loss.along(self.subject.logits(block.X), moves)).sum()

        begin: Arrays = {"sum": np.zeros(())}
        total = self.steps.passed("trace", self.data, self.size, begin, add, "measuring the curvature")["sum"]
        return float(total) / (_PROBES * len(self.data) * self.subject.parameters)

    def _product(self, name: str, directions: np.ndarray, label: str) -> np.ndarray:
        """Return G times directions, (K, P), by a pass over the training sequences."""

        def add(sums: Arrays, block: Block) -> None:
            logits = self.subject.logits(block.X)
            sums["sum"] += self.moves.curved(
                block.X, directions, lambda rows, moves: self.subject.loss.along(logits[rows], moves)
            )

        begin: Arrays = {"sum": np.zeros(directions.shape)}
        return self.steps.passed(name, self.data, self.size, begin, add, label)["sum"] / len(self.data)

    def _solved(self, name: str, wanted: np.ndarray) -> np.ndarray:
        """Return x of (G + λI) x = ``wanted`` (K, P), by conjugate gradients for each row."""
        wanted = wanted.astype(np.float64)
        sizes = np.linalg.norm(wanted, axis=1)
        zeros = np.zeros(wanted.shape)
        state = self.steps.kept(name) or {"x": zeros, "r": wanted, "d": wanted.copy(), "turn": np.zeros((), int)}
        x, r, d, turn = state["x"], state["r"], state["d"], int(state["turn"])
        while turn < self._iterations:
            open_rows = np.flatnonzero(np.linalg.norm(r, axis=1) > self._tolerance * sizes)
            if not len(open_rows):
                break
            some = d[open_rows]
            label = f"conjugate gradients, {len(open_rows)} queries, turn {turn + 1}"
            moved = self._product(f"{name}-{turn}", some, label) + self._applied * some
            before = (r[open_rows] ** 2).sum(axis=1)
            step = before / (some * moved).sum(axis=1)
            x[open_rows] += step[:, None] * some
            r[open_rows] -= step[:, None] * moved
            d[open_rows] = r[open_rows] + ((r[open_rows] ** 2).sum(axis=1) / before)[:, None] * some
            turn += 1
            self.steps.keep(name, {"x": x, "r": r, "d": d, "turn": np.array(turn)})
            self.steps.forget(f"{name}-{turn - 1}")
        left = float((np.linalg.norm(r, axis=1) / np.where(sizes > 0, sizes, 1)).max())
        self._worst = max(self._worst, left)
        if left > self._tolerance:
            warnings.warn(
                f"conjugate gradients stopped after {turn} iterations at a residual of {left:.2g}; give more "
                "iterations or a larger damping",
                GenoliftWarning,
                stacklevel=2,
            )
        return x

    def scores(self, queries: Queries) -> np.ndarray:
        """Return −(1/n) ∇mᵀ (G + λI)⁻¹ ∇Lᵢ, (Q, N)."""
        found = np.empty((len(queries), len(self.data)), np.float32)
        for group, rows in enumerate(self.grouped(queries, 8 * self.subject.parameters)):
            part = queries.part(rows)
            solved = self._solved(f"solved-{group}", self.moves.gradients(part.X, part.slopes))
            along = self.rows_along(f"scores-{group}", solved, "computing influences")
            found[rows] = -along.T / len(self.data)
        return found

    def suspicion(self) -> np.ndarray:
        """Return (1/n) ∇Lᵢᵀ (G + λI)⁻¹ ∇Lᵢ, (N,). Each training sequence is solved for, which takes long."""
        found = np.empty(len(self.data))
        size = min(512, max(1, int(self.memory / 2 / (32 * self.subject.parameters))))
        for block in self.data.blocks(size):
            slopes = self.subject.loss.slopes(self.subject.logits(block.X), block.labels)
            name = f"own-{block.start}"

            def own(block: Block = block, slopes: np.ndarray = slopes, name: str = name) -> Arrays:
                gradients = self.moves.gradients(block.X, slopes).astype(np.float64)
                return {"own": (gradients * self._solved(f"{name}-solved", gradients)).sum(axis=1)}

            found[block.rows] = self.steps.once(name, own)["own"] / len(self.data)
            self.steps.forget(f"{name}-solved")
        return found
