"""Slopes are finite where the function is flat, though an operation on the way has an infinite or undefined slope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import genolift as gl

_LENGTH, _CHANNELS = 6, 5
_RNG = np.random.default_rng(0)
X = np.eye(4, dtype=np.float32)[_RNG.integers(0, 4, (2, _LENGTH))]
_KERNEL = _RNG.normal(size=(4, _CHANNELS))
_BIAS = np.array([-50, -50, 0.3, 0.2, -0.1])  # Two channels are dead.


def _hidden(x: Any) -> Any:
    """Return channels (N, L, C) of which some are zero everywhere, and others at some positions."""
    return tf.nn.relu(x @ tf.cast(_KERNEL, x.dtype) + tf.cast(_BIAS, x.dtype))


def _read(h: Any) -> Any:
    """Return a weighted sum of all elements, as one output for each sequence."""
    flat = tf.reshape(h, [tf.shape(h)[0], -1])
    return tf.reduce_sum(flat * tf.cos(tf.range(tf.cast(tf.shape(flat)[1], h.dtype))), -1, keepdims=True)


def _recurrent(h: Any) -> Any:
    def turn(t: Any, state: Any) -> tuple[Any, Any]:
        return t + 1, tf.sqrt(state + h[:, t] ** 2)

    return tf.while_loop(lambda t, _: t < _LENGTH, turn, [0, tf.zeros_like(h[:, 0])])[1]


def _entropy(h: Any) -> Any:
    p = tf.nn.softmax(60 * h)
    return -tf.math.xlogy(p, p)


#: Functions of the channels that are finite, and flat in the dead ones.
FLAT: dict[str, Callable[[Any], Any]] = {
    "standard deviation": lambda h: tf.math.reduce_std(h, 1),
    "difference of squares": lambda h: tf.sqrt(tf.maximum(tf.reduce_mean(h**2, 1) - tf.reduce_mean(h, 1) ** 2, 0)),
    "norm": lambda h: tf.norm(h, axis=1),
    "Euclidean norm": lambda h: tf.math.reduce_euclidean_norm(h, 1),
    "root of a mean": lambda h: tf.sqrt(tf.reduce_mean(h, 1)),
    "root of a maximum": lambda h: tf.sqrt(tf.reduce_max(h, 1)),
    "power": lambda h: h**0.5,
    "generalised mean": lambda h: tf.reduce_mean(h**3, 1) ** (1 / 3),
    "root behind where": lambda h: tf.where(h > 0, tf.sqrt(h), 0),
    "reciprocal root behind where": lambda h: tf.where(h > 0, tf.math.rsqrt(h), 0),
    "logarithm behind where": lambda h: tf.where(h > 0, tf.math.log(h), 0),
    "logarithm of one less": lambda h: tf.where(h > 0, tf.math.log1p(-1 + h), 0),
    "quotient behind where": lambda h: tf.where(h > 0, 1 / h, 0),
    "quotient of two": lambda h: tf.where(h > 0, tf.reduce_mean(h, 1, keepdims=True) / h, 0),
    "guarded quotient": lambda h: tf.math.divide_no_nan(h, tf.reduce_sum(h, 1, keepdims=True)),
    "unit vectors": lambda h: tf.where(h > 0, h / tf.norm(h, axis=1, keepdims=True), 0),
    "mean of what is on": lambda h: tf.where(
        tf.reduce_any(h > 0, 1), tf.reduce_sum(h, 1) / tf.reduce_sum(tf.cast(h > 0, h.dtype), 1), 0
    ),
    "exponential that overflows": lambda h: tf.where(h < 1, h, tf.where(h < 1, tf.exp(500 * h), 1)),
    "angle behind where": lambda h: tf.where(h > 0, tf.atan2(h, h**2), 0),
    "inverse cosine behind where": lambda h: tf.where(h > 0, tf.acos(tf.minimum(h, 0.9)), tf.acos(1 - h)),
    "entropy": _entropy,
    "square root at every turn": _recurrent,
}
_METHODS = ("gradient", "gradient-x-input", "guided-backprop")


def _differences(f: Callable[[Any], Any]) -> np.ndarray:
    """Return the slopes (N, L, 4) by differences in float64."""
    step, slopes = 1e-6, np.zeros(X.shape)
    for place in np.ndindex(X.shape[1:]):
        shift = np.zeros(X.shape)
        shift[(slice(None), *place)] = step
        up, down = (np.asarray(f(tf.constant(X + sign * shift, tf.float64))) for sign in (1, -1))
        slopes[(slice(None), *place)] = (up - down)[:, 0] / (2 * step)
    return slopes


@pytest.mark.parametrize("name", FLAT)
def test_slopes_are_those_of_differences(name: str) -> None:
    def model(x: Any) -> Any:
        return _read(FLAT[name](_hidden(x)))

    expected = _differences(model)
    assert np.isfinite(expected).all()
    found = gl.method("gradient", model, target=0)(X).multipliers
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3 * np.abs(expected).max())
