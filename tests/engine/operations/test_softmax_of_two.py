"""A softmax over two elements is computed as a sigmoid, and its rule by expm1 and log1p, without losing digits."""

import numpy as np
import pytest
import tensorflow as tf

from genolift.engine.operations.emit import emit
from genolift.engine.tracing.guarding import guard
from genolift.engine.tracing.trace import trace
from genolift.engine.walk.softmax import _by_products

_RNG = np.random.default_rng(0)


def _step(guarded=False):
    def masked(x):
        return tf.nn.softmax(tf.sqrt(x))

    program = trace(masked if guarded else tf.nn.softmax, [tf.TensorSpec([None, 3, 2])])
    return (guard(program) if guarded else program).outputs[0].step


@pytest.mark.parametrize("size", [1e-6, 1.0, 30.0, 1e4])
def test_it_is_the_softmax(size):
    x = (_RNG.normal(size=(50, 3, 2)) * size).astype(np.float32)
    (found,) = emit(_step(), [tf.constant(x)])
    shifted = np.exp(x.astype(float) - x.max(-1, keepdims=True))
    np.testing.assert_allclose(found, shifted / shifted.sum(-1, keepdims=True), rtol=2e-5, atol=1e-37)


def test_its_slope_is_guarded_where_the_program_is():
    @tf.function
    def slope(x, flow):
        (y,) = emit(_step(guarded=True), [x])
        return tf.gradients(y, x, flow)[0]

    x = tf.constant([[[200.0, 0.0], [1.0, 1.0], [0.0, 200.0]]])
    flow = tf.constant([[[np.inf, np.inf], [1.0, 0.0], [np.nan, 0.0]]])
    np.testing.assert_allclose(slope(x, flow), [[[0, 0], [0.25, -0.25], [0, 0]]], atol=1e-30)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("size", [2, 7])
@pytest.mark.parametrize("change", [1e-5, 1e-2, 1.0])
def test_the_rule_in_single_precision_is_that_in_double(size, change, log):
    r = _RNG.normal(size=(40, size))
    x = r + _RNG.normal(size=(40, size)) * change
    m = _RNG.normal(size=(40, size))
    singles = [tensor.astype(np.float32) for tensor in (m, x, r)]
    m, x, r = (tensor.astype(float) for tensor in singles)
    single, _ = _by_products(*map(tf.constant, singles), log)
    double, _ = _by_products(*map(tf.constant, (m, x, r)), log)
    np.testing.assert_allclose(single, double, rtol=0, atol=3e-6)
    y, y_r = ((tf.nn.log_softmax if log else tf.nn.softmax)(tf.constant(side)).numpy() for side in (x, r))
    np.testing.assert_allclose((double.numpy() * (x - r)).sum(-1), (m * (y - y_r)).sum(-1), rtol=1e-9, atol=1e-13)
