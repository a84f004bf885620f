"""The rule of sorts: a network of comparators, each a maximum and a minimum of two.

Which element comes to which place differs between a sequence and its reference, so no transpose of either order holds.
A comparator's two outputs add up to its inputs, and each change is shared out over the two orders of changing them, as
for any maximum of two; so what leaves the network is what entered it, whatever the number of elements.
"""

from __future__ import annotations

import numpy as np

from genolift.engine.operations.kinds import Sort
from genolift.engine.program import Step
from genolift.engine.walk.propagate import Backward, Flow, collapsed
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def comparators(step: Step, flows, back: Backward) -> dict:
    """The largest of each row in order: multipliers back through the turns of the network, from the last to the first."""
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
        # What is not in the maximum of two is in their minimum.
        return turn - 1, share * tf.where(first, m, other) + (1 - share) * tf.where(first, other, m)

    _, m = tf.while_loop(lambda turn, _: turn >= 0, backward, [count - 1, grad])
    return {source: Flow(m)}


def chord_over(a, b, level):
    """(max(b, level) − max(a, level)) / (b − a), and where b = a the derivative (½ at the kink)."""
    above, below = (a >= level) & (b >= level), (a <= level) & (b <= level)
    between = tf.math.divide_no_nan(tf.maximum(b, level) - tf.maximum(a, level), b - a)
    one = tf.ones_like(between)
    return tf.where(above & below, one / 2, tf.where(above, one, tf.where(below, one - one, between)))


def _exchanged(t, partner, first):
    other = tf.gather(t, partner, axis=-1)
    return tf.where(first, tf.maximum(t, other), tf.minimum(t, other))


def _network(length):
    """Number of turns and what each compares, for rows of a length that may be known only when the graph runs."""
    tables = np.zeros((Sort.LONGEST + 1, Sort.turns(None), 3), np.int32)
    for power in range(1, Sort.LONGEST + 1):
        tables[power, : Sort.turns(2**power)] = _merge_exchange(power)
    power = tf.reduce_sum(tf.cast(2 ** tf.range(Sort.LONGEST) < length, tf.int32))
    return power * (power + 1) // 2, tf.gather(tf.constant(tables), power)


def _merge_exchange(power: int) -> list[tuple[int, int, int]]:
    """Batcher's merge exchange for rows of up to 2^power: (bit, its value, distance) of each turn's comparators.

    Knuth, The Art of Computer Programming, volume 3, 5.2.2, Algorithm M.
    """
    found, top = [], 2 ** (power - 1)
    bit = top
    while bit:
        until, rest, apart = top, 0, bit
        while True:
            found.append((bit, rest, apart))
            if until == bit:
                break
            apart, until, rest = until - bit, until // 2, bit
        bit //= 2
    return found


def _turn(comparing, length):
    """Each place's partner (itself, where it has none), and whether it is the first of the two, which gets the larger."""
    bit, rest, apart = comparing[0], comparing[1], comparing[2]
    places = tf.range(length)

    def starts(place):
        return (tf.bitwise.bitwise_and(place, bit) == rest) & (place >= 0) & (place + apart < length)

    first, second = starts(places), starts(places - apart)
    return tf.where(first, places + apart, tf.where(second, places - apart, places)), first
