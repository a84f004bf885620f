"""A method that is tried out, and applied to blocks of sequences as text, in this process or in others."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.common.recipe import Recipe, members_of
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import one_hot

# So many sequences are looked at at a time before any is explained.
_READ = 256

if TYPE_CHECKING:
    from genolift.methods.beside import Beside
    from genolift.pipeline.common.sources import Source


class Explaining:
    """A method on sequences as text. ``trials`` are blocks that it is tried on first, by :meth:`settle`.

    ``beside`` are the inputs that the model takes beside sequences, of which a trial gets the first record's. ``names``
    are those of the records by their numbers, for a method that knows sequences by name. A trial has none of them.

    What TensorFlow compiles depends a little on the shapes that came before, and rounding with it. After the trials
    (one sequence, then two of another length where there are any) nothing new is compiled, so that the same block gives
    the same bytes in every process, whichever blocks it had before (which attention shows under lrp-epsilon).
    """

    def __init__(
        self,
        method: Any,
        unknown: str,
        trials: Sequence[Sequence[str]],
        beside: Beside | None = None,
        names: Mapping[int, str] | None = None,
    ):
        self.method, self.unknown, self.trials, self.beside, self.names = method, unknown, trials, beside, names
        self._one_at_a_time = threading.Lock()  # a method is no more than one computation

    def settle(self) -> Explanation:
        """Show what only running can show, and return the first trial's explanation."""
        names, self.names = self.names, None if self.names is None else {0: ""}
        # Those whose work is a search end it early, because nobody sees the progress of a trial.
        members = [one for one in members_of(self.method) if hasattr(one, "trying")]
        try:
            for member in members:
                member.trying = True
            first, *_ = [self(trial, np.zeros(len(trial), np.int64)) for trial in self.trials]
        finally:
            self.names = names
            for member in members:
                member.trying = False
        return first

    def __call__(self, sequences: Sequence[str], records: np.ndarray | None = None) -> Explanation:
        """Return an explanation of sequences of any lengths: those of one length at once, never padded.

        Parameters
        ----------
        sequences
            The sequences.
        records
            The number of the record that each of them is, for the inputs beside sequences.
        """
        lengths = np.array([len(sequence) for sequence in sequences])
        groups = [np.flatnonzero(lengths == length) for length in np.unique(lengths)]
        with self._one_at_a_time:
            parts = [self._explained([sequences[int(i)] for i in rows], records, rows) for rows in groups]
        if len(parts) == 1:
            return parts[0]
        return type(parts[0]).concatenate(parts)[np.argsort(np.concatenate(groups))]

    def _explained(self, sequences: list[str], records: np.ndarray | None, rows: np.ndarray) -> Explanation:
        X = one_hot(sequences, self.unknown)
        if self.names is not None and records is not None:
            return self.method(X, names=[self.names[int(record)] for record in records[rows]])
        if self.beside is None:
            return self.method(X)
        found = self.method(self.beside.joined(X, None if records is None else records[rows]))
        return self.beside.of_sequence(found)


@dataclass(frozen=True)
class Task:
    """All that another process needs to explain blocks of a job.

    ``model_digest`` and ``versions`` are what that process must find, or its results would differ. It computes with as
    many ``threads``, after the same ``trials``. ``names`` are given to a method that knows sequences by name.
    """

    recipe: Recipe
    model: ModelFile
    model_digest: Mapping[str, Any]
    versions: Mapping[str, str]
    unknown: str
    trials: tuple[tuple[str, ...], ...]
    threads: int
    memory: str | None = None
    names: Mapping[int, str] | None = None

    def explaining(self) -> Explaining:
        """Return the method on the model, as the process that began the job made it."""
        model = self.model.load()
        beside = self.model.beside(model)
        method = self.recipe.make(model, self.unknown, self.memory, beside)
        return Explaining(method, self.unknown, self.trials, beside, self.names)


def names_for(method: Any, source: Source) -> dict[int, str] | None:
    """Return the names of records by their numbers for a method that knows sequences by name, else None.

    Raises
    ------
    InputError
        If the method was told of a sequence that is not in the source, or refuses one that is.
    """
    if hasattr(method, "check_sequences"):
        spans = [(start, min(start + _READ, len(source))) for start in range(0, len(source), _READ)]
        for (start, stop), sequences in zip(spans, source.blocks(spans), strict=True):
            method.check_sequences(sequences, source.names[start:stop])
    if not getattr(method, "by_name", False):
        return None
    method.check_names(source.names)
    return dict(zip(source.numbers.tolist(), source.names, strict=True))
