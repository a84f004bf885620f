"""Sigmoids and softmaxes that are written by hand are known by what they compute."""

import numpy as np
import pytest

import genolift as gl
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

pytestmark = pytest.mark.usefixtures("uncompiled")

RNG = np.random.default_rng(0)
X = np.eye(4, dtype=np.float32)[RNG.integers(0, 4, (2, 8))]
ZEROS = gl.references.Zeros()
WEIGHTS, LATE = RNG.normal(size=(32, 3)).astype(np.float32), RNG.normal(size=(3, 3)).astype(np.float32)
BASES = np.float32([1, -2, 3, 0.5])


def of_logits(end):
    def model(x):
        return end(tf.nn.relu(tf.reshape(x, [-1, 32]) @ WEIGHTS) @ LATE)

    return model


def shifted(x):
    return tf.exp(x - tf.stop_gradient(tf.reduce_max(x, -1, keepdims=True)))


SIGMOIDS = {
    "paper": lambda x: 1 / (1 + tf.exp(-x)),
    "positive": lambda x: tf.exp(x) / (1 + tf.exp(x)),
    "reciprocal": lambda x: tf.math.reciprocal(tf.exp(-x) + 1),
    "tanh": lambda x: 0.5 * (1 + tf.tanh(x / 2)),
    "complement": lambda x: 1 - 1 / (1 + tf.exp(x)),
    "power": lambda x: (1 + tf.exp(-x)) ** -1.0,
    "stable": lambda x: tf.where(x >= 0, 1 / (1 + tf.exp(-tf.abs(x))), tf.exp(-tf.abs(x)) / (1 + tf.exp(-tf.abs(x)))),
    "numpy": lambda x: np.float32(1) / (np.float32(1) + keras.ops.exp(-x)),
}
SOFTMAXES = {
    "plain": lambda x: tf.exp(x) / tf.reduce_sum(tf.exp(x), -1, keepdims=True),
    "shared": lambda x: (lambda e: e / tf.reduce_sum(e, axis=1, keepdims=True))(tf.exp(x)),
    "expanded": lambda x: tf.exp(x) / tf.reduce_sum(tf.exp(x), -1)[:, None],
    "expand_dims": lambda x: tf.exp(x) / tf.expand_dims(tf.reduce_sum(tf.exp(x), -1), -1),
    "shifted": lambda x: shifted(x) / tf.reduce_sum(shifted(x), -1, keepdims=True),
    "multiplied": lambda x: tf.exp(x) * tf.math.reciprocal(tf.reduce_sum(tf.exp(x), -1, keepdims=True)),
    "of logsumexp": lambda x: tf.exp(x - tf.math.log(tf.reduce_sum(tf.exp(x), -1, keepdims=True))),
}
LOGS = {
    "log": lambda x: x - tf.math.log(tf.reduce_sum(tf.exp(x), -1, keepdims=True)),
    "logsumexp": lambda x: x - tf.reduce_logsumexp(x, -1, keepdims=True),
}
ALL = {
    **{f"sigmoid, {name}": (end, tf.sigmoid) for name, end in SIGMOIDS.items()},
    **{f"softmax, {name}": (end, tf.nn.softmax) for name, end in SOFTMAXES.items()},
    **{f"log-softmax, {name}": (end, tf.nn.log_softmax) for name, end in LOGS.items()},
}


@pytest.mark.parametrize("name", ALL)
def test_the_logits_are_explained(name):
    written, operation = ALL[name]
    found = gl.DeepLift(of_logits(written), target=1, references=ZEROS)(X)
    logits = of_logits(tf.identity)(X)[:, 1]
    np.testing.assert_allclose(found.predictions, logits, atol=1e-5)
    expected = gl.DeepLift(of_logits(operation), target=1, references=ZEROS)(X)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    kept = gl.DeepLift(of_logits(written), target=1, references=ZEROS, activation="keep")(X)
    np.testing.assert_allclose(kept.predictions, of_logits(written)(X)[:, 1], atol=1e-6)


def test_logits_that_are_another_function():
    found = gl.DeepLift(of_logits(lambda x: 1 / (1 + tf.exp(-x * tf.sin(x)))), target=1, references=ZEROS)(X)
    logits = of_logits(tf.identity)(X)[:, 1]
    np.testing.assert_allclose(found.predictions, logits * np.sin(logits), atol=1e-5)


def test_a_multiple_of_the_logits():
    found = gl.DeepLift(of_logits(lambda x: (1 + tf.tanh(x)) / 2), target=1, references=ZEROS)(X)
    np.testing.assert_allclose(found.predictions, 2 * of_logits(tf.identity)(X)[:, 1], atol=1e-5)


@pytest.mark.parametrize(
    "end",
    [
        lambda x: 1 / (2 + tf.exp(-x)),
        lambda x: tf.exp(x) / tf.reduce_sum(tf.exp(2 * x), -1, keepdims=True),
        lambda x: tf.exp(x) / (1 + tf.reduce_sum(tf.exp(x), -1, keepdims=True)),
        lambda x: tf.exp(x) / tf.reduce_sum(tf.exp(x[:, :2]), -1, keepdims=True),
        lambda x: 1 / (1 + tf.exp(-x)) + 1e-3,
    ],
)
def test_other_functions_stay_as_they_are(end):
    found = gl.DeepLift(of_logits(end), target=1, references=ZEROS)(X)
    expected = of_logits(end)(X)[:, 1]
    np.testing.assert_allclose(found.predictions, expected, atol=1e-5)


@pytest.mark.parametrize("name", SIGMOIDS)
def test_gates_of_relevance(name):
    """A gate that is written by hand takes no relevance, as a sigmoid takes none."""

    def model(sigmoid):
        def gated(x):
            h = tf.nn.relu(tf.reshape(x, [-1, 32]) @ WEIGHTS)
            return tf.reduce_sum((h @ LATE) * sigmoid(h @ LATE[::-1]), 1, keepdims=True)

        return gated

    found, expected = (gl.method("lrp-epsilon", model(one), target=0)(X) for one in (SIGMOIDS[name], tf.sigmoid))
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)


def test_attention_whose_softmax_is_written_by_hand():
    def model(softmax):
        def attended(x):
            weights = softmax(x @ tf.transpose(x, [0, 2, 1]))
            return tf.reduce_sum(weights @ (x * BASES), (1, 2))[:, None]

        return attended

    found, expected = (gl.method("attention", model(one), target=0)(X) for one in (SOFTMAXES["shifted"], tf.nn.softmax))
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)
