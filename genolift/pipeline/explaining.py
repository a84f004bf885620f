"""A method as a scoring job asks for it, tried out, and applied to blocks of sequences as text."""

from __future__ import annotations

import inspect
import threading
from dataclasses import dataclass, field

import numpy as np

from genolift.methods import references as refs
from genolift.methods.registry import method_class
from genolift.pipeline.modelfile import ModelFile
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import one_hot
from genolift.support.errors import InputError


@dataclass(frozen=True)
class Recipe:
    """Everything that makes a method, but for the model itself, as text and numbers; see :class:`Scoring`."""

    method: str
    targets: tuple[str, ...] = ()
    references: str | None = None
    options: dict = field(default_factory=dict)
    seed: int = 0
    memory: str | None = None

    def make(self, model):
        """The method, with its target and options."""
        from genolift.methods import targets  # which loads TensorFlow; most mistakes are found without

        kind = method_class(self.method)
        known = {name for base in kind.__mro__ for name in inspect.signature(base.__init__).parameters}
        options = {name: value for name, value in self.options.items() if value is not None}
        if self.references is not None:
            options["references"] = refs.parse(self.references)
        for name in options:
            if name not in known:
                raise InputError(f"the method {self.method} takes no --{name}")
        if "references" in known and "references" not in options:
            options["references"] = kind.default_references()
        if isinstance(options.get("references"), refs.Shuffled):
            options["references"].seed = self.seed
        chosen = [targets.parse(text) for text in self.targets]
        target = None if not chosen else chosen[0] if len(chosen) == 1 else chosen
        return kind(model, target, memory=self.memory, seed=self.seed, progress=False, **options)


class Explaining:
    """A method on sequences as text. ``trials`` are blocks that it is tried on first, by :meth:`settle`.

    What TensorFlow compiles depends a little on the shapes that came before, and rounding with it. After the trials
    (one sequence, then two of another length where there are any) nothing new is compiled, so that the same block gives
    the same bytes in every process, whichever blocks it had before.
    """

    def __init__(self, method, unknown: str, trials: list[list[str]]):
        self.method, self.unknown, self.trials = method, unknown, trials
        self._one_at_a_time = threading.Lock()  # a method is no more than one computation

    def settle(self) -> Explanation:
        """Show what only running can show; returns the first trial's explanation."""
        first, *_ = [self(trial) for trial in self.trials]
        return first

    def __call__(self, sequences: list[str]) -> Explanation:
        """An explanation of sequences of any lengths: those of one length at once, never padded."""
        lengths = np.array([len(sequence) for sequence in sequences])
        groups = [np.flatnonzero(lengths == length) for length in np.unique(lengths)]
        with self._one_at_a_time:
            parts = [self.method(one_hot([sequences[i] for i in rows], self.unknown)) for rows in groups]
        if len(parts) == 1:
            return parts[0]
        return Explanation.concatenate(parts)[np.argsort(np.concatenate(groups))]


@dataclass(frozen=True)
class Task:
    """All that another process needs to explain blocks of a job, which ``model_digest`` and ``versions`` hold it to."""

    recipe: Recipe
    model: ModelFile
    model_digest: dict
    versions: dict
    unknown: str
    trials: tuple[tuple[str, ...], ...]
    threads: int
