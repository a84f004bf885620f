"""Exact differences of elementwise functions: f(b) − f(a) from a, b and d = b − a without cancellation.

A difference computed by subtracting two nearly equal values is rounding noise, and so is every multiplier made of it.
Each form here computes the difference of the output to full relative precision from the difference of the input. A
chain of forms does so too. A multiplier Δout/Δin therefore stays right however small Δin is; at Δin = 0 it is the
derivative.

A form is a function ``form(ends, out, step)`` of the inputs and the output at both ends. Where there is one input, it
may be written as ``form(a, b, d)``, which :func:`of_one` turns into the other. The table of operations refers to the
forms, and :mod:`genolift.engine.operations.secants` applies them along a fused function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from genolift.engine.operations.slopes import product
from genolift.engine.program import Step
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


@dataclass
class Span:
    """A value at the two ends, and its difference ``d``, which is None for a value that does not change."""

    a: Tensor
    b: Tensor
    d: Tensor | None = None


def of_one(form: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[[list[Span], Span, Step], Tensor]:
    """Return ``form(a, b, d)`` of one input as a form of the inputs and the output at both ends."""
    return lambda ends, out, step: form(ends[0].a, ends[0].b, ends[0].d)


def by_midpoint(function: Callable[..., Tensor], ends: list[Span], out: Span) -> Tensor:
    """Return the difference of a function that has no exact form.

    The two values are subtracted. Where the result would be rounding noise, the derivative at the midpoint is used
    instead, whose error is O(d³). The two are equally good where d is about the cube root of the rounding error.

    Parameters
    ----------
    function : callable
        The function, which takes one tensor per input.
    ends : list of Span
        The inputs at both ends.
    out : Span
        The output at both ends.
    """
    middles = [end.a if end.d is None else (end.a + end.b) / 2 for end in ends]
    moving = [i for i, end in enumerate(ends) if end.d is not None]
    y = function(*middles)
    slopes = tf.gradients(y, [middles[i] for i in moving], stop_gradients=middles)
    subtracted = out.b - out.a
    if any(slope is None for slope in slopes):
        return subtracted
    linear = sum(product(slope, ends[i].d) for i, slope in zip(moving, slopes, strict=True))
    size = sum(tf.abs(ends[i].d) / (tf.abs(middles[i]) + 1e-3) for i in moving)
    limit = 5e-3 if out.a.dtype == tf.float32 else 5e-6
    return tf.where(size < limit, linear, subtracted)


def _change(span: Span) -> Tensor:
    return tf.zeros_like(span.a) if span.d is None else span.d


# Functions of several inputs


def added(ends: list[Span], out: Span, step: Step) -> Tensor:
    """Return the difference of a sum."""
    changes = [end.d for end in ends if end.d is not None]
    return changes[0] if len(changes) == 1 else tf.add_n(changes)


def subtracted(ends: list[Span], out: Span, step: Step) -> Tensor:
    """Return the difference of a difference."""
    left, right = ends
    if right.d is None:
        return left.d
    return -right.d if left.d is None else left.d - right.d


def multiplied(ends: list[Span], out: Span, step: Step) -> Tensor:
    """Return the difference of a product."""
    left, right = ends
    if right.d is None:
        return left.d * right.a
    if left.d is None:
        return right.d * left.a
    return left.d * (right.a + right.b) / 2 + right.d * (left.a + left.b) / 2


def divided(ends: list[Span], out: Span, step: Step) -> Tensor:
    """Return the difference of a quotient whose divisor does not change."""
    top, bottom = _fraction(ends)
    return top.d / bottom.a


def divided_if_possible(ends: list[Span], out: Span, step: Step) -> Tensor:
    """Return the difference of a quotient that is zero where its divisor is zero."""
    top, bottom = _fraction(ends)
    return tf.math.divide_no_nan(top.d, bottom.a)


def _fraction(ends: list[Span]) -> list[Span]:
    if ends[1].d is not None:
        raise NotImplementedError("lowered to a product before differences are taken")
    return ends


def power(ends: list[Span], out: Span, step: Step) -> Tensor:
    """Return the difference of a power, exact where the base is positive or the exponent is a small whole number."""
    base, exponent = ends
    if exponent.d is None and base.d is not None:
        # Small integer powers are common (squares, cubes in GELU) and have an exact form: d·Σ b^i a^(n−1−i).
        given = tf.get_static_value(exponent.a)
        if given is not None and given.ndim == 0 and float(given) in (1.0, 2.0, 3.0, 4.0):
            return base.d * _powers_between(base.a, base.b, int(given))
    # b^e = exp(e·ln b), so for a positive base the difference follows from that of e·ln b, which is a product.
    positive = (base.a > 0) & (base.b > 0)
    low, high = tf.where(positive, base.a, 1), tf.where(positive, base.b, 1)
    rise = 0.0
    if base.d is not None:
        rise = rise + log(low, high, tf.where(positive, base.d, 0)) * (exponent.a + exponent.b) / 2
    if exponent.d is not None:
        rise = rise + exponent.d * (tf.math.log(low) + tf.math.log(high)) / 2
    exact = -tf.sign(rise) * tf.maximum(out.a, out.b) * tf.math.expm1(-tf.abs(rise))
    return tf.where(positive, exact, by_midpoint(tf.pow, ends, out))


def _powers_between(a: Tensor, b: Tensor, n: int) -> Tensor | float:
    """Return Σ b^i a^(n−1−i) over i from 0 to n − 1, by products alone, because the library's powers are slow."""
    if n == 1:
        return 1.0
    total, power_of_a = a + b, a
    for _ in range(n - 2):
        power_of_a = power_of_a * a
        total = total * b + power_of_a
    return total


