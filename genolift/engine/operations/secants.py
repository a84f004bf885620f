"""Chords of fused regions, made from exact differences step by step from the region's source to its end."""

from __future__ import annotations

from typing import Any

from genolift.engine.operations.differences import Span, by_midpoint
from genolift.engine.operations.emit import emit
from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Step, Value
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

# This takes the place of a difference of zero, so that the quotient becomes the derivative.
_TINY = 1e-18


def nonzero(d: Tensor) -> Tensor:
    """Return the difference with a tiny number in place of zeros, so that one can divide by it."""
    return tf.where(tf.abs(d) < _TINY, tf.cast(_TINY, d.dtype), d)


def secant(
    region: Step, a: Tensor, b: Tensor, d: Tensor, extra: list[Tensor], precision: Any = tf.float32
) -> tuple[Tensor, Tensor]:
    """Return the chord and the difference of a fused region's function f between two points.

    Parameters
    ----------
    region : Step
        The fused region.
    a, b : Tensor
        The region's source at the two ends, in the same shape.
    d : Tensor
        The difference b − a, which may be known more exactly than the ends tell.
    extra : list of Tensor
        The region's inputs after its source.
    precision : DType
        The floating-point type in which the region is computed, by default float32.

    Returns
    -------
    slope : Tensor
        (f(b) − f(a)) / d, which is the derivative at ``a`` where d is 0.
    change : Tensor
        f(b) − f(a).
    """
    d = nonzero(d)
    spans: dict[Value, Span] = {region.inputs[0]: Span(a, b, d)}
    spans.update((value, Span(t, t)) for value, t in zip(region.inputs[1:], extra, strict=True))
    for step in region.body:
        ends = [spans[value] for value in step.inputs]
        at_a = emit(step, [end.a for end in ends], precision)
        at_b = emit(step, [end.b for end in ends], precision)
        for value, a_out, b_out in zip(step.outputs, at_a, at_b, strict=True):
            spans[value] = Span(a_out, b_out)
            if step.dependence == Dependence.ACTIVE:
                spans[value].d = _difference(step, ends, spans[value], precision)
            elif step.dependence == Dependence.DISCRETE and a_out.dtype.is_floating:
                spans[value].d = b_out - a_out  # This is a comparison of the source, as a number.
    change = spans[region.output].d
    return change / d, change


def _difference(step: Step, ends: list[Span], out: Span, precision: Any) -> Tensor:
    """Return the difference of one step, exact where the table of operations has a form for it."""
    exact = operation(step.op).difference
    if exact is not None:
        return exact(ends, out, step)
    return by_midpoint(lambda *middles: emit(step, list(middles), precision)[0], ends, out)


def apply(region: Step, source: Tensor, extra: list[Tensor], precision: Any = tf.float32) -> Tensor:
    """Return the value of a fused region's function at ``source``, given its further inputs ``extra``."""
    known = {region.inputs[0]: source, **dict(zip(region.inputs[1:], extra, strict=True))}
    for step in region.body:
        outputs = emit(step, [known[value] for value in step.inputs], precision)
        known.update(zip(step.outputs, outputs, strict=True))
    return known[region.output]
