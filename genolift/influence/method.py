"""What every method of influence is: something that looks at the training sequences, and then at the queries.

An influence is the predicted difference that one of n training sequences makes: the value that is measured at a query
where the training sequence was there, less the value where it was not. With mean loss (1/n) Σ Lᵢ, curvature H of the
mean loss and damping λ it is −(1/n) ∇mᵀ (H + λI)⁻¹ ∇Lᵢ (Koh & Liang 2017, equation 2, whose upweighting by ε is
ε = 1/n for a sequence that is there).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from genolift.influence.data import Block, TrainingSet
from genolift.influence.layers import Moves
from genolift.influence.steps import Steps
from genolift.influence.subject import Subject
from genolift.support.errors import InputError, Remedy, setting

RELATIVE_DAMPING = 0.1
_ROWS = 4096  # Rows of the last hidden layer that are multiplied at once.


@dataclass(frozen=True)
class Queries:
    """Q sequences whose predictions are looked at.

    Attributes
    ----------
    X : np.ndarray
        One-hot (Q, L, 4).
    slopes : np.ndarray
        (Q, T), the derivative of what is measured by the logits.
    labels : np.ndarray or None
        (Q, T), the labels of the queries where their loss is measured.
    """

    X: np.ndarray
    slopes: np.ndarray
    labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.X)

    def part(self, rows: slice) -> Queries:
        """Return some of the queries."""
        labels = None if self.labels is None else self.labels[rows]
        return Queries(self.X[rows], self.slopes[rows], labels)


@dataclass(frozen=True)
class Setting:
    """What a method works with.

    Attributes
    ----------
    subject : Subject
        The network.
    data : TrainingSet
        The training sequences.
    steps : Steps
        Where steps are kept.
    seed : int
        The seed of everything that is drawn.
    memory : int
        The budget in bytes.
    """

    subject: Subject
    data: TrainingSet
    steps: Steps
    seed: int
    memory: int


class InfluenceMethod(ABC):
    """A method of influence. Its options are keywords of its ``__init__``."""

    name: ClassVar[str]
    #: What a score is, in a few words.
    unit: ClassVar[str] = "predicted change of the measured value"

    def __init__(self, at: Setting):
        self.subject, self.data, self.steps, self.seed, self.memory = at.subject, at.data, at.steps, at.seed, at.memory
        self.size = self.subject.block_size(self.memory)

    def describe(self) -> dict[str, Any]:
        """Return the options, and what was found out in looking at the training sequences."""
        return {}

    @abstractmethod
    def prepare(self) -> None:
        """Look at the training sequences."""

    @abstractmethod
    def scores(self, queries: Queries) -> np.ndarray:
        """Return the influence of every training sequence on every query, (Q, N) float32."""

    @abstractmethod
    def suspicion(self) -> np.ndarray:
        """Return how unlike all others each training sequence is with its label, (N,): mislabelled ones are high.

        For methods that have gradients it is the sequence's influence on its own loss, as the loss without it less the
        loss with it.
        """

    def grouped(self, queries: Queries, numbers: int) -> list[slice]:
        """Return groups of queries, of which each needs so many numbers of float32 in memory."""
        size = max(1, int(self.memory / 2 / (4 * max(numbers, 1))))
        return [slice(start, min(start + size, len(queries))) for start in range(0, len(queries), size)]


class OfAllWeights(InfluenceMethod):
    """A method that follows the gradients of all trainable weights.

    Attributes
    ----------
    moves : Moves
        How the logits move with the weights.
    """

    def __init__(self, at: Setting):
        super().__init__(at)
        self.moves = Moves(self.subject, self.memory)

    def losses_along(self, block: Block, directions: np.ndarray) -> np.ndarray:
        """Return the derivative of each training loss along directions (K, P) in the weights, (B, K)."""
        slopes = self.subject.loss.slopes(self.subject.logits(block.X), block.labels)
        return np.einsum("bt,btk->bk", slopes, self.moves.along(block.X, directions))

    def rows_along(self, name: str, directions: np.ndarray, label: str) -> np.ndarray:
        """Return :meth:`losses_along` of all training sequences, (N, K), as a step of this name."""

        def along(block: Block) -> np.ndarray:
            return self.losses_along(block, directions)

        return self.steps.rows(name, self.data, self.size, len(directions), along, label)


class OfLastLayer(InfluenceMethod):
    """A method that sees the last hidden layer alone. The network runs once for each training sequence."""

    def __init__(self, at: Setting):
        super().__init__(at)
        self._features: np.ndarray | None = None

    @property
    def biased(self) -> bool:
        """Whether the last layer has a bias, which is the weight of a constant unit."""
        return bool(self.subject.dense.use_bias)

    @property
    def width(self) -> int:
        """The number of units of the last hidden layer, with the constant one."""
        return self.subject.width + self.biased

    @property
    def features(self) -> np.ndarray:
        """The last hidden layer of all training sequences, (N, D), on the disk."""
        if self._features is None:
            self._features = self.steps.rows(
                *("features", self.data, self.size, self.subject.width),
                lambda block: self.subject.features(block.X),
                "running the network",
            )
        return self._features

    def parts(self) -> list[slice]:
        """Return ranges of the training sequences that are multiplied at once."""
        return [slice(start, min(start + _ROWS, len(self.data))) for start in range(0, len(self.data), _ROWS)]

    def units(self, rows: slice) -> np.ndarray:
        """Return the units of some training sequences, (B, D) float64, with the constant one."""
        return self.with_constant(self.features[rows])

    def with_constant(self, features: np.ndarray) -> np.ndarray:
        """Return units with the constant one that the bias is the weight of, if there is a bias."""
        features = np.asarray(features, dtype=np.float64)
        return np.concatenate([features, np.ones((len(features), 1))], axis=1) if self.biased else features

    def slopes(self, rows: slice) -> np.ndarray:
        """Return the derivative of the loss of some training sequences by their logits, (B, T)."""
        labels = self.data.labels[rows].astype(np.float64)
        return self.subject.loss.slopes(self.subject.logits_of(self.features[rows]), labels)


def check_damping(damping: float | None) -> None:
    """Raise :class:`InputError` unless the damping is ``None`` or a number of at least 0."""
    if damping is not None and not 0 <= damping < float("inf"):
        raise InputError(f"the damping is a number of at least 0, and not {damping!r}")


def singular(where: str) -> InputError:
    """Return the error that the curvature cannot be inverted."""
    more = Remedy.naming("give a larger {}, or leave it out", setting("damping"))
    return InputError(f"the curvature of {where} cannot be inverted with this damping", more)
