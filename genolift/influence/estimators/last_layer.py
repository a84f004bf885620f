"""Influence by the exact Hessian of the last layer, the layers below being held as they are (Koh & Liang 2017)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from genolift.influence.method import RELATIVE_DAMPING, OfLastLayer, Queries, Setting, check_damping, singular
from genolift.support.memory import check_fits


class LastLayer(OfLastLayer):
    """The exact Hessian of the mean loss by the weights of the last layer, in closed form.

    With the last hidden layer h and the curvature C of the loss by the logits, it is the mean of C ⊗ h hᵀ.

    Parameters
    ----------
    damping
        λ, which is added to all eigenvalues of the Hessian. By default it is a tenth of their mean.
    """

    name = "last-layer"

    def __init__(self, at: Setting, *, damping: float | None = None):
        super().__init__(at)
        check_damping(damping)
        self._damping = damping
        self._factors: list[Any] = []
        self._applied: list[float] = []

    def describe(self) -> dict[str, Any]:
        """Return the damping of each block of the Hessian."""
        return {"damping": self._damping, "applied_damping": self._applied}

    def prepare(self) -> None:
        """Sum the Hessian, and factorise it."""
        hessians = self.steps.once("hessian", lambda: {"blocks": self._hessian()})["blocks"]
        self._factors, self._applied = [], []
        for hessian in hessians:
            mean = float(np.trace(hessian)) / len(hessian)
            damping = RELATIVE_DAMPING * mean if self._damping is None else self._damping
            try:
                factor = cho_factor(hessian + damping * np.eye(len(hessian)), lower=True)
            except LinAlgError:
                raise singular(f"the last layer {self.subject.dense.name!r}") from None
            # Rounding lets a singular matrix through with tiny pivots.
            pivots = np.diag(factor[0])
            if pivots.min() ** 2 <= 1e-13 * pivots.max() ** 2:
                raise singular(f"the last layer {self.subject.dense.name!r}")
            self._factors.append(factor)
            self._applied.append(damping)

    def _hessian(self) -> np.ndarray:
        """Return a block for each task, (T, D, D), or one block of all tasks (1, TD, TD) where they are coupled."""
        loss, tasks, width = self.subject.loss, self.subject.tasks, self.width
        count, size = (tasks, width) if loss.diagonal else (1, tasks * width)
        check_fits(3 * 8.0 * count * size**2, self.memory, "Hessian of the last layer")
        blocks = np.zeros((count, size, size))
        for rows in self.parts():
            units = self.units(rows)
            curvatures = loss.curvatures(self.subject.logits_of(self.features[rows]))
            if loss.diagonal:
                for task in range(tasks):
                    blocks[task] += (units * curvatures[:, task, task, None]).T @ units
                continue
            for one in range(tasks):
                for other in range(tasks):
                    part = (units * curvatures[:, one, other, None]).T @ units
                    blocks[0, one * width : (one + 1) * width, other * width : (other + 1) * width] += part
        return blocks / len(self.data)

    def _solved(self, directions: np.ndarray) -> np.ndarray:
        """Return (H + λI)⁻¹ times directions (K, T, D)."""
        if self.subject.loss.diagonal:
            solved = [cho_solve(factor, directions[:, task].T).T for task, factor in enumerate(self._factors)]
            return np.stack(solved, axis=1)
        flat = directions.reshape(len(directions), -1)
        return cho_solve(self._factors[0], flat.T).T.reshape(directions.shape)

    def scores(self, queries: Queries) -> np.ndarray:
        """Return −(1/n) ∇mᵀ (H + λI)⁻¹ ∇Lᵢ, (Q, N)."""
        units = self.with_constant(self.subject.features(queries.X))
        solved = self._solved(queries.slopes[:, :, None] * units[:, None, :])
        found = np.empty((len(queries), len(self.data)), np.float32)
        for rows in self.parts():
            by_task = np.einsum("qtd,nd->qnt", solved, self.units(rows))
            found[:, rows] = -np.einsum("qnt,nt->qn", by_task, self.slopes(rows)) / len(self.data)
        return found

    def suspicion(self) -> np.ndarray:
        """Return (1/n) ∇Lᵢᵀ (H + λI)⁻¹ ∇Lᵢ, (N,)."""
        found = np.empty(len(self.data))
        for rows in self.parts():
            gradients = self.slopes(rows)[:, :, None] * self.units(rows)[:, None, :]
            found[rows] = np.einsum("ntd,ntd->n", gradients, self._solved(gradients)) / len(self.data)
        return found
