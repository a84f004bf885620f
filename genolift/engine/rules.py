"""Rules: how each kind of step hands back what flows into its outputs, and the named sets of them.

A rule is ``rule(step, flows, back) -> {input value: Flow}``. Where it also defines the forward mass of RevealCancel it
has an attribute ``mass(step, value, back)``.
"""

from __future__ import annotations

from genolift.engine import kernels
from genolift.engine.differences import DIFFERENCES
from genolift.engine.integral import integrate
from genolift.engine.operations import ELEMENTWISE, OPERATIONS, Linear, Selection, Unary, kind_of, refusal
from genolift.engine.program import Step, Value
from genolift.engine.propagate import Backward, Flow, collapsed
from genolift.engine.unwind import unwind
from genolift.support.errors import InputError
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

__all__ = ["Backward", "Flow", "Linear", "Selection", "Unary", "register"]


def with_mass(mass):
    """Give a rule its forward mass."""

    def attach(rule):
        rule.mass = mass
        return rule

    return attach


# Linear steps


def _passing_mass(step: Step, value: Value, back: Backward):
    masses = {source: back.mass(source) for source in step.active_inputs}
    return back.pairs.at(step, masses, tf.abs, offsets=False)[value.slot]


def _weighted_mass(step: Step, value: Value, back: Backward):
    sizes = {source: back.distance(source) for source in step.active_inputs}
    return back.pairs.at(step, sizes, tf.abs, offsets=False)[value.slot]


def parts(flows: list[Flow | None], part: str) -> list:
    return [None if flow is None else getattr(flow, part) for flow in flows]


def _halves(step: Step, flows, back: Backward) -> dict:
    halves = parts(flows, "half")
    if all(half is None for half in halves):
        return {}
    return back.pairs.transpose(step, halves, weights=tf.abs)


@with_mass(_passing_mass)
def passing(step: Step, flows, back: Backward) -> dict:
    """Transpose; the two parts of the difference pass side by side."""
    means = back.pairs.transpose(step, parts(flows, "mean"))
    halves = _halves(step, flows, back)
    return {value: Flow(mean, halves.get(value)) for value, mean in means.items()}


@with_mass(_weighted_mass)
def weighted(step: Step, flows, back: Backward) -> dict:
    """Transpose; ½(m⁺ + m⁻)Wᵀ + ½ sign(Δ)(m⁺ − m⁻)|W|ᵀ, one multiplier below (Shrikumar et al. 2017, 3.5.1)."""
    means = back.pairs.transpose(step, parts(flows, "mean"))
    halves = _halves(step, flows, back)
    return {value: Flow(back.collapsed(Flow(mean, halves.get(value)), value)) for value, mean in means.items()}


def turned(step: Step, flows, back: Backward) -> dict:
    """Complex numbers: the transpose of one multiplier, for their parts have no signs to tell apart."""
    return {v: Flow(m) for v, m in back.pairs.transpose(step, collapsed(step, flows, back)).items()}


# Nonlinearities of one source


def _sides(step: Step, back: Backward):
    """Source at the reference and at x, and the region's other inputs, laid out for elementwise work."""
    pairs, source = back.pairs, step.inputs[0]
    return pairs.ref_side(source), pairs.x_side(source), extra_sides(step, pairs)


def extra_sides(step: Step, pairs) -> list:
    """What a region reads beside its source, laid out for elementwise work."""
    return [_extra(value, pairs) for value in step.inputs[1:]]


def _extra(value: Value, pairs):
    tensor = pairs.aux(value)
    batched = value.dependence and value.shape and value.shape[0] is None
    return pairs.pair_side(tensor) if batched else tensor


def _rescaled(step: Step, back: Backward, tensors: list) -> list:
    """Each tensor times the chord Δout/Δin of its pair (Rescale, 3.5.2)."""
    pairs, source = back.pairs, step.inputs[0]
    a, b, extra = _sides(step, back)
    results = kernels.rescale(step, pairs.precision, a, b, extra, [pairs.pair_side(t) for t in tensors])
    return [pairs.flat(result, source) for result in results]


