"""Small models whose optima are known, and real sequences, for the tests of activation maximisation."""

from __future__ import annotations

import numpy as np

from genolift.support.tensorflow import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
L = 12


def linear(seed: int = 0, length: int = L, activation: str | None = None):
    """A linear model of sequences, and its weights (L, 4)."""
    inputs = keras.Input((length, 4), name="dna")
    model = keras.Model(inputs, K.Dense(1, activation=activation, name="out")(K.Flatten()(inputs)))
    weights = np.random.default_rng(seed).normal(size=(length, 4)).astype(np.float32)
    model.get_layer("out").set_weights([weights.reshape(-1, 1), np.array([0.5], np.float32)])
    return model, weights


def convolution(length: int | None = L, seed: int = 0):
    """A model of one convolution of three filters of width 4 with ReLU; a mean, and two outputs with a sigmoid."""
    inputs = keras.Input((length, 4), name="dna")
    h = K.Conv1D(3, 4, activation="relu", name="conv")(inputs)
    h = K.Dense(5, activation="relu", name="hidden")(K.GlobalAveragePooling1D(name="mean")(h))
    model = keras.Model(inputs, K.Dense(2, activation="sigmoid", name="out")(h))
    random = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign(random.normal(size=variable.shape) * 0.7)
    return model


def real_sequences(count: int = 400, length: int = 30, seed: int = 0) -> list[str]:
    """Sequences in which A is followed by C more often than not."""
    random = np.random.default_rng(seed)
    sequences = []
    for _ in range(count):
        bases = [random.choice(list("ACGT"))]
        while len(bases) < length:
            p = [0.1, 0.6, 0.1, 0.2] if bases[-1] == "A" else [0.4, 0.2, 0.2, 0.2]
            bases.append(random.choice(list("ACGT"), p=p))
        sequences.append("".join(bases))
    return sequences
