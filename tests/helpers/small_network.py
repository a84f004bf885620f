"""A small network of three tasks, and three sequences for it."""

from __future__ import annotations

import numpy as np

from genolift.support.tensorflow import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
L = 8
X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (3, L))]


def build():
    inputs = keras.Input((L, 4), name="dna")
    h = K.Conv1D(3, 3, activation="relu", name="conv")(inputs)
    h = K.Dense(4, activation="relu", name="hidden")(K.Flatten(name="flat")(h))
    return keras.Model(inputs, K.Dense(3, name="tasks")(h))
