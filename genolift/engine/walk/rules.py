"""DeepLIFT's rules, which say how each kind of step hands back what flows into its outputs.

A rule is called as ``rule(step, flows, back)`` and returns ``{input value: Flow}``. A rule that also defines the
forward mass of RevealCancel has an attribute ``mass``, which is called as ``mass(step, value, back)``. Sections and
equations are those of Shrikumar et al. 2017.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import TypeAlias

from genolift.engine.operations import kernels, transposes
from genolift.engine.operations.kinds import Extremum, Selection
from genolift.engine.operations.regions import explodes
from genolift.engine.operations.secants import secant
from genolift.engine.operations.steps import kind_of, linear_of, refusal
from genolift.engine.operations.table import operation
from genolift.engine.program import Step, Value, ancestors
from genolift.engine.walk.integral import integrate
from genolift.engine.walk.pairs import Pairs
from genolift.engine.walk.pooling import POOLING, lays_out
from genolift.engine.walk.propagate import Backward, Flow, Flows, Rule, collapsed
from genolift.engine.walk.softmax import softmax
from genolift.engine.walk.sorting import chord_over, comparators
from genolift.engine.walk.unwind import unwind
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

#: A function from a step, one of its outputs and the walk to the forward mass of that output.
Mass: TypeAlias = Callable[[Step, Value, Backward], Tensor]


def with_mass(mass: Mass) -> Callable[[Rule], Rule]:
    """Return a decorator that gives a rule its forward mass."""

    def attach(rule):
        rule.mass = mass
        return rule

    return attach


# Linear steps


def _passing_mass(step: Step, value: Value, back: Backward) -> Tensor:
    masses = {source: back.mass(source) for source in step.active_inputs}
    return back.pairs.at(step, masses, tf.abs, offsets=False)[value.slot]


def _weighted_mass(step: Step, value: Value, back: Backward) -> Tensor:
    sizes = {source: back.distance(source) for source in step.active_inputs}
    return back.pairs.at(step, sizes, tf.abs, offsets=False)[value.slot]


def parts(flows: Flows, part: str) -> list[Tensor | None]:
    """Return one part of each flow, ``"mean"`` or ``"half"``."""
    return [None if flow is None else getattr(flow, part) for flow in flows]


def _halves(step: Step, flows: Flows, back: Backward) -> dict[Value, Tensor]:
    halves = parts(flows, "half")
    if all(half is None for half in halves):
        return {}
    return back.pairs.transpose(step, halves, weights=tf.abs)


@with_mass(_passing_mass)
def passing(step: Step, flows: Flows, back: Backward) -> dict[Value, Flow]:
    """Apply the transpose of a step through which the two parts of a difference pass side by side."""
    means = back.pairs.transpose(step, parts(flows, "mean"))
    halves = _halves(step, flows, back)
    return {value: Flow(mean, halves.get(value)) for value, mean in means.items()}


@with_mass(_weighted_mass)
def weighted(step: Step, flows: Flows, back: Backward) -> dict[Value, Flow]:
    """Apply the transpose of a weighted sum, below which both parts have one multiplier (section 3.5.1).

    The multiplier is ½(m⁺ + m⁻)Wᵀ + ½ sign(Δ)(m⁺ − m⁻)|W|ᵀ.
    """
    means = back.pairs.transpose(step, parts(flows, "mean"))
    halves = _halves(step, flows, back)
    return {value: Flow(back.collapsed(Flow(mean, halves.get(value)), value)) for value, mean in means.items()}


def turned(step: Step, flows: Flows, back: Backward) -> dict[Value, Flow]:
    """Apply the transpose of a step on complex numbers, whose differences have no positive and negative part."""
    grads: list[Tensor | None] = list(collapsed(step, flows, back))
    return {v: Flow(m) for v, m in back.pairs.transpose(step, grads).items()}


# Nonlinearities of one source


def beside(step: Step, pairs: Pairs) -> list[Tensor]:
    """Return what an elementwise region reads besides its source, laid out for :meth:`Pairs.elementwise`."""
    return [_beside(value, pairs) for value in step.inputs[1:]]


def _beside(value: Value, pairs: Pairs) -> Tensor:
    tensor = pairs.aux(value)
    batched = value.dependence and value.shape and value.shape[0] is None
    return pairs.beside(tensor) if batched else tensor


def chords(step: Step, flows: Flows, back: Backward) -> dict[Value, Flow]:
    """Apply Rescale, the chord Δout/Δin of each pair (section 3.5.2), or RevealCancel where the method asks for it."""
    pairs, source, (flow,) = back.pairs, step.inputs[0], collapsed(step, flows, back)
    extra = beside(step, pairs)

    def rescale(flow: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return kernels.rescale(step, pairs.precision, a, b, extra, flow)

    def reveal_cancel(flow: Tensor, mass: Tensor, a: Tensor, b: Tensor) -> list[Tensor]:
        return kernels.reveal_cancel(step, pairs.precision, a, b, mass, extra, flow)

    if back.reveals(step):
        return {source: Flow(*pairs.elementwise(reveal_cancel, source, flow, back.mass(source)))}
    return {source: Flow(pairs.elementwise(rescale, source, flow))}


# Steps of several active inputs, and selections: both parts of a difference have one multiplier


def midpoint(step: Step, flows: Flows, back: Backward) -> dict[Value, Flow]:
    """Apply the transpose of a product at the midpoint, which is exact for two factors.

    The contributions are ½(x₁ + x₁⁰)Δx₂ and ½(x₂ + x₂⁰)Δx₁.
    """
    pairs, grads = back.pairs, collapsed(step, flows, back)
    if step.op == "Mul" and step.inputs[0] is not step.inputs[1]:
        return _scaled(step, grads[0], pairs)
    points = {value: (pairs.x(value) + pairs.ref(value)) / 2 for value in step.active_inputs}
    return {v: Flow(m) for v, m in pairs.transpose(step, grads, points).items()}


def _scaled(step: Step, grad: Tensor, pairs: Pairs) -> dict[Value, Flow]:
    """Return what flows into the two factors of an elementwise product."""
    left, right = step.inputs
    ends = [end for value in (left, right) for end in (pairs.ref(value), pairs.x(value))]
    flows = kernels.product(grad, *ends)
    return {value: Flow(_unbroadcast(flow, pairs.ref(value))) for value, flow in zip(step.inputs, flows, strict=True)}


def _routed_mass(step: Step, value: Value, back: Backward) -> Tensor:
    """Return the mass of a selection, the sum of the inputs' masses weighted by the shares of :func:`route`.

    So the positive and the negative part of a difference are shared out alike.
    """
    pairs, (source,) = back.pairs, step.active_inputs
    delta, mass = pairs.delta(source), back.mass(source)
    change = pairs.delta(step.output)
    rise, fall = _rise_and_fall(step, change)
    per_delta = tf.math.divide_no_nan(mass, delta)
    level = tf.where(delta == 0, mass, tf.zeros_like(mass))
    at_x = pairs.push(step, {source: pairs.x(source)}, per_delta)
    at_ref = pairs.push(step, {source: pairs.ref(source)}, per_delta)
    return at_x * rise + at_ref * fall + pairs.push(step, {source: pairs.ref(source)}, level)


def _rise_and_fall(step: Step, change: Tensor) -> tuple[Tensor, Tensor]:
    """Return the parts of Δy that are credited where x, and where the reference, has the extremum."""
    rise, fall = tf.maximum(change, 0), tf.minimum(change, 0)
    return (rise, fall) if _sign(step) > 0 else (fall, rise)


def _sign(step: Step) -> int:
    """Return 1 if the largest element passes, −1 if the smallest does."""
    kind = operation(step.op).kind
    assert isinstance(kind, (Selection, Extremum))
    return kind.sign


@with_mass(_routed_mass)
def route(step: Step, flows: Flows, back: Backward) -> dict[Value, Flow]:
    """Credit a rise of a maximum where x has the maximum, and a fall where the reference has it.

    This is for selections of which only the derivative is known. Equal maxima share as the derivative says.

    The contributions are the transpose at x of m·max(Δy, 0) plus the transpose at the reference of m·min(Δy, 0). For a
    minimum it is the other way round. Where a contribution lands, |Δ| ≥ |Δy|. Both parts of a difference are shared
    out in this way.
    """
    pairs, (source,) = back.pairs, step.active_inputs
    delta = pairs.delta(source)
    rise, fall = _rise_and_fall(step, pairs.delta(step.output))
    rest = [None] * (len(step.outputs) - 1)

    def routed(grad):
        at_x = pairs.transpose(step, [grad * rise, *rest], {source: pairs.x(source)})[source]
        at_ref = pairs.transpose(step, [grad * fall, *rest], {source: pairs.ref(source)})[source]
        # Where the two sides agree there is nothing to credit. The gradient says what a change there would do.
        slope = pairs.transpose(step, [grad, *rest], {source: pairs.ref(source)})[source]
        return tf.where(delta == 0, slope, tf.math.divide_no_nan(at_x + at_ref, delta))

    mean, half = parts(flows, "mean")[0], parts(flows, "half")[0]
    return {source: Flow(routed(mean), None if half is None else routed(half))}


def orders(step: Step, flows: Flows, back: Backward) -> dict[Value, Flow]:
    """Average the two orders of changing the tensors of an elementwise maximum or minimum (Shapley values)."""
    pairs = back.pairs
    (grad,) = collapsed(step, flows, back)
    sign = _sign(step)

    def ends(value):
        x, r = (pairs.x(value), pairs.ref(value)) if value.active else (pairs.aux(value),) * 2
        return sign * x, sign * r

    result: dict[Value, Flow] = {}
    for value, other in (step.inputs, reversed(step.inputs)):
        if value.active:
            (x, r), (other_x, other_r) = ends(value), ends(other)
            share = (chord_over(r, x, other_x) + chord_over(r, x, other_r)) / 2
            flow = Flow(_unbroadcast(grad * share, x))
            result[value] = result[value] + flow if value in result else flow
    return result


def interleaved(step: Step, flows: Flows, back: Backward) -> dict[Value, Flow]:
    """Average, for a nonlinearity of several tensors, the chords over all orders of changing them (Shapley values)."""
    pairs, (grad,) = back.pairs, collapsed(step, flows, back)
    values = list(dict.fromkeys(step.inputs))
    ends = {v: (pairs.ref(v), pairs.x(v)) if v.active else (pairs.aux(v),) * 2 for v in values}
    orders_of = list(permutations(step.active_inputs))
    result: dict[Value, Flow] = {}
    for order in orders_of:
        now = {value: ref for value, (ref, _) in ends.items()}
        for value in order:
            others, (a, b) = [other for other in values if other is not value], ends[value]
            alone = Step("Unary", step.name, [value, *others], outputs=step.outputs, body=[step])
            slope, _ = secant(alone, a, b, b - a, [now[other] for other in others], pairs.precision)
            flow = Flow(_unbroadcast(grad * slope / len(orders_of), a))
            result[value] = result[value] + flow if value in result else flow
            now[value] = b
    return result


def _unbroadcast(tensor: Tensor, like: Tensor) -> Tensor:
    """Sum over the axes along which ``like`` was broadcast."""
    if transposes.alike(*(None if one.shape.rank is None else tuple(one.shape) for one in (tensor, like))):
        return tensor
    zero = tf.zeros_like(like)
    return tf.gradients(zero + tf.zeros_like(tensor), zero, tensor)[0]


#: DeepLIFT's rule for each kind of step.
DEEPLIFT: dict[str, Rule] = {
    "passing": passing,
    "weighted": weighted,
    "complex": turned,
    "unary": chords,
    "product": midpoint,
    "elementwise": interleaved,
    "selection": route,
    "extremum": orders,
    "sort": comparators,
    "softmax": softmax,
    "loop": unwind,
}


def deeplift(step: Step, fallback: bool = False, pooling: str = "shapley") -> Rule:
    """Return DeepLIFT's rule for a step of a fused walk.

    Parameters
    ----------
    step : Step
        The step.
    fallback : bool
        Whether an operation that is not in the table is explained by integrating its gradient. By default False.
    pooling : str
        The name of the rule for pools and for maxima along axes, one of ``POOLING``.

    Raises
    ------
    UnsupportedModel
        If there is no rule for the step.
    """
    own = operation(step.op).rule
    if own is not None:
        return own
    kind = kind_of(step)
    if kind == "selection" and lays_out(step):
        return POOLING[pooling]
    if kind in DEEPLIFT:
        return DEEPLIFT[kind]
    if fallback and kind == "unknown":
        return integrate
    raise refusal(step)


def last_mixing(value: Value, producer: dict[Value, Step]) -> set[Step | None]:
    """Return the weighted steps that a value comes from through passing steps.

    The set also holds None if a branch ends at a step of another kind.
    """

    def kind(value: Value) -> str | None:
        step = producer.get(value)
        return None if step is None or step.op == "Input" else kind_of(step)

    def ends(value: Value) -> bool:
        return kind(value) not in ("passing", "selection")

    before = ancestors([value], lambda value: producer[value].active_inputs, ends)
    return {producer[end] if kind(end) == "weighted" else None for end in before if ends(end)}


def after_mixing(step: Step, producer: dict[Value, Step]) -> bool:
    """Return whether RevealCancel is defined at a nonlinearity.

    It is if every branch before the nonlinearity leads to a weighted step, all its operations exist for every number,
    and it does not grow as an exponential does. RevealCancel evaluates it far outside its own values, at x⁰ + Δ⁺ alone,
    where an exponential is larger by orders of magnitude than anything that the model computes.
    """
    if any(operation(inner.op).bounded_domain for inner in step.body):
        return False
    return None not in last_mixing(step.inputs[0], producer) and not explodes(step)


def after_dense(step: Step, producer: dict[Value, Step]) -> bool:
    """Return whether RevealCancel is defined at a nonlinearity and every branch before it leads to a dense layer.

    This is the default of the genomics version of DeepLIFT.
    """
    before = last_mixing(step.inputs[0], producer)
    return after_mixing(step, producer) and not any(mixing and linear_of(mixing).convolves for mixing in before)
