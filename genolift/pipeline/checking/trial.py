"""An explanation by DeepLIFT that is really made: whether it sums to the difference, and what it costs."""

from __future__ import annotations

import math
import resource
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from genolift.methods.deeplift.deeplift import DeepLift
from genolift.pipeline.checking.finding import Finding, columns, gigabytes, seconds, wrapped
from genolift.pipeline.checking.inputs import Sample
from genolift.pipeline.checking.subject import Subject
from genolift.support.errors import GenoliftError, GenoliftWarning, UnsupportedModel, reason_of
from genolift.support.memory import check_fits, parse_bytes, physical
from genolift.support.tensorflow import quiet_tensorflow
from genolift.support.threads import threads

tf = quiet_tensorflow()

#: The number of references that costs are told for, which is DeepLIFT's default.
REFERENCES = 20
# So many predictions' time may the first explanation take, in seconds.
_PATIENCE = 0.5
# A measurement goes on with more sequences until one takes so many seconds.
_ENOUGH = 0.4
_MOST = 512


@dataclass(frozen=True)
class Sum:
    """The sum of one sequence's contributions, beside the difference that they explain (means over references)."""

    name: str
    prediction: float
    difference: float
    contributions: float


@dataclass(frozen=True)
class Proof(Finding):
    """Whether contributions sum to the difference.

    Parameters
    ----------
    on
        What was explained.
    references
        The number of references of each sequence.
    target
        The target as text.
    verdict
        ``"exact"``, ``"rounding"``, ``"breach"``, ``"undecided"`` or ``"not finite"``, as for every explanation.
    worst
        The largest residual of a pair, as a share of the numbers that were added.
    sums
        The sums of some of the sequences.
    fallback
        Whether operations without a rule were integrated.
    """

    title: ClassVar[str] = "Proof"
    key: ClassVar[str] = "proof"
    on: str
    references: int
    target: str
    verdict: str
    worst: float
    sums: tuple[Sum, ...]
    fallback: bool = False

    @property
    def holds(self) -> bool:
        """Whether the contributions sum to the difference, up to rounding."""
        return self.verdict in ("exact", "rounding")

    def lines(self) -> list[str]:
        """Return the verdict in a sentence, and a line for each sum."""
        against = "1 reference" if self.references == 1 else f"{self.references} references"
        said = {
            "exact": "The contributions sum to f(x) − f(reference)",
            "rounding": "The contributions sum to f(x) − f(reference) in float64, and up to rounding in float32",
            "breach": "The contributions do NOT sum to f(x) − f(reference), and not through rounding",
            "undecided": "The contributions miss f(x) − f(reference), and float64 is not there to say why",
            "not finite": "Predictions or contributions are not finite",
        }[self.verdict]
        lines = [f"DeepLIFT was tried on {self.on} against {against}, with --target {self.target}."]
        lines.append(f"{said}: the largest residual is {self.worst:.1g} of the numbers that were added.")
        if self.fallback:
            lines.append("Operations without a rule were integrated (--fallback integrated-gradients).")
        numbers = [
            (one.name, f"f(x) = {one.prediction:.4g}", f"f(x) − f(reference) = {one.difference:.4g}",
             f"sum of contributions = {one.contributions:.4g}")
            for one in self.sums
        ]  # fmt: skip
        return [*lines, *columns(numbers)] if numbers else lines


@dataclass(frozen=True)
class Refused(Finding):
    """Why DeepLIFT did not explain a sample."""

    title: ClassVar[str] = "Proof"
    key: ClassVar[str] = "refused"
    on: str
    why: str

    def lines(self) -> list[str]:
        """Return the reason."""
        return wrapped(f"DeepLIFT was tried on {self.on}, and does not explain it: {self.why}.", 0)


@dataclass(frozen=True)
class Cost(Finding):
    """What explanations cost on this machine.

    Parameters
    ----------
    length
        The length of the sequences.
    prediction
        Seconds per thousand predictions.
    deeplift
        Seconds per thousand sequences with ``references`` references each.
    references
        The number of references that DeepLIFT takes by default.
    ism
        Seconds per thousand sequences at most, if every mutant is predicted by itself; None without DNA.
    first_call
        Seconds that making the method and its first explanation took.
    pair_bytes
        The memory that a pair of sequence and reference takes.
    memory
        The budget in bytes.
    peak
        The most memory that this process has taken until now.
    threads
        The number of threads.
    models
        The number of models, whose times are added.
    """

    title: ClassVar[str] = "Time and memory, on this machine as busy as it is now"
    key: ClassVar[str] = "cost"
    length: int
    prediction: float
    deeplift: float | None
    references: int
    ism: float | None
    first_call: float | None
    pair_bytes: int | None
    memory: int
    peak: int
    threads: int
    models: int = 1

    def lines(self) -> list[str]:
        """Return a line for each cost."""
        rows = [("models", f"{self.models}, whose times are added")] if self.models > 1 else []
        rows += [("predictions", f"{seconds(self.prediction)} per 1,000 sequences")]
        if self.deeplift is not None and self.first_call is not None:
            each = "1 reference" if self.references == 1 else f"{self.references} references"
            told = f"{seconds(self.deeplift)} per 1,000 sequences with {each} each"
            rows.append(("deeplift", f"{told}, after {seconds(self.first_call)} for the first call"))
        if self.ism is not None:
            rows.append(("ism", f"at most {seconds(self.ism)} per 1,000 sequences; often much less"))
        if self.pair_bytes is not None:
            need, budget = gigabytes(self.pair_bytes), gigabytes(self.memory)
            rows.append(("memory", f"{need} for each pair of sequence and reference, of a budget of {budget}"))
        rows.append(("", f"this check took up to {gigabytes(self.peak)} in all, with {self.threads} threads"))
        return columns(rows)


