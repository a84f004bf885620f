"""Losses as functions of logits: their slopes, their curvatures, and labels drawn from what a network predicts.

They are the losses of :mod:`genolift.models.objectives`, as Keras computes them of outputs. Logits and labels are
(B, T). The loss of a sequence is the mean over its T tasks, for classes the cross-entropy of its one class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from scipy.special import expit, log_softmax, softmax

from genolift.models.objectives import OBJECTIVES


class Loss(ABC):
    """A loss of logits, all of it in float64.

    Attributes
    ----------
    kind : str
        The kind of labels: ``"binary"``, ``"classes"`` or ``"real"``.
    diagonal : bool
        Whether the curvature has no terms between tasks.
    """

    kind: str
    diagonal = True

    @abstractmethod
    def values(self, logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the loss of each sequence, (B,)."""

    @abstractmethod
    def slopes(self, logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the derivative of each sequence's loss by its logits, (B, T)."""

    @abstractmethod
    def curvatures(self, logits: np.ndarray) -> np.ndarray:
        """Return the second derivatives by the logits, (B, T, T). They do not depend on the labels."""

    @abstractmethod
    def drawn(self, logits: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """Return slopes (B, T) at labels that are drawn from the prediction.

        They are scaled so that their second moments are the curvature. ``uniform`` is (B, T), from 0 to 1.
        """

    def along(self, logits: np.ndarray, moves: np.ndarray) -> np.ndarray:
        """Return the curvatures times directions in the logits, (B, T, K)."""
        curvatures = self.curvatures(logits)
        if self.diagonal:
            return np.diagonal(curvatures, axis1=1, axis2=2)[:, :, None] * moves
        return curvatures @ moves


class Binary(Loss):
    """The cross-entropy of labels of 0 or 1, at the sigmoid of logits."""

    kind = "binary"

    def values(self, logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the loss of each sequence, (B,)."""
        return (np.logaddexp(0, logits) - labels * logits).mean(axis=1)

    def slopes(self, logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return (p − y) / T."""
        return (expit(logits) - labels) / logits.shape[1]

    def curvatures(self, logits: np.ndarray) -> np.ndarray:
        """Return p (1 − p) / T on the diagonal."""
        p = expit(logits)
        return _diagonals(p * (1 - p) / logits.shape[1])

    def drawn(self, logits: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """Return (p − y) / √T for labels y that are 1 with chance p."""
        p = expit(logits)
        return (p - (uniform < p)) / np.sqrt(logits.shape[1])


class Real(Loss):
    """The squared error of real values, which are what a network's last layer says."""

    kind = "real"

    def values(self, logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the loss of each sequence, (B,)."""
        return ((logits - labels) ** 2).mean(axis=1)

    def slopes(self, logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return 2 (z − y) / T."""
        return 2 * (logits - labels) / logits.shape[1]

    def curvatures(self, logits: np.ndarray) -> np.ndarray:
        """Return 2 / T on the diagonal."""
        return _diagonals(np.full(logits.shape, 2 / logits.shape[1]))

    def drawn(self, logits: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """Return slopes of ±√(2 / T), which are the right second moments with the least spread of the fourth."""
        return np.where(uniform < 0.5, -1.0, 1.0) * np.sqrt(2 / logits.shape[1])


class Classes(Loss):
    """The cross-entropy of one class of T, at the softmax of logits."""

    kind = "classes"
    diagonal = False

    def values(self, logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the loss of each sequence, (B,)."""
        return -(labels * log_softmax(logits, axis=1)).sum(axis=1)

    def slopes(self, logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return p − y."""
        return softmax(logits, axis=1) - labels

    def curvatures(self, logits: np.ndarray) -> np.ndarray:
        """Return diag(p) − p pᵀ."""
        p = softmax(logits, axis=1)
        return _diagonals(p) - p[:, :, None] * p[:, None, :]

    def drawn(self, logits: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """Return p − y for a class y that is drawn by its chance."""
        p = softmax(logits, axis=1)
        chosen = (uniform[:, :1] > np.cumsum(p, axis=1)).sum(axis=1).clip(max=p.shape[1] - 1)
        return p - np.eye(p.shape[1])[chosen]


def loss_of(activation: str) -> Loss:
    """Return the loss of networks that end in an activation: ``"sigmoid"``, ``"softmax"`` or ``"linear"``."""
    (kind,) = (kind for kind, objective in OBJECTIVES.items() if objective.activation == activation)
    return {loss.kind: loss for loss in (Binary(), Real(), Classes())}[kind]


def _diagonals(values: np.ndarray) -> np.ndarray:
    return values[:, :, None] * np.eye(values.shape[1])
