"""Models of integer tokens: importance goes to the one-hot that a token stands for, and masks are respected."""

import numpy as np
import pytest

import genolift as gl
from genolift.engine.walk.explain import Explainer
from genolift.support.errors import InputError, UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K, ops = keras.layers, keras.ops
V, L = 7, 10
rng = np.random.default_rng(0)
X = rng.integers(1, V, (3, L))
X[:, 7:] = 0
REFS = rng.integers(1, V, (2, L))
REFS[:, 7:] = 0


class Positions(K.Layer):
    """Token and position embedding, as transformers begin."""

    def __init__(self):
        super().__init__()
        self.tokens, self.places = K.Embedding(V, 5), K.Embedding(L, 5)

    def call(self, x):
        return self.tokens(x) + self.places(ops.arange(ops.shape(x)[1]))


def model(body, dtype="int32", size=V, mask=False, shape=(L,)):
    keras.utils.set_random_seed(1)
    inputs = keras.Input(shape, dtype=dtype)
    h = K.Embedding(size, 5, mask_zero=mask, embeddings_initializer="normal")(inputs)
    found = keras.Model(inputs, K.Dense(2)(body(h)))
    for variable in found.trainable_variables:
        variable.assign(rng.normal(0, 0.7, variable.shape))
    return found


def conv(h):
    return K.GlobalMaxPooling1D()(K.Conv1D(6, 3, activation="relu")(h))


def same_with_one_hot(tokens_model, body):
    """The model with a dense layer on the one-hot in place of the embedding."""
    inputs = keras.Input((L, V))
    keras.utils.set_random_seed(1)
    found = keras.Model(inputs, K.Dense(2)(body(K.Dense(5, use_bias=False)(inputs))))
    found.set_weights(tokens_model.get_weights())
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dtype", "rule"),
    [("int32", "revealcancel"), ("int64", "rescale"), ("float32", "rescale"), ("uint8", "rescale")],
)
def test_equals_the_one_hot_model(dtype, rule):
    one = model(conv, dtype)
    found = gl.DeepLift(one, 0, rule=rule, references=REFS)(X.astype(dtype))
    wide = same_with_one_hot(one, conv)
    expected = gl.DeepLift(wide, 0, rule=rule, references=np.eye(V)[REFS])(np.eye(V)[X])
    np.testing.assert_allclose(found.raw_contributions, expected.raw_contributions, atol=1e-5)
    np.testing.assert_allclose(found.multipliers, expected.multipliers, atol=1e-5)
    np.testing.assert_allclose(found.scores, expected.raw_contributions.sum(-1), atol=1e-5)
    np.testing.assert_allclose(found.contributions.sum(-1), found.scores, atol=1e-5)
    assert found.scores.shape == found.standard_error.shape == (3, L)
    assert np.abs(found.residual).max() < 1e-4
    np.testing.assert_allclose(found.predictions, one(X)[:, 0], atol=1e-5)
    assert "rows of the embedding" in str(found.method["alphabet"])
    np.testing.assert_array_equal(found.inputs.argmax(-1), X)


BODIES = {
    "lstm": lambda h: K.LSTM(4)(h),
    "gru": lambda h: K.Bidirectional(K.GRU(3))(h),
    "attention": lambda h: K.GlobalAveragePooling1D()(K.Add()([h, K.MultiHeadAttention(2, 3)(h, h)])),
    "average": lambda h: K.Dense(4, activation="relu")(K.GlobalAveragePooling1D()(h)),
}


@pytest.mark.parametrize(
    "body",
    ["attention", "average", pytest.param("lstm", marks=pytest.mark.slow), pytest.param("gru", marks=pytest.mark.slow)],
)
def test_masks_are_respected(body):
    """References padded where the sequences are: the same mask on both sides, and padding gets nothing."""
    one = model(BODIES[body], mask=True)
    method = gl.DeepLift(one, 0, references=REFS)
    found = method(X)
    at_refs = one(REFS)[:, 0].numpy()
    np.testing.assert_allclose(found.reference_predictions, np.tile(at_refs, (3, 1)), atol=1e-5)
    assert np.abs(found.residual).max() < 1e-4
    assert np.abs(found.scores[:, 7:]).max() == 0
    assert np.abs(found.scores[:, :7]).max() > 1e-3
    double = Explainer(method.traced.program, method.traced.targets, method._rule, [True], tf.float64)
    steps = double.audit([np.eye(V)[X[:1]]], [np.eye(V)[REFS[:1]][None]])
    assert max(abs(left) for _, left in steps) < 1e-9


