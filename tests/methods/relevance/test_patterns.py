"""PatternNet and PatternAttribution against loops over every sample; the paper's toy; what is saved and refused."""

import keras
import numpy as np
import pattern_twin
import pytest
from pattern_twin import drawn, estimated, patches

import genolift as gl
from genolift.support.errors import FileProblem, InputError, Undefined, UnsupportedModel

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
N, L = 40, pattern_twin.LENGTH
X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (N, L))]


@pytest.fixture(scope="module")
def model():
    return pattern_twin.network()


def close(found, expected, tolerance=1e-4):
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max(), rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["relu", "linear"])
def test_patterns_and_walk_against_loops(model, estimator):
    twin = pattern_twin.Twin(model, X, estimator == "relu")
    for name, attributes in (("patternnet", False), ("pattern-attribution", True)):
        method = gl.method(name, model, [0, 1], estimator=estimator, progress=False).fit(X)
        found = method(X[:4])
        for layer, expected in (("first", twin.a1), ("second", twin.a2), ("hidden", twin.a3), ("tasks", twin.a4)):
            (pattern,) = (a for key, a in method.patterns.items() if key.endswith(layer))
            close(pattern.reshape(expected.shape), expected)
        (sums,) = (a for key, a in method.patterns.items() if key.endswith("sum"))
        close(sums, twin.sums)
        close(sums.sum(0), np.ones(5))
        for n, t in np.ndindex(4, 2):
            expected = twin.back(n, t, attributes)
            if attributes:
                close(found.raw_contributions[n, t], expected)
                close(found.scores[n, t], expected.sum(-1))
            else:
                close(found.signal[n, t], expected)
                close(found.hypothetical[n, t], expected)
                close(found.scores[n, t], (X[n] * expected).sum(-1))
        close(found.predictions, twin.f[:4])
        if attributes:
            close(found.absorbed, found.predictions - found.scores.sum(-1))
            with pytest.raises(Undefined, match="whatever base is there; patternnet"):
                _ = found.hypothetical


def test_any_batch_size(model):
    one = gl.method("patternnet", model, 0, progress=False).fit(X)
    other = gl.method("patternnet", model, 0, progress=False, memory="40kB").fit(X)
    for layer, pattern in one.patterns.items():
        close(other.patterns[layer], pattern, 1e-5)
    close(other(X[:3]).scores, one(X[:3]).scores, 1e-5)
    close(other.quality.rho.dropna(), one.quality.rho.dropna(), 1e-3)


def linear(units=1, size=2, bias=False):
    return keras.Sequential([keras.Input((size,)), K.Dense(units, use_bias=bias, name="out")])


def test_the_toy_of_the_paper():
    """x = a_s·y + a_d·ε: weights cancel the distractor and are orthogonal to it; the pattern is the signal's direction."""
    rng = np.random.default_rng(0)
    signal, distractor = np.array([1.0, 0.0]), np.array([1.0, 1.0])
    y, noise = rng.normal(size=(2, 5000))
    x = (y[:, None] * signal + noise[:, None] * distractor).astype(np.float32)
    model = linear()
    model.set_weights([np.array([[1.0], [-1.0]], np.float32)])  # reads y exactly
    close(model(x)[:, 0], y)
    fitted = gl.method("patternnet", model, progress=False).fit(x)
    (pattern,) = fitted.patterns.values()
    np.testing.assert_allclose(pattern[:, 0], signal, atol=0.05)
    found = fitted(x[:5])
    np.testing.assert_allclose(found.signal, y[:5, None] * signal, atol=0.2)
    slope = gl.method("gradient", model)(x[:5]).multipliers
    np.testing.assert_allclose(slope[0], [1, -1], atol=1e-6)
    quality = fitted.quality.iloc[0]
    assert quality.rho > 0.95
    # Taking w·y/2 away leaves (y/2 + ε, y/2 + ε), whose correlation with y is ½ / √1.25.
    np.testing.assert_allclose(quality.rho_of_weights, 1 - 0.5 / np.sqrt(1.25), atol=0.03)
    assert quality.estimator == "linear"


