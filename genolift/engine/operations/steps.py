"""What the table of operations says about one step of a program: its kind, and why the step may be refused."""

from __future__ import annotations

from genolift.engine.operations.kinds import Linear, Selection, Unary
from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Step, Value
from genolift.support.errors import Remedy, Setting, UnsupportedModel, reason_of, setting

_WITHOUT_FACTORS = Linear()
_REGISTER = Setting("genolift.rules.register", "genolift.rules.register in Python")


def linear_of(step: Step) -> Linear:
    """Return the step's kind if the step is linear, else the kind of a linear step without factors."""
    kind = operation(step.op).kind
    return kind if isinstance(kind, Linear) else _WITHOUT_FACTORS


def active_factors(step: Step) -> list[int]:
    """Return the places of the active factors among the inputs of a linear step."""
    return [i for i in linear_of(step).factors_of(step) if step.inputs[i].active]


def kind_of(step: Step) -> str:
    """Return the name of the kind of a step through which importance flows; each kind has a rule.

    Returns
    -------
    str
        Of linear steps ``weighted`` (a weighted sum), ``passing`` (any other), ``product`` (of several active factors)
        or ``complex`` (on complex numbers). Of nonlinear steps ``unary`` (a fused region of one source),
        ``elementwise`` (a nonlinearity of several tensors), ``selection``, ``extremum``, ``sort``, ``softmax`` or
        ``loop``. A step for which there is no rule is ``unknown``.
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
    """Return the inputs of a step that depend on the explained input through a comparison or rounding only."""
    return [value for value in dict.fromkeys(step.inputs) if value.dependence == Dependence.DISCRETE]


def refusal(step: Step) -> UnsupportedModel:
    """Return the error that says why an unknown step cannot be explained, and what would help."""
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
    """Return the error for a step whose comparisons of the input differ between a sequence and its reference."""
    return UnsupportedModel(
        f"{step.where} is switched by a comparison or rounding of the explained input (a mask, perhaps) that is not "
        "the same for a sequence and its reference, which has no derivative and no linear rule; give references that "
        "are masked where the sequence is, pass the mask as an input of its own, or explain a layer after it"
    )


def unwalked(step: Step, problem: BaseException) -> UnsupportedModel:
    """Return the error for a step whose rule (most often its derivative) TensorFlow cannot run."""
    return UnsupportedModel(
        f"{step.where} cannot be walked back through ({reason_of(problem)})",
        Remedy.naming("register a rule for it with {}, or explain a layer after it", _REGISTER),
    )