def maximum(ends: list[Span], out: Span, step: Step) -> Tensor:
    """Return the difference of the larger of two numbers."""
    return _extremum(ends, out, 1)


def minimum(ends: list[Span], out: Span, step: Step) -> Tensor:
    """Return the difference of the smaller of two numbers."""
    return _extremum(ends, out, -1)


def _extremum(ends: list[Span], out: Span, sign: int) -> Tensor:
    left, right = ends
    gap_a, gap_b = sign * (left.a - right.a), sign * (left.b - right.b)
    both_left, both_right = (gap_a >= 0) & (gap_b >= 0), (gap_a <= 0) & (gap_b <= 0)
    return tf.where(both_left, _change(left), tf.where(both_right, _change(right), out.b - out.a))


def clipped(ends: list[Span], out: Span, step: Step) -> Tensor:
    """Return the difference of a value that is clipped to two bounds."""
    x, low, high = ends
    return _between(x.a, x.b, x.d, low.a, high.a)


def selected(ends: list[Span], out: Span, step: Step) -> Tensor:
    """Return the difference of a choice between two tensors."""
    condition, chosen, other = ends
    change = tf.where(condition.a, _change(chosen), _change(other))
    return tf.where(condition.a == condition.b, change, out.b - out.a)


def remainder(ends: list[Span], out: Span, step: Step) -> Tensor:
    """Return the difference of a remainder: the difference of x, unless a multiple of the divisor lies on the way."""
    x, divisor = ends
    if x.d is None or divisor.d is not None:
        return out.b - out.a
    below_a, below_b = (tf.round((at - rest) / divisor.a) for at, rest in ((x.a, out.a), (x.b, out.b)))
    return tf.where(below_a == below_b, x.d, out.b - out.a)


def stepwise(ends: list[Span], out: Span, step: Step) -> Tensor:
    """Return the difference of a function that is constant except for jumps."""
    return out.b - out.a


def cast(ends: list[Span], out: Span, step: Step) -> Tensor:
    """Return the difference of the input, cast to the type of the output."""
    return tf.cast(ends[0].d, out.a.dtype)


def leaky_relu(ends: list[Span], out: Span, step: Step) -> Tensor:
    """Return the difference of a ReLU that has a small slope below zero."""
    x = ends[0]
    alpha = tf.cast(step.node.attr["alpha"].f, x.a.dtype)
    return alpha * x.d + (1 - alpha) * relu(x.a, x.b, x.d)


def guarded_reciprocal(ends: list[Span], out: Span, step: Step) -> Tensor:
    """Return 1/b − 1/a, where 0 has the reciprocal 0."""
    x = ends[0]
    return tf.where((x.a != 0) & (x.b != 0), -_change(x) * out.a * out.b, out.b - out.a)


# Functions of one input