def test_shares_of_linear_models_sum_to_the_output():
    inputs = keras.Input((L, 4))
    h = K.BatchNormalization()(K.Conv1D(4, 3, name="first")(inputs))
    model = drawn(keras.Model(inputs, K.Dense(2)(K.GlobalAveragePooling1D()(K.Rescaling(-2.0, 0.5)(h)))))
    found = gl.method("pattern-attribution", model, [0, 1], progress=False).fit(X)(X[:4])
    close(found.scores.sum(-1), found.predictions)
    assert np.abs(found.absorbed).max() < 1e-4 * np.abs(found.predictions).max()


@pytest.mark.parametrize("name", ["patternnet", "pattern-attribution"])
def test_normalisation_is_the_same_as_other_weights(name):
    """w·s with bias b·s + t, for scales of both signs."""

    def net(normalised):
        middle = [K.BatchNormalization(epsilon=0, name="norm")] if normalised else []
        return keras.Sequential(
            [keras.Input((L, 4)), K.Conv1D(4, 3, name="first"), *middle, K.ReLU(), K.Flatten(), K.Dense(1, name="out")]
        )

    one, other = drawn(net(True), seed=3), net(False)
    gamma, beta, mean, variance = one.get_layer("norm").get_weights()
    scale = gamma / np.sqrt(variance)
    assert scale.min() < 0 < scale.max()
    kernel, bias = one.get_layer("first").get_weights()
    other.get_layer("first").set_weights([kernel * scale, (bias - mean) * scale + beta])
    other.get_layer("out").set_weights(one.get_layer("out").get_weights())
    close(
        gl.method(name, one, progress=False).fit(X)(X[:4]).scores,
        gl.method(name, other, progress=False).fit(X)(X[:4]).scores,
    )


def test_quality_against_least_squares():
    """Patterns of one third, regression on another, correlation on the last; two patterns for a rectified unit."""
    rng = np.random.default_rng(3)
    x = (rng.normal(size=(3000, 3)) @ rng.normal(size=(3, 3)) + [0.5, -0.2, 0.1]).astype(np.float32)
    net = keras.Sequential([keras.Input((3,)), K.Dense(2, activation="relu", name="units"), K.Dense(1)])
    drawn(net, seed=6)
    fitted = gl.method("patternnet", net, progress=False).fit(x)
    from genolift.support.seeds import stream

    order = stream(0, "parts", len(x)).permutation(len(x))
    first, second, third = (x[np.sort(order[k::3])].astype(float) for k in range(3))
    w, b = (v.numpy().astype(float) for v in net.get_layer("units").weights)
    table = fitted.quality.iloc[:2]
    for j in range(2):
        a = {}
        z = first @ w[:, j]
        for sign in (True, False):
            some = (z + b[j] > 0) == sign
            c = (first[some] * z[some, None]).mean(0) - first[some].mean(0) * z.mean()
            a[sign] = c / (w[:, j] @ c)

        def distractor(data, j=j, a=a):
            z = data @ w[:, j]
            return z, data - z[:, None] * np.where((z + b[j] > 0)[:, None], a[True], a[False])

        z2, d2 = distractor(second)
        v = np.linalg.lstsq(d2 - d2.mean(0), z2 - z2.mean(), rcond=1e-6)[0]
        z3, d3 = distractor(third)
        assert abs(table.rho[j] - (1 - abs(np.corrcoef(z3, d3 @ v)[0, 1]))) < 2e-3
        plain = w[:, j] / (w[:, j] @ w[:, j])
        d2, d3 = (data - (data @ w[:, j])[:, None] * plain for data in (second, third))
        v = np.linalg.lstsq(d2 - d2.mean(0), z2 - z2.mean(), rcond=1e-6)[0]
        assert abs(table.rho_of_weights[j] - (1 - abs(np.corrcoef(z3, d3 @ v)[0, 1]))) < 2e-3
        above = (x @ w[:, j] + b[j] > 0).mean()
        assert abs(table.above_zero[j] - above) < 1e-3
    assert (table.rho > table.rho_of_weights).all()


