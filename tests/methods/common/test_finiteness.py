"""What is not finite is said, with the step that makes it so, and nothing that a method does not use can spoil it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import genolift as gl
from genolift.support.errors import GenoliftWarning, InputError

_RNG = np.random.default_rng(3)
X = np.eye(4, dtype=np.float32)[_RNG.integers(0, 4, (3, 6))]
_WEIGHTS = _RNG.normal(size=(4, 3)).astype(np.float32)


def mean_over_bases(x: Any) -> Any:
    """Divide by the number of bases, which is 0 for a sequence of zeros."""
    h = tf.nn.relu(x @ _WEIGHTS)
    return tf.reduce_sum(h, (1, 2))[:, None] / tf.reduce_sum(tf.cast(tf.reduce_sum(x, -1) > 0, x.dtype), 1)[:, None]


def told(method: str, model: Any, **options: Any) -> tuple[Any, str]:
    """Return a result, and what was said."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = gl.method(method, model, target=0, **options)(X)
    return found, " ".join(str(one.message) for one in said if issubclass(one.category, GenoliftWarning))


@pytest.mark.parametrize("method", ["gradient-x-input", "guided-backprop-x-input", "deconvnet"])
def test_references_that_are_not_used_spoil_nothing(method: str) -> None:
    found, said = told(method, mean_over_bases, references="zeros")
    expected, _ = told(method, mean_over_bases, references=0.5 * X[:, None])
    np.testing.assert_allclose(found.multipliers, expected.multipliers)
    assert np.isfinite(found.scores).all()
    assert "f(reference) is not finite" in said
    assert "scores" not in said


@pytest.mark.parametrize("method", ["integrated-gradients", "deeplift", "kernel-shap", "shapley-sampling", "mask"])
def test_references_that_are_not_finite_are_told(method: str) -> None:
    def model(x: Any) -> Any:
        return tf.reduce_sum(tf.nn.relu(x @ _WEIGHTS), (1, 2))[:, None] / tf.reduce_sum(x, (1, 2))[:, None]

    _, said = told(method, model, references="zeros")
    assert "not finite" in said
    assert "more steps" not in said


@pytest.mark.parametrize("method", ["gradient", "ism", "occlusion", "lime", "smoothgrad"])
def test_predictions_that_are_not_finite_are_told(method: str) -> None:
    def model(x: Any) -> Any:
        return tf.math.log(tf.reduce_sum(x * X[0], (1, 2)) - 5.5)[:, None]

    found, said = told(method, model)
    assert "for 2 of 3 sequences (the first is number 1), f(x) is not finite" in said
    assert "operation Log" in said
    assert np.isfinite(found.predictions[0])


def test_the_step_of_an_infinite_slope_is_named() -> None:
    def model(x: Any) -> Any:
        return tf.sqrt(6 - tf.reduce_sum(x * X[0], (1, 2)))[:, None]

    found, said = told("gradient", model)
    assert "for 1 of 3 sequences (the first is number 0)" in said
    assert "operation Sqrt" in said
    assert np.isfinite(found.scores[1:]).all()


@pytest.mark.parametrize("method", ["deeplift", "gradient-x-input", "integrated-gradients", "expected-gradients"])
def test_default_references_need_a_sequence(method: str) -> None:
    """With inputs of other shapes, each would be compared with itself."""

    def model(a: Any, b: Any) -> Any:
        return tf.reduce_sum(tf.nn.relu(a), (1, 2))[:, None] + tf.reduce_sum(b, 1, keepdims=True)

    inputs = [np.ones((2, 5, 5), np.float32), np.ones((2, 3), np.float32)]
    with pytest.raises(InputError, match="give references as a dict by input name"):
        gl.method(method, model, target=0)(inputs)


def test_deconvnet_says_where_it_is_infinite() -> None:
    """It hands on what a dead rectifier gives the infinite slope behind it, which has no limit."""

    def model(x: Any) -> Any:
        return tf.reduce_sum((tf.nn.relu(tf.reduce_sum(x, -1) - 100.0)) ** 0.5, 1, keepdims=True)

    with pytest.warns(GenoliftWarning, match="not, from operation Pow .*the slope is infinite there"):
        gl.method("deconvnet", model, target=0)(np.ones((2, 6, 4), np.float32))
    found = gl.method("guided-backprop", model, target=0)(np.ones((2, 6, 4), np.float32))
    assert np.isfinite(found.scores).all()
