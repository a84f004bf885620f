"""Shapley shares of the elements of a maximum, exact for any number of elements."""

from __future__ import annotations

from functools import lru_cache, partial
from math import factorial
from typing import Any

import numpy as np

from genolift.engine.operations.kernels import Kernel
from genolift.engine.selection.sorting_network import merge_exchange
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

# Up to so many elements the comparisons that sort them are written out. The compiler is slow where there are more.
_SORTED = 6
# Up to so many elements each is compared with each. Above, sorting costs less.
_COMPARED = 48


def shapley(x: Tensor, r: Tensor, weight: Tensor, axis: int) -> Tensor:
    """Return ``weight`` times the shares by exact Shapley values, which lie between 0 and 1.

    A maximum is the integral over thresholds t of whether any element reaches t. Let a elements reach t in x only, and
    b elements in r only. If some element reaches it in both, nothing changes at t. Otherwise each of the a gets
    b!(a − 1)!/(a + b)!, and each of the b gets −a!(b − 1)!/(a + b)!, on average over all orders of changing the
    elements. Neither a nor b changes between neighbours among the heights max(x_i, r_i), so sorting these gives the
    integral.

    An element with x_i = r_i changes nothing if it lies below the floor, which is the largest min(x_j, r_j). At the
    floor its share is the limit a!b!/(a + b + 1)!, which all elements at the floor share.
    """
    size = x.shape[axis]
    if size is None or size > _COMPARED:
        return weight * _by_ranks(x, r, axis)
    if size > _SORTED:
        return _by_pairs(x, r, weight, axis, size)
    return _kernel(_by_network, axis, size, x.shape.rank)(x, r, weight)


@lru_cache
def _kernel(function: Any, axis: int, size: int, rank: int) -> Kernel:
    # Another rank needs another kernel, because a kernel is traced for any sizes of the axes, but not for any number.
    return Kernel(partial(function, axis=axis, size=size), steps=4)


def _by_network(x: Tensor, r: Tensor, weight: Tensor, axis: int, size: int) -> Tensor:
    """Return ``weight`` times the Shapley shares of few elements, sorted by comparisons that are written out.

    The result is one elementwise formula of the whole tensor. If it were put together from an own formula for each
    element, the compiler would repeat all the sorting for each.
    """

    def spread(tensor):
        return tf.expand_dims(tensor, axis)

    sides = [tf.unstack(side, num=size, axis=axis) for side in (x, r)]
    floor = _largest([tf.minimum(*ends) for ends in zip(*sides, strict=True)])
    heights = [tf.maximum(tf.maximum(*ends), floor) for ends in zip(*sides, strict=True)]
    rises = [tf.cast(at_x > at_ref, x.dtype) for at_x, at_ref in zip(*sides, strict=True)]
    for bit, rest, apart in merge_exchange((size - 1).bit_length()):
        for i in range(size - apart):
            if i & bit == rest:
                j = i + apart
                swap = heights[j] > heights[i]
                heights[i], heights[j] = tf.maximum(heights[i], heights[j]), tf.minimum(heights[i], heights[j])
                rises[i], rises[j] = tf.where(swap, rises[j], rises[i]), tf.where(swap, rises[i], rises[j])
    own, total = tf.maximum(tf.maximum(x, r), spread(floor)), tf.zeros_like(x - r)
    a, b = tf.zeros_like(floor), tf.zeros_like(floor)  # Of those above the floor.
    passing = tf.ones_like(floor)  # What a change at the floor comes to.
    for rank, (height, below) in enumerate(zip(heights, [*heights[1:], floor], strict=True)):
        above = height > floor
        a += tf.where(above, rises[rank], 0)
        b += tf.where(above, 1 - rises[rank], 0)
        gain, loss = ((height - below) * _each(rank + 1, count) for count in (a, b))
        total += tf.where(spread(height) <= own, tf.where(x > r, spread(gain), spread(loss)), 0)
        passing = tf.where(above, _each(rank + 2, a + 1), passing)
    level = _at_floor(x, r, spread(floor), axis) * spread(passing)
    return weight * tf.where(x == r, level, tf.math.divide_no_nan(total, tf.abs(x - r)))


