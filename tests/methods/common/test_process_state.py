"""What explaining leaves as it was in its process: Keras' layers, TF32, threads, models that raise."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import small_network
from small_network import L, X

import genolift as gl
from genolift.support.errors import InputError
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")


@pytest.fixture(scope="module")
def model():
    return small_network.build()


@pytest.mark.slow
def test_many_methods_without_warnings_of_tracing(uncompiled):
    """TensorFlow counts how often a code is traced, whichever object it belongs to."""
    import logging

    inputs = keras.Input((L, 4))
    model = keras.Model(inputs, K.Dense(1)(K.Flatten()(inputs)))
    said, logger, before = [], tf.get_logger(), tf.get_logger().level
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    logger.setLevel("WARNING")
    logger.addHandler(handler)
    try:
        for _ in range(7):
            for name in ("deeplift", "gradient-x-input", "ism"):
                gl.method(name, model)(X)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    assert said == []


class Moody(K.Layer):
    """Raises when told to."""

    angry = False

    def call(self, x):
        if self.angry:
            raise RuntimeError("not today")
        return x


def test_a_model_that_raises_can_be_trained_and_explained_afterwards():
    layer, call = Moody(), keras.layers.Layer.__call__
    inputs = keras.Input((L, 4))
    model = keras.Model(inputs, K.Dense(1)(K.Flatten()(layer(inputs))))
    layer.angry = True
    with pytest.raises(RuntimeError, match="not today"):
        gl.DeepLift(model)
    layer.angry = False
    assert keras.layers.Layer.__call__ is call
    assert tf.executing_eagerly()
    model.compile("sgd", "mse")
    model.fit(X, np.ones((3, 1)), verbose=0)
    method = gl.DeepLift(model, references=gl.references.Zeros())
    kernel = model.layers[-1].kernel
    np.testing.assert_allclose(method(X).raw_contributions, X * kernel.numpy().reshape(L, 4), atol=1e-6)
    # Weights are read where they live: the same method follows further training.
    kernel.assign(kernel * 2)
    np.testing.assert_allclose(method(X).raw_contributions, X * kernel.numpy().reshape(L, 4), atol=1e-6)


@pytest.mark.parametrize("before", [True, False])
def test_tf32_is_put_back(before):
    """Also when running the model fails in the middle."""
    settings = tf.config.experimental
    default = settings.tensor_float_32_execution_enabled()
    settings.enable_tensor_float_32_execution(before)
    seen = []

    def spy(x):
        seen.append(settings.tensor_float_32_execution_enabled())
        return tf.reshape(x, [-1, 3 * L * 4])[:, :1]  # three sequences as one: fails for others

    try:
        with pytest.raises(Exception, match=r"reshape|values|shape|batch"):
            gl.DeepLift(spy, references=gl.references.Zeros())(X[:2])
        assert settings.tensor_float_32_execution_enabled() is before
        gl.method("gradient-x-input", lambda x: tf.reduce_sum(x, [1, 2]), target=())(X)
        assert settings.tensor_float_32_execution_enabled() is before
    finally:
        settings.enable_tensor_float_32_execution(default)


def test_tf32_is_off_while_computing(model, monkeypatch):
    from genolift.engine.walk.explain import Explainer

    states, block = [], Explainer._block

    def spy(self, *args):
        states.append(tf.config.experimental.tensor_float_32_execution_enabled())
        return block(self, *args)

    monkeypatch.setattr(Explainer, "_block", spy)
    gl.method("gradient-x-input", model, target=0)(X)
    assert states
    assert not any(states)


def test_tracing_in_two_threads_leaves_keras_as_it_was():
    before = keras.layers.Layer.__call__
    models = []
    for width in range(2, 6):
        inputs = keras.Input((L, 4))
        models.append(keras.Model(inputs, K.Dense(1)(K.Flatten()(K.Conv1D(width, 3)(inputs)))))
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda m: gl.method("gradient-x-input", m, target=0), models))
    assert len(made) == 4
    assert keras.layers.Layer.__call__ is before


@pytest.mark.parametrize("name", ["deeplift", "gradient", "ism", "lrp-zb", "grad-cam", "mask", "activations"])
def test_functions_that_run_eagerly(model, name):
    """A debugging aid that many notebooks forget; the result is the same, and the setting stays."""
    options = {} if name == "activations" else {"target": 0}
    expected = _explained(name, model, **options)
    tf.config.run_functions_eagerly(True)
    try:
        found = _explained(name, model, **options)
        assert tf.config.functions_run_eagerly()
    finally:
        tf.config.run_functions_eagerly(False)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def _explained(name, model, **options):
    if name == "activations":
        return gl.activations(model, "conv", X).values
    return gl.method(name, model, **options)(X).scores


def test_graphs_under_construction_are_refused(model):
    method = gl.DeepLift(model, 0)
    with tf.Graph().as_default():
        for one in (lambda: gl.DeepLift(model, 0), lambda: method(X)):
            with pytest.raises(InputError, match=r"only builds a graph .* outside of tf.Graph and tf.function"):
                one()
