"""Tiny models of each kind that methods are tried on; the same for the contract test and the table in the docs."""

from __future__ import annotations

import numpy as np

from genolift.support.tensorflow import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
LENGTH = 16

#: What each kind of model is, as the docs say it.
KINDS = {
    "conv": "convolutions and dense layers, ReLU",
    "residual": "dilated convolutions with residual connections, global average pooling",
    "pooled": "convolution, batch normalisation, max pooling, global average pooling and one dense layer",
    "recurrent": "convolution, LSTM and dense layers",
    "attention": "multi-head attention, layer normalisation, GELU; no ReLU",
}

#: Models of their own, which methods that explain no other are tried on: a network that can be read (`additive`).
OWN = {"built-in": "readable"}


def build(kind: str) -> keras.Model:
    """A model of two outputs with fixed random weights."""
    if kind == "readable":
        return _readable()
    inputs = keras.Input((LENGTH, 4), name="dna")
    hidden = {
        "conv": _conv,
        "residual": _residual,
        "pooled": _pooled,
        "recurrent": _recurrent,
        "attention": _attention,
    }[kind](inputs)
    model = keras.Model(inputs, K.Dense(2, activation="sigmoid", name="tasks")(hidden))
    rng = np.random.default_rng(1)
    for weights in model.weights:
        drawn = rng.normal(0, 0.5, weights.shape)
        # Positive offsets and variances keep enough of the units awake.
        kept_positive = weights.path.endswith(("bias", "variance"))
        weights.assign(0.1 + np.abs(drawn) if kept_positive else drawn)
    # Deep Taylor decomposition is for outputs above zero; others do not mind an offset.
    model.get_layer("tasks").bias.assign_add([3, 3])
    # What these say differs little between sequences: as much as others say of them.
    tasks = model.get_layer("tasks").kernel
    tasks.assign({"residual": 5, "recurrent": 8, "attention": 5}.get(kind, 1) * tasks)
    return model


def _readable():
    from genolift.models.readable.heads import SumOfUnits
    from genolift.models.readable.scan import MotifScan

    inputs = keras.Input((LENGTH, 4), name="dna")
    logits = SumOfUnits(2, 3, name="logits")(MotifScan(5, 5, name="first")(inputs))
    model = keras.Model(inputs, K.Activation("sigmoid", name="tasks")(logits))
    rng = np.random.default_rng(1)
    for weights in model.weights:
        drawn = rng.normal(0, 0.5, weights.shape)
        weights.assign(0.1 + np.abs(drawn) if weights.path.endswith("bias") else drawn)
    model.get_layer("logits").bias.assign_add([3, 3])
    return model


def _conv(x):
    x = K.Conv1D(5, 5, activation="relu", name="first")(x)
    x = K.Conv1D(4, 3, activation="relu", name="second")(x)
    return K.Dense(5, activation="relu", name="hidden")(K.Flatten()(x))


def _residual(x):
    x = K.Conv1D(5, 5, padding="same", activation="relu", name="first")(x)
    y = K.Conv1D(5, 3, padding="same", dilation_rate=2, activation="relu", name="second")(x)
    return K.Dense(4, activation="relu", name="hidden")(K.GlobalAveragePooling1D()(K.Add()([x, y])))


def _pooled(x):
    x = K.Activation("relu")(K.BatchNormalization()(K.Conv1D(5, 5, name="first")(x)))
    x = K.Conv1D(4, 3, activation="relu", name="second")(K.MaxPooling1D(2)(x))
    return K.GlobalAveragePooling1D()(x)


def _recurrent(x):
    x = K.Conv1D(4, 3, strides=2, activation="relu", name="first")(x)
    return K.Dense(4, activation="relu", name="hidden")(K.LSTM(4, name="memory")(x))


def _attention(x):
    x = K.Conv1D(6, 3, padding="same", name="first")(x)
    x = K.LayerNormalization()(K.Add()([x, K.MultiHeadAttention(2, 3, name="attention")(x, x)]))
    x = K.Dense(6, activation="gelu", name="hidden")(x)
    return K.GlobalAveragePooling1D()(x)


#: Settings that make methods quick; those that are not named run with their defaults.
QUICK = {
    "smoothgrad": {"samples": 4},
    "smoothgrad-squared": {"samples": 4},
    "smoothgrad-variance": {"samples": 4},
    "expected-gradients": {"draws": 2},
    "integrated-gradients": {"steps": 8},
    # At the last layer guided backprop and the map share no position of these sequences.
    "guided-grad-cam": {"layer": "first"},
    "deep-shap": {"references": np.eye(4, dtype=np.float32)[np.random.default_rng(3).integers(0, 4, (3, LENGTH))]},
    "prediction-difference": {"window": 2},
    "lime": {"samples": 40},
    "kernel-shap": {"samples": 120},
    "mask": {"steps": 8},
    "interaction-maps": {"start": 5, "end": 8},
    "surrogate": {"samples": 150, "start": 4, "end": 9},
    "sis": {"width": 2, "most": 2},
    "maxent": {"beta": 2, "chains": 2, "sweeps": 2, "burn": 1, "samples": 8},
}

#: Methods that can be fitted and need not be.
FITTED_AT_WILL = {"sis"}


def sequences(n: int, seed: int = 0) -> np.ndarray:
    return np.eye(4, dtype=np.float32)[np.random.default_rng(seed).integers(0, 4, (n, LENGTH))]


def make(name: str, model, target, **options):
    """A method ready to be called, fitted where it has to be."""
    from genolift.methods.factory import method

    made = method(name, model, target, progress=False, **QUICK.get(name, {}), **options)
    if hasattr(made, "fit") and name not in FITTED_AT_WILL:
        made.fit(sequences(24, seed=7))
    return made
