"""Recurrent layers: the sum of contributions, turn by turn, against the difference of the output."""

from functools import cache, partial

import numpy as np
import pytest

from genolift.engine.operations.regions import fuse
from genolift.engine.running.probe import Probe
from genolift.engine.tracing.lowering import lower
from genolift.engine.tracing.trace import trace
from genolift.engine.walk import gradient_rules, rules
from genolift.engine.walk.pairs import Pairs
from genolift.engine.walk.propagate import Backward, compared
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
keras = __import__("keras")
layers = keras.layers

LENGTH = 11


class Masked(layers.Layer):
    """Gives a recurrent layer a mask that does not depend on the input's values."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, x):
        batch, length = keras.ops.shape(x)[0], keras.ops.shape(x)[1]
        kept = keras.ops.arange(length) % 3 != 1
        return self.inner(x, mask=keras.ops.broadcast_to(kept[None], (batch, length)))


class Scan(layers.Layer):
    """A recurrence of the user's own, whose state lives in a list that is read and written."""

    def build(self, shape):
        self.inner, self.outer = (self.add_weight(shape=(4, 4), name=name) for name in ("inner", "outer"))

    def call(self, x):
        def cell(state, now):
            pushed = keras.ops.matmul(state, self.inner) + keras.ops.matmul(now, self.outer)
            state = keras.ops.tanh(pushed) * keras.ops.sigmoid(now)
            return state, state * now

        over_time = keras.ops.transpose(x, (1, 0, 2))
        last, every = keras.ops.scan(cell, keras.ops.zeros_like(over_time[0]), over_time)
        return last + keras.ops.sum(every, 0)


