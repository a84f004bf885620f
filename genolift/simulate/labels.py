"""What is to be predicted: conditions, chances, real values, classes or profiles, each said by expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import Field, Tag

from genolift.simulate.expressions import Expression
from genolift.simulate.parts import Strict, told_apart
from genolift.simulate.profiles.rates import Rates
from genolift.simulate.profiles.tables import Profile
from genolift.support.errors import InputError

#: What the labels are: 0 or 1, numbers, classes of which each sequence has exactly one, or reads along the sequence.
Kind: TypeAlias = Literal["binary", "real", "classes", "profile"]


class Flipped(Strict):
    """A condition whose label is wrong for a share ``flip`` of the sequences, drawn at random."""

    when: str
    flip: float = Field(gt=0, lt=0.5)


class Chance(Strict):
    """A label that is 1 with a probability, which is an expression from 0 to 1."""

    probability: str


class Value(Strict):
    """A real value, to which normal noise of the standard deviation ``noise`` is added."""

    value: str
    noise: float = Field(default=0.0, ge=0)


class Classes(Strict):
    """Classes by their names. For every sequence the condition of exactly one of them holds."""

    classes: dict[str, str] = Field(min_length=2)


#: A label as a file gives it: an expression, or one of the tables above.
LabelSource: TypeAlias = Annotated[
    Annotated[str, Tag("str")]
    | Annotated[Flipped, Tag("Flipped")]
    | Annotated[Chance, Tag("Chance")]
    | Annotated[Value, Tag("Value")]
    | Annotated[Classes, Tag("Classes")]
    | Annotated[Profile, Tag("Profile")],
    told_apart(
        {"when": Flipped, "probability": Chance, "value": Value, "classes": Classes, "profile": Profile},
        str,
        "an expression, or a table with 'when' and 'flip', 'probability', 'value', 'classes' or 'profile'",
    ),
]


@dataclass(frozen=True)
class Outcome:
    """One task: what is expected of a sequence's instances, and how its label is drawn.

    Attributes
    ----------
    task : str
        The task's name.
    key : str
        The key of the expression in the file, within ``labels``.
    expression : Expression or Rates
        What is expected, without noise: 0 or 1, a probability or a value. Of a profile it is log(1 + the number of
        reads).
    kind : Kind
        What the label is.
    drawn : callable
        The function from what is expected (N,) and a generator to the labels (N,). Labels of a profile are counted
        from its reads instead.
    """

    task: str
    key: str
    expression: Expression | Rates
    kind: Kind
    drawn: Callable[[np.ndarray, np.random.Generator], np.ndarray]


def outcomes(labels: Mapping[str, Any], motifs: Mapping[str, Any], length: int) -> list[Outcome]:
    """Return the tasks of the labels of a configuration, in its order. Each class is a task.

    Profiles are for sequences of this length.

    Raises
    ------
    InputError
        If an expression is not one, or if labels of different kinds stand beside each other. The message begins with
        the key.
    """
    found: list[Outcome] = []
    for name, label in labels.items():
        if isinstance(label, Profile):
            try:
                found.append(Outcome(name, name, Rates(label, list(motifs), length), "profile", _as_they_are))
            except InputError as problem:
                raise InputError(f"labels.{name}: {problem}") from None
            continue
        for task, key, text, condition, kind, drawn in _parts(name, label):
            try:
                expression = Expression(text, list(motifs))
                found.append(Outcome(task, key, expression.condition() if condition else expression, kind, drawn))
            except InputError as problem:
                raise InputError(f"labels.{key}: {problem}") from None
    kinds = list(dict.fromkeys(outcome.kind for outcome in found))
    if len(kinds) > 1:
        raise InputError(f"labels: one network predicts labels of one kind, and these are {' and '.join(kinds)}")
    if kinds == ["classes"] and len(labels) > 1:
        raise InputError("labels: classes stand alone, because one network predicts one set of classes")
    numbers = {one.expression.positions for one in found if isinstance(one.expression, Rates)}
    if len(numbers) > 1:
        raise InputError(
            f"labels: the profiles of one network have as many positions, and these have {min(numbers)} and "
            f"{max(numbers)}; give all the same number"
        )
    return found


def _parts(name: str, label: Any) -> list[tuple]:
    if isinstance(label, str):
        return [(name, name, label, True, "binary", _as_they_are)]
    if isinstance(label, Flipped):
        return [(name, f"{name}.when", label.when, True, "binary", _flipping(label.flip))]
    if isinstance(label, Chance):
        return [(name, f"{name}.probability", label.probability, False, "binary", _tossing(name))]
    if isinstance(label, Value):
        return [(name, f"{name}.value", label.value, False, "real", _noisy(label.noise))]
    return [(one, f"{name}.classes.{one}", text, True, "classes", _as_they_are) for one, text in label.classes.items()]


def _as_they_are(expected: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return expected


def _flipping(share: float) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    return lambda expected, random: np.abs(expected - (random.random(len(expected)) < share))


def _tossing(task: str) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    def toss(expected: np.ndarray, random: np.random.Generator) -> np.ndarray:
        if len(expected) and not 0 <= expected.min() <= expected.max() <= 1:
            raise InputError(
                f"labels.{task}.probability: it goes from {expected.min():.4g} to {expected.max():.4g}, and "
                "probabilities lie between 0 and 1; write for example sigmoid(2 * A - 1)"
            )
        return (random.random(len(expected)) < expected).astype(float)

    return toss


def _noisy(deviation: float) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    return lambda expected, random: expected + deviation * random.standard_normal(len(expected))
