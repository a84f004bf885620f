"""Transposes that are written out are TensorFlow's derivatives, and are not used where an input is repeated."""

import numpy as np
import pytest
import tensorflow as tf

from genolift.engine.operations.emit import emit
from genolift.engine.operations.transposes import hands_on, written_out
from genolift.engine.tracing.trace import trace

_RNG = np.random.default_rng(0)
_W, _B = (_RNG.normal(size=shape).astype(np.float32) for shape in ((5, 3), (5,)))


def _last(function, shape):
    return trace(function, [tf.TensorSpec(shape)]).outputs[0].step


@pytest.mark.parametrize(
    ("function", "shape", "op"),
    [
        (lambda x: tf.nn.bias_add(x, _B), (None, 5), "BiasAdd"),
        (lambda x: x + _B, (None, 7, 5), "AddV2"),
        (lambda x: tf.constant(2.0) + x, (None, None), "AddV2"),
        (lambda x: x @ _W, (None, 5), "MatMul"),
        (lambda x: tf.matmul(x, _W.T.copy(), transpose_b=True), (None, 5), "MatMul"),
    ],
)
def test_they_are_the_derivatives(function, shape, op):
    step = _last(function, shape)
    assert step.op == op
    (source,) = step.active_inputs
    point = tf.constant(_RNG.normal(size=[size or 5 for size in shape]).astype(np.float32))
    constants = {value: emit(value.step, [])[0] for value in step.inputs if value is not source}

    @tf.function
    def both(point):
        (output,) = emit(step, [constants.get(value, point) for value in step.inputs])
        grad = tf.cos(tf.stop_gradient(output))
        return tf.gradients(output, point, grad)[0], written_out(step, grad, constants.__getitem__)[source]

    expected, found = both(point)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda x: x + np.ones((4, 1), np.float32), (None, 5)),  # The rows may be repeated.
        (lambda x: x + np.ones((1, 2, 5), np.float32), (None, 1, 5)),
        (lambda x: x + x, (None, 5)),
        (lambda x: np.ones(5, np.float32) - x, (None, 5)),
        (lambda x: x + np.ones((2, 3, 5), np.float32), (3, 5)),
    ],
)
def test_others_are_left_to_tensorflow(function, shape):
    assert not hands_on(_last(function, shape))