@dataclass(frozen=True)
class Trial:
    """DeepLIFT made for a model, and how long making it and explaining a first sequence took."""

    method: DeepLift
    first_call: float
    references: int
    fallback: bool
    memory: int

    def explain(self, sample: Sample) -> Any:
        """Return the explanation of a sample, without the warnings that the proof says anyway."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GenoliftWarning)
            return self.method(sample.X)


def begin(subject: Subject, target: Any, sample: Sample, prediction: float, memory: str | None) -> tuple[Trial, Any]:
    """Return DeepLIFT made for a model, and its explanation of a sample.

    Operations without a rule are integrated if need be, and where nobody said how much memory there is, the budget is
    raised to what one pair needs.

    Parameters
    ----------
    subject
        The model.
    target
        What is explained.
    sample
        The sequences.
    prediction
        The seconds of one prediction, which say how many references there is time for.
    memory
        The budget that the user gave.

    Raises
    ------
    GenoliftError
        If DeepLIFT cannot take the model, or one pair does not fit into the memory.
    """
    began = time.perf_counter()
    references = int(np.clip(_PATIENCE / (len(sample) * max(prediction, 1e-6)), 1, REFERENCES)) if subject.dna else 1
    options = {"references": subject.references(references), "memory": memory, "progress": False}
    try:
        method, fallback = DeepLift(subject.model, target, **options), False
    except UnsupportedModel:
        method, fallback = DeepLift(subject.model, target, fallback="integrated-gradients", **options), True
    need = method.pair_bytes(*method.adapted(sample.first(1).X))
    if memory is None and need > method.memory:
        check_fits(need, physical(), "(sequence, reference) pair")
        method.memory = rounded_up(need)
    trial = Trial(method, 0.0, references, fallback, method.memory)
    result = trial.explain(sample)
    return replace(trial, first_call=time.perf_counter() - began), result


def rounded_up(need: int) -> int:
    """Return a budget of whole tenths of a gigabyte that has some room beyond what is needed."""
    return math.ceil(need * 1.1 / 1e8) * 10**8


def forward_seconds(subject: Subject, sample: Sample) -> float:
    """Return the seconds of one prediction, measured on as many sequences as it takes to tell."""
    return _per_sequence(subject.predict, sample)


def _per_sequence(function: Callable[[Sample], Any], sample: Sample, warm: int = 0) -> float:
    """Return the seconds that a function takes per sequence; for ``warm`` sequences it was called before."""
    count = 1
    while True:
        some = sample.repeated(count)
        if count != warm:
            function(some)  # The first call on a new number of sequences compiles.
        began = time.perf_counter()
        function(some)
        taken = time.perf_counter() - began
        if taken >= _ENOUGH or count >= _MOST:
            return taken / count
        count = min(_MOST, max(2, round(count * _ENOUGH / max(taken, 1e-4))))


def proof_of(trial: Trial, result: Any, sample: Sample, target: str) -> Proof:
    """Return what an explanation's residuals tell."""
    verdict = trial.method.verdict
    assert verdict is not None
    fields = (result.predictions, result.reference_predictions, result.residual)
    count, references = len(result), result.residual.shape[-1]
    f, at, residual = (np.asarray(one, np.float64).reshape(count, -1) for one in fields)
    f, at, residual = f[:, 0], at[:, :references].mean(1), residual[:, :references].mean(1)  # of the first target
    sums = tuple(
        Sum(name, float(f[i]), float(f[i] - at[i]), float(f[i] - at[i] + residual[i]))
        for i, name in enumerate(sample.names[:4])
    )
    return Proof(sample.what, references, target, verdict.kind, verdict.worst, sums, trial.fallback)


def of_fold(
    name: str, fold: Callable, subject: Subject, target: Any, sample: Sample, memory: str | None, shown: str
) -> Proof | Refused:
    """Return what DeepLIFT's explanation of a sample by a fold of the model tells, or why there is none.

    Parameters
    ----------
    name
        The name of the fold.
    fold
        The fold, a model of the same inputs and outputs.
    subject
        The model.
    target, memory
        As for :func:`begin`.
    sample
        The sequences.
    shown
        The target as text.
    """
    what = f"{sample.what} by {name}"
    try:
        own = Subject(fold, length=subject.length if subject.is_free else None, beside=subject.beside)
        if isinstance(sample.X, dict):  # Keras may have numbered the names otherwise.
            sample = replace(sample, X=list(sample.X.values()))
        trial, result = begin(own, target, sample, forward_seconds(own, sample), memory)
    except GenoliftError as problem:
        return Refused(what, problem.for_command_line())
    except tf.errors.OpError as problem:
        return Refused(what, reason_of(problem))
    return replace(proof_of(trial, result, sample, shown), on=what)


def cost(
    subject: Subject, sample: Sample, prediction: float, trial: Trial | None, memory: str | None, models: int = 1
) -> Cost:
    """Return what explanations cost, measured with one sequence or as many as it takes to tell.

    Folds, of which the model is one, are taken to cost the same each.
    """
    deeplift = pair = None
    usual = REFERENCES if subject.dna else 1  # Only DNA is shuffled.
    if trial is not None:
        deeplift = _per_sequence(trial.explain, sample, warm=len(sample)) * usual / trial.references
        pair = trial.method.pair_bytes(*trial.method.adapted(sample.first(1).X))
    mutants = 3 * subject.length if len(subject.dna) == 1 else None
    return Cost(
        subject.length,
        1000 * models * prediction,
        None if deeplift is None else 1000 * models * deeplift,
        usual,
        None if mutants is None else 1000 * models * mutants * prediction,
        None if trial is None else models * trial.first_call,
        pair,
        parse_bytes(memory) if trial is None else trial.memory,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        threads(),
        models,
    )
