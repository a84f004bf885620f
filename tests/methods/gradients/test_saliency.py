"""Slopes alone, smoothed and along random paths, against plain loops over GradientTape; the gradient correction."""

import keras
import numpy as np
import pytest

import genolift as gl
from genolift.methods.common import predicting
from genolift.support.errors import InputError, Undefined, UnsupportedModel
from genolift.support.seeds import stream
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
N, L, R = 3, 12, 4
BASES = np.eye(4, dtype=np.float32)
RNG = np.random.default_rng(0)
X, REFS = BASES[RNG.integers(0, 4, (N, L))], BASES[RNG.integers(0, 4, (N, R, L))]


def network(rectifier="relu", shape=(L, 4)):
    inputs = keras.Input(shape)
    h = K.Conv1D(5, 3, activation="tanh")(inputs)
    h = K.MaxPooling1D(2)(K.Activation(rectifier)(K.Conv1D(4, 3)(h)))
    h = K.Dense(6, name="hidden")(K.Flatten()(h))
    model = keras.Model(inputs, K.Dense(2)(K.Activation(rectifier)(h)))
    for weights in model.weights:
        weights.assign(np.random.default_rng(1).normal(0, 0.7, weights.shape))
    return model


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture(scope="module")
def slope(model):
    """The gradient of a target at points (n, L, 4), by GradientTape."""

    def compute(points, target=0, of=model):
        points = tf.constant(points)
        with tf.GradientTape() as tape:
            tape.watch(points)
            y = of(points, training=False)[:, target]
        return tape.gradient(y, points).numpy()

    return compute


def close(found, expected, tolerance=1e-5):
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max(), rtol=0)


def noise(x, samples, seed=0, share=0.15):
    rng = stream(seed, "smoothgrad", x.tobytes())
    return np.stack([x + share * np.ptp(x) * rng.standard_normal(x.shape, np.float32) for _ in range(samples)])


def test_gradient_and_sensitivity(model, slope):
    g = slope(X, 1)
    found = gl.method("gradient", model, 1)(X)
    close(found.multipliers, g)
    close(found.scores, np.abs(g).max(-1))
    close(found.predictions, model(X).numpy()[:, 1])
    squared = gl.method("sensitivity", model, 1)(X)
    close(squared.raw_contributions, g**2)
    close(squared.scores, (g**2).sum(-1))
    for undefined in ("hypothetical", "contributions", "raw_contributions", "residual", "reference_predictions"):
        with pytest.raises(Undefined, match=r"gradient-x-input|compares with no reference"):
            getattr(found, undefined)


@tf.custom_gradient
def guided(x):
    return tf.nn.relu(x), lambda dy: tf.where((x > 0) & (dy > 0), dy, 0.0)


def test_guided_backprop(model, slope):
    naive = network(K.Lambda(guided, name="gate"))
    expected = slope(X, 0, naive)
    found = gl.method("guided-backprop", model, 0)(X)
    close(found.multipliers, expected)
    close(found.scores, np.abs(expected).max(-1))
    close(found.multipliers, gl.method("guided-backprop-x-input", model, 0)(X).multipliers)
    close(found.predictions, model(X).numpy()[:, 0])
    smooth = keras.Sequential([keras.Input((L, 4)), K.Flatten(), K.Dense(1, activation="tanh")])
    with pytest.raises(UnsupportedModel, match="guided-backprop gates gradients at ReLUs"):
        gl.method("guided-backprop", smooth)


def test_guided_backprop_gates_where_a_comparison_of_x_switches(slope):
    """Without a reference there is no other side that a comparison could come out differently for."""
    inputs = keras.Input((L, 4))
    gated = K.Lambda(lambda x: tf.nn.relu(x - 0.3) * tf.cast(tf.reverse(x, [1]) > 0.5, tf.float32))(inputs)
    switched = keras.Model(inputs, K.Dense(1, kernel_initializer="ones")(K.Flatten()(gated)))
    close(gl.method("guided-backprop", switched)(X).multipliers, slope(X, 0, switched))


def test_smoothgrad_and_its_forms(model, slope):
    samples = 7
    slopes = np.stack([slope(noise(x, samples, seed=5)) for x in X]).astype(float)
    mean, squared, variance = slopes.mean(1), (slopes**2).mean(1), slopes.var(1, ddof=1)
    found = gl.method("smoothgrad", model, 0, samples=samples, seed=5)(X)
    close(found.multipliers, mean)
    close(found.scores, np.abs(mean).max(-1))
    close(found.predictions, model(X).numpy()[:, 0])
    for name, expected in (("smoothgrad-squared", squared), ("smoothgrad-variance", variance)):
        found = gl.method(name, model, 0, samples=samples, seed=5)(X)
        close(found.raw_contributions, expected)
        close(found.scores, expected.sum(-1))
        close(found.multipliers, mean)
    with pytest.raises(Undefined, match="gradient-x-input"):
        _ = found.hypothetical


