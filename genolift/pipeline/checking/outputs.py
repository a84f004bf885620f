"""What a model gives, and which targets make sense on it."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar

from genolift.engine.program import Value
from genolift.methods.targets import LogCounts, Profile, Sum, TargetLike, describe, parse
from genolift.pipeline.checking.finding import Finding, columns, shape
from genolift.pipeline.checking.subject import Subject
from genolift.support.errors import InputError

#: The last operations of outputs that have a name of their own.
_ENDS = {
    "Sigmoid": "sigmoid",
    "Softmax": "softmax",
    "LogSoftmax": "log-softmax",
    "Softplus": "softplus",
    "Relu": "ReLU",
    "Exp": "exponential",
    "Tanh": "tanh",
}
# An output of more numbers than this, without a sigmoid or softmax, is more likely a profile than a list of tasks.
_TASKS = 64


@dataclass(frozen=True)
class Suggestion:
    """A target as ``--target`` takes it, and what it explains."""

    text: str
    meaning: str

    @property
    def python(self) -> Any:
        """The target as Python takes it."""
        return parse(self.text)


@dataclass(frozen=True)
class Output:
    """One output: its ``shape`` without the axis of sequences, how it ``ends``, and targets on it."""

    name: str
    shape: tuple[int | None, ...]
    ends: str
    targets: tuple[Suggestion, ...]


@dataclass(frozen=True)
class OutputsFound(Finding):
    """The outputs of a model, and the target that the rest of the check explains, as text."""

    title: ClassVar[str] = "Outputs, and targets that make sense"
    key: ClassVar[str] = "outputs"
    outputs: tuple[Output, ...]
    chosen: str

    def lines(self) -> list[str]:
        """Return a line for each output, with its targets below it."""
        lines = []
        for one in self.outputs:
            lines.append(f"{one.name}  {shape(one.shape)}  {one.ends}")
            lines += [f"  {line}" for line in columns([(f"--target {t.text}", t.meaning) for t in one.targets])]
        return lines


def outputs_found(
    subject: Subject, sizes: list[tuple[int, ...]], target: TargetLike
) -> tuple[OutputsFound, TargetLike]:
    """Return the outputs with their targets, and the target to explain.

    Parameters
    ----------
    subject
        The model.
    sizes
        The shapes that the outputs had for one sequence, without the axis of sequences.
    target
        The target that the user chose. None is the first that is suggested.

    Raises
    ------
    InputError
        If nothing of the model's outputs can be explained.
    """
    values, names = subject.made.program.outputs, subject.made.names
    profiles = [
        _is_profile(name, value, one, subject.length) for name, value, one in zip(names, values, sizes, strict=True)
    ]
    found = []
    for i, (name, value, one) in enumerate(zip(names, values, sizes, strict=True)):
        counts = any(profiles) and not profiles[i] and _count(one) <= 2
        suggested = _targets(value, one, name if len(names) > 1 else "", profiles[i], counts)
        declared = one if value.shape is None else tuple(value.shape[1:])
        found.append(Output(name, declared, _ends(value), tuple(suggested)))
    if target is None:
        first = next((one.text for output in found for one in output.targets), None)
        if first is None:
            raise InputError(
                "no output of the model can be explained: they are complex, depend on the input only in steps, or have "
                "no axis of sequences"
            )
        target = parse(first)
    return OutputsFound(tuple(found), text_of(target) or str(describe(target))), target


def _ends(value: Value) -> str:
    """Say how an output is computed last, as far as it matters for its scale."""
    if value.dtype.startswith("complex") or not value.active:
        return f"{value.dtype}, which cannot be explained: it depends on the input in steps, or is complex"
    end = _ENDS.get(_last(value))
    if end in ("sigmoid", "softmax", "log-softmax"):
        return f"ends in a {end}; the logits before it are explained, unless with --activation keep"
    return f"ends in a {end}, which is explained with it" if end else "ends without a nonlinearity"


def _last(value: Value) -> str:
    while value.step.op in ("Cast", "Reshape", "Squeeze", "Identity"):
        value = value.step.inputs[0]
    return value.step.op


def _is_profile(name: str, value: Value, sizes: tuple[int, ...], length: int) -> bool:
    """Whether an output looks like the logits of a profile: many positions, few strands, and no nonlinearity."""
    if _last(value) in _ENDS or not sizes or not value.active or _count(sizes) < 3:
        return False
    if "profile" in name.lower():
        return True
    return sizes[0] > _TASKS and (len(sizes) == 1 or (len(sizes) == 2 and sizes[1] <= 2)) and 4 * sizes[0] >= length


def _targets(value: Value, sizes: tuple[int, ...], name: str, profile: bool, counts: bool) -> list[Suggestion]:
    """Return targets on one output, the likeliest first. ``name`` is empty where there is only one output."""
    if not value.active or value.dtype.startswith("complex"):
        return []
    at = f"{name}:" if name else ""
    of = f":{name}" if name else ""
    end = _ENDS.get(_last(value), "")
    if profile:
        return [
            Suggestion(f"profile{of}", "the shape of the profile: where the counts are, whatever their number"),
            Suggestion(at + ",".join(str(one // 2) for one in sizes), "one position of it"),
        ]
    if counts:
        return [Suggestion(f"logcounts{of}", "the logarithm of the total counts")]
    if not sizes:
        return []
    if _count(sizes) == 1:
        meaning = "the only number of this output" if name else "the only number, so --target may be left out"
        return [Suggestion(at + ",".join("0" for _ in sizes), meaning)]
    if len(sizes) == 1:
        what, whats = ("class", "classes") if "softmax" in end else ("task", "tasks")
        last = sizes[0] - 1
        return [
            Suggestion(f"{at}0", f"{what} 0, and so on up to {last}"),
            Suggestion(f"{at}0 {at}{last}", f"{whats} 0 and {last} at once: several targets share one pass"),
        ]
    if len(sizes) == 2:
        middle, last = sizes[0] // 2, sizes[1] - 1
        if "softmax" in end:
            return [Suggestion(f"{at}{middle},{min(1, last)}", f"class {min(1, last)} of 0 to {last} in the middle")]
        first, width = max(middle - 1, 0), min(3, sizes[0])
        track = "track 0" if not last else f"track 0 of 0 to {last}"
        bins = f"bins {first} to {first + width - 1} of 0 to {sizes[0] - 1}"
        return [
            Suggestion(_sum(name, f"bins={first}-{first + width},tracks=0"), f"{track}, summed over {bins}"),
            Suggestion(_sum(name, "tracks=0"), f"{track}, summed over all bins"),
            Suggestion(f"{at}{middle},0", "one bin of one track"),
        ]
    return [Suggestion(at + ",".join(str(one // 2) for one in sizes), "the number in the middle")]


def _sum(name: str, what: str) -> str:
    return f"sum:output={name},{what}" if name else f"sum:{what}"


def _count(sizes: tuple[int, ...]) -> int:
    count = 1
    for one in sizes:
        count *= one
    return count


def text_of(target: TargetLike) -> str | None:
    """Return a target as ``--target`` takes it; None where only Python has it."""
    if isinstance(target, str):
        return target
    if isinstance(target, list):
        each = [text_of(one) for one in target]
        return None if None in each else " ".join(map(str, each))
    if isinstance(target, (Profile, LogCounts)) and not getattr(target, "per_strand", False):
        return type(target).__name__.lower() + (f":{target.output}" if target.output else "")
    if isinstance(target, Sum):
        parts = [f"output={target.output}"] if target.output else []
        spans = {key: span for key in ("bins", "tracks") if (span := _span(getattr(target, key))) is not None}
        parts += [f"{key}={span}" for key, span in spans.items()]
        return f"sum:{','.join(parts)}" if parts and all(spans.values()) else None
    if isinstance(target, Integral):
        return str(target)
    if isinstance(target, tuple) and target:
        name, indices = (f"{target[0]}:", target[1:]) if isinstance(target[0], str) else ("", target)
        return name + ",".join(map(str, indices))
    return None


def _span(chosen: Any) -> str | None:
    """Return bins or tracks as ``--target`` takes them; None for all, and an empty text for what it cannot say."""
    if chosen is None or isinstance(chosen, Integral):
        return None if chosen is None else str(chosen)
    return f"{chosen.start}-{chosen.stop}" if isinstance(chosen, range) and chosen.step == 1 else ""
