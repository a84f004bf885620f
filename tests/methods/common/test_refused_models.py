"""Models that cannot be explained: each is refused in a sentence that names the remedy."""

import numpy as np
import pytest
from small_network import L, X

import genolift as gl
from genolift.support.errors import GenoliftWarning, InputError, UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")


def of_inputs(function, shape=(L, 4)):
    inputs = keras.Input(shape)
    return keras.Model(inputs, K.Dense(1, name="top")(K.Flatten()(K.Lambda(function, name="culprit")(inputs))))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x * tf.cast(tf.reduce_sum(x, 2, keepdims=True) > 0.5, tf.float32), "comparison or rounding"),
        (lambda x: tf.where(tf.reverse(x, [1]) > 0.5, x, 2 * x), "comparison or rounding"),
        (lambda x: tf.gather(x, tf.argmax(x, 2), axis=2, batch_dims=1), "comparison or rounding"),
        (lambda x: tf.maximum(x, 0.7 * tf.cast(tf.reverse(x, [1]) > 0.5, tf.float32)), "comparison or rounding"),
        (lambda x: tf.linalg.expm(x[:, :4] * 0.1), "StatelessIf.*culprit.*takes one of several ways"),
        (lambda x: tf.linalg.inv(x[:, :4] + tf.eye(4)), "MatrixInverse.*culprit.*has no rule.*fallback="),
        (lambda x: tf.math.real(tf.sin(tf.complex(x, x))), "Sin.*culprit.*no rule for complex numbers.*rules.register"),
        (lambda x: x + tf.random.normal(tf.shape(x)), "draws random numbers"),
    ],
)
def test_operations(function, message):
    """By the operation's name and its layer's."""
    with pytest.raises(UnsupportedModel, match=message):
        gl.DeepLift(of_inputs(function), rule="rescale", references=gl.references.Zeros())(X)


def test_guarded_quotients():
    """Division that lets a zero through, by an active denominator that is 0 at some references."""
    model = of_inputs(lambda x: tf.math.divide_no_nan(1.0 + tf.reverse(x, [1]), x + 2 * tf.reverse(x, [2])))
    found = gl.DeepLift(model, references=gl.references.Fixed(np.stack([np.zeros((L, 4)), X[1]])))(X)
    assert np.abs(found.residual).max() < 1e-4
    assert np.abs(found.raw_contributions).max() > 0.1


def test_outputs_that_do_not_depend_on_the_input():
    inputs = keras.Input((L, 4))
    steps = keras.Model(inputs, K.Lambda(lambda x: tf.cast(tf.argmax(x, 2), tf.float32)[:, :1])(inputs))
    with pytest.raises(InputError, match="does not depend on the explained input, or only in steps"):
        gl.DeepLift(steps)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x - tf.reduce_mean(x, 0, keepdims=True),
        lambda x: x - x[:1],
        lambda x: x * x[-1:],
        lambda x: x - tf.roll(x, 1, 0),
        lambda x: tf.tensordot(x, x[0], [[2], [1]]),
        lambda x: x * tf.cast(tf.range(tf.shape(x)[0]), tf.float32)[:, None, None],
        lambda x: x / tf.reduce_max(tf.reduce_sum(tf.square(x), [1, 2])),
        lambda x: x - tf.math.reduce_std(x, 0),
        lambda x: tf.cumsum(x, 0),
        lambda x: tf.reverse(x, [0]),
    ],
)
def test_batch_dependent_models(function):
    with pytest.raises(UnsupportedModel, match=r"depends on the other sequences of its batch, from .*culprit"):
        gl.DeepLift(of_inputs(function), references=gl.references.Zeros())(X)


@pytest.mark.parametrize(("scale", "offset"), [(1e-10, 0), (1e-4, 0), (1e8, 0), (1, 1e4)])
def test_batch_dependence_at_any_scale(scale, offset):
    """Neither the size of a model's numbers nor a constant that is added to them hides it."""
    model = of_inputs(lambda x: scale * (x - tf.reduce_mean(x, 0, keepdims=True)) + offset)
    with pytest.raises(UnsupportedModel, match="depends on the other sequences of its batch"):
        gl.DeepLift(model, references=gl.references.Zeros())(X)


