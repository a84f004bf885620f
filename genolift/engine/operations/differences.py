"""Exact differences of elementwise functions: f(b) − f(a) from a, b and d = b − a without cancellation.

A difference computed by subtracting two nearly equal values is rounding noise, and so is every multiplier made of it.
Each operation here gives its difference to full relative precision from the difference of what goes in, so a chain of
them does too, and a multiplier Δout/Δin stays right however small Δin is; at Δin = 0 it is the derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from genolift.engine.operations.emit import emit
from genolift.engine.program import Dependence, Step, Value
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

# Stands in for a difference of zero, so that the quotient becomes the derivative.
_TINY = 1e-18


@dataclass
class Span:
    """A value at the two ends and its difference; ``d`` is None for what does not change."""

    a: object
    b: object
    d: object = None


def nonzero(d):
    """A difference to divide by."""
    return tf.where(tf.abs(d) < _TINY, tf.cast(_TINY, d.dtype), d)


def secant(region: Step, a, b, d, extra: list, precision=tf.float32):
    """The multiplier (f(b) − f(a)) / d of a fused region, the derivative at ``a`` where d is 0.

    ``extra`` holds the region's inputs after its source. Also returns the difference itself.
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
                spans[value].d = b_out - a_out  # a comparison of the source, as a number
    change = spans[region.output].d
    return change / d, change


def apply(region: Step, source, extra: list, precision=tf.float32):
    """The region's function at ``source``."""
    known = {region.inputs[0]: source, **dict(zip(region.inputs[1:], extra, strict=True))}
    for step in region.body:
        outputs = emit(step, [known[value] for value in step.inputs], precision)
        known.update(zip(step.outputs, outputs, strict=True))
    return known[region.output]


def _difference(step: Step, ends: list[Span], out: Span, precision):
    exact = DIFFERENCES.get(step.op)
    if exact is not None:
        return exact(ends, out, step)
    return _by_midpoint(step, ends, out, precision)


def _by_midpoint(step: Step, ends: list[Span], out: Span, precision):
    """Without an exact form: subtract, and where that is noise use the derivative at the midpoint (error O(d³)).

    The two are equally good about where d is the cube root of the rounding error.
    """
    middles = [end.a if end.d is None else (end.a + end.b) / 2 for end in ends]
    moving = [i for i, end in enumerate(ends) if end.d is not None]
    (y, *_) = emit(step, middles, precision)
    slopes = tf.gradients(y, [middles[i] for i in moving], stop_gradients=middles)
    subtracted = out.b - out.a
    if any(slope is None for slope in slopes):
        return subtracted
    linear = sum(slope * ends[i].d for i, slope in zip(moving, slopes, strict=True))
    size = sum(tf.abs(ends[i].d) / (tf.abs(middles[i]) + 1e-3) for i in moving)
    limit = 5e-3 if out.a.dtype == tf.float32 else 5e-6
    return tf.where(size < limit, linear, subtracted)


def _zero(span: Span):
    return tf.zeros_like(span.a) if span.d is None else span.d


def _add(ends, out, step):
    changes = [end.d for end in ends if end.d is not None]
    return changes[0] if len(changes) == 1 else tf.add_n(changes)


def _sub(ends, out, step):
    left, right = ends
    if right.d is None:
        return left.d
    return -right.d if left.d is None else left.d - right.d


def _mul(ends, out, step):
    left, right = ends
    if right.d is None:
        return left.d * right.a
    if left.d is None:
        return right.d * left.a
    return left.d * (right.a + right.b) / 2 + right.d * (left.a + left.b) / 2


def _divide(ends, out, step):
    top, bottom = ends
    if bottom.d is not None:
        raise NotImplementedError("lowered to a product before differences are taken")
    return tf.math.divide_no_nan(top.d, bottom.a) if step.op == "DivNoNan" else top.d / bottom.a


def _kink(a, b, d):
    """max(b, 0) − max(a, 0); nothing at a = b = 0, where frameworks have the derivative 0."""
    return tf.where((a >= 0) & (b >= 0) & (a + b > 0), d, tf.maximum(b, 0) - tf.maximum(a, 0))


def _clip(a, b, d, low, high):
    inside = (a >= low) & (b >= low) & (a <= high) & (b <= high)
    return tf.where(inside, d, tf.clip_by_value(b, low, high) - tf.clip_by_value(a, low, high))


def _one(form: Callable) -> Callable:
    """A rule for an operation of one input: ``form(a, b, d)``."""
    return lambda ends, out, step: form(ends[0].a, ends[0].b, ends[0].d)


