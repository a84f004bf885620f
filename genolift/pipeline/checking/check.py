"""``genolift.check``: what a model is, what can be explained of it, by which methods, and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from genolift.methods import targets
from genolift.methods.beside import Beside
from genolift.methods.common.traced import traced_once
from genolift.models.layout import arranged
from genolift.pipeline.checking.advice import Advice, Source, advice
from genolift.pipeline.checking.anatomy import Anatomy, anatomy
from genolift.pipeline.checking.finding import Finding
from genolift.pipeline.checking.inputs import InputsFound, Sample, likely_layout
from genolift.pipeline.checking.kinds import Kinds, kinds
from genolift.pipeline.checking.outputs import OutputsFound, outputs_found
from genolift.pipeline.checking.sight import Sight, sight
from genolift.pipeline.checking.subject import Subject
from genolift.pipeline.checking.trial import Cost, Proof, Refused, begin, cost, forward_seconds, of_fold, proof_of
from genolift.support.errors import GenoliftError, reason_of
from genolift.support.progress import status
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

# So many of the user's own sequences are explained.
MOST_SEQUENCES = 4


class Sequences(Protocol):
    """The user's sequences, before it is known how long the model wants them. ``length`` is how long they are."""

    length: int | None

    def __call__(self, subject: Subject) -> Sample | None:
        """Return those that the model takes, or None where it takes no sequences."""


@dataclass(frozen=True)
class Check:
    """What was found out about a model. It prints as a report.

    Parameters
    ----------
    findings
        The sections of the report. A section that could not be made is missing.
    """

    findings: list[Finding] = field(default_factory=list)

    def _of(self, kind: type) -> Any:
        return next((one for one in self.findings if isinstance(one, kind)), None)

    @property
    def model(self) -> Anatomy:
        """What the model is."""
        return self._of(Anatomy)

    @property
    def inputs(self) -> InputsFound | None:
        """What it takes."""
        return self._of(InputsFound)

    @property
    def outputs(self) -> OutputsFound | None:
        """What it gives, and targets that make sense."""
        return self._of(OutputsFound)

    @property
    def sight(self) -> Sight | None:
        """What its rows see of the sequence."""
        return self._of(Sight)

    @property
    def methods(self) -> Kinds | None:
        """Which methods can take it."""
        return self._of(Kinds)

    @property
    def proofs(self) -> list[Proof]:
        """Whether contributions sum to the difference, on each of the samples that were explained."""
        return [one for one in self.findings if isinstance(one, Proof)]

    @property
    def cost(self) -> Cost | None:
        """What explanations cost."""
        return self._of(Cost)

    @property
    def next(self) -> Advice | None:
        """What to do next."""
        return self._of(Advice)

    @property
    def ok(self) -> bool:
        """Whether DeepLIFT explains the model, and its contributions sum to the difference."""
        refused = any(isinstance(one, Refused) for one in self.findings)
        return bool(self.proofs) and not refused and all(proof.holds for proof in self.proofs)

    def record(self) -> dict[str, Any]:
        """Return everything as dicts, lists, texts and numbers, which JSON can hold."""
        told: dict[str, Any] = {"ok": self.ok}
        for one in self.findings:
            if isinstance(one, Proof):
                told.setdefault("proofs", []).append(one.record())
            else:
                told[one.key] = one.record()
        return told

    def __str__(self) -> str:
        return "\n\n".join(one.section() for one in self.findings)

    __repr__ = __str__


def check(
    model: Callable,
    target: targets.TargetLike = None,
    X: Any = None,
    *,
    length: int | None = None,
    memory: str | None = None,
    progress: bool | None = None,
) -> Check:
    """Find out what a model is, what can be explained of it, by which methods, and what that costs.

    It explains a random sequence by DeepLIFT, so that the answer about the proof, the seconds and the memory is
    measured. Other methods are made for the model and not run.

    Parameters
    ----------
    model : callable
        The model: a Keras 3 or tf_keras model, a loaded SavedModel, or a function of tensors.
    target : int, tuple, str or target, optional
        What is explained; see :mod:`genolift.methods.targets`. By default it is the likeliest of the targets that are
        suggested.
    X : array, regions, dict or list, optional
        Sequences to try the model on, of which the first four are used. A function of tensors needs them.
    length : int, optional
        The length of the random sequence, for a model that takes any.
    memory : str, optional
        The budget for the network's activations, as ``"4GB"``. By default it is 1 GB, and more if one pair needs more.
    progress : bool, optional
        Whether to show what is being done. By default it is shown.

    Returns
    -------
    Check
        The findings, which print as a report.

    Raises
    ------
    InputError
        If this is not a model, or a function of tensors without ``X``.
    UnsupportedModel
        If the model does something that no method can explain.

    Examples
    --------
    >>> genolift.check(genolift.load_model("model.keras"))
    """
    given = None if X is None else _first(X)
    with status("checking the model", progress) as line:
        return examine(model, target, given, length, memory, doing=line.say)


