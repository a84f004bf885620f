"""A rectifier is known by its function, however it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import genolift as gl
from genolift.engine.operations.regions import fuse, is_not_negative, is_rectifier, is_relu
from genolift.engine.program import Step
from genolift.engine.tracing.lowering import lower
from genolift.engine.tracing.trace import trace

RELUS: dict[str, Callable[[Any], Any]] = {
    "relu": tf.nn.relu,
    "maximum": lambda x: tf.maximum(x, 0.0),
    "maximum of zero": lambda x: tf.maximum(0.0, x),
    "clip": lambda x: tf.clip_by_value(x, 0.0, np.inf),
    "where": lambda x: tf.where(x > 0, x, 0.0),
    "where not": lambda x: tf.where(x <= 0, tf.zeros_like(x), x),
    "product": lambda x: x * tf.cast(x > 0, x.dtype),
    "product with the sign": lambda x: x * (tf.sign(x) + 1) / 2,
    "halves": lambda x: 0.5 * x + 0.5 * tf.abs(x),
    "negated minimum": lambda x: x - tf.minimum(x, 0.0),
    "keras": lambda x: keras.ops.where(keras.ops.less(x, 0), 0.0, x),
}
OTHER_RECTIFIERS: dict[str, Callable[[Any], Any]] = {
    "relu6": tf.nn.relu6,
    "clip": lambda x: tf.clip_by_value(x, 0.0, 6.0),
    "leaky": lambda x: tf.nn.leaky_relu(x, 0.1),
    "leaky maximum": lambda x: tf.maximum(x, 0.1 * x),
    "leaky where": lambda x: tf.where(x > 0, x, 0.1 * x),
    "twice": lambda x: x + tf.abs(x),
    "shifted": lambda x: tf.maximum(x, 0.3),
    "of several numbers": lambda x: tf.nn.relu(x) - np.array([0.1, 0.2], np.float32) * tf.nn.relu(-x),
}
NONE: dict[str, Callable[[Any], Any]] = {
    "absolute value": tf.abs,
    "threshold": lambda x: x * tf.cast(x > 0.5, x.dtype),
    "square of a relu": lambda x: x * tf.nn.relu(x),
    "sigmoid": tf.sigmoid,
    "swish": lambda x: x * tf.sigmoid(x),
    "sign": lambda x: x + tf.sign(x),
    "falls": lambda x: tf.abs(x) - 2 * x,
    "softplus": tf.nn.softplus,
}


def region(function: Callable[[Any], Any]) -> Step:
    """Return the last region of one source in a program of the function."""
    program = lower(trace(lambda x: [function(x)], [tf.TensorSpec((None, 2))], ["x"]))
    return [step for step in fuse(program, program.outputs) if step.body][-1]


@pytest.mark.parametrize("name", [name for name in RELUS if name != "product with the sign"])
def test_relus_are_known(name: str) -> None:
    found = region(RELUS[name])
    assert is_relu(found)
    assert is_rectifier(found)
    assert is_not_negative(found)


@pytest.mark.parametrize("name", OTHER_RECTIFIERS)
def test_other_rectifiers_are_known(name: str) -> None:
    found = region(OTHER_RECTIFIERS[name])
    assert is_rectifier(found)
    assert not is_relu(found)
    assert is_not_negative(found) == ("leaky" not in name and "numbers" not in name)


@pytest.mark.parametrize("name", NONE)
def test_other_functions_are_none(name: str) -> None:
    found = region(NONE[name])
    assert not is_rectifier(found)
    assert not is_relu(found)
    assert is_not_negative(found) == (name in ("absolute value", "sigmoid", "softplus", "threshold"))


@pytest.mark.parametrize(
    "method", ["guided-backprop", "guided-backprop-x-input", "deconvnet", "lrp-alphabeta", "lrp-gamma", "deeplift"]
)
def test_methods_give_equal_results(method: str) -> None:
    """Of one network, one of whose ReLUs is written in several ways."""
    rng = np.random.default_rng(4)
    X = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (2, 8))]
    X[1, 5:] = 0  # Pre-activations are exactly zero there.
    first, second, last = (rng.normal(size=shape).astype(np.float32) for shape in ((4, 6), (6, 5), (40, 1)))

    def scores(relu: Callable[[Any], Any]) -> np.ndarray:
        def model(x: Any) -> Any:
            h = tf.nn.relu(relu(x @ first) @ second)
            return tf.nn.relu(tf.reshape(h, [-1, 40]) @ np.abs(last))

        return np.asarray(gl.method(method, model, target=0)(X).scores)

    expected = scores(tf.nn.relu)
    assert np.abs(expected).max() > 0
    # The others are the same region to every method, see test_relus_are_known.
    for name in ("where", "product with the sign"):
        np.testing.assert_allclose(scores(RELUS[name]), expected, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("method", ["guided-backprop", "deconvnet"])
def test_relu6_by_two_bounds(method: str) -> None:
    rng = np.random.default_rng(5)
    X = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (2, 8))]
    first, last = 8 * rng.normal(size=(4, 6)).astype(np.float32), rng.normal(size=(48, 1)).astype(np.float32)

    def scores(relu6: Callable[[Any], Any]) -> np.ndarray:
        def model(x: Any) -> Any:
            return tf.reshape(relu6(x @ first), [-1, 48]) @ last

        return np.asarray(gl.method(method, model, target=0)(X).scores)

    expected = scores(tf.nn.relu6)
    for relu6 in (OTHER_RECTIFIERS["clip"], lambda x: tf.minimum(tf.maximum(x, 0.0), 6.0)):
        np.testing.assert_allclose(scores(relu6), expected, rtol=1e-5, atol=1e-6)