class PerSequence(layers.Layer):
    """Maps over the batch, so that rows are turns."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(4, 3), name="kernel")

    def call(self, x):
        kernel = tf.convert_to_tensor(self.kernel)
        kind = tf.TensorSpec((None, 3), tf.float32)
        row = lambda one: tf.nn.relu(one @ kernel) * tf.reduce_mean(one)  # noqa: E731
        return tf.reduce_mean(tf.map_fn(row, x, fn_output_signature=kind), axis=1)


def two_states(x):
    _, h, c = layers.LSTM(5, return_state=True)(x)
    return layers.LSTM(4)(x[:, ::-1, :], initial_state=[h[:, :4], c[:, 1:]])


LAYERS = {
    "simple": (lambda x: layers.SimpleRNN(5)(x), (None, 4)),
    "gru": (lambda x: layers.GRU(5)(x), (None, 4)),
    "gru, backwards, sequences": (
        lambda x: layers.GRU(5, reset_after=False, go_backwards=True, return_sequences=True)(x)[:, 2:, :],
        (None, 4),
    ),
    "lstm": (lambda x: layers.LSTM(5)(x), (None, 4)),
    "bidirectional, stacked": (
        lambda x: layers.GRU(4)(layers.Bidirectional(layers.LSTM(5, return_sequences=True))(x)),
        (None, 4),
    ),
    "initial states": (two_states, (None, 4)),
    "masked": (lambda x: Masked(layers.LSTM(5, return_sequences=True))(x), (None, 4)),
    "convolutional": (lambda x: layers.ConvLSTM1D(3, 3)(x), (None, 6, 4)),
    "after convolution": (lambda x: layers.LSTM(5)(layers.Conv1D(6, 5, activation="relu")(x)), (None, 4)),
    "scan": (lambda x: Scan()(x), (None, 4)),
    "map": (lambda x: PerSequence()(x), (None, 4)),
}


def model_of(make, shape, seed=0):
    inputs = keras.Input(shape)
    features = make(inputs)
    while len(features.shape) > 2:
        features = keras.ops.mean(features, axis=1)
    model = keras.Model(inputs, layers.Dense(1)(features))
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.6)
    return model


class Explained:
    """The engine on one model: contributions per pair and the difference they should add up to."""

    def __init__(self, model, reveal=False, precision=tf.float32):
        self.model, self.precision = model, precision
        specs = [tf.TensorSpec(value.shape) for value in model.inputs]
        self.program = lower(trace(partial(model, training=False), specs))
        (self.output,) = self.program.outputs
        self.walk = fuse(self.program, [self.output])
        producer = {value: step for step in self.walk for value in step.outputs}
        self.reveals = lambda step: reveal and rules.after_mixing(step, producer)
        self.probe = Probe(self.program)
        self.run = tf.function(self._run, autograph=False, reduce_retracing=True)

    def _run(self, xs, refs, r, shared, leading, audited):
        pairs = Pairs(self.program, [xs], [refs], r, shared, leading, self.precision)
        seed = tf.ones_like(pairs.x(self.output))
        audit = [] if audited else None
        back = Backward(pairs, self.walk, rules.deeplift, self.reveals)
        (source,) = self.program.inputs
        (multipliers,) = back.run({self.output: seed}, [source], audit)
        self.audited = [step for step, _ in audit or []]
        imbalance = tf.stack([value for _, value in audit]) if audit else tf.zeros([0, 1], self.precision)
        return multipliers * pairs.delta(source), pairs.x(self.output), pairs.ref(self.output), imbalance

    def __call__(self, xs, refs, shared=False, audited=False):
        """``xs`` (n, ...) and ``refs`` (n·r, ...), or (r, ...) where shared."""
        leading = compared(self.walk, self.reveals) <= self.probe([xs.shape[1:]]).leading and not audited
        r = len(refs) if shared else len(refs) // len(xs)
        tensors = [tf.cast(array, self.precision) for array in (xs, refs)]
        return [t.numpy() for t in self.run(*tensors, r, shared, leading, audited)]


@cache
def explained_layer(name):
    """A kind of layer under Rescale, traced once for all tests."""
    return Explained(model_of(*LAYERS[name]))


def draw(n, shape, seed):
    return np.random.default_rng(seed).normal(size=(n, *(LENGTH if d is None else d for d in shape))).astype("f4")


def share_left(contributions, at_x, at_ref):
    """|Σ contributions − (f(x) − f(ref))| over the larger of |f(x)|, |f(ref)| and 1."""
    size = np.maximum(1, np.maximum(np.abs(at_x), np.abs(at_ref)))[:, 0]
    return np.abs(contributions.reshape(len(at_x), -1).sum(1) - (at_x - at_ref)[:, 0]) / size


@pytest.mark.parametrize("name", LAYERS)
def test_contributions_sum_to_the_difference_where_gradients_do_not(name):
    _, shape = LAYERS[name]
    explained = explained_layer(name)
    model = explained.model
    xs, refs = draw(2, shape, 1), draw(6, shape, 2)
    assert share_left(*explained(xs, refs)[:3]).max() <= 2e-5

    x = tf.constant(np.repeat(xs, 3, axis=0))
    with tf.GradientTape() as tape:
        tape.watch(x)
        at_x = model(x)
    slopes = tape.gradient(at_x, x).numpy()
    assert share_left(slopes * (x.numpy() - refs), at_x.numpy(), model(refs).numpy()).max() > 1e-2


def test_revealcancel_and_shared_references_keep_the_sum():
    make, shape = LAYERS["after convolution"]
    explained = Explained(model_of(make, shape), reveal=True)
    xs, refs = draw(2, shape, 1), draw(3, shape, 2)
    found = explained(xs, refs, shared=True)
    assert share_left(*found[:3]).max() <= 2e-5
    alone = explained(xs, np.tile(refs, (2, 1, 1)))
    np.testing.assert_allclose(found[0], alone[0], atol=1e-5)


def test_every_step_inside_a_loop_is_audited():
    _, shape = LAYERS["lstm"]
    explained = explained_layer("lstm")
    *_, imbalance = explained(draw(1, shape, 1), draw(1, shape, 2), audited=True)
    (loop,) = [step for step in explained.audited if step.op == "Loop"]
    assert {step for step in loop.payload.walk} <= set(explained.audited)
    assert np.abs(imbalance).max() < 2e-6


def test_float64_leaves_no_more_than_its_own_rounding():
    make, shape = LAYERS["simple"]
    explained = Explained(model_of(make, shape), precision=tf.float64)
    assert share_left(*explained(draw(2, shape, 1), draw(2, shape, 2))[:3]).max() < 1e-13


def test_a_simple_recurrence_equals_its_unrolling_by_hand():
    model = model_of(lambda x: layers.SimpleRNN(3)(x), (None, 4))
    kernel, recurrent, bias, out, _ = (np.asarray(w, "f8") for w in model.weights)
    x, ref = draw(1, (5, 4), 1), draw(1, (5, 4), 2)

    def states(sequence):
        before, after = [], [np.zeros(3)]
        for now in sequence.astype("f8"):
            before.append(now @ kernel + after[-1] @ recurrent + bias)
            after.append(np.tanh(before[-1]))
        return before, after

    (before_x, after_x), (before_ref, after_ref) = states(x[0]), states(ref[0])
    expected, flow = np.zeros((5, 4)), out[:, 0]
    for t in reversed(range(5)):
        chord = (after_x[t + 1] - after_ref[t + 1]) / (before_x[t] - before_ref[t])
        expected[t] = kernel @ (flow * chord) * (x - ref)[0, t]
        flow = recurrent @ (flow * chord)
    np.testing.assert_allclose(Explained(model)(x, ref)[0][0], expected, atol=1e-5)


def test_a_gate_is_shared_by_the_midpoint_rule():
    """y = Σ_t x_t0·x_t1 through a loop: each factor gets its change times the other's mean."""

    class Gate(layers.Layer):
        def call(self, x):
            over_time = keras.ops.transpose(x, (1, 0, 2))
            add = lambda total, now: (total + now[:, :1] * now[:, 1:], total)  # noqa: E731
            return keras.ops.scan(add, keras.ops.zeros_like(over_time[0][:, :1]), over_time)[0]

    inputs = keras.Input((None, 2))
    model = keras.Model(inputs, Gate()(inputs))
    x, ref = draw(1, (4, 2), 1), draw(1, (4, 2), 2)
    expected = (x - ref) * ((x + ref) / 2)[..., ::-1]
    np.testing.assert_allclose(Explained(model)(x, ref)[0], expected, atol=1e-6)


