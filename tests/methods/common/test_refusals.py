"""Mistakes and models that cannot be explained: each is refused in a sentence that names the remedy."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import genolift as gl
from genolift.support.errors import GenoliftWarning, InputError, UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
L = 8
X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (3, L))]


def small(units=3, **options):
    inputs = keras.Input((L, 4), name="dna")
    h = K.Conv1D(3, 3, activation="relu", name="conv")(inputs)
    h = K.Dense(4, activation="relu", name="hidden")(K.Flatten(name="flat")(h))
    return keras.Model(inputs, K.Dense(units, name="tasks", **options)(h))


@pytest.fixture(scope="module")
def model():
    return small()


@pytest.fixture(scope="module")
def pair():
    a, b = keras.Input((L, 4), name="dna"), keras.Input((2,), name="signal")
    h = K.Concatenate()([K.Flatten()(a), b])
    return keras.Model([a, b], {"counts": K.Dense(1)(h), "profile": K.Dense(6)(h)})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (X[:, :5], r"'dna' takes arrays of shape \(N, 8, 4\), but X has shape \(3, 5, 4\)"),
        (X[0], r"takes arrays of shape \(N, 8, 4\)"),
        (X[..., :3], r"takes arrays of shape"),
        (X[0, 0], "first axis is the sequences"),
        (X[:0], "no sequences"),
        (np.full_like(X, np.nan), "NaN or infinite"),
        (np.array(["ACGTACGT"]), "encode sequences with genolift.one_hot"),
        ([X, X], r"has 1 inputs \(dna\), but 2 were given"),
        ({"rna": X}, "inputs are dna; X has rna"),
    ],
)
def test_inputs(model, given, message):
    with pytest.raises(InputError, match=message):
        gl.method("gradient-x-input", model, target=0)(given)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (None, r"'tasks' of shape \(N, 3\); choose one by target="),
        (3, r"out of range: output 'tasks' has 3 \(0 to 2\)"),
        (-4, "out of range"),
        ((0, 1), "has 2 indices, but output 'tasks' has 1 axes"),
        (("counts", 0), "no output named 'counts'; it has 'tasks'"),
        ([], "list of targets is empty"),
        (0.5, "not understood"),
        (True, "not understood"),
        ("best", "no output named 'best'"),
    ],
)
def test_targets(model, target, message):
    with pytest.raises(InputError, match=message):
        gl.method("gradient-x-input", model, target=target)


@pytest.mark.parametrize("target", [None, 0, gl.targets.Sum(bins=0)])
def test_a_target_of_an_output_whose_axes_nobody_knows(target):
    def model(x):
        return tf.reshape(tf.nn.relu(x), tf.boolean_mask(tf.shape(x), tf.shape(x) > 0))

    with pytest.raises(UnsupportedModel, match="axes of output 'output_0' is known only when the model runs"):
        gl.method("gradient-x-input", model, target=target)(X)


def test_target_of_several_outputs(pair):
    with pytest.raises(InputError, match=r"'counts'.*'profile'.*; name one, as in target="):
        gl.method("gradient-x-input", pair, target=0)
    with pytest.raises(InputError, match="several outputs"):
        gl.method("gradient-x-input", pair)


@pytest.mark.parametrize(
    ("references", "message"),
    [
        (np.zeros((1, 5, 4)), r"shape \(1, 5, 4\) do not fit inputs of shape \(3, 8, 4\)"),
        (np.zeros((2, 1, L, 4)), "given for 2 sequences, but there are 3"),
        (lambda x: x, r"it should give \(1, R, 8, 4\)"),
        ("noise", "write shuffled:20"),
        (lambda x: np.full((len(x), 1, L, 4), np.inf), "the reference function gave NaN or infinite"),
        ([np.zeros((1, L, 4))] * 2, "2 references are given for 1 inputs"),
        ({"rna": None}, r"unknown inputs \['rna'\]; there are dna"),
    ],
)
def test_references(model, references, message):
    with pytest.raises(InputError, match=message):
        gl.method("gradient-x-input", model, target=0, references=references)(X)


def test_references_that_cannot_be():
    for make, message in [
        (lambda: gl.references.Background([0.5, 0.6]), "sum to 1"),
        (lambda: gl.references.Background([1.5, -0.5]), "non-negative"),
        (lambda: gl.references.Shuffled(0), "at least 1"),
        (lambda: gl.references.Fixed(np.zeros(4)), "have shape"),
        (lambda: gl.references.Fixed(np.full((1, L, 4), np.nan)), "NaN or infinite"),
    ]:
        with pytest.raises(InputError, match=message):
            make()


def test_references_of_several_inputs(pair):
    signal = np.ones((3, 2))
    refs = [np.zeros((2, L, 4)), np.zeros((3, 2))]
    with pytest.raises(InputError, match=r"different numbers of references: \[2, 3\]"):
        gl.method("gradient-x-input", pair, target=("counts", 0), references=refs)([X, signal])
    with pytest.raises(InputError, match="dict by input name, or a list"):
        gl.method("gradient-x-input", pair, target=("counts", 0), references=gl.references.Zeros())([X, signal])
    with pytest.raises(InputError, match="need one-hot DNA"):
        gl.method("gradient-x-input", pair, target=("counts", 0), references=[None, gl.references.Shuffled(2)])(
            [X, signal]
        )
    with pytest.raises(InputError, match="different numbers of sequences"):
        gl.method("gradient-x-input", pair, target=("counts", 0))([X, signal[:2]])


def test_options(model):
    with pytest.raises(InputError, match="activation must be 'logit'"):
        gl.DeepLift(model, target=0, activation="softmax")
    with pytest.raises(InputError, match="choose among genomics"):
        gl.DeepLift(model, target=0, rule="taylor")
    with pytest.raises(InputError, match="choose among genomics"):
        gl.DeepLift(model, target=0, rule={"conv": "taylor"})
    with pytest.raises(InputError, match=r"does not run: dense_99; it runs .*conv.*hidden"):
        gl.DeepLift(model, target=0, rule={"dense_99": "rescale"})
    with pytest.raises(InputError, match=r"more than the budget .*; give memory="):
        gl.DeepLift(model, target=0, memory=100, references=gl.references.Zeros())(X)
    with pytest.raises(InputError, match="memory budget"):
        gl.DeepLift(model, target=0, memory="lots")


def test_rules_by_layer(model):
    """A name goes before a type, and layers that are not named use Rescale."""

    def scores(rule):
        return gl.DeepLift(model, target=0, rule=rule, references=gl.references.Zeros())(X).scores

    rescale, reveal, genomics = (scores(rule) for rule in ("rescale", "revealcancel", "genomics"))
    assert min(np.abs(a - b).max() for a, b in [(rescale, reveal), (reveal, genomics), (genomics, rescale)]) > 1e-4
    np.testing.assert_allclose(scores({"hidden": "revealcancel"}), genomics, atol=1e-6)
    np.testing.assert_allclose(scores({"Dense": "revealcancel", "Conv1D": "revealcancel"}), reveal, atol=1e-6)
    np.testing.assert_allclose(scores({"Dense": "revealcancel", "hidden": "rescale"}), rescale, atol=1e-6)


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


def sequential(*layers, **shape):
    return keras.Sequential([keras.Input(**shape), *layers, K.Dense(1, name="top")])


FIXED = "made for 2 sequences at a time .* make it again for any number"
SHORT = r"does not run on sequences of shape \(8, 4\) .*; give sequences of the length, or at least as long"


@pytest.mark.parametrize(
    ("layers", "shape", "message"),
    [
        ([K.LSTM(3, stateful=True, name="lstm")], {"batch_shape": (2, L, 4)}, f"Loop in layer '.*lstm'.*{FIXED}"),
        ([K.Lambda(lambda t: tf.reshape(t, (2, L * 4)))], {"batch_shape": (2, L, 4)}, f"Reshape in layer.*{FIXED}"),
        ([K.Conv1D(3, 20, name="wide"), K.GlobalMaxPooling1D()], {"shape": (None, 4)}, f"Conv2D in layer '.*wide' .*{SHORT}"),
        ([K.MaxPooling1D(20, name="pool"), K.GlobalMaxPooling1D()], {"shape": (None, 4)}, f"MaxPool in layer '.*pool' .*{SHORT}"),
        ([K.AveragePooling1D(20, name="mean"), K.GlobalAveragePooling1D()], {"shape": (None, 4)},
         "AvgPool in layer '.*mean' .*nothing is left of them.*give sequences"),
    ],
    ids=["stateful", "fixed", "short for a kernel", "short for a maximum", "short for a mean"],
)  # fmt: skip
def test_sequences_that_do_not_go_through(layers, shape, message):
    """In a sentence that names the layer, where TensorFlow has a screenful."""
    with pytest.raises(InputError, match=message):
        gl.DeepLift(sequential(*layers, **shape), references=gl.references.Zeros())(X)


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


@pytest.mark.parametrize(
    ("given", "message"),
    [(X[:, :0], "nothing in its sequences"), (X.astype(complex), "complex numbers")],
)
def test_empty_and_complex_inputs(given, message):
    with pytest.raises(InputError, match=message):
        gl.DeepLift(lambda x: tf.reduce_sum(x, [1, 2])[:, None], target=0)(given)


def test_no_references():
    with pytest.raises(InputError, match="none at all"):
        gl.references.Fixed(np.zeros((0, L, 4)))


def test_predictions_of_a_model_that_does_not_declare_its_inputs():
    from genolift.methods.prediction.predictor import Predictor

    with pytest.raises(InputError, match="does not declare its inputs"):
        Predictor(lambda x: x[:, 0, 0], [])


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
