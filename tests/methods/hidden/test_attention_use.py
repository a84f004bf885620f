"""What attention makes of several inputs and free lengths, what it draws, and which models and options it refuses."""

import subprocess
import sys

import attention_models
import keras
import numpy as np
import pytest
from attention_models import L, N, X, close, drawn, pooled

import genolift as gl
from genolift.support.errors import InputError, Undefined, UnsupportedModel

K, ops = keras.layers, keras.ops
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("uncompiled")]


@pytest.fixture(scope="module")
def two_layers():
    return attention_models.two_layers()


class WrittenOut(K.Layer):
    """Attention whose softmax is written by hand."""

    def call(self, x):
        weights = ops.exp(ops.matmul(x, ops.transpose(x, (0, 2, 1))))
        return ops.matmul(weights / ops.sum(weights, -1, keepdims=True), x)


class Spelled(K.Layer):
    """Weights that sum to one, but are no softmax."""

    def call(self, x):
        weights = ops.softplus(ops.matmul(x, ops.transpose(x, (0, 2, 1))))
        return ops.matmul(weights / ops.sum(weights, -1, keepdims=True), x)


class SpelledAttention(Spelled):
    pass


class Gate(K.Layer):
    """A softmax over channels, which is no attention."""

    def build(self, shape):
        self.dense = K.Dense(shape[-1])

    def call(self, x):
        return x * ops.softmax(self.dense(x))


class Linear(K.Layer):
    """A softmax over channels that weighs rows of positions: no query looks at keys."""

    def call(self, x):
        return ops.matmul(x, ops.matmul(ops.transpose(x, (0, 2, 1)), ops.softmax(x)))


def test_several_inputs_and_targets(tmp_path):
    a, b = keras.Input((L, 4), name="a"), keras.Input((L, 4), name="b")
    left, right = (K.Conv1D(5, 3, padding="same")(one) for one in (a, b))
    model = drawn(keras.Model([a, b], K.Dense(2)(K.GlobalAveragePooling1D()(K.MultiHeadAttention(2, 3)(left, right)))))
    found = gl.method("attention", model, [0, 1])({"a": X, "b": X[::-1]})
    assert found.scores["a"] is None
    assert found.scores["b"].shape == (N, 2, L)
    assert found.weights.shape == (N, 2, 1, 2, L, L)
    with pytest.raises(UnsupportedModel, match=r"over the same tokens, and layer .* use attention, which reads each"):
        gl.method("attention-rollout", model, 0)
    found.save(tmp_path / "scores.zarr")
    told = (
        "import genolift as gl; e = gl.Explanation.load('scores.zarr'); "
        "print(type(e).__name__, e[1].for_target(1).weights.shape, e.key_positions.shape)"
    )
    done = subprocess.run([sys.executable, "-c", told], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1) == ["AttentionExplanation", f"(1, 1, 2, {L}, {L}) ({N}, 2, 1, {L}, 2)\n"]


