"""Models of every kind: how they are made, what they take and give, and in which precision they run."""

import warnings

import contract
import keras_cases
import numpy as np
import pytest

import genolift as gl
from genolift.support.errors import GenoliftWarning
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

pytestmark = pytest.mark.slow

K, ops = keras.layers, keras.ops
L = keras_cases.LENGTH
X, REFS = contract.inputs(0, L)


def made(layers):
    keras.utils.set_random_seed(0)
    return keras_cases.randomised(keras.Sequential([keras.Input((L, 4)), *layers]), 0)


def tower():
    return [K.Conv1D(6, 3, activation="relu"), K.GlobalMaxPooling1D(), K.Dense(2)]


class Subclassed(keras.Model):
    """Gates and a loop in Python over a list of layers, none of it in a graph of layers."""

    def __init__(self):
        super().__init__()
        self.convs = [K.Conv1D(5, 3, padding="same") for _ in range(3)]
        self.gate, self.top = K.Dense(5), K.Dense(2)

    def call(self, x, training=False):
        h = self.convs[0](x)
        for conv in self.convs[1:]:
            h = h + tf.nn.gelu(conv(h)) * ops.sigmoid(self.gate(h))
        return self.top(ops.max(h, axis=1))


class Scaled(K.Layer):
    """A custom layer written in tf.*, with a custom gradient that has no say in differences."""

    def call(self, x):
        @tf.custom_gradient
        def clipped(t):
            return tf.tanh(t), lambda upstream: 0.0 * upstream

        return tf.einsum("nlc,nlc->nl", clipped(x), tf.nn.softplus(x))


def test_subclassed(uncompiled):
    model = Subclassed()
    model(X)
    contract.adds_up(keras_cases.randomised(model, 0), X, REFS)


def test_custom_gradient_is_passed_by(uncompiled):
    model = made([K.Dense(4), Scaled(), K.Dense(2)])
    method = gl.DeepLift(model, 0, rule="rescale", references=gl.references.Fixed(REFS))
    assert np.abs(method(X).residual).max() < 1e-4
    assert np.abs(method(X).scores).max() > 1e-3


def test_nested_shared_and_called_twice(uncompiled):
    inner = made([K.Conv1D(4, 3, padding="same", activation="silu"), K.BatchNormalization()])
    inputs = keras.Input((L, 4))
    h = inner(ops.add(inner(inputs), ops.flip(inner(inputs), 1)))
    model = keras_cases.randomised(keras.Model(inputs, K.Dense(2)(K.Flatten()(h))), 1)
    contract.adds_up(model, X, REFS)


def test_twin(uncompiled):
    """Both arms get contributions; with one held at its own value the other has them all."""
    arm = made([K.Conv1D(4, 3, activation="relu"), K.GlobalMaxPooling1D(), K.Dense(3)])
    left, right = keras.Input((L, 4), name="left"), keras.Input((L, 4), name="right")
    h = K.Concatenate()([K.Subtract()([arm(left), arm(right)]), K.Multiply()([arm(left), arm(right)])])
    model = keras_cases.randomised(keras.Model([left, right], K.Dense(1)(K.Dense(4, activation="tanh")(h))), 2)
    other = contract.one_hot(5, 3, L)
    both = gl.DeepLift(model, references={"left": REFS, "right": REFS[::-1]})({"left": X, "right": other})
    assert np.abs(both.residual).max() < 1e-4
    assert all(np.abs(both.scores[name]).max() > 1e-3 for name in ("left", "right"))
    alone = gl.DeepLift(model, references={"left": REFS})({"left": X, "right": other})
    assert np.abs(alone.residual).max() < 1e-4
    assert np.abs(alone.scores["right"]).max() == 0


def test_several_inputs_and_outputs(uncompiled):
    dna, signal = keras.Input((L, 4), name="dna"), keras.Input((5,), name="signal")
    h = K.Multiply()([K.Conv1D(5, 3, padding="same", activation="relu")(dna), K.Dense(5)(signal)])
    outputs = {
        "profile": K.Conv1D(2, 3, padding="same")(h),
        "counts": K.Dense(1, activation="softplus")(K.Flatten()(h)),
    }
    model = keras_cases.randomised(keras.Model({"dna": dna, "signal": signal}, outputs), 0)
    given = {"dna": X, "signal": np.random.default_rng(0).normal(0, 1, (3, 5))}
    refs = {"dna": REFS, "signal": np.zeros((1, 5))}
    for target in (("counts", 0), ("profile", 4, 1), gl.targets.Profile("profile"), gl.targets.LogCounts("counts")):
        found = gl.DeepLift(model, target, references=refs)(given)
        assert np.abs(found.residual).max() < 1e-4
        assert found.scores["signal"].shape == (3, 5)
        assert np.abs(found.scores["dna"]).max() > 1e-4