def test_another_mask_is_refused():
    one = model(BODIES["average"], mask=True)
    with pytest.raises(UnsupportedModel, match=r"global_average.*not the same for a sequence and its reference"):
        gl.DeepLift(one, 0, references=rng.integers(1, V, (2, L)))(X)


def test_masking_layer_of_one_hot():
    inputs = keras.Input((L, 4))
    one = keras.Model(
        inputs, K.Dense(2)(K.GlobalAveragePooling1D()(K.Dense(5, activation="relu")(K.Masking()(inputs))))
    )
    x = np.eye(5, dtype=np.float32)[np.where(X > 4, 1, X)][..., 1:]
    refs = np.repeat(x[:, None, ::1], 2, 1)
    refs[:, :, :7] = rng.dirichlet(np.ones(4), (3, 2, 7))
    found = gl.DeepLift(one, 0, references=refs)(x)
    assert np.abs(found.residual).max() < 1e-5
    np.testing.assert_allclose(found.predictions, one(x)[:, 0], atol=1e-5)
    with pytest.raises(UnsupportedModel, match="masked where the sequence is"):
        gl.DeepLift(one, 0, references=gl.references.Background())(x)


def test_positions_and_two_tables():
    """Position embeddings are constants; a wide and a deep table of the same tokens are one input."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((None,), dtype="int32")
    h = K.Concatenate()([Positions()(inputs), K.Embedding(V, 2)(inputs)])
    one = keras.Model(inputs, K.Dense(2)(K.GlobalMaxPooling1D()(K.Conv1D(4, 3, activation="gelu")(h))))
    for variable in one.trainable_variables:
        variable.assign(rng.normal(0, 0.7, variable.shape))
    found = gl.DeepLift(one, 1, references=lambda tokens: np.stack([tokens[:, ::-1], 7 - np.maximum(tokens, 1)], 1))(X)
    assert found.raw_contributions.shape == (3, L, V)
    assert np.abs(found.residual).max() < 1e-4


def test_one_hot_made_inside():
    keras.utils.set_random_seed(3)
    one = keras.Sequential(
        [
            keras.Input((L,), dtype="int32"),
            K.Lambda(lambda t: tf.one_hot(t, 4)),
            K.Conv1D(5, 3, activation="relu"),
            K.Flatten(),
            K.Dense(1),
        ]
    )
    x = X % 4
    found = gl.DeepLift(one, references=gl.references.Shuffled(5))(x)
    wide = keras.Sequential([keras.Input((L, 4)), *one.layers[1:]])
    expected = gl.DeepLift(wide, references=gl.references.Shuffled(5))(np.eye(4)[x])
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)
    np.testing.assert_allclose(found.hypothetical, expected.hypothetical, atol=1e-6)


def test_refusals():
    one = model(conv)
    with pytest.raises(InputError, match="whole numbers from 0 to 6"):
        gl.DeepLift(one, 0, references=REFS)(X + 5)
    with pytest.raises(InputError, match="whole numbers from 0 to 6"):
        gl.DeepLift(one, 0, references=REFS + 0.5)(X)
    with pytest.raises(InputError, match="Shuffled references are not defined for sequences of 7 tokens"):
        gl.DeepLift(one, 0, references="shuffled:5")(X)
    inputs = keras.Input((L,), dtype="int32")
    h = K.Concatenate()([K.Embedding(V, 2)(inputs), K.Embedding(V + 1, 2)(inputs)])
    with pytest.raises(UnsupportedModel, match="tables of"):
        gl.DeepLift(keras.Model(inputs, K.Dense(1)(K.Flatten()(h))))
    counted = keras.Model(inputs, K.Dense(1)(K.Lambda(lambda t: tf.cast(t > 3, tf.float32))(inputs)))
    with pytest.raises(UnsupportedModel, match="takes integers"):
        gl.DeepLift(counted)
