"""What a process keeps after calls with new sequences, and after models that are gone."""

import gc
from collections import Counter

import keras
import numpy as np
import pytest

import genolift as gl

K = keras.layers
pytestmark = pytest.mark.slow


def model(seed):
    keras.utils.set_random_seed(seed)
    x = inputs = keras.Input((60, 4))
    x = K.MaxPooling1D(4)(K.Conv1D(8, 5, activation="relu")(x))
    return keras.Model(inputs, K.Dense(2)(K.Flatten()(x)))


def sequences(seed):
    return np.eye(4, dtype=np.float32)[np.random.default_rng(seed).integers(0, 4, (3, 60))]


def held():
    """How many graphs, traced functions and methods are alive."""
    gc.collect()
    kinds = Counter(type(one).__name__ for one in gc.get_objects())
    return {kind: kinds[kind] for kind in ("FuncGraph", "ConcreteFunction", "Explainer", "DeepLift")}


def test_calls_with_new_sequences_leave_nothing_behind():
    method = gl.DeepLift(model(0), 0, progress=False)
    for turn in range(3):
        method(sequences(turn))
    before = held()
    for turn in range(3, 60):
        method(sequences(turn))
    assert held() == before


def test_models_that_are_gone_leave_nothing_behind():
    def explained(seed):
        gl.DeepLift(model(seed), 0, progress=False)(sequences(seed))

    for seed in range(3):
        explained(seed)
    before = held()
    for seed in range(3, 9):
        explained(seed)
    assert held() == before
