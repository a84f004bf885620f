"""Where there is no rule: an operation's own gradient, integrated along the straight path between its inputs."""

from __future__ import annotations

from genolift.engine.program import Step
from genolift.engine.propagate import Backward, Flow, collapsed
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

_FIRST_NODES, _MOST_NODES = 8, 1024


def integrate(step: Step, flows, back: Backward) -> dict:
    """Aumann-Shapley: m = ∫ Jᵀ(r + α(x − r)) m_out dα by midpoints, doubled until the step's own balance holds.

    What is left when the nodes are used up stays in the residual, and is noted in ``pairs.leftovers``.
    """
    pairs, grads = back.pairs, collapsed(step, flows, back)
    sources = step.active_inputs
    x, ref = [pairs.x(value) for value in sources], [pairs.ref(value) for value in sources]
    deltas = [pairs.delta(value) for value in sources]
    wanted = sum(
        _pair_sum(grad * pairs.delta(value), pairs)
        for grad, value in zip(grads, step.outputs, strict=True)
        if grad is not None
    )

    def averaged(nodes):
        def add(i, totals):
            share = (tf.cast(i, pairs.precision) + 0.5) / tf.cast(nodes, pairs.precision)
            points = {value: r + share * (a - r) for value, a, r in zip(sources, x, ref, strict=True)}
            found = pairs.transpose(step, grads, points)
            return i + 1, [total + found.get(value, 0.0) for total, value in zip(totals, sources, strict=True)]

        _, totals = tf.while_loop(lambda i, _: i < nodes, add, (0, [tf.zeros_like(d) for d in deltas]))
        return [total / tf.cast(nodes, pairs.precision) for total in totals]

    def left(multipliers):
        got = sum(_pair_sum(m * d, pairs) for m, d in zip(multipliers, deltas, strict=True))
        scale = tf.maximum(
            tf.reduce_max(tf.abs(wanted)), tf.reduce_max(_pair_sum(tf.abs(multipliers[0] * deltas[0]), pairs))
        )
        return tf.reduce_max(tf.abs(got - wanted)) / (scale + 1e-12)

    def double(nodes, multipliers):
        return 2 * nodes, averaged(2 * nodes)

    first = tf.constant(_FIRST_NODES)
    _, multipliers = tf.while_loop(
        lambda nodes, m: (nodes < _MOST_NODES) & (left(m) > 1e-5), double, (first, averaged(first))
    )
    pairs.leftovers.append((step, left(multipliers)))
    return {value: Flow(m) for value, m in zip(sources, multipliers, strict=True)}


def _pair_sum(tensor, pairs):
    return tf.reduce_sum(tf.reshape(tensor, [pairs.n * pairs.r, -1]), axis=1)