def test_keys_of_two_inputs():
    """Keys that are made of both inputs lie in neither; queries of another input are not rolled out."""
    a, b = keras.Input((L, 4), name="a"), keras.Input((L, 4), name="b")
    left, right = (K.Conv1D(5, 3, padding="same")(one) for one in (a, b))
    both = K.Add()([left, right])
    model = drawn(pooled([a, b], K.MultiHeadAttention(2, 3)(left, both)))
    with pytest.raises(UnsupportedModel, match="do not each stand for a stretch of the sequence"):
        gl.method("attention", model)({"a": X, "b": X})
    fewer = K.MaxPooling1D(2)(left)
    model = drawn(pooled([a, b], K.MultiHeadAttention(2, 3)(fewer, right)))
    assert gl.method("attention", model)({"a": X, "b": X}).weights.shape == (N, 1, 2, L // 2, L)
    with pytest.raises(UnsupportedModel, match="has 6 queries and 12 keys that are others"):
        gl.method("attention-rollout", model)


def test_lengths_that_are_free():
    inputs = keras.Input((None, 4))
    h = K.Conv1D(5, 3, padding="same")(inputs)
    method = gl.method("attention", drawn(pooled(inputs, K.MultiHeadAttention(2, 3)(h, h))))
    first, second = method(X), method(X[:, :8])
    assert (first.weights.shape, second.weights.shape) == ((N, 1, 2, L, L), (N, 1, 2, 8, 8))
    with pytest.raises(InputError, match=r"maps of sequences of different lengths .* maps=False"):
        type(first).concatenate([first, second])
    small = gl.method("attention", method.model, maps=False)
    both = gl.Explanation.concatenate([small(X), small(X[:, :8])])
    close(both.scores[N:, :8], second.scores)
    with pytest.raises(Undefined, match="made with maps=False"):
        _ = both.weights


def test_it_is_no_attribution(two_layers):
    found = gl.method("attention", two_layers)(X)
    for name in ("hypothetical", "raw_contributions", "contributions"):
        with pytest.raises(Undefined, match="what the model reads, which is nobody's share"):
            getattr(found, name)
    assert "not an attribution" in found.method["units"]
    with pytest.raises(Undefined, match="attention-rollout does"):
        _ = found.rollout


def test_pictures(two_layers):
    found = gl.method("attention-rollout", two_layers)(X)
    figure = found.plot_map(1)
    assert len(figure.axes) == 3 + 2  # heads of the second layer, their scale, the scores
    assert len(found.plot_map(0, layer="first").axes) == 2 + 2
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), found.weights[1, 1, 0], atol=1e-6)
    rolled = found.plot_map(0, layer="rollout")
    np.testing.assert_allclose(rolled.axes[0].images[0].get_array(), found.rollout[0], atol=1e-6)
    assert "not an attribution" in rolled.get_suptitle()
    with pytest.raises(InputError, match="there is no attention layer 'third'; choose among"):
        found.plot_map(0, layer="third")
    with pytest.raises(InputError, match="make the method with maps=True"):
        gl.method("attention", two_layers, maps=False)(X).plot_map()


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([K.Conv1D(5, 3)], "reads the weights of attention layers, and this model has none.* use deeplift"),
        ([K.Conv1D(5, 3), Gate()], "this model has none: no softmax over positions"),
        ([K.Conv1D(5, 3), Spelled()], "this model has none"),
        ([K.Conv1D(5, 3), Linear()], "this model has none"),
        ([K.Conv1D(5, 3), SpelledAttention()], r"\(SpelledAttention\) has no softmax over positions .*a fused or kernel form"),
        ([K.Bidirectional(K.LSTM(3, return_sequences=True)), "attention"], "do not each stand for a stretch of the sequence"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["attention", pytest.param("attention-rollout", marks=pytest.mark.slow)])
def test_models_are_refused(layers, message, name):
    inputs = keras.Input((L, 4))
    h = inputs
    for layer in layers:
        h = K.MultiHeadAttention(2, 3)(h, h) if layer == "attention" else layer(h)
    with pytest.raises(UnsupportedModel, match=message):
        gl.method(name, drawn(pooled(inputs, h)))(X)


def test_a_softmax_written_by_hand_is_read():
    inputs = keras.Input((L, 4))
    found = gl.method("attention", drawn(pooled(inputs, WrittenOut()(inputs))))(X)
    close(found.weights[:, 0, 0], np.asarray(ops.softmax(np.matmul(X, X.transpose(0, 2, 1)), -1)))


@pytest.fixture(scope="module")
def one_layer():
    inputs = keras.Input((5, 4))
    return drawn(pooled(inputs, K.MultiHeadAttention(2, 3)(inputs, inputs)))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("attention", {"layer": "third"}, "there is no attention layer 'third'; choose among"),
        ("attention", {"layer": 2}, "there is no attention layer 2"),
        ("attention", {"head": 2}, "head is 2, but there are 2; number them from 0"),
        ("attention", {"query": 5}, "query is 5, but there are 5 queries"),
        ("attention", {"query": 0.5}, r"query must be the number of a query, not 0\.5"),
        ("attention", {"rc_average": True}, "reads one strand at a time; leave rc_average off"),
        ("attention-rollout", {"residual": 1}, "residual must be at least 0 and below 1"),
    ],
)
def test_options_are_refused(one_layer, name, options, message):
    with pytest.raises(InputError, match=message):
        gl.method(name, one_layer, **options)


def test_layers_side_by_side_are_not_rolled_out():
    inputs = keras.Input((L, 4))
    h = K.Conv1D(5, 3, padding="same")(inputs)
    both = K.Add()([K.MultiHeadAttention(2, 3)(h, h), K.MultiHeadAttention(2, 3)(h, h)])
    model = drawn(pooled(inputs, both))
    assert gl.method("attention", model)(X).weights.shape[1] == 2
    with pytest.raises(UnsupportedModel, match="from layer to layer over the same tokens"):
        gl.method("attention-rollout", model)
