"""Pairs of networks that compute the same function by construction, though their layers differ."""

from __future__ import annotations

import numpy as np

from genolift.support.tensorflow import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
LENGTH, FILTERS, WIDTH, POOL, HIDDEN, TASKS = 16, 5, 5, 2, 6, 2
PLACES = LENGTH - WIDTH + 1

#: What is written in another way in the second network of each pair.
PAIRS = {
    "split": "a dense layer as two without a nonlinearity between",
    "relu": "every ReLU applied twice",
    "dense": "a convolution as a dense layer",
    "pool": "an average pool as a convolution",
    "folded": "batch normalisation folded into the convolution before it",
}


def weights() -> dict[str, np.ndarray]:
    """The weights of the function; offsets and variances are positive, so that units are awake."""
    rng = np.random.default_rng(3)
    shapes = {
        "conv": (WIDTH, 4, FILTERS),
        "hidden": (PLACES // POOL * FILTERS, HIDDEN),
        "tasks": (HIDDEN, TASKS),
    }
    found = {name: rng.normal(0, 0.5, shape) for name, shape in shapes.items()}
    # An offset above zero, as for half of networks, and another below, so that ReLUs open and close.
    found |= {"conv bias": rng.normal(0, 0.3, FILTERS), "hidden bias": rng.normal(0, 0.3, HIDDEN)}
    # Deep Taylor decomposition is for outputs above zero; others do not mind an offset.
    found["tasks bias"] = np.array([6.0, 7.0])
    found |= {"scale": rng.uniform(0.5, 1.5, FILTERS), "shift": rng.normal(0, 0.3, FILTERS)}
    found |= {"mean": rng.normal(0, 0.3, FILTERS), "variance": rng.uniform(0.5, 1.5, FILTERS)}
    return found


def build(rewritten: str | None = None) -> keras.Model:
    """The network, or the one in which a part is written in another way; the same weights whenever it is built."""
    w, norm = weights(), K.BatchNormalization(epsilon=1e-3, name="norm")
    factor = w["scale"] / np.sqrt(w["variance"] + 1e-3)
    kernel, offset = w["conv"], w["conv bias"]
    if rewritten == "folded":
        kernel, offset = kernel * factor, (offset - w["mean"]) * factor + w["shift"]
    x = inputs = keras.Input((LENGTH, 4), name="dna")
    own: list[tuple[K.Layer, list[np.ndarray]]] = []

    def put(layer: K.Layer, *values: np.ndarray):
        own.append((layer, list(values)))
        return layer

    if rewritten == "dense":
        table = np.zeros((LENGTH, 4, PLACES, FILTERS))
        for place in range(PLACES):
            table[place : place + WIDTH, :, place] = kernel
        x = K.Flatten(name="letters")(x)
        x = put(K.Dense(PLACES * FILTERS, name="conv"), table.reshape(LENGTH * 4, -1), np.tile(offset, PLACES))(x)
        x = K.Reshape((PLACES, FILTERS), name="places")(x)
    else:
        x = put(K.Conv1D(FILTERS, WIDTH, name="conv"), kernel, offset)(x)
    if rewritten != "folded":
        x = put(norm, w["scale"], w["shift"], w["mean"], w["variance"])(x)
    x = _relu(x, rewritten, "first")
    if rewritten == "pool":
        mean = np.tile(np.eye(FILTERS) / POOL, (POOL, 1, 1))
        x = put(K.Conv1D(FILTERS, POOL, strides=POOL, use_bias=False, name="pool"), mean)(x)
    else:
        x = K.AveragePooling1D(POOL, name="pool")(x)
    x = K.Flatten(name="flat")(x)
    if rewritten == "split":
        middle = HIDDEN + 2
        left = np.random.default_rng(4).normal(0, 0.3, (w["hidden"].shape[0], middle))
        # The first factor is any matrix that keeps the rows that the product needs.
        left[:, :HIDDEN] = w["hidden"] + left[:, HIDDEN:] @ np.ones((middle - HIDDEN, HIDDEN))
        right = np.concatenate([np.eye(HIDDEN), -np.ones((middle - HIDDEN, HIDDEN))])
        x = put(K.Dense(middle, use_bias=False, name="before"), left)(x)
        x = put(K.Dense(HIDDEN, name="hidden"), right, w["hidden bias"])(x)
    else:
        x = put(K.Dense(HIDDEN, name="hidden"), w["hidden"], w["hidden bias"])(x)
    x = _relu(x, rewritten, "second")
    outputs = put(K.Dense(TASKS, name="tasks"), w["tasks"], w["tasks bias"])(x)
    model = keras.Model(inputs, outputs)
    for layer, values in own:
        layer.set_weights(values)
    return model


def _relu(x, rewritten: str | None, name: str):
    x = K.ReLU(name=name)(x)
    return K.ReLU(name=f"{name}_again")(x) if rewritten == "relu" else x
