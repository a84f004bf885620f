"""The slopes that Ledidi and Fast SeqProp follow, against automatic differentiation; Adam against Keras'."""

import numpy as np
import pytest

from genolift.methods.editing.relaxed import Adam, normalised, through_normalisation, through_softmax
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

RNG = np.random.default_rng(0)
LOGITS, WEIGHTS, NOISE = RNG.normal(size=(2, 7, 4)), RNG.normal(size=(2, 7, 4)), RNG.gumbel(size=(2, 7, 4))


def test_a_hard_draw_has_the_slope_of_the_soft_one():
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        soft = tf.nn.softmax((logits + NOISE) / 0.7)
        hard = tf.one_hot(tf.argmax(soft, -1), 4, dtype=tf.float64)
        drawn = tf.stop_gradient(hard - soft) + soft
        loss = tf.reduce_sum(WEIGHTS * drawn)
    expected = tape.gradient(loss, logits).numpy()
    np.testing.assert_allclose(through_softmax(soft.numpy(), WEIGHTS) / 0.7, expected, rtol=1e-10, atol=1e-12)


def test_slopes_pass_the_normalisation():
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        mean, variance = tf.nn.moments(logits, 1, keepdims=True)
        loss = tf.reduce_sum(WEIGHTS * (logits - mean) / tf.sqrt(variance + 1e-5))
    normal, deviation = normalised(LOGITS)
    np.testing.assert_allclose(normal.mean(1), 0, atol=1e-12)
    np.testing.assert_allclose(normal.var(1), 1, rtol=1e-3)
    # The slope of the small number under the root is left out.
    np.testing.assert_allclose(
        through_normalisation(WEIGHTS, normal, deviation), tape.gradient(loss, logits).numpy(), atol=1e-4
    )


@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_adam_is_kerass(decay):
    variable, values = tf.Variable(LOGITS), {"w": LOGITS.copy()}
    theirs = keras.optimizers.AdamW(learning_rate=0.3, weight_decay=decay, epsilon=1e-8)
    ours = Adam(0.3, decay)
    for step in range(6):
        slope = np.sin(step + values["w"])
        theirs.apply([tf.constant(slope, variable.dtype)], [variable] if step == 0 else None)
        ours.step(values, {"w": slope})
        np.testing.assert_allclose(values["w"], variable.numpy(), rtol=2e-3, atol=2e-3)
        values["w"] = variable.numpy().astype(float)