def test_the_graph_does_not_grow_with_the_sequence_and_lengths_share_one_trace():
    explained = explained_layer("lstm")
    spec = tf.TensorSpec((None, None, 4))
    traced = explained.run.get_concrete_function(spec, spec, 2, False, True, False)
    inside = sum(len(function.node_def) for function in traced.graph.as_graph_def().library.function)
    assert len(traced.graph.get_operations()) + inside < 2500
    for length in (200, 7):
        found = traced(tf.constant(draw(1, (length, 4), 1)), tf.constant(draw(2, (length, 4), 2)))
        assert found[0].shape == (2, length, 4)
        assert share_left(*[tensor.numpy() for tensor in found[:3]]).max() <= 2e-5


def test_guided_backprop_gates_inside_a_loop():
    model = model_of(lambda x: layers.SimpleRNN(5, activation="relu")(x), (None, 4))
    explained = Explained(model)
    x = tf.constant(draw(3, (6, 4), 1))

    @tf.function(autograph=False)
    def multipliers(x, rule_of):
        pairs = Pairs(explained.program, [x], [tf.zeros_like(x)], 1, False, False)
        back = Backward(pairs, explained.walk, rule_of, lambda step: False)
        seed = tf.ones_like(pairs.x(explained.output))
        return back.run({explained.output: seed}, explained.program.inputs)[0]

    with tf.GradientTape() as tape:
        tape.watch(x)
        output = model(x)
    plain = tape.gradient(output, x).numpy()
    np.testing.assert_allclose(multipliers(x, gradient_rules.gradient), plain, atol=1e-6)

    @tf.custom_gradient
    def guided_relu(z):
        return tf.nn.relu(z), lambda flow: tf.where(z > 0, tf.nn.relu(flow), tf.zeros_like(flow))

    kernel, recurrent, bias, out, _ = (tf.constant(np.asarray(w)) for w in model.weights)
    with tf.GradientTape() as tape:
        tape.watch(x)
        state = tf.zeros([3, 5])
        for t in range(6):
            state = guided_relu(x[:, t] @ kernel + state @ recurrent + bias)
        output = state @ out
    guided = tape.gradient(output, x).numpy()
    assert np.abs(guided - plain).max() > 1e-2
    np.testing.assert_allclose(multipliers(x, gradient_rules.guided), guided, atol=1e-5)


def test_a_loop_that_stops_on_the_input_is_refused_by_name():
    class Halving(layers.Layer):
        def call(self, x):
            small = lambda y: tf.reduce_max(tf.abs(y)) > 0.1  # noqa: E731
            return tf.while_loop(small, lambda y: [y / 2], [x])[0]

    with pytest.raises(UnsupportedModel, match=r"Halving.*number"):
        Explained(model_of(lambda x: Halving()(x), (None, 4)))