def _unary_mass(step: Step, value: Value, back: Backward):
    pairs, source = back.pairs, step.inputs[0]
    if not back.reveals(step):
        return _rescaled(step, back, [back.mass(source)])[0]
    a, b, extra = _sides(step, back)
    mass = pairs.pair_side(back.mass(source))
    return pairs.flat(kernels.reveal_cancel_mass(step, pairs.precision, a, b, mass, extra), source)


@with_mass(_unary_mass)
def chords(step: Step, flows, back: Backward) -> dict:
    """Rescale, or RevealCancel where the method asks for it at this step."""
    (flow,) = flows
    pairs, source = back.pairs, step.inputs[0]
    if not back.reveals(step):
        parts = [part for part in (flow.mean, flow.half) if part is not None]
        return {source: Flow(*_rescaled(step, back, parts))}
    a, b, extra = _sides(step, back)
    mass = pairs.pair_side(back.mass(source))
    mean, half = pairs.pair_side(flow.mean), tf.zeros([], flow.mean.dtype) if flow.half is None else flow.half
    half = half if flow.half is None else pairs.pair_side(half)
    results = kernels.reveal_cancel(step, pairs.precision, a, b, mass, extra, mean, half)
    return {source: Flow(*[pairs.flat(result, source) for result in results])}


# Steps of several active inputs, and selections: one multiplier in, one out


def midpoint(step: Step, flows, back: Backward) -> dict:
    """Products: ½(x₁ + x₁⁰)Δx₂ and ½(x₂ + x₂⁰)Δx₁, which is the transpose at the midpoint, exact for two factors."""
    pairs = back.pairs
    if len([i for i in OPERATIONS[step.op].factors_of(step) if step.inputs[i].active]) > 2:
        return _by_orders(step, flows, back)
    points = {value: (pairs.x(value) + pairs.ref(value)) / 2 for value in step.active_inputs}
    return {v: Flow(m) for v, m in pairs.transpose(step, collapsed(step, flows, back), points).items()}


def _by_orders(step: Step, flows, back: Backward) -> dict:
    """Products of three factors: Simpson's rule along the straight path, exact up to cubes."""
    pairs, grads = back.pairs, collapsed(step, flows, back)
    total: dict[Value, object] = {}
    for share, weight in ((0.0, 1 / 6), (0.5, 4 / 6), (1.0, 1 / 6)):
        points = {v: pairs.ref(v) + share * (pairs.x(v) - pairs.ref(v)) for v in step.active_inputs}
        for value, m in pairs.transpose(step, grads, points).items():
            total[value] = total.get(value, 0.0) + weight * m
    return {value: Flow(m) for value, m in total.items()}


def route(step: Step, flows, back: Backward) -> dict:
    """Pooling by maximum or minimum: a rise is credited where x has the extremum, a fall where the reference has it.

    Contributions are the transpose at x of m·max(Δy, 0) plus the transpose at the reference of m·min(Δy, 0) (for a
    minimum the other way round); windows that overlap add. Where a contribution lands, |Δ| ≥ |Δy|.
    """
    pairs, (source,) = back.pairs, step.active_inputs
    delta = pairs.delta(source)
    (grad, *_) = collapsed(step, flows, back)
    change = pairs.delta(step.output)
    rise, fall = grad * tf.maximum(change, 0), grad * tf.minimum(change, 0)
    if step.op == "Min":
        rise, fall = fall, rise
    rest = [None] * (len(step.outputs) - 1)
    at_x = pairs.transpose(step, [rise, *rest], {source: pairs.x(source)})[source]
    at_ref = pairs.transpose(step, [fall, *rest], {source: pairs.ref(source)})[source]
    # Where the two sides agree there is nothing to credit; the gradient tells what a change there would do.
    slope = pairs.transpose(step, [grad, *rest], {source: pairs.ref(source)})[source]
    return {source: Flow(tf.where(delta == 0, slope, tf.math.divide_no_nan(at_x + at_ref, delta)))}