def test_layers_that_are_used_twice_pool_their_samples():
    a, b = keras.Input((L, 4)), keras.Input((L, 4))
    conv = K.Conv1D(3, 3, padding="same", activation="relu", name="shared")
    both = keras.Model([a, b], K.Dense(1)(K.Concatenate()([K.Flatten()(conv(a)), K.Flatten()(conv(b))])))
    drawn(both)
    Y = X[::-1]
    fitted = gl.method("patternnet", both, progress=False).fit([X, Y])
    found = fitted.patterns
    w, bias = (v.numpy().astype(float) for v in conv.weights)
    p = patches(np.concatenate([X, Y]), 3).reshape(-1, 12)
    close(found[next(name for name in found if name.endswith("shared"))].reshape(12, 3),
          estimated(p, w.reshape(12, 3), p @ w.reshape(12, 3) + bias > 0))  # fmt: skip
    assert len(found) == 2
    explained = fitted([X[:2], Y[:2]])
    assert explained.signal[1].shape == (2, L, 4)


def test_other_weighted_layers():
    """Channels of depthwise convolutions, einsum, two dimensions: wᵀa = 1 for every unit that lives."""
    inputs = keras.Input((8, 4))
    h = K.DepthwiseConv1D(3, depth_multiplier=2, activation="relu", name="deep")(inputs)
    h = K.EinsumDense("abc,cde->abde", (6, 2, 3), activation="relu", name="einsum")(h)
    h = K.Conv2D(3, (2, 2), groups=1, activation="relu", name="flat")(h)
    model = drawn(keras.Model(inputs, K.Dense(1, name="out")(K.GlobalMaxPooling2D()(h))))
    model.get_layer("deep").weights[1].assign(np.full(8, 0.2))
    fitted = gl.method("pattern-attribution", model, progress=False).fit(X[:, :8])
    axes = {"deep": 0, "einsum": 0, "flat": (0, 1, 2), "out": 0}
    for layer, reads in axes.items():
        (pattern,) = (a for key, a in fitted.patterns.items() if key.endswith(layer))
        w = np.squeeze(model.get_layer(layer).weights[0].numpy())
        total = (w * pattern.reshape(w.shape)).sum(reads)
        dead = fitted.quality.dead[fitted.quality.layer.str.endswith(layer)].to_numpy()
        close(total.reshape(-1), 1.0 - dead)
        assert dead.mean() < 0.4
    assert np.isnan(fitted.quality.rho[fitted.quality.layer.str.endswith("deep")]).all()
    assert np.abs(fitted(X[:3, :8]).scores).max() > 0


def test_dead_units_let_nothing_through():
    net = keras.Sequential(
        [keras.Input((L, 4)), K.Conv1D(3, 3, activation="relu", name="first"), K.Flatten(), K.Dense(1)]
    )
    drawn(net)
    weights, bias = net.get_layer("first").get_weights()
    net.get_layer("first").set_weights([weights, np.array([-100, *bias[1:]])])
    fitted = gl.method("pattern-attribution", net, progress=False).fit(X)
    assert fitted.quality.dead.tolist()[:3] == [True, False, False]
    first = fitted.patterns[next(iter(fitted.patterns))]
    assert not first[..., 0].any()
    assert np.isfinite(fitted(X).scores).all()


def test_mean_of_both_strands(model):
    """Patterns of samples of both strands, half of what each walks back."""
    reverse = X[:, ::-1, ::-1]
    found = gl.method("patternnet", model, 0, rc_average=True, progress=False).fit(X)
    both = gl.method("patternnet", model, 0, progress=False).fit(np.concatenate([X, reverse]))
    for layer, pattern in both.patterns.items():
        close(found.patterns[layer], pattern, 1e-4)
    close(found(X[:3]).scores, (both(X[:3]).scores + both(reverse[:3]).scores[:, ::-1]) / 2)


