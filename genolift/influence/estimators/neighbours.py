"""The baseline of influence: the nearest training sequences in the last hidden layer."""

from __future__ import annotations

import numpy as np

from genolift.influence.method import OfLastLayer, Queries

_NEAREST = 10


class Neighbours(OfLastLayer):
    """The cosine of the last hidden layers, times the training label less the mean label.

    A neighbour has no direction of its own. Its label gives it one: a neighbour with the label 1 is taken to raise the
    logit, and one with the label 0 to lower it.
    """

    name = "neighbours"
    unit = "cosine × label less mean label"

    def prepare(self) -> None:
        """Run the network on the training sequences."""
        assert self.features is not None

    def _normed(self, features: np.ndarray) -> np.ndarray:
        features = np.asarray(features, dtype=np.float64)
        lengths = np.linalg.norm(features, axis=1, keepdims=True)
        return features / np.where(lengths > 0, lengths, 1)

    def cosines(self, X: np.ndarray) -> np.ndarray:
        """Return the cosine of every sequence (Q, L, 4) with every training sequence, (Q, N) float32."""
        queries = self._normed(self.subject.features(X))
        found = np.empty((len(X), len(self.data)), np.float32)
        for rows in self.parts():
            found[:, rows] = queries @ self._normed(self.features[rows]).T
        return found

    def scores(self, queries: Queries) -> np.ndarray:
        """Return the cosine times the centred label, (Q, N)."""
        centred = self.data.labels - self.data.labels.mean(axis=0, dtype=np.float64)
        return (self.cosines(queries.X) * (queries.slopes @ centred.T)).astype(np.float32)

    def suspicion(self) -> np.ndarray:
        """Return how far each label is from the mean label of the ten nearest other sequences, (N,)."""
        found = np.empty(len(self.data))
        nearest = min(_NEAREST, len(self.data) - 1)
        every = self._normed(self.features)
        for start in range(0, len(self.data), 256):
            rows = np.arange(start, min(start + 256, len(self.data)))
            cosines = every[rows] @ every.T
            cosines[np.arange(len(rows)), rows] = -np.inf
            chosen = np.argpartition(-cosines, nearest - 1, axis=1)[:, :nearest] if nearest else rows[:, None]
            found[rows] = np.abs(self.data.labels[rows] - self.data.labels[chosen].mean(axis=1)).sum(axis=1)
        return found
