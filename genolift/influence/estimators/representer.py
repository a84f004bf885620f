"""Representer points (Yeh et al. 2018): a logit as a sum over the training sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from genolift.influence.method import OfLastLayer, Queries, Setting
from genolift.support.errors import InputError
from genolift.support.memory import check_fits

_TURNS, _HALVINGS = 100, 40
_STATIONARY = 1e-9


class Representer(OfLastLayer):
    """The share of each training sequence in a logit of the network with its last layer trained again.

    The last layer W is trained to the minimum of (1/n) Σ Lᵢ + l2 ‖W‖², the layers below being held as they are. There
    the logits at a query are exactly the sum of αᵢ hᵢᵀh over the training sequences, with αᵢ = −∂Lᵢ/∂zᵢ / (2 l2 n)
    (Yeh et al. 2018, theorem 3.1). The bias is the weight of a constant unit, and has the penalty too.

    Parameters
    ----------
    l2
        The penalty. The smaller it is, the nearer is the layer to one that is trained without.
    """

    name = "representer"
    unit = "share of the measured value after training the last layer again"

    def __init__(self, at: Setting, *, l2: float = 1e-3):
        super().__init__(at)
        if not 0 < l2 < float("inf"):
            raise InputError(f"l2 is a number above 0, and not {l2!r}")
        self._l2 = l2
        self._weights = np.zeros((0, 0))

    def describe(self) -> dict[str, Any]:
        """Return the penalty, and how nearly the logits before and after are proportional."""
        return {"l2": self._l2, "agreement_with_the_network": self._agreement()}

    def prepare(self) -> None:
        """Train the last layer again by Newton's method, which finds the one minimum there is."""
        self._weights = self.steps.once("weights", lambda: {"weights": self._trained()})["weights"]

    def _trained(self) -> np.ndarray:
        check_fits(3 * 8.0 * (self.width * self.subject.tasks) ** 2, self.memory, "Hessian of the last layer")
        weights = np.zeros((self.width, self.subject.tasks))
        value = self._objective(weights)
        for _ in range(_TURNS):
            slope, hessian = self._derivatives(weights)
            if np.abs(slope).max() <= _STATIONARY * max(1.0, self._l2 * np.abs(weights).max()):
                return weights
            step = np.linalg.solve(hessian, slope.T.reshape(-1)).reshape(self.subject.tasks, self.width).T
            share = 1.0
            for _ in range(_HALVINGS):
                tried = self._objective(weights - share * step)
                if tried <= value - 1e-4 * share * float((slope * step).sum()):
                    break
                share /= 2
            else:  # The value can fall no further in float64.
                return weights - step
            weights, value = weights - share * step, tried
        raise InputError(f"the last layer did not reach a minimum in {_TURNS} steps; give a larger l2")

    def _objective(self, weights: np.ndarray) -> float:
        total = 0.0
        for rows in self.parts():
            total += float(self.subject.loss.values(self.units(rows) @ weights, self._labels(rows)).sum())
        return total / len(self.data) + self._l2 * float((weights**2).sum())

    def _labels(self, rows: slice) -> np.ndarray:
        return self.data.labels[rows].astype(np.float64)

    def _derivatives(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the slope (D, T) and the Hessian (TD, TD), tasks first."""
        tasks, width = self.subject.tasks, self.width
        slope, hessian = np.zeros_like(weights), np.zeros((tasks, width, tasks, width))
        for rows in self.parts():
            units = self.units(rows)
            logits = units @ weights
            slope += units.T @ self.subject.loss.slopes(logits, self._labels(rows))
            curvatures = self.subject.loss.curvatures(logits)
            for one in range(tasks):
                for other in range(tasks) if not self.subject.loss.diagonal else (one,):
                    hessian[one, :, other] += (units * curvatures[:, one, other, None]).T @ units
        n, flat = len(self.data), hessian.reshape(tasks * width, tasks * width)
        return slope / n + 2 * self._l2 * weights, flat / n + 2 * self._l2 * np.eye(tasks * width)

    def coefficients(self, rows: slice) -> np.ndarray:
        """Return α of some training sequences, (B, T)."""
        slopes = self.subject.loss.slopes(self.units(rows) @ self._weights, self._labels(rows))
        return -slopes / (2 * self._l2 * len(self.data))

    def logits(self, X: np.ndarray) -> np.ndarray:
        """Return the logits (Q, T) of sequences after the last layer was trained again."""
        return self.with_constant(self.subject.features(X)) @ self._weights

    def _agreement(self) -> float:
        """Return the correlation of the logits of the training sequences before and after."""
        after = np.concatenate([self.units(rows) @ self._weights for rows in self.parts()]).reshape(-1)
        before = np.concatenate([self.subject.logits_of(self.features[rows]) for rows in self.parts()]).reshape(-1)
        return float(np.corrcoef(before, after)[0, 1])

    def scores(self, queries: Queries) -> np.ndarray:
        """Return αᵢ hᵢᵀh, weighted by what is measured, (Q, N)."""
        units = self.with_constant(self.subject.features(queries.X))
        found = np.empty((len(queries), len(self.data)), np.float32)
        for rows in self.parts():
            found[:, rows] = (units @ self.units(rows).T) * (queries.slopes @ self.coefficients(rows).T)
        return found

    def suspicion(self) -> np.ndarray:
        """Return |αᵢ| hᵢᵀhᵢ, summed over the tasks, (N,): what each sequence has to do for its own label."""
        found = np.empty(len(self.data))
        for rows in self.parts():
            found[rows] = np.abs(self.coefficients(rows)).sum(axis=1) * (self.units(rows) ** 2).sum(axis=1)
        return found
