"""Shares: what part of each element's difference comes through a maximum of several elements.

The maximum changes from max(r₁, ..., r_k) to max(x₁, ..., x_k) as the elements change from r_i to x_i. A rule hands the
contribution φ_i to element i, and its share is φ_i / (x_i − r_i). The shares of minima are those of −x and −r.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

#: A function (x, r, weight, axis) -> shares · weight, for x, r and a weight that broadcast to one shape. The elements
#: of a maximum lie along the axis, which is counted from the end.
Shares: TypeAlias = Callable[[Tensor, Tensor, Tensor, int], Tensor]


def winner(x: Tensor, r: Tensor, weight: Tensor, axis: int) -> Tensor:
    """Return ``weight`` times the shares that let the largest element of x pass whole, and equal ones in equal parts.

    These are the shares of the original DeepLIFT code. Contributions sum to the difference only where the reference has
    its maximum at the same element, as it has where it is constant.
    """
    return weight * _at_top(x, axis)


def rise_and_fall(x: Tensor, r: Tensor, weight: Tensor, axis: int) -> Tensor:
    """Return ``weight`` times the shares that credit a rise to the maximum of x, and a fall to that of the reference.

    Equal maxima share. The change of such an element is at least as large as that of the maximum, so that shares lie
    between 0 and 1. An element that does not change has the slope of the maximum at the reference.
    """
    at_x, at_ref = _at_top(x, axis), _at_top(r, axis)
    change = tf.reduce_max(x, axis, keepdims=True) - tf.reduce_max(r, axis, keepdims=True)
    credited = change * tf.where(change > 0, at_x, at_ref)
    return weight * tf.where(x == r, at_ref, tf.math.divide_no_nan(credited, x - r))


def _at_top(elements: Tensor, axis: int) -> Tensor:
    top = tf.cast(elements == tf.reduce_max(elements, axis, keepdims=True), elements.dtype)
    return top / tf.reduce_sum(top, axis, keepdims=True)
