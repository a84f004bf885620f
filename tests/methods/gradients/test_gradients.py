"""Gradient methods against naive implementations: plain loops, GradientTape and custom gradients."""

import numpy as np
import pytest

import genolift as gl
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
N, L = 4, 10
RNG = np.random.default_rng(0)
X, REFS = (np.eye(4, dtype=np.float32)[RNG.integers(0, 4, (N, L))] for _ in range(2))


def network(rectifier, activation="relu"):
    """Rectifiers as an argument of a layer, as a layer, and as an operation that belongs to none; one nested."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((L, 4))
    h = K.Conv1D(5, 3, activation=rectifier)(inputs)
    inner = keras.Sequential([keras.Input(h.shape[1:]), K.Conv1D(4, 3), K.Activation(rectifier)])
    h = K.MaxPooling1D(2)(inner(h))
    h = K.Activation(activation)(K.Dense(6)(K.Flatten()(h)))
    h = rectifier(K.Dense(6)(h)) if callable(rectifier) else getattr(keras.ops, rectifier)(K.Dense(6)(h))
    model = keras.Model(inputs, K.Dense(2)(h))
    for weights in model.weights:
        weights.assign(np.random.default_rng(1).normal(0, 0.7, weights.shape))
    return model


def tape_gradient(model, x, target=0):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(x, training=False)[:, target]
    return tape.gradient(y, x).numpy()


def close(found, expected):
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_gradient_times_input():
    model = network("relu", "tanh")
    found = gl.method("gradient-x-input", model, target=1, references=gl.references.Fixed(REFS[:, None]))(X)
    slope = tape_gradient(model, X, 1)
    close(found.multipliers, slope)
    close(found.raw_contributions, slope * (X - REFS))
    close(found.hypothetical, slope - (slope * REFS).sum(-1, keepdims=True))
    plain = gl.method("gradient-x-input", model, target=1)(X)
    close(plain.raw_contributions, slope * X)
    close(plain.hypothetical, slope)


@tf.custom_gradient
def guided(x):
    return tf.nn.relu(x), lambda dy: tf.where((x > 0) & (dy > 0), dy, 0.0)


@tf.custom_gradient
def deconvolved(x):
    return tf.nn.relu(x), lambda dy: tf.nn.relu(dy)


@pytest.mark.parametrize(("name", "rectifier"), [("guided-backprop-x-input", guided), ("deconvnet", deconvolved)])
def test_gated_gradients(name, rectifier):
    """Every ReLU is gated, wherever it stands; max pooling and tanh pass gradients."""
    model, naive = network("relu", "tanh"), network(K.Lambda(rectifier, name="gate"), "tanh")
    naive.set_weights(model.get_weights())
    expected = tape_gradient(naive, X)
    found = gl.method(name, model, target=0, references=gl.references.Fixed(REFS[:, None]))(X)
    close(found.multipliers, expected)
    close(found.raw_contributions, expected * (X - REFS))
    assert np.abs(expected - tape_gradient(model, X)).max() > 1e-2 * np.abs(expected).max()


def test_consecutive_rectifiers_are_gated_each():
    """ReLU after ReLU with a scale between: fused for DeepLIFT, apart here."""
    inputs = keras.Input((4,))
    h = keras.ops.relu(keras.ops.relu(inputs) * -2.0 + 5.0)
    model = keras.Model(inputs, K.Dense(1, kernel_initializer="ones")(h))
    found = gl.method("guided-backprop-x-input", model)(np.float32([[1, 2, 3, -1]]))
    np.testing.assert_allclose(found.multipliers, 0)  # a positive gradient turns negative at the scale, and is cut
    np.testing.assert_allclose(gl.method("deconvnet", model)(np.ones((1, 4))).multipliers, 0)


def test_gates_are_those_of_x():
    """A comparison of x is a factor like any other, however it comes out for the reference."""
    inputs = keras.Input((L, 4))
    gated = K.Lambda(lambda x: tf.nn.relu(x - 0.3) * tf.cast(tf.reverse(x, [1]) > 0.5, tf.float32))(inputs)
    model = keras.Model(inputs, K.Dense(1, kernel_initializer="ones")(K.Flatten()(gated)))
    for references in (0.9 * X[:, None], REFS[:, None]):
        found = gl.method("guided-backprop-x-input", model, references=references)(X)
        close(found.multipliers, tape_gradient(model, X))


def test_a_corrected_walk_is_diagnosed_as_it_is_without_the_correction():
    model, options = network("relu", "tanh"), {"references": gl.references.Fixed(REFS[:, None])}
    plain, corrected = (
        gl.method("guided-backprop-x-input", model, 0, gradient_correction=on, **options).diagnose(X)
        for on in (False, True)
    )
    assert corrected == plain
    assert len(plain) > 3


@pytest.mark.parametrize("name", ["guided-backprop-x-input", "deconvnet"])
def test_models_without_rectifiers_are_refused(name):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, K.Dense(1)(K.Dense(3, activation="tanh")(inputs)))
    with pytest.raises(UnsupportedModel, match="gates gradients at ReLUs"):
        gl.method(name, model)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("quadrature", ["midpoint", "gauss-legendre"])
def test_integrated_gradients(quadrature):
    model, steps = network("relu", "tanh"), 7
    method = gl.method(
        "integrated-gradients",
        model,
        target=0,
        steps=steps,
        quadrature=quadrature,
        references=gl.references.Fixed(REFS[:, None]),
    )
    if quadrature == "midpoint":
        points, weights = (np.arange(steps) + 0.5) / steps, np.full(steps, 1 / steps)
    else:
        points, weights = np.polynomial.legendre.leggauss(steps)
        points, weights = (points + 1) / 2, weights / 2
    found = method(X)
    path = [(REFS + p * (X - REFS)).astype(np.float32) for p in points]
    slope = sum(w * tape_gradient(model, at) for at, w in zip(path, weights, strict=True))
    close(found.multipliers, slope)
    close(found.raw_contributions, slope * (X - REFS))
    change = found.predictions - found.reference_predictions[:, 0]
    np.testing.assert_allclose(found.residual[:, 0], found.scores.sum(1) - change, atol=1e-5)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_integrated_gradients_residual_shrinks():
    model = network("relu", "tanh")
    left = [
        np.abs(gl.method("integrated-gradients", model, target=0, steps=n, references=X[::-1, None])(X).residual).max()
        for n in (3, 30, 300)
    ]
    assert left[0] > 3 * left[1] > 9 * left[2]


@pytest.mark.parametrize("options", [{"steps": 0}, {"steps": 2.5}, {"quadrature": "simpson"}])
def test_integrated_gradients_refuses(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        gl.method("integrated-gradients", network("relu"), target=0, **options)
