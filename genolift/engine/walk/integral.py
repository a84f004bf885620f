"""The rule for operations that have none of their own: their gradient is integrated along the straight path."""

from __future__ import annotations

import numpy as np

from genolift.engine.program import Step, Value
from genolift.engine.walk.pairs import Pairs
from genolift.engine.walk.propagate import Backward, Flow, Flows, collapsed
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

# The number of Gauss-Legendre nodes in each stretch of the path.
_NODES = 4
# The numbers of stretches to begin with and to end with. Smooth functions need few, and more stretches locate kinks.
_FIRST, _MOST = 2, 256
#: What an operation's own balance may miss, as a share of what it hands on. This allows for a few roundings.
_TOLERANCE = {"float32": 2e-6, "float64": 1e-11}


def integrate(step: Step, flows: Flows, back: Backward) -> dict[Value, Flow]:
    """Return the Aumann-Shapley multipliers m = ∫ Jᵀ(r + α(x − r)) m_out dα.

    The number of stretches of the path doubles until what enters the step balances what leaves it. If the balance does
    not hold with the largest number, the rest stays in the residual and is noted in ``back.left``.

    Raises
    ------
    LookupError
        If TensorFlow has no gradient for one of the inputs.
    """
    pairs, grads = back.pairs, collapsed(step, flows, back)
    sources = step.active_inputs
    x, ref = [pairs.x(value) for value in sources], [pairs.ref(value) for value in sources]
    deltas = [pairs.delta(value) for value in sources]
    received = zip(grads, step.outputs, strict=True)
    wanted = sum(_by_pair(grad, pairs.delta(value), pairs) for grad, value in received if grad is not None)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    nodes, weights = (tf.constant(line, pairs.precision) for line in ((nodes + 1) / 2, weights / 2))

    def averaged(stretches):
        def add(i, totals):
            share = (tf.cast(i // _NODES, pairs.precision) + nodes[i % _NODES]) / tf.cast(stretches, pairs.precision)
            points = {value: r + tf.cast(share, r.dtype) * (a - r) for value, a, r in zip(sources, x, ref, strict=True)}
            slopes, weight = _slopes(step, grads, points, pairs), weights[i % _NODES]
            more = [tf.cast(weight, total.dtype) * slopes[v] for v, total in zip(sources, totals, strict=True)]
            return i + 1, [total + one for total, one in zip(totals, more, strict=True)]

        start = (0, [tf.zeros_like(delta) for delta in deltas])
        _, totals = tf.while_loop(lambda i, _: i < _NODES * stretches, add, start)
        return [total / tf.cast(stretches, total.dtype) for total in totals]

    def left(multipliers):
        sent = [_by_pair(m, delta, pairs) for m, delta in zip(multipliers, deltas, strict=True)]
        size = sum(_by_pair(tf.abs(m), tf.abs(delta), pairs) for m, delta in zip(multipliers, deltas, strict=True))
        return tf.reduce_max(tf.abs(sum(sent) - wanted) / (tf.maximum(tf.abs(wanted), size) + 1e-12))

    def proceed(stretches, multipliers):
        return (stretches < _MOST) & (left(multipliers) > _TOLERANCE[pairs.precision.name])

    def double(stretches, multipliers):
        return 2 * stretches, averaged(2 * stretches)

    first = tf.constant(_FIRST)
    _, multipliers = tf.while_loop(proceed, double, (first, averaged(first)))
    back.left.append(left(multipliers))
    return {value: Flow(m) for value, m in zip(sources, multipliers, strict=True)}


def _slopes(step: Step, grads: list, points: dict, pairs: Pairs) -> dict[Value, Tensor]:
    """Return the step's vector-Jacobian products at ``points``, or raise LookupError if an input has none."""
    slopes = pairs.transpose(step, grads, points)
    if len(slopes) < len(points):
        raise LookupError("one of its inputs has no gradient")
    return slopes


def _by_pair(multiplier: Tensor, delta: Tensor, pairs: Pairs) -> Tensor:
    """Return what each pair's multipliers account for, or all pairs' together if the batch is not the first axis."""
    total = tf.math.real(tf.math.conj(multiplier) * delta)
    return tf.reduce_sum(tf.reshape(total, [pairs.n * pairs.r if pairs.leading else 1, -1]), axis=1)
