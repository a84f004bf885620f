"""DeepLIFT's rule for a softmax, and for the logarithm of one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from genolift.engine.operations.kernels import Kernel
from genolift.engine.operations.kinds import Softmax
from genolift.engine.operations.table import operation
from genolift.engine.program import Step, Value
from genolift.engine.walk.propagate import Backward, Flow, Flows, collapsed
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

# Two values of |ln(S/S⁰)|, where S and S⁰ are the sums of exponentials of the two sides. Below the first only the form
# by products is used, above the second only the bounded form by logarithms, and between them a blend.
_APART = 2.0, 4.0


def softmax(step: Step, flows: Flows, back: Backward) -> dict[Value, Flow]:
    """Return what flows into a softmax, or into the logarithm of one.

    Exponentials follow their chords, and their division by the sum is a product. With y_i = e_i·q and q = 1/S, the
    difference Δy_i splits into ½(q + q⁰)Δe_i and ½(e_i + e_i⁰)Δq, where Δq/ΔS = −1/(S·S⁰). Each row of a pair has one
    shift for numerical stability.
    """
    pairs, source = back.pairs, step.inputs[0]
    (grad,), kind = collapsed(step, flows, back), operation(step.op).kind
    log = isinstance(kind, Softmax) and kind.log
    m, x, r = grad, pairs.x(source), pairs.ref(source)
    result, share = _by_products(m, x, r, log)

    def blended():
        products = (1 - share) * tf.where(share < 1, result, tf.zeros_like(result))
        return products + share * tf.cast(_by_logarithms(m, x, r, log), share.dtype)

    # Attention is large, so the second form is computed only if some row needs it.
    return {source: Flow(tf.cond(tf.reduce_any(share > 0), blended, lambda: result))}


def _over_row(combine: Callable[[Tensor, Tensor], Tensor], reduce: Callable[..., Tensor], x: Tensor) -> Tensor:
    """Return what combines all elements of each row of the last axis, in a shape that broadcasts to that of ``x``.

    Reductions of short rows are slow, so rows of two, which attention pooling has, are combined with their reverse.
    """
    if x.shape[-1] == 2:
        return combine(x, tf.reverse(x, [-1]))
    return reduce(x, -1, keepdims=True)


_largest = partial(_over_row, tf.maximum, tf.reduce_max)
_total = partial(_over_row, tf.add, tf.reduce_sum)


@Kernel
def _by_products(m: Tensor, x: Tensor, r: Tensor, log: bool) -> tuple[Tensor, Tensor]:
    """Return the multipliers by the form of :func:`softmax`, and the share of the other form in each row.

    Quotients of differences are written with expm1 and log1p, so that nothing is lost where the two sides are close.
    Where exponentials underflow, the two sums differ so much that only the other form is used.
    """
    shift = _largest(tf.maximum(x, r))
    e_x, e_r = tf.exp(x - shift), tf.exp(r - shift)
    s_x, s_r = _total(e_x), _total(e_r)
    chord = tf.maximum(e_x, e_r) * _fall(tf.abs(x - r))
    if log:
        grown = (s_x - s_r) / s_r
        level, one = tf.abs(grown) < 1e-12, tf.ones_like(grown)
        slope = tf.where(level, one, tf.math.log1p(grown) / tf.where(level, one, grown))
        result = m - _total(m) * (slope / s_r) * chord
    else:
        q_x, q_r = 1 / s_x, 1 / s_r
        result = (m * (q_x + q_r) - _total(m * (e_x + e_r)) * (q_x * q_r)) * (chord / 2)
    # Both forms are exact, and so is any mean of the two. The more the two sums differ, the more the products cancel.
    near, far = _APART
    share = tf.clip_by_value((tf.abs(tf.math.log(s_x / s_r)) - near) / (far - near), 0, 1)
    return result, tf.where(tf.math.is_finite(share), share, tf.ones_like(share))


def _fall(distance: Tensor) -> Tensor:
    """Return (1 − exp(−d)) / d for distances d, which is 1 for d = 0."""
    near, one = distance < 1e-12, tf.ones_like(distance)
    return tf.where(near, one, -tf.math.expm1(-distance) / tf.where(near, one, distance))


@Kernel
def _by_logarithms(m: Tensor, x: Tensor, r: Tensor, log: bool) -> Tensor:
    """Return the multipliers by the form y_i = exp(z_i − S) with S = ln Σ e^z, which stay bounded however S differs.

    The exponential follows its chord. S is convex, so ΔS lies between Σ p⁰Δz and Σ pΔz, where p⁰ and p are the softmax
    at the reference and at x. Hence ΔS = Σ wΔz for some w between p⁰ and p.
    """
    m, x, r = (tf.cast(tensor, tf.float64) for tensor in (m, x, r))  # The share of either end cancels more.
    d = x - r
    total_x, total_r = (tf.reduce_logsumexp(side, -1, keepdims=True) for side in (x, r))
    log_x, log_r = x - total_x, r - total_r
    p_x, p_r = tf.exp(log_x), tf.exp(log_r)
    upper, lower = (tf.reduce_sum(p * d, -1, keepdims=True) for p in (p_x, p_r))
    part = tf.clip_by_value(tf.math.divide_no_nan(total_x - total_r - lower, upper - lower), 0, 1)
    through = m
    if not log:
        through = m * tf.maximum(p_x, p_r) * _fall(tf.abs(log_x - log_r))
    return through - tf.reduce_sum(through, -1, keepdims=True) * (part * p_x + (1 - part) * p_r)
