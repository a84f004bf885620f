"""A small network, sequences and references for tests of methods that exchange bases."""

from __future__ import annotations

import numpy as np

import genolift as gl
from genolift.support.tensorflow import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
N, L, R = 3, 9, 3
BASES = np.eye(4, dtype=np.float32)
RNG = np.random.default_rng(0)
X, REFS = BASES[RNG.integers(0, 4, (N, L))], BASES[RNG.integers(0, 4, (N, R, L))]
OWN = gl.references.Fixed(REFS)


def fill(model):
    for weights in model.weights:
        weights.assign(np.random.default_rng(1).normal(0, 0.7, weights.shape))
    return model


def network():
    """Two probabilities of a convolution and a dense layer."""
    inputs = keras.Input((L, 4))
    h = K.Conv1D(5, 3, activation="relu")(inputs)
    h = K.Dense(6, activation="relu")(K.Flatten()(h))
    return fill(keras.Model(inputs, K.Dense(2, activation="sigmoid")(h)))


def logits_of(model):
    """The function from sequences (k, L, 4) to the logits of the network."""
    logits = keras.Model(model.input, model.layers[-2].output)
    kernel, bias = model.layers[-1].get_weights()

    def predict(x):
        return logits(np.asarray(x, np.float32)).numpy().astype(float) @ kernel + bias

    return predict


def close(found, expected, tolerance=2e-5):
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max(), rtol=0)


def exchanged(x, ref, keep):
    return np.where(np.asarray(keep)[:, None], x, ref)
