"""Training sequences with their labels, in blocks, so that never more than one block is in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from genolift.sequence.alphabet import is_dna, one_hot
from genolift.support.errors import InputError


class Block(NamedTuple):
    """Some of the training sequences that follow each other.

    Attributes
    ----------
    start : int
        The number of the first.
    X : np.ndarray
        One-hot (B, L, 4) float32.
    labels : np.ndarray
        (B, T) float64.
    """

    start: int
    X: np.ndarray
    labels: np.ndarray

    @property
    def rows(self) -> slice:
        """The numbers of the sequences."""
        return slice(self.start, self.start + len(self.X))


class TrainingSet(ABC):
    """N training sequences of one length.

    Attributes
    ----------
    names : sequence of str
        Their names.
    labels : np.ndarray
        (N, T) float32.
    tasks : list of str
        The names of the T tasks.
    length : int
        The length of the sequences.
    """

    names: Sequence[str]
    labels: np.ndarray
    tasks: list[str]
    length: int

    def __len__(self) -> int:
        return len(self.labels)

    def blocks(self, size: int, first: int = 0) -> Iterator[Block]:
        """Yield the sequences from number ``first`` on, ``size`` at a time."""
        wanted = [(start, min(start + size, len(self))) for start in range(first, len(self), size)]
        for (start, stop), X in zip(wanted, self.encoded(wanted), strict=True):
            yield Block(start, X, self.labels[start:stop].astype(np.float64))

    def take(self, number: int) -> np.ndarray:
        """Return one of the sequences, (1, L, 4)."""
        return next(iter(self.encoded([(number, number + 1)])))

    @abstractmethod
    def encoded(self, wanted: list[tuple[int, int]]) -> Iterator[np.ndarray]:
        """Yield the sequences (B, L, 4) of half-open ranges, which come in order."""


class HeldSet(TrainingSet):
    """Training sequences that are in memory.

    Parameters
    ----------
    X
        The sequences: one-hot (N, L, 4), or N texts of one length.
    labels
        (N, T), or (N,) for one task.
    names
        N names; by default their numbers.
    tasks
        T names of tasks; by default their numbers.

    Raises
    ------
    InputError
        If these do not fit together.
    """

    def __init__(self, X: Any, labels: Any, names: Sequence[str] | None = None, tasks: Sequence[str] | None = None):
        self._X = as_sequences(X, "training")
        self.length = self._X.shape[1]
        labels = np.asarray(labels, dtype=np.float32)
        self.labels = labels[:, None] if labels.ndim == 1 else labels
        if self.labels.ndim != 2 or len(self.labels) != len(self._X):
            raise InputError(f"labels have the shape {labels.shape}; {len(self._X)} training sequences need a row each")
        self.names = numbered(names, len(self._X), "training")
        self.tasks = numbered(tasks, self.labels.shape[1], "tasks")

    def encoded(self, wanted: list[tuple[int, int]]) -> Iterator[np.ndarray]:
        """Yield the sequences (B, L, 4) of half-open ranges."""
        for start, stop in wanted:
            yield self._X[start:stop]


def as_sequences(X: Any, what: str) -> np.ndarray:
    """Return sequences as one-hot (N, L, 4) float32; raise :class:`InputError` where they are something else."""
    if not isinstance(X, np.ndarray) and len(X) and all(isinstance(text, str) for text in X):
        lengths = {len(text) for text in X}
        if len(lengths) > 1:
            raise InputError(
                f"the {what} sequences have lengths from {min(lengths)} to {max(lengths)}; take one length"
            )
        X = one_hot(list(X))
    X = np.asarray(X)
    if X.ndim != 3 or not is_dna(X.shape[1:]) or not len(X):
        raise InputError(f"the {what} sequences must be texts, or one-hot DNA (N, L, 4), and not {X.shape}")
    return X.astype(np.float32, copy=False)


def numbered(names: Sequence[str] | None, count: int, what: str) -> list[str]:
    """Return names as a list, numbers in their place where there are none."""
    if names is None:
        return [str(number) for number in range(count)]
    if len(names) != count:
        raise InputError(f"{len(names)} names were given for {count} {what}")
    return list(map(str, names))