def _leaky(ends, out, step):
    alpha = tf.cast(step.node.attr["alpha"].f, ends[0].a.dtype)
    x = ends[0]
    return alpha * x.d + (1 - alpha) * _kink(x.a, x.b, x.d)


def _exp(a, b, d):
    """e^b − e^a, from the larger end so that nothing overflows before it must."""
    return -tf.sign(d) * tf.exp(tf.maximum(a, b)) * tf.math.expm1(-tf.abs(d))


def _elu(a, b, d):
    low_a, low_b = tf.minimum(a, 0), tf.minimum(b, 0)
    return _kink(a, b, d) + _exp(low_a, low_b, tf.where((a <= 0) & (b <= 0), d, low_b - low_a))


def _selu(a, b, d):
    scale, alpha = 1.0507009873554805, 1.6732632423543772  # Klambauer et al. 2017
    low_a, low_b = tf.minimum(a, 0), tf.minimum(b, 0)
    low = _exp(low_a, low_b, tf.where((a <= 0) & (b <= 0), d, low_b - low_a))
    return scale * (_kink(a, b, d) + alpha * low)


def _sigmoid(a, b, d):
    """|σ(b) − σ(a)| = (1 − e^−|d|) σ(larger) σ(−smaller)."""
    return -tf.sign(d) * tf.math.expm1(-tf.abs(d)) * tf.sigmoid(tf.maximum(a, b)) * tf.sigmoid(-tf.minimum(a, b))


def _softplus(a, b, d):
    """|ln(1 + e^b) − ln(1 + e^a)| = −ln(1 + σ(larger)(e^−|d| − 1)); apart, where that sum cancels, subtraction."""
    fall = tf.math.expm1(-tf.minimum(tf.abs(d), 1))
    near = -tf.sign(d) * tf.math.log1p(tf.sigmoid(tf.maximum(a, b)) * fall)
    return tf.where(tf.abs(d) < 1, near, tf.nn.softplus(b) - tf.nn.softplus(a))


def _tanh(a, b, d):
    """tanh b − tanh a = 2(σ(2b) − σ(2a))."""
    return 2 * _sigmoid(2 * a, 2 * b, 2 * d)


def _erf(a, b, d):
    """Gauss-Legendre quadrature of the density where its error, about 5e-5·d⁶, is below rounding, else subtraction."""
    limit = 0.25 if a.dtype == tf.float32 else 0.005
    middle, half = (a + b) / 2, d / 2
    total = 0.0
    for node, weight in ((0.0, 8 / 9), (0.7745966692414834, 5 / 9)):
        for signed in {node, -node}:
            total = total + weight * tf.exp(-tf.square(middle + signed * half))
    near = 1.1283791670955126 * half * total  # 2/sqrt(pi)
    return tf.where(tf.abs(d) < limit, near, tf.math.erf(b) - tf.math.erf(a))


def _softsign(a, b, d):
    same = (a >= 0) == (b >= 0)
    near = d / ((1 + tf.abs(a)) * (1 + tf.abs(b)))
    return tf.where(same, near, tf.math.softsign(b) - tf.math.softsign(a))


def _log(a, b, d):
    """ln(b/a), from the smaller end so that the argument of log1p is positive."""
    return tf.where(d > 0, tf.math.log1p(d / a), -tf.math.log1p(-d / b))


def _abs(a, b, d):
    return tf.where((a >= 0) & (b >= 0), d, tf.where((a <= 0) & (b <= 0), -d, tf.abs(b) - tf.abs(a)))


def _sqrt(a, b, d):
    both = tf.sqrt(a) + tf.sqrt(b)
    return tf.where(both > 0, d / both, tf.zeros_like(d))


def _rsqrt(a, b, d):
    root_a, root_b = tf.sqrt(a), tf.sqrt(b)
    return -d / (root_a * root_b * (root_a + root_b))


def _guarded_reciprocal(ends, out, step):
    """1/b − 1/a, where 0 has the reciprocal 0."""
    x = ends[0]
    return tf.where((x.a != 0) & (x.b != 0), -x.d * out.a * out.b, out.b - out.a)


