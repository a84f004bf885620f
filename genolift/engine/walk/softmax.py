"""DeepLIFT's rule for a softmax, and for the logarithm of one."""

from __future__ import annotations

from genolift.engine.operations.kinds import Softmax
from genolift.engine.operations.table import operation
from genolift.engine.program import Step, Value
from genolift.engine.walk.propagate import Backward, Flow, collapsed
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

# From the first logarithm of the ratio of the two sums of exponentials on, the bounded form mixes in; from the second
# on it stands alone.
_APART = 2.0, 4.0


def softmax(step: Step, flows: list[Flow | None], back: Backward) -> dict[Value, Flow]:
    """Return what flows into a softmax: exponentials go by their chords, and their sum by a normalising product.

    One stabilising shift is taken for each pair and row.
    y_i = e_i·q with q = 1/S: Δy_i splits into ½(q + q⁰)Δe_i and ½(e_i + e_i⁰)Δq, and Δq/ΔS = −1/(S·S⁰).
    """
    pairs, source = back.pairs, step.inputs[0]
    (grad,), kind = collapsed(step, flows, back), operation(step.op).kind
    log = isinstance(kind, Softmax) and kind.log
    # Double precision leaves room for maxima that differ by hundreds between x and its reference.
    x, r = tf.cast(pairs.x(source), tf.float64), tf.cast(pairs.ref(source), tf.float64)
    m = tf.cast(grad, tf.float64)
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
    # Both forms are exact, and so is any mean of the two; the products cancel ever more as the two sums part.
    near, far = _APART
    share = tf.clip_by_value((tf.abs(tf.math.log(s_x / s_r)) - near) / (far - near), 0, 1)
    share = tf.where(tf.math.is_finite(share), share, tf.ones_like(share))

    def blended():
        products = (1 - share) * tf.where(share < 1, result, tf.zeros_like(result))
        return products + share * _by_logarithms(m, x, r, log)

    # As large as attention is, the second form is worth a look at whether any row needs it.
    found = tf.cond(tf.reduce_any(share > 0), blended, lambda: result)
    return {source: Flow(tf.cast(found, grad.dtype))}


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