@pytest.mark.slow
def test_saved_and_loaded(model, tmp_path):
    fitted = gl.method("patternnet", model, [0, 1], progress=False).fit(X)
    file = tmp_path / "patterns.npz"
    fitted.save(file)
    found = fitted(X[:3])
    again = gl.method("pattern-attribution", model, 1, progress=False, patterns=str(file))
    assert again.describe()["fitted"] == found.method["fitted"]
    assert found.method["fitted"]["sequences"] == N
    assert set(found.provenance["rho"]) == set(fitted.patterns)
    np.testing.assert_array_equal(again.quality.layer, fitted.quality.layer)
    close(again(X[:3]).scores, gl.method("pattern-attribution", model, 1, progress=False).fit(X)(X[:3]).scores, 1e-6)
    found.save(tmp_path / "scores.zarr")
    loaded = gl.Explanation.load(tmp_path / "scores.zarr")
    assert type(loaded).__name__ == "SignalExplanation"
    np.testing.assert_array_equal(loaded.signal[:], found.signal)

    other = keras.models.clone_model(model)
    with pytest.raises(InputError, match="fitted on a model with other weights"):
        gl.method("patternnet", other, 0, patterns=str(file))
    with pytest.raises(InputError, match="fitted with estimator='relu', not 'linear'"):
        gl.method("patternnet", model, 0, estimator="linear", patterns=str(file))
    with pytest.raises(FileProblem, match=r"is no file; patterns are kept in an \.npz"):
        fitted.load(tmp_path / "nothing.npz")
    (tmp_path / "rubbish.npz").write_bytes(file.read_bytes()[:300])
    with pytest.raises(FileProblem, match="does not hold patterns, or is damaged"):
        fitted.load(tmp_path / "rubbish.npz")
    np.savez(tmp_path / "others.npz", a=np.zeros(3))
    with pytest.raises(FileProblem, match="does not hold patterns"):
        fitted.load(tmp_path / "others.npz")


def test_weights_that_change_make_patterns_void():
    net = drawn(linear(size=3, bias=True))
    x = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    fitted = gl.method("patternnet", net, progress=False).fit(x)
    fitted(x[:2])
    net.weights[0].assign_add(np.ones((3, 1)))
    with pytest.raises(InputError, match=r"other weights than this one has now; call fit\(X\) again"):
        fitted(x[:2])


def test_patterns_of_another_target_may_be_missing():
    inputs = keras.Input((3,))
    heads = {name: K.Dense(1, name=name)(K.Dense(2, activation="relu", name=f"to_{name}")(inputs)) for name in "ab"}
    net = drawn(keras.Model(inputs, heads))
    x = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    one = gl.method("patternnet", net, ("a", 0), progress=False).fit(x)
    other = gl.method("patternnet", net, ("b", 0), progress=False)
    other._fitted = one._fitted
    with pytest.raises(InputError, match=r"there are no patterns for .*to_b.*, .*b, which another target"):
        other(x[:2])


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([K.LSTM(2)], r"operation Loop in layer .* \(LSTM\) is none; use deeplift"),
        ([K.Conv1D(2, 3, activation="gelu"), K.Flatten()], "is derived for weighted sums, maxima and ReLUs"),
        ([K.Conv1DTranspose(2, 3), K.Flatten()], "is another weighted sum; use deeplift"),
        ([K.GlobalMaxPooling1D()], "needs layers of weighted sums, and this model has none; use ism"),
    ],
)  # fmt: skip
def test_models_are_refused(layers, message):
    inputs = keras.Input((L, 4))
    h = inputs
    for layer in layers:
        h = layer(h)
    outputs = h if "has none" in message else K.Dense(1)(h)
    target = 0 if "has none" in message else None
    with pytest.raises(UnsupportedModel, match=message):
        gl.method("patternnet", keras.Model(inputs, outputs), target)


def test_options_and_order_of_calls(model):
    with pytest.raises(InputError, match=r"patternnet has no patterns yet; call fit\(X\) .* or give patterns='"):
        gl.method("patternnet", model, 0)(X[:2])
    with pytest.raises(InputError, match="no patterns yet"):
        _ = gl.method("pattern-attribution", model, 0).quality
    with pytest.raises(InputError, match="estimator must be one of relu, linear, not 'mean'"):
        gl.method("patternnet", model, 0, estimator="mean")
    with pytest.raises(InputError, match="has no gradients of inputs to correct"):
        gl.method("patternnet", model, 0, gradient_correction=True)