def negated(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return the difference of −x."""
    return -d


def relu(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return max(b, 0) − max(a, 0), and 0 at a = b = 0, where frameworks define the derivative as 0."""
    return tf.where((a >= 0) & (b >= 0) & (a + b > 0), d, tf.maximum(b, 0) - tf.maximum(a, 0))


def relu6(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return the difference of a ReLU that is cut off at 6."""
    return _between(a, b, d, 0.0, 6.0)


def _between(a, b, d, low, high):
    inside = (a >= low) & (b >= low) & (a <= high) & (b <= high)
    return tf.where(inside, d, tf.clip_by_value(b, low, high) - tf.clip_by_value(a, low, high))


def exp(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return e^b − e^a, computed from the larger end so that only results that are too large overflow."""
    return -tf.sign(d) * tf.exp(tf.maximum(a, b)) * tf.math.expm1(-tf.abs(d))


def elu(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return the difference of an ELU, which is x above zero and e^x − 1 below."""
    low_a, low_b = tf.minimum(a, 0), tf.minimum(b, 0)
    return relu(a, b, d) + exp(low_a, low_b, tf.where((a <= 0) & (b <= 0), d, low_b - low_a))


def selu(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return the difference of a scaled ELU (Klambauer et al. 2017)."""
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    low_a, low_b = tf.minimum(a, 0), tf.minimum(b, 0)
    low = exp(low_a, low_b, tf.where((a <= 0) & (b <= 0), d, low_b - low_a))
    return scale * (relu(a, b, d) + alpha * low)


def sigmoid(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return σ(b) − σ(a), whose absolute value is (1 − e^−|d|) σ(larger) σ(−smaller)."""
    return -tf.sign(d) * tf.math.expm1(-tf.abs(d)) * tf.sigmoid(tf.maximum(a, b)) * tf.sigmoid(-tf.minimum(a, b))


def softplus(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return ln(1 + e^b) − ln(1 + e^a), whose absolute value is −ln(1 + σ(larger)(e^−|d| − 1)).

    Where the two ends are far apart that sum cancels, and subtraction is exact.
    """
    fall = tf.math.expm1(-tf.minimum(tf.abs(d), 1))
    near = -tf.sign(d) * tf.math.log1p(tf.sigmoid(tf.maximum(a, b)) * fall)
    return tf.where(tf.abs(d) < 1, near, tf.nn.softplus(b) - tf.nn.softplus(a))


def tanh(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return tanh b − tanh a, which is 2(σ(2b) − σ(2a))."""
    return 2 * sigmoid(2 * a, 2 * b, 2 * d)


def softsign(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return the difference of x / (1 + |x|)."""
    same = (a >= 0) == (b >= 0)
    near = d / ((1 + tf.abs(a)) * (1 + tf.abs(b)))
    return tf.where(same, near, tf.math.softsign(b) - tf.math.softsign(a))


def erf(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return the difference of the error function.

    Where the two ends are close, it is a Gauss-Legendre quadrature of the density, whose error is about 5e-5·d⁶.
    Where that error would exceed rounding, the two values are subtracted.
    """
    limit = 0.25 if a.dtype == tf.float32 else 0.005
    middle, half = (a + b) / 2, d / 2
    total = 0.0
    for node, weight in ((0.0, 8 / 9), (0.7745966692414834, 5 / 9)):
        for signed in {node, -node}:
            total = total + weight * tf.exp(-tf.square(middle + signed * half))
    near = 1.1283791670955126 * half * total  # 2/sqrt(pi)
    return tf.where(tf.abs(d) < limit, near, tf.math.erf(b) - tf.math.erf(a))


def erfc(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return the difference of 1 − erf x."""
    return -erf(a, b, d)


def log(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return ln(b/a), computed from the smaller end so that the argument of log1p is positive."""
    return tf.where(d > 0, tf.math.log1p(d / a), -tf.math.log1p(-d / b))


def log1p(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return the difference of ln(1 + x)."""
    return log(1 + a, 1 + b, d)


def absolute(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return |b| − |a|."""
    return tf.where((a >= 0) & (b >= 0), d, tf.where((a <= 0) & (b <= 0), -d, tf.abs(b) - tf.abs(a)))


def sqrt(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return the difference of a square root."""
    both = tf.sqrt(a) + tf.sqrt(b)
    return tf.where(both > 0, d / both, tf.zeros_like(d))


def rsqrt(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return the difference of one over a square root."""
    root_a, root_b = tf.sqrt(a), tf.sqrt(b)
    return -d / (root_a * root_b * (root_a + root_b))


def square(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return b² − a²."""
    return d * (a + b)


def reciprocal(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return 1/b − 1/a."""
    return -d / (a * b)


def sin(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return the difference of a sine."""
    return 2 * tf.cos((a + b) / 2) * tf.sin(d / 2)


def cos(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Return the difference of a cosine."""
    return -2 * tf.sin((a + b) / 2) * tf.sin(d / 2)