def _first(X: Any) -> Any:
    """Return the first few of the sequences that a user gave."""
    if hasattr(X, "one_hot"):
        X = X.one_hot()
    if isinstance(X, dict):
        return {name: np.asarray(one)[:MOST_SEQUENCES] for name, one in X.items()}
    if isinstance(X, (list, tuple)):
        return [np.asarray(one)[:MOST_SEQUENCES] for one in X]
    return np.asarray(X)[:MOST_SEQUENCES]


def examine(
    model: Callable,
    target: targets.TargetLike = None,
    X: Any = None,
    length: int | None = None,
    memory: str | None = None,
    *,
    source: Source | None = None,
    sequences: Sequences | None = None,
    folds: Mapping[str, Callable] = MappingProxyType({}),
    beside: Beside | None = None,
    found: Callable[[Finding], None] = lambda finding: None,
    doing: Callable[[str], None] = lambda what: None,
) -> Check:
    """Return the check of a model, and hand each finding on as soon as it is there.

    Parameters
    ----------
    model, target, X, length, memory
        As for :func:`check`; ``target`` may be a text.
    source
        The model's file.
    sequences
        Makes a sample of the user's sequences.
    folds
        Further models of the same inputs and outputs by name, of which each is explained too.
    beside
        The inputs beside the sequence, where they are given.
    found
        A function that is called with each finding.
    doing
        A function that is called with what is done next, in a few words.
    """
    made = Check()

    def tell(finding: Any) -> Any:
        made.findings.append(finding)
        found(finding)
        return finding

    tell(anatomy(model, None if source is None else source.path))
    layout = None if source is None else likely_layout(model)
    if source is not None and layout is not None:
        model, source = arranged(model, layout), source.read_with(layout)
        folds = {name: arranged(fold, layout) for name, fold in folds.items()}
    with traced_once():
        doing("tracing the model")
        subject = Subject(model, X, length, None if sequences is None else sequences.length, beside)
        tell(subject.found(layout))
        samples = _samples(subject, sequences)
        doing("predicting")
        sizes = [output.shape[1:] for output in subject.predict(samples[0].first(1))]
        outputs, chosen = outputs_found(subject, sizes, target)
        tell(outputs)
        doing("following what rows see")
        tell(sight(subject))
        options = {"memory": memory, "references": subject.references(1)}
        methods = tell(kinds(model, chosen, samples[0].first(1), lambda name: doing(f"asking {name}"), **options))
        doing("timing predictions")
        prediction = forward_seconds(subject, samples[0])
        trial, proofs = None, []
        for sample in samples:
            doing(f"explaining {sample.what}")
            try:
                if trial is None:
                    trial, result = begin(subject, chosen, sample, prediction, memory)
                else:
                    result = trial.explain(sample)
            except GenoliftError as problem:
                tell(Refused(sample.what, problem.for_command_line()))
                break
            except tf.errors.OpError as problem:  # An operation of the model does not run at some references.
                tell(Refused(sample.what, reason_of(problem)))
                trial = None
                break
            proofs.append(tell(proof_of(trial, result, sample, outputs.chosen)))
        for name, fold in folds.items():
            doing(f"explaining {samples[0].what} by {name}")
            found_of_fold = tell(of_fold(name, fold, subject, chosen, samples[-1], memory, outputs.chosen))
            proofs += [found_of_fold] if isinstance(found_of_fold, Proof) else []
        doing("timing explanations")
        tell(cost(subject, samples[0], prediction, trial, memory, 1 + len(folds)))
        worst = next((proof for proof in proofs if not proof.holds), proofs[0] if proofs else None)
        tell(advice(subject, source, chosen, methods, trial, worst))
    return made


def _samples(subject: Subject, sequences: Sequences | None) -> list[Sample]:
    """Return what the model is tried on: the user's inputs, or a random one and sequences of a file."""
    if subject.given is not None:
        return [subject.own()]
    own = None if sequences is None else sequences(subject)
    return [one for one in (subject.random(1), own) if one is not None]