def orders(step: Step, flows, back: Backward) -> dict:
    """Elementwise maximum or minimum of two tensors: the mean over the two orders of changing them (Shapley)."""
    pairs = back.pairs
    (grad,) = collapsed(step, flows, back)
    left, right = step.inputs
    fn = tf.maximum if step.op == "Maximum" else tf.minimum

    def ends(value):
        return (pairs.x(value), pairs.ref(value)) if value.active else (pairs.aux(value),) * 2

    (x1, r1), (x2, r2) = ends(left), ends(right)
    gains = {
        left: (fn(x1, x2) - fn(r1, x2) + fn(x1, r2) - fn(r1, r2)) / 2,
        right: (fn(x1, x2) - fn(x1, r2) + fn(r1, x2) - fn(r1, r2)) / 2,
    }
    result = {}
    for value, (x, r) in ((left, (x1, r1)), (right, (x2, r2))):
        if value.active:
            change = tf.broadcast_to(x - r, tf.shape(grad))
            share = tf.math.divide_no_nan(gains[value], change)
            result[value] = Flow(_unbroadcast(grad * share, x))
    return result


def _unbroadcast(tensor, like):
    """Sum over the axes along which ``like`` was broadcast."""
    zero = tf.zeros_like(like)
    return tf.gradients(zero + tf.zeros_like(tensor), zero, tensor)[0]


def softmax(step: Step, flows, back: Backward) -> dict:
    """Exponentials by their chords and a normalising product, with one stabilising shift per pair and row.

    y_i = e_i·q with q = 1/S: Δy_i splits into ½(q + q⁰)Δe_i and ½(e_i + e_i⁰)Δq, and Δq/ΔS = −1/(S·S⁰).
    """
    pairs, source = back.pairs, step.inputs[0]
    (grad,) = collapsed(step, flows, back)
    # Double precision leaves room for maxima that differ by hundreds between x and its reference.
    x, r = tf.cast(pairs.x(source), tf.float64), tf.cast(pairs.ref(source), tf.float64)
    m = tf.cast(grad, tf.float64)
    shift = tf.reduce_max(tf.maximum(x, r), axis=-1, keepdims=True)
    e_x, e_r = tf.exp(x - shift), tf.exp(r - shift)
    s_x, s_r = tf.reduce_sum(e_x, -1, keepdims=True), tf.reduce_sum(e_r, -1, keepdims=True)
    d = x - r
    near = tf.abs(d) < 1e-9
    chord = tf.where(near, e_r, (e_x - e_r) / tf.where(near, tf.ones_like(d), d))
    if OPERATIONS[step.op].log:
        total = s_x - s_r
        level = tf.abs(total) < 1e-12
        slope = tf.where(level, 1 / s_r, tf.math.log(s_x / s_r) / tf.where(level, tf.ones_like(total), total))
        result = m - tf.reduce_sum(m, -1, keepdims=True) * slope * chord
    else:
        normalising = tf.reduce_sum(m * (e_x + e_r) / 2, -1, keepdims=True) / (s_x * s_r)
        result = (m * (1 / s_x + 1 / s_r) / 2 - normalising) * chord
    far = tf.abs(tf.math.log(s_x / s_r)) > _FAR
    result = tf.where(far | ~tf.math.is_finite(result), _by_logarithms(m, x, r, OPERATIONS[step.op].log), result)
    return {source: Flow(tf.cast(result, grad.dtype))}


# Sums of exponentials that differ by this factor (in logarithms) between the two sides have products that cancel.
_FAR = 8.0