def test_variable_length_without_tracing_again(uncompiled):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, 4))
    h = K.Conv1D(6, 3, activation="gelu", dilation_rate=2)(inputs)
    h = K.Add()([K.Dense(6)(h), K.MultiHeadAttention(2, 3)(h, h)])
    weights = K.Softmax(axis=1)(K.Dense(1)(h))
    model = keras_cases.randomised(keras.Model(inputs, K.Dense(2)(K.Flatten()(K.Dot(1)([weights, h])))), 0)
    method = gl.DeepLift(model, 0)
    for number, length in ((4, 14), (4, 25), (2, 31), (7, 31), (1, 14)):
        x = contract.one_hot(length, number, length)
        assert np.abs(method(x).residual).max() < 1e-4
    (explainer,) = method._explainers.values()
    (run,) = explainer._runs.values()
    assert run.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_other_precisions_are_computed_in_float32(uncompiled, policy):
    """The same weights in float32 give the same explanation, to float32's rounding and not half's."""
    plain = made(tower())
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        other = made(tower())
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    other.set_weights(plain.get_weights())
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", GenoliftWarning)
        found = gl.DeepLift(other, 0, references=REFS)(X)
    assert any("genolift runs it in float32" in str(one.message) for one in said) == (policy != "float64")
    expected = gl.DeepLift(plain, 0, references=REFS)(X)
    np.testing.assert_allclose(found.raw_contributions, expected.raw_contributions, atol=1e-6)
    assert found.raw_contributions.dtype == np.float32


def test_tf_keras(uncompiled):
    tf_keras = pytest.importorskip("tf_keras")
    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(0)
    inputs = layers.Input((L, 4))
    h = layers.BatchNormalization()(layers.Conv1D(6, 3, activation="swish")(inputs))
    h = layers.concatenate([layers.MaxPooling1D(2)(h), layers.AveragePooling1D(2)(h)])
    h = layers.LayerNormalization()(layers.MultiHeadAttention(2, 3)(h, h) + h[:, ::-1])
    model = tf_keras.Model(inputs, layers.Dense(2)(layers.Dropout(0.3)(layers.Flatten()(h))))
    contract.adds_up(keras_cases.randomised(Weights(model), 0).model, X, REFS)


class Weights:
    """Legacy variables have a name and no path."""

    def __init__(self, model):
        self.model = model

    @property
    def weights(self):
        return [Named(variable) for variable in self.model.weights]


class Named:
    def __init__(self, variable):
        self.path, self.shape, self.assign = variable.name, variable.shape, variable.assign
        self.dtype = variable.dtype.name


def test_saved_model(uncompiled, tmp_path):
    model = made(tower())
    model.export(str(tmp_path / "saved"), verbose=False)
    loaded = gl.load_model(tmp_path / "saved")
    found = gl.DeepLift(loaded, 0, references=REFS)(X)
    expected = gl.DeepLift(model, 0, references=REFS)(X)
    np.testing.assert_allclose(found.raw_contributions, expected.raw_contributions, atol=1e-6)


def test_layer_of_a_saved_model(uncompiled, tmp_path):
    model = made(tower())
    model.export(str(tmp_path / "saved"), verbose=False)
    wrapped = made([K.TFSMLayer(str(tmp_path / "saved"), call_endpoint="serve"), K.Dense(2)])
    contract.adds_up(wrapped, X, REFS)


def test_plain_callable(uncompiled):
    weights = tf.constant(np.random.default_rng(0).normal(0, 1, (4, 3)), tf.float32)

    def function(x):
        return tf.reduce_logsumexp(tf.nn.elu(tf.matmul(x, weights)) * tf.sin(tf.matmul(x, weights)), axis=1)

    contract.adds_up(function, X, REFS)


def test_tf_module(uncompiled):
    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.kernel = tf.Variable(np.random.default_rng(0).normal(0, 1, (3, 4, 5)), dtype=tf.float32)

        @tf.function
        def __call__(self, x):
            return tf.reduce_max(tf.nn.relu(tf.nn.conv1d(x, self.kernel, 1, "SAME")), 1)

    module = Module()
    method = gl.DeepLift(module, 2, references=REFS)
    before = method(X)
    assert np.abs(before.residual).max() < 1e-5
    module.kernel.assign(2 * module.kernel)
    np.testing.assert_allclose(method(X).scores, 2 * before.scores, rtol=1e-4, atol=1e-6)
