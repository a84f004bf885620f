"""Relevance through recurrent layers: against loops over time, the same layers unrolled, and gradients."""

import keras
import numpy as np
import pytest

import genolift as gl
from genolift.support.errors import Undefined, UnsupportedModel

K = keras.layers
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("uncompiled")]
N, L = 3, 7
X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (N, L))]

CELLS = {
    "lstm": (K.LSTM, {}),
    "gru, backwards, sequences": (K.GRU, {"go_backwards": True, "return_sequences": True, "reset_after": False}),
    "simple": (K.SimpleRNN, {"activation": "relu"}),
}


def net(cell, unroll=False, conv=True, bias=True, states=0, **options):
    """``states`` that the sequence itself begins with; otherwise they are zero, which unrolled is no sum of two values."""
    inputs = keras.Input((L, 4))
    h = K.Conv1D(5, 2, activation="relu", use_bias=bias, name="first")(inputs) if conv else inputs
    first = [K.Dense(4, name=f"state{i}")(K.Flatten()(inputs)) for i in range(states)]
    h = cell(4, unroll=unroll, use_bias=bias, name="memory", **options)(h, initial_state=first or None)
    h = K.GlobalMaxPooling1D()(h) if options.get("return_sequences") else h
    model = keras.Model(inputs, K.Dense(2, use_bias=bias, name="tasks")(h))
    rng = np.random.default_rng(1)
    for weights in model.weights:
        weights.assign(rng.normal(0, 0.7, weights.shape))
    return model


def close(found, expected, tolerance=1e-5):
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max(), rtol=0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_lstm_against_loops_over_time():
    """Arras et al. 2017, section 3: shares by the terms of each sum, all of a product to its signal (ε = 0)."""
    model = net(K.LSTM, conv=False)
    w, u, b = (v.numpy().astype(float) for v in model.get_layer("memory").weights)
    out, offset = (v.numpy().astype(float) for v in model.get_layer("tasks").weights)
    found = gl.method("lrp-epsilon", model, [0, 1], epsilon=0)(X)
    for n in range(N):
        h, c, turns = np.zeros(4), np.zeros(4), []
        for x in X[n].astype(float):
            i, f, g, o = np.split(x @ w + h @ u + b, 4)
            before, c_before, c = h, c, sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            turns.append((x, before, c_before, c, i, f, g))
        y = h @ out + offset
        close(found.predictions[n], y)
        for t in range(2):
            r_h, r_c, expected = h * out[:, t], np.zeros(4), np.zeros((L, 4))
            for turn in reversed(range(L)):
                x, before, c_before, c_now, i, f, g = turns[turn]
                r_c = r_c + r_h  # all of the product goes to tanh(c), none to the gate
                r_g = sigmoid(i) * np.tanh(g) / c_now * r_c
                r_c = sigmoid(f) * c_before / c_now * r_c
                per_sum = r_g / g
                expected[turn] = x * (w[:, 8:12] @ per_sum)
                r_h = before * (u[:, 8:12] @ per_sum)
            close(found.raw_contributions[n, t], expected, 1e-4)
            close(found.scores[n, t], expected.sum(-1), 1e-4)


METHODS = {
    "lrp-epsilon": ({"epsilon": 0.05}, True),
    "lrp-alphabeta": ({}, False),
    "lrp-flat": ({"hidden": "gamma"}, False),
}
# Each method on one kind of cell, and the rest among the slow tests.
PAIRS = [
    pytest.param(name, method, marks=[] if i == j else pytest.mark.slow)
    for i, name in enumerate(CELLS)
    for j, method in enumerate(METHODS)
]


@pytest.mark.parametrize(("name", "method"), PAIRS)
def test_loops_are_what_they_are_unrolled(name, method):
    options, conv = METHODS[method]
    cell, more = CELLS[name]
    found, expected = (
        gl.method(method, net(cell, unroll, conv, states=1 + (cell is K.LSTM), **more), [0, 1], **options)(X)
        for unroll in (False, True)
    )
    close(found.raw_contributions, expected.raw_contributions)
    close(found.absorbed, expected.absorbed, 1e-4)
    if method == "lrp-flat":
        with pytest.raises(Undefined, match="whatever base is there"):
            _ = found.hypothetical
    else:
        close(found.hypothetical, expected.hypothetical)
        close(found.contributions.sum(-1), found.scores)


