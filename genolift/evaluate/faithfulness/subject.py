"""What is judged: a model's predictions for some sequences, and the scores that explain them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from genolift.sequence.shuffle import shuffle
from genolift.support.errors import InputError
from genolift.support.seeds import stream

#: A function of one-hot sequences (M, L, 4), such as a model's predictions (M,) or a method's scores (M, L).
Function = Callable[[np.ndarray], np.ndarray]
# So many numbers in altered sequences are predicted together.
_TOGETHER = 1 << 22


@dataclass
class Subject:
    """A model's predictions for some sequences, and what all explanations of them share.

    Every random draw for a sequence depends on the seed and on the sequence alone. Two explanations of the same
    sequences are therefore judged by the same draws, and their values can be compared in pairs.

    Parameters
    ----------
    X
        One-hot sequences of one length, (N, L, 4).
    predict
        The explained output, (M,) for sequences (M, L, 4).
    mutagenesis
        What in-silico mutagenesis says of sequences, (M, L); ``None`` where it is not defined.
    seed
        The seed of all draws.
    shuffles
        How many dinucleotide shuffles of each sequence fill what is deleted.
    """

    X: np.ndarray
    predict: Function
    mutagenesis: Function | None = None
    seed: int = 0
    shuffles: int = 4

    def __post_init__(self):
        if self.X.ndim != 3 or self.X.shape[2] != 4 or not len(self.X):
            raise InputError(f"sequences to judge on are one-hot DNA (N, length, 4), not of shape {self.X.shape}")
        self._shared: dict[str, np.ndarray] = {}
        self._tokens = [np.ascontiguousarray(row, np.float32).tobytes() for row in self.X]

    def __len__(self) -> int:
        return len(self.X)

    @property
    def length(self) -> int:
        """The length of the sequences."""
        return self.X.shape[1]

    @cached_property
    def fills(self) -> np.ndarray:
        """The dinucleotide shuffles (N, K, L, 4) of each sequence whose bases stand for what is deleted."""
        return shuffle(self.X, self.shuffles, 2, self.seed)

    @cached_property
    def predictions(self) -> np.ndarray:
        """The predictions for the sequences, (N,)."""
        return _checked(self.predict(self.X), len(self))

    @cached_property
    def filled_predictions(self) -> np.ndarray:
        """The mean prediction for the shuffles of each sequence, (N,)."""
        return self.altered(np.ones((len(self), 1, self.length), bool))[:, 0]

    @cached_property
    def measured(self) -> np.ndarray | None:
        """What in-silico mutagenesis says of the sequences, (N, L)."""
        return None if self.mutagenesis is None else np.asarray(self.mutagenesis(self.X), np.float64)

    def shared(self, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        """Return what does not depend on scores, and is computed once for all explanations."""
        if name not in self._shared:
            self._shared[name] = make()
        return self._shared[name]

    def draws(self, purpose: str) -> list[np.random.Generator]:
        """Return a random generator for each sequence, which depends on the purpose too."""
        return [stream(self.seed, purpose, token) for token in self._tokens]

    @cached_property
    def ties(self) -> np.ndarray:
        """Random numbers (N, L) by which positions of equal scores are put in order."""
        return np.stack([draw.random(self.length) for draw in self.draws("ties")])

    @cached_property
    def random_order(self) -> np.ndarray:
        """The positions of each sequence in a random order, (N, L)."""
        return np.stack([draw.permutation(self.length) for draw in self.draws("order")])

    def altered(self, filled: np.ndarray) -> np.ndarray:
        """Return the mean predictions where some positions hold the bases of shuffles.

        Parameters
        ----------
        filled
            Which whole positions are filled, (N, S, L) bool.

        Returns
        -------
        np.ndarray
            (N, S), each the mean over the shuffles.
        """
        n, s, length = filled.shape
        rows = max(1, _TOGETHER // (s * self.shuffles * length * 4))
        means = []
        for first in range(0, n, rows):
            part = slice(first, first + rows)
            copies = np.where(
                filled[part, :, None, :, None], self.fills[part, None], self.X[part, None, None].astype(np.float32)
            )
            values = _checked(self.predict(copies.reshape(-1, length, 4)), copies.shape[0] * s * self.shuffles)
            means.append(values.reshape(-1, s, self.shuffles).mean(2))
        return np.concatenate(means)


@dataclass
class Case:
    """An explanation that is judged.

    Parameters
    ----------
    subject
        The model and the sequences.
    scores
        The importance of each position, (N, L). More stands for what raises the prediction.
    explain
        Scores (M, L) of the same method for other sequences; ``None`` where it cannot be made again.
    residual
        For every sequence and reference, what the contributions sum to, less the difference of the predictions, (N, R);
        ``None`` for methods that promise no sum.
    stages
        The same method on the model with weights randomised, as a function for each stage: one layer more is random at
        each stage, from the input on, and all are at the last. ``None`` where the weights cannot be changed.
    relabelled
        Scores of the same method for a model that was trained on randomised labels; ``None`` where there is none.
    other
        Another explanation's scores of the same sequences, (N, L), to compare with; ``None`` where there is none.
    """

    subject: Subject
    scores: np.ndarray
    explain: Function | None = None
    residual: np.ndarray | None = None
    stages: Sequence[Function] | None = None
    relabelled: Function | None = None
    other: np.ndarray | None = None
    _order: np.ndarray | None = field(default=None, init=False, repr=False)

    def __post_init__(self):
        self.scores = np.asarray(self.scores, np.float64)
        expected = (len(self.subject), self.subject.length)
        if self.scores.shape != expected:
            raise InputError(f"the scores of these sequences have the shape {expected}, not {self.scores.shape}")

    def part(self, rows: np.ndarray) -> Case:
        """Return the case of some of the sequences."""
        whole = self.subject
        some = Subject(whole.X[rows], whole.predict, whole.mutagenesis, whole.seed, whole.shuffles)
        residual, other = (None if one is None else one[rows] for one in (self.residual, self.other))
        return Case(some, self.scores[rows], self.explain, residual, self.stages, self.relabelled, other)

    @property
    def mutagenesis(self) -> Function | None:
        """What in-silico mutagenesis says of sequences, if it is defined."""
        return self.subject.mutagenesis

    @property
    def order(self) -> np.ndarray:
        """The positions of each sequence with the highest score first, (N, L)."""
        if self._order is None:
            self._order = np.lexsort((self.subject.ties, -self.scores), axis=1)
        return self._order


def _checked(values: np.ndarray, count: int) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.shape != (count,):
        raise InputError(f"predictions are one number for each of {count} sequences, not of shape {values.shape}")
    return values
