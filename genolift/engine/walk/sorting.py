"""The rule of sorts, which treats a sort as a network of comparators.

Which element comes to which place differs between a sequence and its reference, so the transpose of neither order
holds. A comparator gives the maximum and the minimum of two elements, so its outputs add up to its inputs. Each change
is shared out over the two orders of changing them, as for any maximum of two. So what leaves the network equals what
entered it.
"""

from __future__ import annotations

import numpy as np

from genolift.engine.operations.kinds import Sort
from genolift.engine.program import Step, Value
from genolift.engine.selection.sorting_network import merge_exchange
from genolift.engine.walk.propagate import Backward, Flow, Flows, collapsed
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def comparators(step: Step, flows: Flows, back: Backward) -> dict[Value, Flow]:
    """Return what flows into a sort of the largest elements, back through the turns of the network of comparators."""
    pairs, (source,) = back.pairs, step.active_inputs
    x, r = pairs.x(source), pairs.ref(source)
    grad, *_ = collapsed(step, flows, back)
    length = tf.shape(x)[-1] if x.shape[-1] is None else x.shape[-1]
    rest = tf.concat([tf.shape(x)[:-1], [length - tf.shape(grad)[-1]]], 0)
    grad = tf.ensure_shape(tf.concat([grad, tf.zeros(rest, grad.dtype)], -1), x.shape)
    count, network = _network(length)
    xs, rs = (tf.TensorArray(x.dtype, count, element_shape=x.shape) for _ in range(2))

    def forward(turn, x, r, xs, rs):
        partner, first = _turn(network[turn], length)
        return (
            turn + 1,
            _exchanged(x, partner, first),
            _exchanged(r, partner, first),
            xs.write(turn, x),
            rs.write(turn, r),
        )

    _, _, _, xs, rs = tf.while_loop(lambda turn, *rest: turn < count, forward, [0, x, r, xs, rs])

    def backward(turn, m):
        partner, first = _turn(network[turn], length)
        x, r = xs.read(turn), rs.read(turn)
        other_x, other_r, other = (tf.gather(t, partner, axis=-1) for t in (x, r, m))
        share = (chord_over(r, x, other_x) + chord_over(r, x, other_r)) / 2
        # The minimum has the share of the other element that the maximum does not have.
        return turn - 1, share * tf.where(first, m, other) + (1 - share) * tf.where(first, other, m)

    _, m = tf.while_loop(lambda turn, _: turn >= 0, backward, [count - 1, grad])
    return {source: Flow(m)}


def chord_over(a: Tensor, b: Tensor, level: Tensor) -> Tensor:
    """Return (max(b, level) − max(a, level)) / (b − a), or the derivative where b = a, which is ½ at the kink."""
    above, below = (a >= level) & (b >= level), (a <= level) & (b <= level)
    between = tf.math.divide_no_nan(tf.maximum(b, level) - tf.maximum(a, level), b - a)
    one = tf.ones_like(between)
    return tf.where(above & below, one / 2, tf.where(above, one, tf.where(below, one - one, between)))


def _exchanged(t, partner, first):
    other = tf.gather(t, partner, axis=-1)
    return tf.where(first, tf.maximum(t, other), tf.minimum(t, other))


def _network(length):
    """Return the number of turns and what each compares, for rows of a length that may be known only later."""
    tables = np.zeros((Sort.LONGEST + 1, Sort.turns(None), 3), np.int32)
    for power in range(1, Sort.LONGEST + 1):
        tables[power, : Sort.turns(2**power)] = merge_exchange(power)
    power = tf.reduce_sum(tf.cast(2 ** tf.range(Sort.LONGEST) < length, tf.int32))
    return power * (power + 1) // 2, tf.gather(tf.constant(tables), power)


def _turn(comparing, length):
    """Return each place's partner (itself if it has none), and whether it is the first of the two.

    The first of the two gets the larger element.
    """
    bit, rest, apart = comparing[0], comparing[1], comparing[2]
    places = tf.range(length)

    def starts(place):
        return (tf.bitwise.bitwise_and(place, bit) == rest) & (place >= 0) & (place + apart < length)

    first, second = starts(places), starts(places - apart)
    return tf.where(first, places + apart, tf.where(second, places - apart, places)), first
