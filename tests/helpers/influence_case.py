"""Small networks and data for influence, and a slow twin of its formulas by dense derivatives."""

from __future__ import annotations

import numpy as np

from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

LOSSES = {"sigmoid": "binary_crossentropy", "linear": "mean_squared_error", "softmax": "categorical_crossentropy"}
L = 12


def data(n: int, tasks: int, end: str, seed: int = 0):
    """Sequences (n, L, 4), and labels (n, tasks) that have to do with them."""
    rng = np.random.default_rng(seed)
    X = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (n, L))]
    signal = X.reshape(n, -1) @ rng.normal(size=(4 * L, tasks)) + rng.normal(size=(n, tasks))
    if end == "linear":
        return X, signal.astype(np.float32)
    if end == "softmax":
        return X, np.eye(tasks, dtype=np.float32)[signal.argmax(axis=1)]
    return X, (signal > 0).astype(np.float32)


def network(tasks: int, end: str, seed: int = 0, bias: bool = True, apart: bool = False):
    """A convolution, a dense layer, and the end, as one layer or with its activation in a layer of its own."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    x = inputs = keras.Input((L, 4))
    x = layers.Conv1D(3, 3, activation="relu", name="conv")(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dense(4, activation="tanh", name="hidden")(x)
    x = layers.Dense(tasks, activation=None if apart else end, use_bias=bias, name="last")(x)
    if apart:
        x = layers.Activation(end, name="end")(x)
    model = keras.Model(inputs, x)
    for variable in model.trainable_variables:
        variable.assign(np.random.default_rng(seed).normal(size=variable.shape) * 0.7)
    return model


def flat(parts):
    """Derivatives by several variables as one vector."""
    return tf.concat([tf.reshape(part, [-1]) for part in parts], 0)


def gradients_of(model, X, labels, end, variables):
    """The gradient of each sequence's loss, by Keras' own loss of outputs, (n, P)."""
    loss = keras.losses.get(LOSSES[end])

    @tf.function
    def one(x, y):
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(loss(y, model(x)))
        return flat(tape.gradient(value, variables))

    pairs = zip(tf.constant(X), tf.constant(labels), strict=True)
    return np.stack([one(x[None], y[None]).numpy() for x, y in pairs])


def hessian_of(model, X, labels, end, variables):
    """The Hessian of the mean loss, (P, P), row by row."""
    loss = keras.losses.get(LOSSES[end])
    sizes = [int(np.prod(variable.shape)) for variable in variables]

    @tf.function
    def row(chosen):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as tape:
                value = tf.reduce_mean(loss(tf.constant(labels), model(tf.constant(X))))
            entry = tf.reduce_sum(chosen * flat(tape.gradient(value, variables)))
        return flat(outer.gradient(entry, variables))

    return np.stack([row(tf.constant(each)).numpy() for each in np.eye(sum(sizes), dtype=np.float32)])


def logit_gradients(model, X, target, variables):
    """The gradient (n, P) of one logit, through the dense layer ``last``."""
    hidden = keras.Model(model.inputs, model.get_layer("last").input)
    last = model.get_layer("last")

    @tf.function
    def one(x):
        with tf.GradientTape() as tape:
            logit = hidden(x) @ last.kernel
            logit = (logit + last.bias if last.use_bias else logit)[0, target]
        return flat(tape.gradient(logit, variables, unconnected_gradients="zero"))

    return np.stack([one(x[None]).numpy() for x in tf.constant(X)])
