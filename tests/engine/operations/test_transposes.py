"""Transposes that are written out are TensorFlow's derivatives, and are not used where an input is repeated."""

import numpy as np
import pytest
import tensorflow as tf

from genolift.engine.operations.emit import emit
from genolift.engine.operations.transposes import hands_on, written_out
from genolift.engine.tracing.guarding import guard
from genolift.engine.tracing.trace import trace
from genolift.engine.walk.pairs import Pairs

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
        (lambda x: x * _B, (None, 7, 5), "Mul"),
        (lambda x: tf.constant(2.0) * x, (None, None), "Mul"),
        (lambda x: tf.transpose(x, [2, 0, 1]), (None, 3, 5), "Transpose"),
        (lambda x: _B - x, (None, 7, 5), "Sub"),
        (lambda x: -x, (None, None), "Neg"),
    ],
)
def test_they_are_the_derivatives(function, shape, op):
    step = _last(function, shape)
    assert step.op == op
    (source,) = step.active_inputs
    point = tf.constant(_RNG.normal(size=[size or 5 for size in shape]).astype(np.float32))

    @tf.function
    def both(point):
        constants = {value: emit(value.step, [])[0] for value in step.inputs if value is not source}
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


@pytest.mark.parametrize(("absolute", "sign"), [(False, -1), (True, 1)])
def test_a_difference_is_sent_to_both_sides(absolute, sign):
    step = _last(lambda x: tf.sin(x) - tf.cos(x), (None, 5))
    found = written_out(step, tf.ones([2, 5]), None, absolute)
    assert step.op == "Sub"
    assert [found[value].numpy().max() for value in step.inputs] == [1, sign]


@pytest.mark.parametrize("op", [tf.multiply, tf.add, tf.subtract])
def test_constants_that_repeat_the_input_are_left_to_tensorflow(op):
    for constant, shape in ((np.ones((4, 1), np.float32), (None, 5)), (np.ones((1, 2, 5), np.float32), (None, 1, 5))):
        step = _last(lambda x, constant=constant: op(constant, x), shape)
        assert written_out(step, tf.ones([4, 5]), None) is None


def test_a_factor_of_zero_stops_what_is_infinite():
    mask = np.array([0, 1, 0, 2], np.float32)
    program = guard(trace(lambda x: tf.sqrt(x) * mask, [tf.TensorSpec([None, 4])]))
    step = program.outputs[0].step
    grad = tf.constant([[np.inf, np.inf, np.nan, 3]])
    (found,) = written_out(step, grad, lambda value: tf.constant(mask)).values()
    np.testing.assert_array_equal(found, [[0, np.inf, 0, 6]])


def test_an_infinite_factor_is_left_to_the_guarded_derivative():
    factor = np.array([1, np.inf], np.float32)
    program = guard(
        trace(lambda x: tf.where(tf.math.is_inf(factor), 0.0, tf.sqrt(x) * factor), [tf.TensorSpec([3, 2])])
    )
    (step,) = (step for step in program.steps if step.op == "Mul")
    assert written_out(step, tf.zeros([3, 2]), lambda value: tf.constant(factor)) is None


def test_axes_may_be_counted_from_the_end():
    step = _last(lambda x: tf.raw_ops.Transpose(x=x, perm=[-1, 0, -2]), (None, 3, 5))
    grad = _RNG.normal(size=(5, 2, 3)).astype(np.float32)
    (found,) = written_out(step, tf.constant(grad), lambda value: tf.constant([-1, 0, -2])).values()
    np.testing.assert_array_equal(found, grad.transpose(1, 2, 0))


@pytest.mark.parametrize(
    ("cut", "shape"),
    [
        (lambda x: x[:, 2:-1], (None, 7, 4)),
        (lambda x: x[..., 1:3], (None, 7, 4)),
        (lambda x: x[:, :, 2], (None, 7, 4)),
        (lambda x: x[:, -3], (None, 7, 4)),
        (lambda x: x[:, 3, 1:], (None, 7, 4)),
        (lambda x: x[:, -1, ..., :-1], (None, 7, 5, 4)),
        (lambda x: x[:, 2:-1], (None, None, 4)),  # Any length.
        (lambda x: x[:, 3:], (None, None, 4)),
        (lambda x: x[:, -100:100], (None, 7, 4)),
        (lambda x: x[:, 5:2], (None, 7, 4)),  # Nothing is left.
        (lambda x: x[1], (3, 7, 4)),
    ],
)
def test_slices_are_padded(cut, shape):
    step = _last(cut, shape)
    assert step.op == "StridedSlice"
    point = tf.constant(_RNG.normal(size=[size or 9 for size in shape]).astype(np.float32))

    @tf.function
    def both():
        constants = {value: emit(value.step, [])[0] for value in step.inputs[1:]}
        (output,) = emit(step, [point, *constants.values()])
        grad = tf.cos(tf.stop_gradient(output))
        return tf.gradients(output, point, grad)[0], written_out(step, grad, constants.__getitem__)[step.inputs[0]]

    expected, found = both()
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "cut",
    [
        lambda x: x[:, ::2],
        lambda x: x[:, ::-1],
        lambda x: x[:, -3:],
        lambda x: x[:, 1],
        lambda x: x[:, 1:5],
        lambda x: x[:, :0],
    ],
)
def test_slices_of_which_not_all_is_known_are_left_to_tensorflow(cut):
    step = _last(cut, (None, None, 4))
    with tf.Graph().as_default():
        constants = {value: emit(value.step, [])[0] for value in step.inputs[1:]}
        assert written_out(step, tf.zeros([1]), constants.__getitem__) is None


@pytest.mark.parametrize("moved", [lambda x: x[:, 1:-2], lambda x: tf.transpose(x, [0, 2, 1])])
def test_what_is_done_to_weights_is_not_done_to_axes_and_bounds(moved):
    program = trace(moved, [tf.TensorSpec([None, 7, 5])])

    @tf.function
    def both():
        ends = [tf.zeros([2, 7, 5]), tf.ones([2, 7, 5])]
        pairs = Pairs(program, ends[:1], ends[1:], 1, False, True)
        step = program.outputs[0].step
        grad = tf.cos(pairs.ref(step.output))
        return [next(iter(pairs.transpose(step, [grad], weights=w).values())) for w in (None, tf.zeros_like)]

    plain, changed = both()
    np.testing.assert_array_equal(changed, plain)