def _by_logarithms(m, x, r, log: bool):
    """Softmax as y_i = exp(z_i − S), S = ln Σ e^z: a chord for exp, and ΔS shared out, bounded however far apart.

    S is convex, so ΔS lies between Σ p⁰Δz and Σ pΔz (p: the softmax at the reference and at x), and is the sum of
    wΔz for some w between p⁰ and p.
    """
    d = x - r
    log_x, log_r = tf.nn.log_softmax(x), tf.nn.log_softmax(r)
    p_x, p_r = tf.exp(log_x), tf.exp(log_r)
    upper, lower = (tf.reduce_sum(p * d, -1, keepdims=True) for p in (p_x, p_r))
    risen = tf.reduce_logsumexp(x, -1, keepdims=True) - tf.reduce_logsumexp(r, -1, keepdims=True)
    part = tf.clip_by_value(tf.math.divide_no_nan(risen - lower, upper - lower), 0, 1)
    through = m
    if not log:
        change = tf.abs(log_x - log_r)
        near = change < 1e-9
        fall = -tf.math.expm1(-change) / tf.where(near, tf.ones_like(change), change)
        through = m * tf.where(near, p_r, tf.maximum(p_x, p_r) * fall)
    return through - tf.reduce_sum(through, -1, keepdims=True) * (part * p_x + (1 - part) * p_r)


DEEPLIFT = {
    "passing": passing,
    "weighted": weighted,
    "complex": turned,
    "unary": chords,
    "product": midpoint,
    "selection": route,
    "extremum": orders,
    "softmax": softmax,
    "loop": unwind,
}


_OWN_RULES: dict[str, object] = {}


def deeplift(step: Step, fallback: bool = False):
    """DeepLIFT's rule for a step of a fused walk; what has none is refused, or integrated where ``fallback`` allows."""
    if step.op in _OWN_RULES:
        return _OWN_RULES[step.op]
    kind = kind_of(step)
    if kind in DEEPLIFT:
        return DEEPLIFT[kind]
    if fallback and kind == "unknown":
        return integrate
    raise refusal(step)


def register(op: str, kind=None, *, rule=None, difference=None) -> None:
    """Teach genolift a TensorFlow operation, by the name that its error message gave.

    ``kind``: what it is (``Linear``, ``Unary``, ``Selection`` ... of :mod:`genolift.engine.operations`); for a
    ``Unary`` one ``difference(a, b, d)`` may give f(b) − f(a) exactly (d = b − a). ``rule(step, flows, back)``
    returns ``{input value: Flow}`` and goes before the kind. For example, a cube as an operation of its own::

        genolift.rules.register("Cube", genolift.rules.Unary(), difference=lambda a, b, d: d * (a*a + a*b + b*b))
    """
    if kind is None and rule is None:
        raise InputError("register needs a kind or a rule")
    if kind is not None:
        OPERATIONS[op] = kind
        if isinstance(kind, Unary):
            ELEMENTWISE.add(op)
    if difference is not None:
        DIFFERENCES[op] = lambda ends, out, step: difference(ends[0].a, ends[0].b, ends[0].d)
    if rule is not None:
        _OWN_RULES[op] = rule


def last_mixing(value: Value, producer: dict[Value, Step]) -> list[Step | None]:
    """The weighted steps that a value comes from through passing steps; None for a branch that ends elsewhere."""
    step = producer.get(value)
    if step is None or step.op == "Input":
        return [None]
    kind = kind_of(step)
    if kind == "weighted":
        return [step]
    if kind in ("passing", "selection"):
        return [found for source in step.active_inputs for found in last_mixing(source, producer)]
    return [None]


# RevealCancel looks at a nonlinearity far outside its own values (at x⁰ + Δ⁺ alone), where these may not exist.
_BOUNDED_DOMAIN = {
    "Log",
    "Log1p",
    "Sqrt",
    "Rsqrt",
    "Reciprocal",
    "ReciprocalNoNan",
    "Inv",
    "Pow",
    "Acos",
    "Asin",
    "Acosh",
    "Atanh",
}


def after_mixing(step: Step, producer: dict[Value, Step]) -> bool:
    """Whether RevealCancel is defined: every branch before the nonlinearity leads to a weighted step."""
    if any(inner.op in _BOUNDED_DOMAIN for inner in step.body):
        return False
    return all(found is not None for found in last_mixing(step.inputs[0], producer))


def after_dense(step: Step, producer: dict[Value, Step]) -> bool:
    """The genomics default: RevealCancel where every branch before a nonlinearity leads to a dense layer."""
    before = last_mixing(step.inputs[0], producer)
    return after_mixing(step, producer) and not any(OPERATIONS[found.op].convolves for found in before)