def test_smoothgrad_scales_noise_to_the_range_of_the_input(model, slope):
    wide = 10 * X
    expected = np.stack([slope(noise(x, 3)).mean(0) for x in wide])
    assert 1 < np.std(noise(wide[0], 3) - wide[0]) < 2
    close(gl.method("smoothgrad", model, 0, samples=3)(wide).multipliers, expected)


def test_smoothgrad_keeps_the_target_of_the_clean_input(slope):
    """A profile's probabilities are those of x, at its noisy copies too."""
    keras.utils.set_random_seed(3)
    profile = keras.Sequential([keras.Input((L, 4)), K.Conv1D(6, 3, activation="tanh"), K.Conv1D(1, 3, name="profile")])
    found = gl.method("smoothgrad", profile, gl.targets.Profile(), samples=3)(X)
    for x, multipliers, prediction in zip(X, found.multipliers, found.predictions, strict=True):
        z = profile(x[None]).numpy()[0, :, 0]
        p = np.exp(z) / np.exp(z).sum()
        points = tf.constant(noise(x, 3))
        with tf.GradientTape() as tape:
            tape.watch(points)
            y = tf.reduce_sum(profile(points)[..., 0] * (p - p.mean()), 1)
        close(multipliers, tape.gradient(y, points).numpy().mean(0))
        close(prediction, (p * (z - z.mean())).sum())


@pytest.mark.parametrize("references", [REFS, REFS[0]])
def test_expected_gradients(model, slope, references):
    draws, seed = 3, 2
    found = gl.method(
        "expected-gradients", model, 1, draws=draws, seed=seed, references=gl.references.Fixed(references)
    )
    found = found(X)
    for n, x in enumerate(X):
        way = stream(seed, "expected-gradients", x.tobytes()).random((R, draws), np.float32)
        own = references[n] if references.ndim == 4 else references
        raw, hypothetical, multipliers = [], [], []
        for r, ref in enumerate(own):
            points = [ref + (i + way[r, i]) / draws * (x - ref) for i in range(draws)]
            g = slope(np.stack(points), 1).mean(0)
            raw.append(g * (x - ref))
            hypothetical.append(g - (g * ref).sum(-1, keepdims=True))
            multipliers.append(g)
        close(found.raw_contributions[n], np.mean(raw, 0))
        close(found.hypothetical[n], np.mean(hypothetical, 0))
        close(found.multipliers[n], np.mean(multipliers, 0))
        close(found.scores[n], np.mean(raw, 0).sum(-1))
        close(found.standard_error[n], np.std(np.sum(raw, -1), axis=0, ddof=1) / np.sqrt(R), 1e-4)
        close(found.reference_predictions[n], model(own).numpy()[:, 1])
    close(found.contributions.sum(-1), found.scores)
    with pytest.raises(Undefined, match="in expectation"):
        _ = found.residual


def test_expected_gradients_sum_to_the_difference_in_expectation(model):
    found = gl.method("expected-gradients", model, 0, draws=400, references=gl.references.Fixed(REFS))(X)
    change = found.predictions - found.reference_predictions.mean(1)
    close(found.scores.sum(1), change, 0.02)
    assert np.abs(change).min() > 0.1
    plain = gl.method("gradient-x-input", model, 0, references=gl.references.Fixed(REFS))(X)
    assert np.abs(plain.scores.sum(1) - change).max() > 0.2 * np.abs(change).max()


def test_gradients_of_a_linear_model_all_agree():
    """With the reference at zero: gradient × input = integrated gradients = expected gradients = DeepLIFT."""
    linear = keras.Sequential([keras.Input((L, 4)), K.Conv1D(3, 3), K.Flatten(), K.Dense(1)])
    zero = gl.references.Zeros()
    expected = gl.method("gradient-x-input", linear)(X)
    for name in ("integrated-gradients", "expected-gradients", "deeplift"):
        found = gl.method(name, linear, references=zero)(X)
        close(found.raw_contributions, expected.raw_contributions)
        close(found.hypothetical, expected.hypothetical)
    close(gl.method("smoothgrad", linear)(X).multipliers, gl.method("gradient", linear)(X).multipliers)
    variance = gl.method("smoothgrad-variance", linear)(X).scores
    assert np.abs(variance).max() < 1e-10 * np.square(expected.multipliers).max()


