"""What is to be predicted: conditions, chances, real values or classes, each said by an expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import Field, Tag

from genolift.simulate.expressions import Expression
from genolift.simulate.parts import Strict, told_apart
from genolift.support.errors import InputError

#: What the labels of a data set are: 0 or 1, numbers, or classes of which each sequence has exactly one.
Kind: TypeAlias = Literal["binary", "real", "classes"]


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
    | Annotated[Classes, Tag("Classes")],
    told_apart(
        {"when": Flipped, "probability": Chance, "value": Value, "classes": Classes},
        str,
        "an expression, or a table with 'when' and 'flip', 'probability', 'value' or 'classes'",
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
    expression : Expression
        What is expected, without noise: 0 or 1, a probability or a value.
    kind : Kind
        What the label is.
    drawn : callable
        The function from what is expected (N,) and a generator to the labels (N,).
    """

    task: str
    key: str
    expression: Expression
    kind: Kind
    drawn: Callable[[np.ndarray, np.random.Generator], np.ndarray]


def outcomes(labels: Mapping[str, Any], motifs: Mapping[str, Any]) -> list[Outcome]:
    """Return the tasks of the labels of a configuration, in its order. Each class is a task.

    Raises
    ------
    InputError
        If an expression is not one, or if labels of different kinds stand beside each other. The message begins with
        the key.
    """
    found: list[Outcome] = []
    for name, label in labels.items():
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