def _largest(tensors: list[Tensor]) -> Tensor:
    largest = tensors[0]
    for tensor in tensors[1:]:
        largest = tf.maximum(largest, tensor)
    return largest


def _each(n: int, count: Tensor) -> Tensor:
    """Return (count − 1)!(n − count)!/n!, the weight of each of ``count`` elements where n reach a threshold."""
    nearer = tf.minimum(count, n + 1 - count)  # The formula is the same for count and n + 1 − count.
    weight = tf.fill(tf.shape(count), tf.constant(1 / n, count.dtype))
    for c in range(2, (n + 1) // 2 + 1):
        weight = tf.where(nearer >= c, tf.cast(factorial(c - 1) * factorial(n - c) / factorial(n), count.dtype), weight)
    return weight


def _at_floor(x: Tensor, r: Tensor, floor: Tensor, axis: int) -> Tensor:
    """Return the part of each element that lies at the floor among all that do, and 0 for the others."""
    at_floor = tf.cast(tf.minimum(x, r) == floor, floor.dtype)
    return at_floor / tf.reduce_sum(at_floor, axis, keepdims=True)


def _by_pairs(x: Tensor, r: Tensor, weight: Tensor, axis: int, size: int) -> Tensor:
    """Return ``weight`` times the Shapley shares of a moderate number of elements, each compared with all others.

    Each line is a kernel of its own. In one kernel, the compiler would compute anew for each pair of elements what
    belongs to one of them.
    """

    def kernel(function: Any) -> Kernel:
        return _kernel(function, axis, size, x.shape.rank)

    own, floor = kernel(_heights)(x, r)
    reached = kernel(_reached)(x, r, own, floor)
    gap = kernel(_gap)(own, floor)
    gain, loss = kernel(_gain)(gap, reached), kernel(_loss)(gap, reached)
    return kernel(_gathered)(x, r, own, floor, reached, gain, loss, weight)


def _heights(x: Tensor, r: Tensor, axis: int, size: int) -> tuple[Tensor, Tensor]:
    """Return the height of each element, which is the floor at least, and the floor."""
    floor = tf.reduce_max(tf.minimum(x, r), axis, keepdims=True)
    return tf.maximum(tf.maximum(x, r), floor), floor


def _reached(x: Tensor, r: Tensor, own: Tensor, floor: Tensor, axis: int, size: int) -> Tensor:
    """Return a + (size + 1)·b, of the a rising and the b falling elements that reach the height of an element.

    Elements at the floor count for none.
    """
    counted = tf.where(own > floor, tf.where(x > r, tf.ones([], x.dtype), tf.constant(size + 1, x.dtype)), 0)
    return _added(
        tf.where(height >= own, count, 0)
        for height, count in zip(tf.split(own, size, axis), tf.split(counted, size, axis), strict=True)
    )


def _gap(own: Tensor, floor: Tensor, axis: int, size: int) -> Tensor:
    """Return how far the next lower height is below that of an element, divided among the elements of one height."""
    heights = tf.split(own, size, axis)
    same = _added(tf.where(height == own, tf.ones([], own.dtype), 0) for height in heights)
    below = _largest([tf.where(height < own, height, floor) for height in heights])
    return (own - below) / same


def _added(tensors: Any) -> Tensor:
    total, *others = tensors
    for tensor in others:
        total += tensor
    return total


def _weights(reached: Tensor, size: int, rising: int, falling: int) -> Tensor:
    """Return p!q!/(p + q + 1)! for p = a − rising and q = b − falling, where ``reached`` is a + (size + 1)·b."""
    table = np.zeros([size + 1, size + 1])
    for b in range(size + 1):
        for a in range(size + 1 - b):
            p, q = max(a - rising, 0), max(b - falling, 0)
            table[b, a] = factorial(p) * factorial(q) / factorial(p + q + 1)
    return tf.gather(tf.constant(table.ravel(), reached.dtype), tf.cast(reached, tf.int32))


def _gain(gap: Tensor, reached: Tensor, axis: int, size: int) -> Tensor:
    return gap * _weights(reached, size, 1, 0)


def _loss(gap: Tensor, reached: Tensor, axis: int, size: int) -> Tensor:
    return gap * _weights(reached, size, 0, 1)


def _gathered(
    x: Tensor, r: Tensor, own: Tensor, floor: Tensor, reached: Tensor, gain: Tensor, loss: Tensor, weight: Tensor,
    axis: int, size: int,
) -> Tensor:  # fmt: skip
    """Return ``weight`` times the shares: an element gets the parts of all heights up to its own."""
    total = _added(
        tf.where(height <= own, tf.where(x > r, rise, fall), 0)
        for height, rise, fall in zip(*(tf.split(part, size, axis) for part in (own, gain, loss)), strict=True)
    )
    level = _at_floor(x, r, floor, axis) * _weights(reached, size, 0, 0)
    return weight * tf.where(x == r, level, tf.math.divide_no_nan(total, tf.abs(x - r)))


def _by_ranks(x: Tensor, r: Tensor, axis: int) -> Tensor:
    """Return the Shapley shares of any number of elements, of which those above the floor are sorted."""
    shape = tf.broadcast_dynamic_shape(tf.shape(x), tf.shape(r))
    order = list(range(x.shape.rank))
    order.append(order.pop(axis))
    moved = [tf.transpose(tf.broadcast_to(side, shape), order) for side in (x, r)]
    last, size = tf.shape(moved[0]), shape[axis]
    x, r = (tf.reshape(side, [-1, size]) for side in moved)
    high, floor = tf.maximum(x, r), tf.reduce_max(tf.minimum(x, r), -1, keepdims=True)
    count = tf.maximum(tf.reduce_max(tf.reduce_sum(tf.cast(high > floor, tf.int32), -1)), 1)
    heights, places = tf.math.top_k(tf.maximum(high, floor), count)
    gaps = heights - tf.concat([heights[:, 1:], floor], -1)
    rises = tf.gather(x > r, places, batch_dims=1)
    a = tf.cumsum(tf.cast(rises, tf.int32), -1)
    b = tf.range(1, count + 1) - a
    gain = tf.cumsum(gaps * _of_each(a - 1, b, x.dtype), -1, reverse=True)
    loss = tf.cumsum(gaps * _of_each(a, b - 1, x.dtype), -1, reverse=True)
    rows = size * tf.range(tf.shape(x)[0])[:, tf.newaxis]
    scattered = tf.reshape(rows + places, [-1, 1]), tf.reshape(tf.where(rises, gain, loss), [-1])
    total = tf.reshape(tf.scatter_nd(*scattered, [tf.size(x)]), tf.shape(x))
    risen, fallen = (
        tf.reduce_sum(tf.cast((high > floor) & side, tf.int32), -1, keepdims=True) for side in (x > r, x < r)
    )
    level = _at_floor(x, r, floor, -1) * _of_each(risen, fallen, x.dtype)
    shares = tf.where(x == r, level, tf.math.divide_no_nan(total, tf.abs(x - r)))
    back = sorted(range(len(order)), key=order.__getitem__)
    return tf.transpose(tf.reshape(shares, last), back)


def _of_each(a: Tensor, b: Tensor, dtype: Any) -> Tensor:
    """Return a!b!/(a + b + 1)!, where a and b are not negative."""
    a, b = tf.maximum(a, 0), tf.maximum(b, 0)
    logarithms = tf.math.lgamma(tf.cast(tf.range(tf.reduce_max(a + b) + 2), tf.float64) + 1)  # Of 0!, 1!, 2!, ...
    log_a, log_b, log_all = (tf.gather(logarithms, count) for count in (a, b, a + b + 1))
    return tf.cast(tf.exp(log_a + log_b - log_all), dtype)
