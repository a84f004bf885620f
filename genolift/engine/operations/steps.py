"""What the table of operations says of one step of a program: its kind, and why it may be refused."""

from __future__ import annotations

from genolift.engine.operations.kinds import Linear, Selection, Unary
from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Step, Value
from genolift.support.errors import Remedy, Setting, UnsupportedModel, reason_of, setting

_WITHOUT_FACTORS = Linear()
_REGISTER = Setting("genolift.rules.register", "genolift.rules.register in Python")


def linear_of(step: Step) -> Linear:
    """Return the step's kind where it is linear, else that of a linear step without factors."""
    kind = operation(step.op).kind
    return kind if isinstance(kind, Linear) else _WITHOUT_FACTORS


def active_factors(step: Step) -> list[int]:
    """Return which of a linear step's factors are active."""
    return [i for i in linear_of(step).factors_of(step) if step.inputs[i].active]


def kind_of(step: Step) -> str:
    """Return what a walked step is, which says what rule it follows.

    ``weighted``, ``passing``, ``product``; ``unary`` (a fused region of one source), ``elementwise`` (a nonlinearity of
    several tensors' elements), ``selection``, ``extremum``, ``sort``, ``softmax``, ``loop``; ``complex`` (a linear step
    on complex numbers); ``unknown``, where the table has no kind for it.
    """
    if step.body:
        return "unary"
    kind = operation(step.op).kind
    of_complex = any(value.dtype.startswith("complex") for value in (*step.inputs, *step.outputs))
    if isinstance(kind, Linear):
        if len(active_factors(step)) > 1:
            return "product"
        return "complex" if of_complex else "weighted" if kind.mixes else "passing"
    several = isinstance(kind, Selection) and len(step.active_inputs) > 1
    if kind is None or of_complex or several:
        return "unknown"
    return "elementwise" if isinstance(kind, Unary) else type(kind).__name__.lower()


def switches(step: Step) -> list[Value]:
    """Return what a walked step reads that depends on the explained input through a comparison or rounding only."""
    return [value for value in dict.fromkeys(step.inputs) if value.dependence == Dependence.DISCRETE]


def refusal(step: Step) -> UnsupportedModel:
    """Return why an unknown step cannot be explained, and what would help."""
    of_complex = any(value.dtype.startswith("complex") for value in step.inputs)
    what = "complex numbers" if of_complex else "several active inputs"
    why = f"has no rule for {what}" if operation(step.op).kind is not None else "has no rule"
    return UnsupportedModel(
        f"{step.where} {why}",
        Remedy.naming(
            "allow the local integral with {}, or register a rule for it with {}",
            setting("fallback", "integrated-gradients"),
            _REGISTER,
        ),
    )


def switch_refusal(step: Step) -> UnsupportedModel:
    """Return why a step cannot be explained whose comparisons of the input come out differently for the two sides."""
    return UnsupportedModel(
        f"{step.where} is switched by a comparison or rounding of the explained input (a mask, perhaps) that is not the "
        "same for a sequence and its reference, which has no derivative and no linear rule; give references that are "
        "masked where the sequence is, pass the mask as an input of its own, or explain a layer after it"
    )


def unwalked(step: Step, problem: BaseException) -> UnsupportedModel:
    """Return why a step cannot be walked back through whose rule, its derivative most of all, TensorFlow will not run."""
    return UnsupportedModel(
        f"{step.where} cannot be walked back through ({reason_of(problem)})",
        Remedy.naming("register a rule for it with {}, or explain a layer after it", _REGISTER),
    )
