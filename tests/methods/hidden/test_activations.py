"""A hidden layer's activations, and what each of its rows sees."""

import keras
import numpy as np
import pytest

import genolift as gl
from genolift.methods.common import predicting
from genolift.support.errors import InputError, UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
N, L = 5, 30
X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (N, L))]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((L, 4))
    h = K.MaxPooling1D(2, name="pool")(K.Conv1D(6, 5, activation="relu", name="first")(inputs))
    h = K.Conv1D(4, 3, padding="same", activation="tanh", name="second")(h)
    return keras.Model(inputs, [K.Dense(2, name="a")(K.Flatten(name="flat")(h)), K.GlobalMaxPooling1D(name="b")(h)])


@pytest.mark.parametrize("layer", ["first", "pool", "second"])
def test_activations_are_the_layers_own(model, layer):
    found = gl.activations(model, layer, X)
    expected = keras.Model(model.input, model.get_layer(layer).output)(X).numpy()
    np.testing.assert_allclose(found.values, expected, atol=1e-6)
    assert found.layer == layer
    np.testing.assert_array_equal(found.inputs, X)
    assert len(found.starts) == len(found.ends) == len(found.centres) == expected.shape[1]
    # What a row does not see has no say in it.
    row = 3
    other = X.copy()
    other[:, : found.starts[row]] = other[:, found.ends[row] :] = 0.25
    np.testing.assert_allclose(gl.activations(model, layer, other).values[:, row], expected[:, row], atol=1e-6)
    assert found.starts[row] > 0


def test_places(model):
    found = gl.activations(model, None, X)
    assert found.layer == "second"
    assert found.values.shape == (N, 13, 4)
    np.testing.assert_array_equal(found.centres, 2.5 + 2 * np.arange(13))
    np.testing.assert_array_equal(found.starts[:3], [0, 0, 2])
    np.testing.assert_array_equal(found.ends[:3], [8, 10, 12])
    assert gl.activations(model, model.get_layer("first"), X).layer == "first"


def test_any_batch(model, monkeypatch):
    whole = gl.activations(model, "second", X).values
    monkeypatch.setattr(predicting, "_BATCH_BYTES", 3_000.0)
    np.testing.assert_allclose(gl.activations(model, "second", X).values, whole, atol=1e-6)


def test_a_function_of_several_inputs():
    kernel = np.random.default_rng(0).normal(size=(3, 4, 2)).astype(np.float32)

    def product(dna, signal):
        return tf.reduce_sum(tf.nn.relu(tf.nn.conv1d(dna, kernel, 1, "VALID")), 1) * signal

    found = gl.activations(product, None, {"dna": X, "signal": np.ones((N, 2), np.float32)})
    np.testing.assert_allclose(found.values, tf.nn.relu(tf.nn.conv1d(X, kernel, 1, "VALID")), atol=1e-6)
    assert found.starts.tolist() == list(range(L - 2))


def test_refusals(model):
    for layer in ("flat", "a", "b"):
        with pytest.raises(UnsupportedModel, match=f"layer '{layer}' has no positions.*'second' has"):
            gl.activations(model, layer, X)
    with pytest.raises(InputError, match="runs no layer 'third'"):
        gl.activations(model, "third", X)
    with pytest.raises(InputError, match=r"take .* GB, more than the budget"):
        gl.activations(model, "first", np.repeat(X, 3000, axis=0), memory="8MB")
    with pytest.raises(InputError, match="2 names were given for 5 sequences"):
        gl.activations(model, "first", X, names=["a", "b"])
    with pytest.raises(InputError, match="a model is a Keras model"):
        gl.activations("model.keras", None, X)
    flat = keras.Sequential([keras.Input((6,)), K.Dense(1)])
    with pytest.raises(UnsupportedModel, match="placed on one-hot sequences"):
        gl.activations(flat, None, np.ones((2, 6)))
    shared = K.Conv1D(2, 3, name="shared")
    inputs = keras.Input((L, 4))
    twice = keras.Model(inputs, K.Dense(1)(K.GlobalMaxPooling1D()(K.Add()([shared(inputs), shared(-inputs)]))))
    with pytest.raises(InputError, match="'shared' gives 2 tensors"):
        gl.activations(twice, "shared", X)
    dense = keras.Sequential([keras.Input((L, 4)), K.Flatten(), K.Dense(1)])
    with pytest.raises(UnsupportedModel, match="no layer of this model has positions"):
        gl.activations(dense, None, X)