GRADIENTS = [
    "gradient",
    "sensitivity",
    "guided-backprop",
    "smoothgrad",
    "expected-gradients",
    "gradient-x-input",
    "integrated-gradients",
    # Their walks take longest to trace, and share all that is tried here with guided-backprop and gradient-x-input.
    pytest.param("guided-backprop-x-input", marks=pytest.mark.slow),
    pytest.param("deconvnet", marks=pytest.mark.slow),
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*steps leave")
@pytest.mark.parametrize("name", GRADIENTS)
def test_gradient_correction(model, name):
    plain = gl.method(name, model, [0, 1])(X)
    found = gl.method(name, model, [0, 1], gradient_correction=True)(X)
    centred = plain.multipliers - plain.multipliers.mean(-1, keepdims=True)
    close(found.multipliers, centred)
    assert np.abs(plain.multipliers.mean(-1)).max() > 0.1 * np.abs(plain.multipliers).max()
    assert found.method["gradient_correction"] is True
    if name in ("gradient", "smoothgrad"):
        close(found.scores, np.abs(centred).max(-1))
    if name == "sensitivity":
        close(found.raw_contributions, centred**2)
    if name == "gradient-x-input":
        close(found.hypothetical, centred)


def test_gradient_correction_keeps_scores_where_references_sum_to_one(model):
    options = {"references": gl.references.Fixed(REFS), "steps": 20}
    plain = gl.method("integrated-gradients", model, 0, **options)(X)
    found = gl.method("integrated-gradients", model, 0, gradient_correction=True, **options)(X)
    close(found.scores, plain.scores)
    with pytest.raises(Undefined, match="does not promise"):
        _ = found.residual


def test_gradient_correction_is_refused_without_letters(model):
    flat = keras.Sequential([keras.Input((6,)), K.Dense(3, activation="relu"), K.Dense(1)])
    for name in ("gradient", "gradient-x-input"):
        with pytest.raises(InputError, match="gradient_correction is for one-hot inputs"):
            gl.method(name, flat, gradient_correction=True)(np.ones((2, 6)))
    with pytest.raises(InputError, match="gradient_correction is for one-hot inputs"):
        gl.method("gradient-x-input", model, 0, gradient_correction=True, layer="hidden")(X)


def test_inputs_that_are_not_dna():
    flat = keras.Sequential([keras.Input((6,)), K.Dense(3, activation="tanh"), K.Dense(1)])
    x = np.random.default_rng(0).normal(size=(2, 6)).astype(np.float32)
    plain = gl.method("gradient", flat)(x)
    close(plain.scores, np.abs(plain.multipliers))
    close(gl.method("sensitivity", flat)(x).scores, plain.multipliers**2)
    expected = gl.method("expected-gradients", flat, references=gl.references.Zeros(), draws=300)(x)
    close(expected.scores.sum(1), expected.predictions - expected.reference_predictions[:, 0], 0.01)
    with pytest.raises(Undefined, match="not DNA"):
        _ = expected.hypothetical


def test_several_inputs():
    a, b = keras.Input((L, 4), name="dna"), keras.Input((3,), name="signal")
    h = K.Dense(4, activation="tanh")(K.Concatenate()([K.Flatten()(a), b]))
    twins = keras.Model([a, b], K.Dense(1)(h))
    given = {"dna": X, "signal": np.ones((N, 3), np.float32)}
    found = gl.method("gradient", twins)(given)
    assert found.scores["dna"].shape == (N, L)
    assert found.scores["signal"].shape == (N, 3)
    expected = gl.method("expected-gradients", twins)(given)
    assert expected.hypothetical["dna"].shape == (N, L, 4)
    assert expected.hypothetical["signal"] is None
    np.testing.assert_array_equal(expected.scores["signal"], 0)  # its own value is its reference


@pytest.mark.parametrize("name", ["smoothgrad", "smoothgrad-variance", "expected-gradients"])
def test_draws_depend_on_seed_and_sequence_alone(model, name, monkeypatch):
    first = gl.method(name, model, 0, seed=1)(X)
    monkeypatch.setattr(predicting, "_BATCH_BYTES", 8_000.0)  # a few copies at a time, of one sequence
    again = gl.method(name, model, [1, 0], seed=1, progress=False)(X[[2, 0]])
    close(again.scores[:, 1], first.scores[[2, 0]], 1e-4)
    other = gl.method(name, model, 0, seed=2, progress=False)(X[:1])
    assert np.abs(other.scores - first.scores[:1]).max() > 1e-3 * np.abs(first.scores[:1]).max()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("smoothgrad", {"samples": 1}, "samples must be a whole number of at least 2"),
        ("smoothgrad", {"noise": 0}, "noise must be above 0"),
        ("expected-gradients", {"draws": 0.5}, "draws must be a whole number of at least 1"),
        ("expected-gradients", {"references": gl.references.Shuffled("auto")}, r"not Shuffled\('auto'\)"),
        ("gradient", {"memory": 10}, "one prediction needs about"),
    ],
)
def test_refusals(model, name, options, message):
    with pytest.raises(InputError, match=message):
        gl.method(name, model, 0, **options)(X)