@pytest.mark.parametrize("conv", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_epsilon_to_zero_is_gradient_times_input(conv):
    """In a recurrent layer of ReLUs, which has no gates."""
    model = net(K.SimpleRNN, conv=conv, activation="relu")
    found, expected = (
        gl.method("lrp-epsilon", model, [0, 1], epsilon=0)(X),
        gl.method("gradient-x-input", model, [0, 1])(X),
    )
    close(found.raw_contributions, expected.raw_contributions)
    close(found.multipliers, expected.multipliers)


class Reminded(K.Layer):
    """A recurrence that reads the first position at every turn, beside that of its own."""

    def build(self, shape):
        self.inner, self.outer = (self.add_weight(shape=(4, 4), name=name) for name in ("inner", "outer"))

    def call(self, x):
        over_time, first = keras.ops.transpose(x, (1, 0, 2)), x[:, 0]

        def cell(state, now):
            state = keras.ops.matmul(state, self.inner) + keras.ops.matmul(now, self.outer)
            state = keras.ops.relu(state + first)
            return state, state

        return keras.ops.scan(cell, keras.ops.zeros_like(first), over_time)[0]


def test_what_every_turn_reads():
    inputs = keras.Input((L, 4))
    model = keras.Model(inputs, K.Dense(1)(Reminded()(K.Dense(4)(inputs))))
    rng = np.random.default_rng(1)
    for weights in model.weights:
        weights.assign(rng.normal(0, 0.5, weights.shape))
    found, expected = gl.method("lrp-epsilon", model, epsilon=0)(X), gl.method("gradient-x-input", model)(X)
    close(found.raw_contributions, expected.raw_contributions)


def test_relevance_is_conserved_without_biases():
    found = gl.method("lrp-epsilon", net(K.GRU, bias=False, reset_after=False), [0, 1], epsilon=1e-9)(X)
    assert np.abs(found.absorbed).max() < 1e-4 * np.abs(found.predictions).max()
    with_biases = gl.method("lrp-epsilon", net(K.GRU, reset_after=False), [0, 1])(X)
    assert np.abs(with_biases.absorbed).max() > 0.01 * np.abs(with_biases.predictions).max()


def test_both_directions_and_states_that_are_handed_on():
    inputs = keras.Input((L, 4))
    h = K.Bidirectional(K.LSTM(3, return_sequences=True))(inputs)
    _, state, cell = K.LSTM(3, return_state=True)(h)
    model = keras.Model(inputs, K.Dense(1, use_bias=False)(K.LSTM(3, use_bias=False)(h, initial_state=[state, cell])))
    rng = np.random.default_rng(2)
    for weights in model.weights:
        weights.assign(0 * weights if weights.path.endswith("bias") else rng.normal(0, 0.7, weights.shape))
    found = gl.method("lrp-epsilon", model, epsilon=1e-9)(X)
    assert np.abs(found.scores).max() > 0
    assert np.abs(found.absorbed).max() < 1e-3 * np.abs(found.predictions).max()


def test_rules_by_layer():
    model = net(K.LSTM)
    mapped = gl.method("lrp-composite", model, 0, composite={"memory": "epsilon:0.3"})(X)
    plain = gl.method("lrp-epsilon", model, 0, epsilon=0.3)(X)
    assert np.abs(mapped.scores - plain.scores).max() > 1e-4 * np.abs(plain.scores).max()
    same = {"memory": "epsilon:0.3", "first": "epsilon:0.3", "tasks": "epsilon:0.3"}
    again = gl.method("lrp-composite", model, 0, composite=same)(X)
    assert np.abs(again.scores - mapped.scores).max() > 1e-4 * np.abs(plain.scores).max()


def test_refusals():
    reading = net(K.LSTM, conv=False)
    with pytest.raises(
        UnsupportedModel, match=r"reads the input inside a loop, .* another rule than z\^B, or use lrp-epsilon"
    ):
        gl.method("lrp-zb", reading, 0)
    flat = gl.method("lrp-flat", reading, 0)(X)  # no neurons outside the loop read the input
    with pytest.raises(Undefined, match="whatever base is there"):
        _ = flat.hypothetical
    assert gl.method("lrp-zb", net(K.LSTM), 0)(X).scores.shape == (N, L)
    with pytest.raises(UnsupportedModel, match="deep-taylor is derived for sums, maxima and ReLUs"):
        gl.method("deep-taylor", net(K.LSTM), 0)
