"""DeepLIFT's rule for a softmax, and for the logarithm of one."""

from __future__ import annotations

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
    # In double precision the maxima of x and its reference may differ by hundreds.
    x, r = tf.cast(pairs.x(source), tf.float64), tf.cast(pairs.ref(source), tf.float64)
    m = tf.cast(grad, tf.float64)
    result, share = _by_products(m, x, r, log)

    def blended():
        products = (1 - share) * tf.where(share < 1, result, tf.zeros_like(result))
        return products + share * _by_logarithms(m, x, r, log)

    # Attention is large, so the second form is computed only if some row needs it.
    multipliers = tf.cond(tf.reduce_any(share > 0), blended, lambda: result)
    return {source: Flow(tf.cast(multipliers, grad.dtype))}


@Kernel
def _by_products(m: Tensor, x: Tensor, r: Tensor, log: bool) -> tuple[Tensor, Tensor]:
    """Return the multipliers by the form of :func:`softmax`, and the share of the other form in each row."""
    shift = tf.reduce_max(tf.maximum(x, r), axis=-1, keepdims=True)
    e_x, e_r = tf.exp(x - shift), tf.exp(r - shift)
    s_x, s_r = tf.reduce_sum(e_x, -1, keepdims=True), tf.reduce_sum(e_r, -1, keepdims=True)
    d = x - r
    near = tf.abs(d) < 1e-9
    chord = tf.where(near, e_r, (e_x - e_r) / tf.where(near, tf.ones_like(d), d))
    if log:
        total = s_x - s_r
        level = tf.abs(total) < 1e-12
        slope = tf.where(level, 1 / s_r, tf.math.log(s_x / s_r) / tf.where(level, tf.ones_like(total), total))
        result = m - tf.reduce_sum(m, -1, keepdims=True) * slope * chord
    else:
        normalising = tf.reduce_sum(m * (e_x + e_r) / 2, -1, keepdims=True) / (s_x * s_r)
        result = (m * (1 / s_x + 1 / s_r) / 2 - normalising) * chord
    # Both forms are exact, and so is any mean of the two. The more the two sums differ, the more the products cancel.
    near, far = _APART
    share = tf.clip_by_value((tf.abs(tf.math.log(s_x / s_r)) - near) / (far - near), 0, 1)
    return result, tf.where(tf.math.is_finite(share), share, tf.ones_like(share))


def _by_logarithms(m: Tensor, x: Tensor, r: Tensor, log: bool) -> Tensor:
    """Return the multipliers by the form y_i = exp(z_i − S) with S = ln Σ e^z, which stay bounded however S differs.

    The exponential follows its chord. S is convex, so ΔS lies between Σ p⁰Δz and Σ pΔz, where p⁰ and p are the softmax
    at the reference and at x. Hence ΔS = Σ wΔz for some w between p⁰ and p.
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