def _pow(ends, out, step):
    base, exponent = ends
    if exponent.d is None and base.d is not None:
        # Small integer powers are common (squares, cubes in GELU) and have an exact form: d·Σ b^i a^(n−1−i).
        power = tf.get_static_value(exponent.a)
        if power is not None and power.ndim == 0 and float(power) in (1.0, 2.0, 3.0, 4.0):
            n = int(power)
            return base.d * tf.add_n([base.b**i * base.a ** (n - 1 - i) for i in range(n)])
    # b^e = exp(e·ln b): of a positive base the difference follows from that of e·ln b, a product.
    positive = (base.a > 0) & (base.b > 0)
    low, high = tf.where(positive, base.a, 1), tf.where(positive, base.b, 1)
    rise = 0.0
    if base.d is not None:
        rise = rise + _log(low, high, tf.where(positive, base.d, 0)) * (exponent.a + exponent.b) / 2
    if exponent.d is not None:
        rise = rise + exponent.d * (tf.math.log(low) + tf.math.log(high)) / 2
    exact = -tf.sign(rise) * tf.maximum(out.a, out.b) * tf.math.expm1(-tf.abs(rise))
    return tf.where(positive, exact, _by_midpoint(step, ends, out, out.a.dtype))


def _extremum(ends, out, step):
    left, right = ends
    sign = 1 if step.op == "Maximum" else -1
    gap_a, gap_b = sign * (left.a - right.a), sign * (left.b - right.b)
    both_left, both_right = (gap_a >= 0) & (gap_b >= 0), (gap_a <= 0) & (gap_b <= 0)
    return tf.where(both_left, _zero(left), tf.where(both_right, _zero(right), out.b - out.a))


def _clip_by_value(ends, out, step):
    x, low, high = ends
    return _clip(x.a, x.b, x.d, low.a, high.a)


def _select(ends, out, step):
    condition, chosen, other = ends
    change = tf.where(condition.a, _zero(chosen), _zero(other))
    return tf.where(condition.a == condition.b, change, out.b - out.a)


def _remainder(ends, out, step):
    """Δ itself where no multiple of the divisor was passed on the way."""
    x, divisor = ends
    if x.d is None or divisor.d is not None:
        return out.b - out.a
    below_a, below_b = (tf.round((at - rest) / divisor.a) for at, rest in ((x.a, out.a), (x.b, out.b)))
    return tf.where(below_a == below_b, x.d, out.b - out.a)


def _stepwise(ends, out, step):
    return out.b - out.a


DIFFERENCES: dict[str, Callable] = {
    **dict.fromkeys(["Add", "AddV2", "AddN", "BiasAdd"], _add),
    "Sub": _sub,
    "Neg": lambda ends, out, step: -ends[0].d,
    "Mul": _mul,
    **dict.fromkeys(["RealDiv", "Div", "DivNoNan"], _divide),
    "Cast": lambda ends, out, step: tf.cast(ends[0].d, out.a.dtype),
    "Relu": _one(_kink),
    "Relu6": _one(lambda a, b, d: _clip(a, b, d, 0.0, 6.0)),
    "LeakyRelu": _leaky,
    "Elu": _one(_elu),
    "Selu": _one(_selu),
    "Sigmoid": _one(_sigmoid),
    "Softplus": _one(_softplus),
    "Tanh": _one(_tanh),
    "Softsign": _one(_softsign),
    "Exp": _one(_exp),
    "Expm1": _one(_exp),
    "Log": _one(_log),
    "Log1p": _one(lambda a, b, d: _log(1 + a, 1 + b, d)),
    "Erf": _one(_erf),
    "Erfc": _one(lambda a, b, d: -_erf(a, b, d)),
    "Sqrt": _one(_sqrt),
    "Rsqrt": _one(_rsqrt),
    "Square": _one(lambda a, b, d: d * (a + b)),
    "Abs": _one(_abs),
    **dict.fromkeys(["Reciprocal", "Inv"], _one(lambda a, b, d: -d / (a * b))),
    "ReciprocalNoNan": _guarded_reciprocal,
    "Sin": _one(lambda a, b, d: 2 * tf.cos((a + b) / 2) * tf.sin(d / 2)),
    "Cos": _one(lambda a, b, d: -2 * tf.sin((a + b) / 2) * tf.sin(d / 2)),
    "Pow": _pow,
    **dict.fromkeys(["Maximum", "Minimum"], _extremum),
    "ClipByValue": _clip_by_value,
    "SelectV2": _select,
    **dict.fromkeys(["Floor", "Ceil", "Round", "Rint", "Sign", "FloorDiv"], _stepwise),
    **dict.fromkeys(["FakeQuantWithMinMaxArgs", "FakeQuantWithMinMaxVars"], _stepwise),
    **dict.fromkeys(["QuantizeAndDequantizeV2", "QuantizeAndDequantizeV4"], _stepwise),
    **dict.fromkeys(["FloorMod", "Mod", "TruncateMod"], _remainder),
}
