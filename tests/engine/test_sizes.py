"""Sizes that a program computes are told apart from those that are the same for every length."""

import numpy as np
import pytest

from genolift.engine.sizes import constant, constant_difference
from genolift.engine.tracing.trace import trace
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def length(t):
    return tf.shape(t)[1]


# Two tensors of integers, and their difference if it is the same for every length.
CASES = {
    "the same": (lambda t: (tf.shape(t), tf.shape(t)), [0, 0, 0]),
    "more": (lambda t: (length(t) + 5, length(t)), 5),
    "in another order": (lambda t: (2 + length(t) * 3, length(t) + length(t) + length(t) - 1), 3),
    "batch and length": (lambda t: (tf.shape(t)[0] + 1, length(t)), None),
    "a remainder": (lambda t: ([1 + length(t) % 3 + 4, 2], [length(t) % 3, 1]), None),  # Two remainders.
    "multiples": (lambda t: (2 * length(t), length(t)), None),
    "products": (lambda t: (length(t) * length(t), length(t)), None),
    "other shapes": (lambda t: (tf.shape(t), tf.shape(t)[:2]), None),
    "stacked": (lambda t: (tf.stack([[length(t)], [7]], 1)[:, ::1], tf.concat([[[length(t)]], [[3]]], 1)), [[0, 4]]),
    "turned": (lambda t: (tf.shape(t)[::-1], tf.shape(t)), None),
    "numbers": (lambda t: (tf.constant([3, 4]), tf.constant([1, 1])), [2, 3]),
}


@pytest.mark.parametrize("name", CASES)
def test_differences_that_hold_for_every_length(name):
    function, expected = CASES[name]
    program = trace(lambda t: [tf.convert_to_tensor(one) for one in function(t)], [tf.TensorSpec((None, None, 4))])
    found = constant_difference(*program.outputs)
    assert (found is None) == (expected is None)
    if expected is not None:
        np.testing.assert_array_equal(found, expected)


def test_a_remainder_that_is_computed_once_is_the_same_number():
    def padding(t):
        rest = -length(t) % 3
        return [tf.stack([2, 2 + rest]), tf.stack([0, rest])]

    program = trace(padding, [tf.TensorSpec((None, None, 4))])
    np.testing.assert_array_equal(constant_difference(*program.outputs), [2, 2])
    assert constant(program.outputs[0]) is None
