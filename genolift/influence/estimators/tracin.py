"""TracIn (Pruthi et al. 2020): the steps of training that a sequence took part in, followed over checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from genolift.influence.data import Block
from genolift.influence.method import OfAllWeights, Queries, Setting
from genolift.models.recipe.checkpoints import Checkpoint, load_checkpoint, read_checkpoints
from genolift.support.errors import InputError, Remedy, setting


class TracIn(OfAllWeights):
    """The sum over checkpoints of −(η / B) ∇m · ∇Lᵢ, with the learning rate η of the epoch and B sequences in a batch.

    In gradient descent on batches, a step on sequence i changes m by this to first order, and an epoch takes one
    (Pruthi et al. 2020, TracInCP). Adam's steps have another length for each weight, which this does not follow.

    Parameters
    ----------
    checkpoints
        The folder that ``genolift train --checkpoints`` left.
    """

    name = "tracin"
    unit = "change of the measured value in gradient descent"

    def __init__(self, at: Setting, *, checkpoints: str | Path | None = None):
        super().__init__(at)
        if checkpoints is None:
            raise InputError(
                "TracIn needs the weights of several epochs, which `genolift train --checkpoints DIR` keeps",
                Remedy.naming("give {}", setting("checkpoints")),
            )
        self._kept = read_checkpoints(Path(checkpoints))

    def describe(self) -> dict[str, Any]:
        """Return the epochs and their learning rates."""
        epochs = [one.epoch for one in self._kept.each]
        rates = [one.learning_rate for one in self._kept.each]
        return {"epochs": epochs, "learning_rates": rates, "batch_size": self._kept.batch_size}

    def prepare(self) -> None:
        """Try the checkpoints, so that one that does not fit is told before anything is computed."""
        for number in range(len(self._kept.each)):
            with self._at(number):
                pass

    @contextmanager
    def _at(self, number: int) -> Iterator[Checkpoint]:
        """Give the network the weights of a checkpoint for a while."""
        before = self.subject.model.get_weights()
        try:
            load_checkpoint(self.subject.model, self._kept.each[number])
            yield self._kept.each[number]
        finally:
            self.subject.model.set_weights(before)

    def scores(self, queries: Queries) -> np.ndarray:
        """Return the sum over checkpoints, (Q, N)."""
        found = np.zeros((len(queries), len(self.data)), np.float32)
        for group, rows in enumerate(self.grouped(queries, self.subject.parameters)):
            part = queries.part(rows)
            for number in range(len(self._kept.each)):
                with self._at(number) as checkpoint:
                    slopes = part.slopes
                    if part.labels is not None:
                        slopes = self.subject.loss.slopes(self._logits(part.X), part.labels)
                    directions = self.moves.gradients(part.X, slopes)
                    label = f"checkpoint {number + 1} of {len(self._kept.each)}"
                    along = self.rows_along(f"tracin-{group}-{number}", directions, label)
                found[rows] -= checkpoint.learning_rate / self._kept.batch_size * along.T
        return found

    def _logits(self, X: np.ndarray) -> np.ndarray:
        parts = [self.subject.logits(X[k : k + self.size]) for k in range(0, len(X), self.size)]
        return np.concatenate(parts)

    def suspicion(self) -> np.ndarray:
        """Return the sum over checkpoints of (η / B) ‖∇Lᵢ‖², (N,)."""

        def squares(block: Block) -> np.ndarray:
            slopes = self.subject.loss.slopes(self.subject.logits(block.X), block.labels)
            return (self.moves.gradients(block.X, slopes).astype(np.float64) ** 2).sum(axis=1)[:, None]

        found = np.zeros(len(self.data))
        for number in range(len(self._kept.each)):
            with self._at(number) as checkpoint:
                label = f"checkpoint {number + 1} of {len(self._kept.each)}"
                name = f"tracin-own-{number}"
                own = self.steps.rows(name, self.data, self.size, 1, squares, label, "float64")
            found += checkpoint.learning_rate / self._kept.batch_size * own[:, 0]
        return found
