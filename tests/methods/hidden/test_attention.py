"""Attention weights against what Keras' layers return, rollout against loops, and where keys lie in the sequence."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import genolift as gl
from genolift.support.errors import InputError, Undefined, UnsupportedModel

K, ops = keras.layers, keras.ops
pytestmark = pytest.mark.usefixtures("uncompiled")
N, L = 3, 12
X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (N, L))]


def drawn(model, seed=1):
    rng = np.random.default_rng(seed)
    for weights in model.weights:
        weights.assign(rng.normal(0, 0.7, weights.shape))
    return model


def close(found, expected, tolerance=1e-5):
    np.testing.assert_allclose(found, expected, atol=tolerance, rtol=0)


def pooled(inputs, h):
    return keras.Model(inputs, K.Dense(1)(K.GlobalAveragePooling1D()(h)))


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


class Spelled(K.Layer):
    """Attention without a softmax operation."""

    def call(self, x):
        weights = ops.exp(ops.matmul(x, ops.transpose(x, (0, 2, 1))))
        return ops.matmul(weights / ops.sum(weights, -1, keepdims=True), x)


class SpelledAttention(Spelled):
    pass


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


class Gate(K.Layer):
    """A softmax over channels, which is no attention."""

    def build(self, shape):
        self.dense = K.Dense(shape[-1])

    def call(self, x):
        return x * ops.softmax(self.dense(x))


def block(h, heads=2, **options):
    """A transformer's block: attention and a dense layer, each added to what it reads and normalised."""
    h = K.LayerNormalization()(K.Add()([h, K.MultiHeadAttention(heads, 3, **options)(h, h)]))
    return K.LayerNormalization()(K.Add()([h, K.Dense(5)(K.Dense(7, activation="relu")(h))]))


class Linear(K.Layer):
    """A softmax over channels that weighs rows of positions: no query looks at keys."""

    def call(self, x):
        return ops.matmul(x, ops.matmul(ops.transpose(x, (0, 2, 1)), ops.softmax(x)))


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


@pytest.fixture(scope="module")
def two_layers():
    """Two blocks on tokens of a convolution and a pool: token k sees positions 2k to 2k + 4."""
    inputs = keras.Input((L, 4))
    h = K.MaxPooling1D(2)(K.Conv1D(5, 3, activation="relu", name="stem")(inputs))
    return drawn(pooled(inputs, block(block(h, name="first"), name="second", heads=3)))


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
        for position in range(L):
            other = x.copy()
            other[0, position] = rng.normal(size=4)
            seen[:, position] |= (np.abs(np.asarray(stem(other)) - np.asarray(stem(x)))[0] > 1e-6).any(-1)
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
        gl.method("attention", model)
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
        gl.method(name, drawn(pooled(inputs, h)))


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
