"""A method as a scoring job asks for it, tried out, and applied to blocks of sequences as text."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from genolift.methods import references as refs
from genolift.methods import targets
from genolift.methods.common.options import options_of, parsed
from genolift.methods.registry import method_class
from genolift.pipeline.common.fitting import fit
from genolift.pipeline.common.modelfile import ModelFile
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import one_hot
from genolift.support.errors import InputError

# Options that have a name of their own on the command line.
_FLAGS = {"rule", "steps", "fallback"}


@dataclass(frozen=True)
class Recipe:
    """Everything that makes a method, but for the model itself, as text and numbers; see :class:`Scoring`.

    ``fit_on`` is the FASTA file of a method that is fitted on data, whose N are encoded as ``unknown`` says.
    """

    method: str
    targets: tuple[str, ...] = ()
    references: str | None = None
    options: dict = field(default_factory=dict)
    seed: int = 0
    memory: str | None = None
    fit_on: Path | None = None
    unknown: str = "uniform"

    def make(self, model):
        """The method, with its target and options."""
        kind, target = method_class(self.method), targets.parse_all(self.targets)
        made = kind(model, target, memory=self.memory, seed=self.seed, progress=False, **self.keywords())
        if self.fit_on is not None:
            fit(made, self.fit_on, self.unknown)
        return made

    def keywords(self) -> dict:
        """The method's own options."""
        return keywords(self.method, self.options, self.references, self.seed)


def keywords(method: str, options: dict, references: str | None, seed: int) -> dict:
    """A method's options in Python, references among them, from what the command line says; ``seed`` is the references'.

    ``options`` may be text, and are not given where they are None. :class:`InputError` for what the method does not take.
    """
    kind = method_class(method)
    given = {name: value for name, value in options.items() if value is not None}
    for flag in sorted(given.keys() & _FLAGS - options_of(kind, given).keys()):
        raise InputError(f"the method {method} takes no --{flag}")
    found = parsed(kind, given)
    comparing = [one for one in (kind, *kind.hands_on_to(given)) if hasattr(one, "default_references")]
    if comparing:
        chosen = comparing[0].default_references() if references is None else refs.parse(references)
        if hasattr(chosen, "seed"):
            chosen.seed = seed
        found["references"] = chosen
    elif references is not None:
        raise InputError(f"the method {method} takes no --references")
    return found


class Explaining:
    """A method on sequences as text. ``trials`` are blocks that it is tried on first, by :meth:`settle`.

    What TensorFlow compiles depends a little on the shapes that came before, and rounding with it. After the trials
    (one sequence, then two of another length where there are any) nothing new is compiled, so that the same block gives
    the same bytes in every process, whichever blocks it had before (which attention shows under lrp-epsilon).
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
        return type(parts[0]).concatenate(parts)[np.argsort(np.concatenate(groups))]


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