def test_an_output_of_rounding_alone_does_not_mix():
    """Two orders of one sum, whose difference in float32 depends on how many rows run."""
    weights = tf.constant(np.random.default_rng(0).normal(size=(L * 4, 50)), tf.float32)

    def rounded(x):
        flat = tf.reshape(x, [-1, L * 4])
        return tf.reduce_sum(flat @ weights, 1, keepdims=True) - flat @ tf.reduce_sum(weights, 1, keepdims=True)

    found = gl.method("gradient-x-input", keras.Sequential([keras.Input((L, 4)), K.Lambda(rounded)]))(X)
    assert np.abs(found.predictions).max() < 1e-5


def sequential(*layers, **shape):
    return keras.Sequential([keras.Input(**shape), *layers, K.Dense(1, name="top")])


FIXED = "made for 2 sequences at a time .* make it again for any number"


SHORT = r"does not run on sequences of shape \(8, 4\) .*; give sequences of the length, or at least as long"


@pytest.mark.parametrize(
    ("layers", "shape", "message"),
    [
        ([K.Lambda(lambda t: tf.reshape(t, (2, L * 4)))], {"batch_shape": (2, L, 4)}, f"Reshape in layer.*{FIXED}"),
        ([K.Conv1D(3, 20, name="wide"), K.GlobalMaxPooling1D()], {"shape": (None, 4)}, f"Conv2D in layer '.*wide' .*{SHORT}"),
        ([K.MaxPooling1D(20, name="pool"), K.GlobalMaxPooling1D()], {"shape": (None, 4)}, f"MaxPool in layer '.*pool' .*{SHORT}"),
        ([K.AveragePooling1D(20, name="mean"), K.GlobalAveragePooling1D()], {"shape": (None, 4)},
         "AvgPool in layer '.*mean' .*nothing is left of them.*give sequences"),
    ],
    ids=["fixed", "short for a kernel", "short for a maximum", "short for a mean"],
)  # fmt: skip
def test_sequences_that_do_not_go_through(layers, shape, message):
    """In a sentence that names the layer, where TensorFlow has a screenful."""
    with pytest.raises(InputError, match=message):
        gl.DeepLift(sequential(*layers, **shape), references=gl.references.Zeros())(X)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: K.LSTM(3, stateful=True, name="lstm"),
        lambda: K.Bidirectional(K.GRU(3, stateful=True, name="gru")),
        lambda: keras.Sequential([K.SimpleRNN(3, stateful=True, name="rnn", return_sequences=True), K.Flatten()]),
    ],
    ids=["LSTM", "bidirectional", "nested"],
)
@pytest.mark.parametrize("number", [1, 2])
def test_recurrent_layers_that_keep_their_state(layer, number):
    """The output of the second call is another than that of the first, for any number of sequences."""
    model = sequential(layer(), batch_shape=(number, L, 4))
    for one in (model, lambda x: model(x)):
        with pytest.raises(UnsupportedModel, match=r"is stateful .* stateful=False .* set_weights"):
            gl.DeepLift(one, references=gl.references.Zeros())(X)


class Counting(K.Layer):
    """Scales by how often it was called."""

    def build(self, shape):
        self.calls = self.add_weight(shape=(), initializer="ones", trainable=False)

    def call(self, x):
        self.calls.assign_add(1.0)
        return x * self.calls


def test_a_model_that_writes_what_it_reads():
    model = sequential(K.Flatten(), Counting(), shape=(L, 4))
    with pytest.raises(UnsupportedModel, match=r"changes the variable .* depends on the calls before"):
        gl.method("ism", model)(X)


