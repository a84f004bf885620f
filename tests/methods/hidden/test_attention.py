"""Attention weights against what Keras' layers return, rollout against loops, and where keys lie in the sequence."""

import attention_models
import keras
import numpy as np
import pytest
from attention_models import L, N, X, block, close, drawn, pooled

import genolift as gl
from genolift.support.errors import UnsupportedModel

K, ops = keras.layers, keras.ops
pytestmark = pytest.mark.usefixtures("uncompiled")


@pytest.fixture(scope="module")
def two_layers():
    return attention_models.two_layers()


@keras.saving.register_keras_serializable("tests")
class Pooling(K.Layer):
    """Attention pooling: softmax over positions of a score, and the weighted sum."""

    def __init__(self, heads=1, **options):
        super().__init__(**options)
        self.score = K.Dense(heads)

    def weights_of(self, x):
        return ops.softmax(self.score(x), axis=1)

    def call(self, x):
        weights = self.weights_of(x)
        if weights.shape[-1] == 1:
            return ops.sum(weights * x, axis=1)
        return ops.mean(ops.matmul(ops.transpose(weights, (0, 2, 1)), x), axis=1)


class Patches(K.Layer):
    """Stretches of three bases side by side, with a learned class token in front."""

    def build(self, shape):
        self.token = self.add_weight(shape=(1, 1, 12), initializer="normal")

    def call(self, x):
        patches = ops.reshape(x, (-1, L // 3, 12))
        first = ops.broadcast_to(self.token, (ops.shape(x)[0], 1, 12))
        return ops.concatenate([first, patches], axis=1)


class Turned(K.Layer):
    def call(self, x):
        return ops.flip(x, axis=1)


class Merged(K.Layer):
    """Two heads that stand with the batch, or as groups of heads in five axes."""

    def __init__(self, groups=False, **options):
        super().__init__(**options)
        self.groups = groups

    def call(self, x):
        heads = ops.stack([x, -x], axis=1)
        if self.groups:
            heads = heads[:, None]
            weights = ops.softmax(ops.matmul(heads, ops.swapaxes(heads, -1, -2)))
            return ops.sum(ops.matmul(weights, heads), axis=(1, 2))
        flat = ops.reshape(heads, (-1, *x.shape[1:]))
        weights = ops.softmax(ops.matmul(flat, ops.transpose(flat, (0, 2, 1))) * 0.1)
        return ops.sum(ops.reshape(ops.matmul(weights, flat), (-1, 2, *x.shape[1:])), axis=1)


@pytest.mark.parametrize("kind", ["multi-head", "grouped", "dot", "additive", "pooling", "pooling of heads"])
def test_weights_are_those_of_the_layer(kind):
    inputs = keras.Input((L, 4))
    h = K.Conv1D(5, 3, padding="same")(inputs)
    layer = {
        "multi-head": lambda: K.MultiHeadAttention(2, 3, name="here"),
        "grouped": lambda: K.GroupQueryAttention(3, 4, 2, name="here"),
        "dot": lambda: K.Attention(use_scale=True, name="here"),
        "additive": lambda: K.AdditiveAttention(name="here"),
        "pooling": lambda: Pooling(name="here"),
        "pooling of heads": lambda: Pooling(3, name="here"),
    }[kind]()
    pools = kind.startswith("pooling")
    called = layer(h) if pools else layer(h, h) if kind in ("multi-head", "grouped") else layer([h, h])
    model = drawn(keras.Model(inputs, K.Dense(1)(called if pools else K.GlobalAveragePooling1D()(called))))
    hidden = keras.Model(inputs, h)(X)
    if pools:
        expected = np.moveaxis(layer.weights_of(hidden).numpy(), 2, 1)[:, None]
    elif kind in ("multi-head", "grouped"):
        expected = layer(hidden, hidden, return_attention_scores=True)[1].numpy()
    else:
        expected = layer([hidden, hidden], return_attention_scores=True)[1].numpy()[:, None]
    found = gl.method("attention", model)(X)
    assert found.weights.shape == (N, 1, *expected.shape[1:])
    close(found.weights[:, 0], expected)
    close(found.predictions, model(X).numpy()[:, 0])
    assert found.method["layers"] == ["functional/here"] or found.method["layers"][0].endswith("/here")
    mean = expected.mean((1, 2))
    spread = np.zeros((N, L))
    for key in range(L):  # a key sees its own position and its neighbours
        seen = range(max(0, key - 1), min(L, key + 2))
        for position in seen:
            spread[:, position] += mean[:, key] / len(seen)
    close(found.scores, spread)
    close(found.scores.sum(1), np.ones(N))
    if expected.shape[2] == 3:
        close(gl.method("attention", model, query=1, head=0)(X).weights[:, 0, :, 1], expected[:, :, 1])


def scores_of(model, name):
    """What a multi-head attention of a functional model returns for X, from the layer itself."""
    layer = model.get_layer(name)
    hidden = keras.Model(model.inputs, layer.input if not isinstance(layer.input, list) else layer.input[0])(X)
    return layer(hidden, hidden, return_attention_scores=True)[1].numpy()


def spread_of(tokens, starts_ends):
    found = np.zeros((len(tokens), L))
    for key, (start, end) in enumerate(starts_ends):
        found[:, start:end] += tokens[:, key, None] / (end - start)
    return found


@pytest.mark.slow
def test_rollout_against_loops(two_layers):
    method = gl.method("attention-rollout", two_layers, residual=0.4)
    found = method(X)
    first, second = (scores_of(two_layers, name) for name in ("first", "second"))
    fields = [(2 * k, 2 * k + 4) for k in range(5)]
    for n in range(N):
        total = np.eye(5)
        for weights in (first[n], second[n]):
            mixed = np.zeros((5, 5))
            for q in range(5):
                for k in range(5):
                    mixed[q, k] = 0.4 * (q == k) + 0.6 * np.mean([head[q, k] for head in weights])
                mixed[q] /= mixed[q].sum()
            total = mixed @ total
        close(found.rollout[n], total)
        close(found.scores[n], spread_of(total.mean(0)[None], fields)[0])
    one = gl.method("attention-rollout", two_layers, residual=0.4, query=-1)(X)
    close(one.scores, spread_of(found.rollout[:, -1], fields))
    # Layers of three and two heads stand in one array.
    assert found.weights.shape == (N, 2, 3, 5, 5)
    close(found.weights[:, 0, :2], first)
    assert np.isnan(found.weights[:, 0, 2]).all()
    np.testing.assert_array_equal(found.key_positions[0, 1], fields)


@pytest.mark.slow
def test_scores_of_layers_heads_and_queries(two_layers):
    first, second = (scores_of(two_layers, name) for name in ("first", "second"))
    fields = [(2 * k, 2 * k + 4) for k in range(5)]
    everything = (first.mean((1, 2)) + second.mean((1, 2))) / 2
    close(gl.method("attention", two_layers)(X).scores, spread_of(everything, fields))
    one = gl.method("attention", two_layers, layer="second", head=2, query=3)(X)
    close(one.scores, spread_of(second[:, 2, 3], fields))
    close(gl.method("attention", two_layers, layer=0)(X).scores, spread_of(first.mean((1, 2)), fields))


def test_keys_lie_where_the_stem_looks(two_layers):
    """Changing a base changes the tokens that see it, and no others."""
    method = gl.method("attention", two_layers)
    (first, second) = method._last.tokens
    stem = keras.Model(two_layers.inputs, two_layers.layers[2].output)
    rng, seen = np.random.default_rng(0), np.zeros((5, L), bool)
    for _ in range(30):
        x = rng.normal(size=(1, L, 4)).astype(np.float32)
        others = np.repeat(x, L, axis=0)
        others[range(L), range(L)] = rng.normal(size=(L, 4))
        seen |= (np.abs(np.asarray(stem(others)) - np.asarray(stem(x))) > 1e-6).any(-1).T
    for tokens in (first, second):
        for key in range(5):
            np.testing.assert_array_equal(np.flatnonzero(seen[key]), np.arange(tokens.starts[key], tokens.ends[key]))
        assert tokens.asks


def test_class_token_and_patches():
    """Token 0 sees nothing of the sequence, the others three bases each; the class token is a query of its own."""
    inputs = keras.Input((L, 4))
    h = K.Dense(5)(Patches()(inputs))
    h = block(block(h, name="first"), name="second")
    model = drawn(keras.Model(inputs, K.Dense(1)(h[:, 0])))
    found = gl.method("attention-rollout", model, query=0)(X)
    expected = [[-1, -1], *[[3 * k, 3 * k + 3] for k in range(4)]]
    np.testing.assert_array_equal(found.key_positions[0, 0], expected)
    np.testing.assert_array_equal(found.key_positions[0, 1], expected)
    close(found.scores, np.repeat(found.rollout[:, 0, 1:] / 3, 3, axis=1))


def test_rows_that_are_turned_round_keep_their_place():
    inputs = keras.Input((L, 4))
    h = Turned()(K.Conv1D(5, 3)(inputs))
    model = drawn(pooled(inputs, K.MultiHeadAttention(2, 3)(h, h)))
    found = gl.method("attention", model)(X)
    np.testing.assert_array_equal(found.key_positions[0, 0], [[9 - k, 12 - k] for k in range(10)])


def test_heads_that_stand_with_the_batch():
    inputs = keras.Input((L, 4))
    h = K.Conv1D(5, 3, name="stem")(inputs)
    model = drawn(pooled(inputs, Merged()(h)))
    found = gl.method("attention-rollout", model)(X)
    x = np.asarray(keras.Model(inputs, h)(X))
    logits = 0.1 * np.einsum("nqc,nkc->nqk", x, x)
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    close(found.weights[:, 0, 1], expected)  # of −x, whose products are the same
    np.testing.assert_array_equal(found.key_positions[0, 0], [[k, k + 3] for k in range(10)])
    with pytest.raises(UnsupportedModel, match="which axes are heads and queries cannot be told"):
        gl.method("attention", drawn(pooled(inputs, Merged(groups=True)(h))))


def test_pooling_as_it_was_spelled_of_old():
    """Scores flattened, softmax, repeated for each channel, permuted, multiplied, averaged."""
    inputs = keras.Input((L, 4))
    h = K.Conv1D(5, 3)(inputs)
    weights = K.Activation("softmax")(K.Flatten()(K.Dense(1, activation="tanh")(h)))
    both = K.Multiply()([h, K.Permute([2, 1])(K.RepeatVector(5)(weights))])
    model = drawn(pooled(inputs, both))
    found = gl.method("attention", model)(X)
    close(found.weights[:, 0, 0, 0], np.asarray(keras.Model(inputs, weights)(X)))
    np.testing.assert_array_equal(found.key_positions[0, 0], [[k, k + 3] for k in range(10)])


def test_attention_on_attention_and_masks_and_pooling_at_the_end():
    """No residual sums between; causal masks; a last layer that pools is read as it is."""
    inputs = keras.Input((L, 4))
    h = K.Conv1D(5, 3, padding="same")(inputs)
    first, second = (K.MultiHeadAttention(2, 3, name=name) for name in ("first", "second"))
    middle = first(h, h, use_causal_mask=True)
    last = second(middle, middle, use_causal_mask=True)
    pool = Pooling(name="pool")
    model = drawn(keras.Model(inputs, K.Dense(1)(pool(last))))
    found = gl.method("attention-rollout", model)(X)
    a, b = (weights.mean(1) for weights in (found.weights[:, 0], found.weights[:, 1]))
    assert np.triu(a[0], 1).max() < 1e-6
    weights = pool.weights_of(keras.Model(inputs, last)(X)).numpy()[..., 0]
    eye = np.eye(L)
    close(found.rollout[:, 0], np.einsum("nq,nqk,nkl->nl", weights, (eye + b) / 2, (eye + a) / 2))
