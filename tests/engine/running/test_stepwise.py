"""A program that runs step by step computes what it computes as a graph, and says which step does not run."""

import weakref

import numpy as np
import pytest
import tensorflow as tf

from genolift.engine.running.run import constants, forward
from genolift.engine.running.stepwise import StepFailed, stepwise
from genolift.engine.tracing.lowering import lower
from genolift.engine.tracing.trace import trace


def _program(function, *shape):
    return lower(trace(function, [tf.TensorSpec([None, *shape])]))


def _everything(x):
    """A convolution, a grouped and a transposed dilated one, a loop, a list of tensors, and a selection."""
    taps = np.random.default_rng(0).normal(size=(3, 4, 6)).astype(np.float32)
    x = tf.nn.relu(tf.nn.conv1d(x, taps, 1, "SAME"))
    x = tf.nn.conv2d(x[:, None], np.ones((1, 3, 1, 6), np.float32), 1, "SAME")
    size = tf.stack([tf.shape(x)[0], 1, 12, 6])
    x = tf.nn.conv2d_transpose(x, np.ones((1, 3, 6, 6), np.float32), size, 1, "VALID", dilations=[1, 1])[:, 0]
    _, total = tf.while_loop(lambda i, _: i < 4, lambda i, s: (i + 1, tf.tanh(s + x[:, i])), [0, x[:, 0]])
    return tf.concat(tf.split(total, 2, -1), 0) + tf.nn.top_k(x[:, :, 0], 3).values[:, :1][0]


@pytest.mark.slow
def test_every_value_is_that_of_the_graph():
    program = _program(_everything, 10, 4)
    rows = tf.constant(np.random.default_rng(1).normal(size=(3, 10, 4)))
    active = [value for step in program.active_steps for value in step.outputs if value.active]

    @tf.function
    def at_once(x):
        values = forward(program, [x], constants(program, tf.float64), tf.float64)
        return [values[value] for value in active]

    seen = {}
    for _, (made, alone) in stepwise(program, [[rows], [rows[:1]]]):
        seen.update(made.outputs)
        assert set(made.outputs) == set(alone.outputs)
    for value, tensor in zip(active, at_once(rows), strict=True):
        np.testing.assert_allclose(seen[value].numpy(), tensor.numpy(), rtol=1e-12, atol=1e-12)


def test_loops_show_their_last_turn_and_what_they_keep():
    program = _program(_everything, 10, 4)
    (loop,) = [step for step in program.steps if step.op == "Loop"]
    (made,) = [made for step, (made,) in stepwise(program, [[tf.ones([2, 10, 4])]]) if step is loop]
    assert set(made.inside) == set(loop.payload.active_values)
    assert made.kept >= 4 * 2 * 6 * 4  # four turns of a state (2, 6) in float32


def test_the_step_that_fails_is_named_and_not_tried_again(monkeypatch):
    monkeypatch.setattr("genolift.engine.running.stepwise.compiled", lambda _: pytest.fail("it is tried in a graph"))
    program = _program(lambda x: tf.reshape(tf.nn.relu(x), [-1, 7, 4]) + 1.0, None, 4)
    with pytest.raises(StepFailed) as failed:
        list(stepwise(program, [[tf.ones([1, 5, 4])]]))
    assert failed.value.step.op == "Reshape"


def test_nothing_is_held_that_no_later_step_reads():
    program = _program(lambda x: tf.reduce_sum(tf.tanh(tf.tanh(tf.tanh(x))), [1, 2]), 10, 4)
    alive = []
    for step, (made,) in stepwise(program, [[tf.ones([2, 10, 4])]]):
        if step.op == "Tanh":
            alive.append(weakref.ref(made.outputs[step.output]))
        del made
        assert sum(one() is not None for one in alive) <= 2


def test_derivatives_run_in_a_graph_of_their_own():
    """A dilated transposed convolution is a derivative, which TensorFlow has in graphs only."""
    taps = np.random.default_rng(2).normal(size=(1, 3, 2, 4)).astype(np.float32)

    def function(x):
        size = tf.stack([tf.shape(x)[0], 1, 14, 2])
        return tf.nn.conv2d_transpose(x[:, None], taps, size, 1, "VALID", dilations=[1, 2])

    rows = tf.random.normal([2, 10, 4], seed=1)
    program = trace(function, [tf.TensorSpec([None, 10, 4])])
    seen = {}
    for _, (made,) in stepwise(program, [[rows]]):
        seen.update(made.outputs)
    np.testing.assert_allclose(seen[program.outputs[0]], tf.function(function)(rows), rtol=1e-5, atol=1e-5)