def test_a_declared_number_of_sequences_does_no_harm():
    model = sequential(K.Conv1D(3, 3, activation="tanh"), K.Flatten(), batch_shape=(2, L, 4))
    found = gl.DeepLift(model, references=gl.references.Zeros())(X)
    assert found.provenance["proof"]["verdict"] == "exact"
    assert np.abs(found.raw_contributions).max() > 1e-3


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            lambda x: tf.matmul(x, tf.ones((5, 2))),
            r"cannot be traced on inputs of shape \(N, 8, 4\): Dimensions must be equal",
        ),
        (lambda x: x[:, 0] if tf.reduce_sum(x) > 0 else x[:, 1], r"cannot be traced .*Python `bool`"),
        (lambda x: np.asarray(x).sum((1, 2)), "cannot be traced .*NumPy call"),
        (lambda x: None, "the model returns no tensor"),
        (lambda x: tf.complex(x[:, 0], x[:, 1]), "output 'output_0' is complex; explain its real part"),
        (lambda x: tf.cast(x[:, 0], tf.int32), r"\(int32\).*only in steps; explain what it is made of.*Hidden"),
        (lambda x: tf.strings.as_string(x[:, 0]), r"\(string\).*only in steps"),
        (lambda x: tf.reduce_sum(x), "0 axes after the batch"),
    ],
)
def test_functions_that_cannot_be_explained(model, message):
    with pytest.raises(InputError, match=message):
        gl.DeepLift(model, target=0, references=gl.references.Zeros())(X)


def test_layers_called_on_other_shapes_than_they_were_built_for():
    """A subclassed model declares no shapes; Keras' own words come without their frame and colours."""

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.top = K.Dense(1, name="top")

        def call(self, x):
            return self.top(K.Flatten()(x))

    model = Subclassed()
    model(np.zeros((1, 20, 4), np.float32))
    with pytest.raises(
        InputError, match=r"cannot be traced on inputs of shape \(N, 8, 4\): Input 0 .*'top' is incompatible"
    ):
        gl.DeepLift(model, references=gl.references.Zeros())(X)


def test_models_without_weights_or_layers():
    pooling = keras.Sequential([keras.Input((L, 4)), K.GlobalMaxPooling1D()])
    for model, target in ((pooling, 0), (keras.Sequential([keras.Input((L, 4))]), (2, 1))):
        found = gl.DeepLift(model, target, references=gl.references.Fixed(np.full((1, L, 4), 0.3)))(X)
        assert np.abs(found.residual).max() < 1e-6
        assert np.abs(found.raw_contributions).max() > 0.1


def test_what_is_not_finite_is_not_proven():
    """A rule may make numbers of what the model makes none of; they are taken back, and the step is named."""

    def model(x):
        return tf.reduce_sum(tf.sqrt(tf.reduce_sum(x * [1.0, 1, -1, 1], -1) + 0.5), -1, keepdims=True)

    letters = np.zeros((2, L), int)
    letters[1, 3] = 2  # a C as good as any, but a G has no square root
    x, refs = np.eye(4, dtype=np.float32)[letters], np.zeros((1, L, 4), np.float32)
    with pytest.warns(GenoliftWarning, match=r"1 .*pairs.*not finite, first at operation .*Sqrt"):
        found = gl.DeepLift(model, target=0, references=gl.references.Fixed(refs))(x)
    assert found.provenance["proof"]["verdict"] == "not finite"
    assert np.isfinite(found.raw_contributions[0]).all()
    assert np.isnan(found.raw_contributions[1]).all()


@pytest.mark.parametrize("model", [None, 42, "model.keras"])
def test_what_is_no_model(model):
    with pytest.raises(InputError, match=r"load a file or directory with genolift\.load_model"):
        gl.DeepLift(model, target=0)


def test_predictions_of_a_model_that_does_not_declare_its_inputs():
    from genolift.methods.prediction.predictor import Predictor

    with pytest.raises(InputError, match="does not declare its inputs"):
        Predictor(lambda x: x[:, 0, 0], [])


@pytest.mark.parametrize("target", [None, 0, gl.targets.Sum(bins=0)])
def test_a_target_of_an_output_whose_axes_nobody_knows(target):
    def model(x):
        return tf.reshape(tf.nn.relu(x), tf.boolean_mask(tf.shape(x), tf.shape(x) > 0))

    with pytest.raises(UnsupportedModel, match="axes of output 'output_0' is known only when the model runs"):
        gl.method("gradient-x-input", model, target=target)(X)
