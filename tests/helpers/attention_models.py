"""Small networks with attention, and sequences for them."""

from __future__ import annotations

import numpy as np

from genolift.support.tensorflow import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
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


def block(h, heads=2, **options):
    """A transformer's block: attention and a dense layer, each added to what it reads and normalised."""
    h = K.LayerNormalization()(K.Add()([h, K.MultiHeadAttention(heads, 3, **options)(h, h)]))
    return K.LayerNormalization()(K.Add()([h, K.Dense(5)(K.Dense(7, activation="relu")(h))]))


def two_layers():
    """Two blocks on tokens of a convolution and a pool: token k sees positions 2k to 2k + 4."""
    inputs = keras.Input((L, 4))
    h = K.MaxPooling1D(2)(K.Conv1D(5, 3, activation="relu", name="stem")(inputs))
    return drawn(pooled(inputs, block(block(h, name="first"), name="second", heads=3)))
