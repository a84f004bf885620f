"""Relevance propagation against a twin of plain loops over every sum's terms; check cases by hand; refusals."""

from functools import lru_cache

import keras
import numpy as np
import pytest

import genolift as gl
from genolift.methods.relevance.composites import PRESETS, as_rule
from genolift.support.errors import InputError, Undefined, UnsupportedModel

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
N, L = 3, 10
RNG = np.random.default_rng(0)
X = np.eye(4, dtype=np.float32)[RNG.integers(0, 4, (N, L))]


def drawn(model, seed=1):
    rng = np.random.default_rng(seed)
    for weights in model.weights:
        values = rng.normal(0, 0.2 if weights.path.endswith(("bias", "beta")) else 0.6, weights.shape)
        weights.assign(0.2 + np.abs(values) if "variance" in weights.path else values)
    return model


@pytest.fixture(scope="module")
def model():
    """Convolutions with and without padding, batch normalisation, pooling, dense layers; all with biases."""
    inputs = keras.Input((L, 4))
    h = K.MaxPooling1D(2)(K.Conv1D(5, 3, activation="relu", name="first")(inputs))
    h = K.Activation("relu")(K.BatchNormalization(name="norm")(K.Conv1D(4, 3, padding="same", name="second")(h)))
    h = K.Dense(5, activation="relu", name="hidden")(K.Flatten()(K.AveragePooling1D(2)(h)))
    return drawn(keras.Model(inputs, K.Dense(2, name="tasks")(h)), seed=2)


def close(found, expected, tolerance=1e-5):
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max(), rtol=0)


# The twin: every layer written out as a matrix, every term visited


def unrolled(kernel, bias, length, same):
    """A convolution as weights and connections (length·channels, positions·filters)."""
    width, channels, filters = kernel.shape
    before = (width - 1) // 2 if same else 0
    positions = length if same else length - width + 1
    w = np.zeros((length, channels, positions, filters))
    linked = np.zeros(w.shape, bool)
    for p in range(positions):
        for k in range(width):
            if 0 <= p + k - before < length:
                w[p + k - before, :, p], linked[p + k - before, :, p] = kernel[k], True
    flat = (length * channels, positions * filters)
    return w.reshape(flat), linked.reshape(flat), np.tile(bias, positions)


def plus(value):
    return max(value, 0.0)


def minus(value):
    return min(value, 0.0)


def numerators(rule, terms, b):
    """What a rule gives each term (x, w) of a sum per unit of relevance: functions of x, before anything is shared."""
    name, *p = rule
    z = sum(x * w for x, w in terms) + b
    if name == "epsilon":
        total = z + (p[0] if z >= 0 else -p[0])
        return lambda x, w: x * w / total
    if name == "gamma":
        part = plus if z >= 0 else minus
        total = sum(x * w + p[0] * part(x * w) for x, w in terms) + b + p[0] * part(b)
        return lambda x, w: (x * w + p[0] * part(x * w)) / total
    if name == "alphabeta":
        up = sum(plus(x * w) for x, w in terms) + plus(b)
        down = sum(minus(x * w) for x, w in terms) + minus(b)
        return lambda x, w: (p[0] * plus(x * w) / up if up else 0) - (p[1] * minus(x * w) / down if down else 0)
    if name == "zb":
        total = sum(x * w - p[0] * plus(w) - p[1] * minus(w) for x, w in terms)
        return lambda x, w: (x * w - p[0] * plus(w) - p[1] * minus(w)) / total
    if name == "flat":
        return lambda x, w: 1 / len(terms)
    total = sum(w**2 for _, w in terms)
    return lambda x, w: w**2 / total


def shared(rule, x, layer, relevance):
    """Relevance of each x_i, and what x_i = 1 and x_i = 0 would take."""
    w, linked, bias = layer
    now, one, zero = np.zeros(len(x)), np.zeros(len(x)), np.zeros(len(x))
    for j, r in enumerate(relevance):
        if r:
            reads = np.flatnonzero(linked[:, j])
            share = numerators(rule, [(x[i], w[i, j]) for i in reads], bias[j])
            for i in reads:
                now[i] += share(x[i], w[i, j]) * r
                one[i] += share(1.0, w[i, j]) * r
                zero[i] += share(0.0, w[i, j]) * r
    return now, one, zero


def layers_of(model):
    first, second, hidden, tasks = (model.get_layer(n) for n in ("first", "second", "hidden", "tasks"))
    norm = model.get_layer("norm")
    gamma, beta, mean, variance = (w.numpy().astype(float) for w in norm.weights)
    s = gamma / np.sqrt(variance + norm.epsilon)
    kernel, bias = (w.numpy().astype(float) for w in second.weights)
    folded = kernel * s, (bias - mean) * s + beta
    dense = [(w.kernel.numpy().astype(float), w.bias.numpy().astype(float)) for w in (hidden, tasks)]
    start = [w.numpy().astype(float) for w in first.weights]
    return [
        unrolled(*start, L, same=False),
        unrolled(*folded, L // 2 - 1, same=True),
        *[(w, np.ones(w.shape, bool), b) for w, b in dense],
    ]


def twin(model, x, rules, target):
    """Raw relevance and hypothetical (L, 4) of one sequence."""
    first, second, hidden, tasks = layers_of(model)
    x = x.reshape(-1).astype(float)
    a = np.maximum(x @ first[0] + first[2], 0).reshape(8, 5)
    pooled = a.reshape(4, 2, 5).max(1)
    b = np.maximum(pooled.reshape(-1) @ second[0] + second[2], 0).reshape(4, 4)
    means = b.reshape(2, 2, 4).mean(1)
    c = np.maximum(means.reshape(-1) @ hidden[0] + hidden[2], 0)
    f = c @ tasks[0] + tasks[2]
    relevance = np.where(np.arange(2) == target, f, 0)
    relevance = shared(rules[3], c, tasks, relevance)[0]
    relevance = shared(rules[2], means.reshape(-1), hidden, relevance)[0].reshape(2, 4)
    spread = np.zeros((4, 4))
    for p in range(4):
        for k in range(4):
            # What is zero has no terms to go to; where relevance has to be divided anew, pooling guards itself.
            mean = means[p // 2, k] + (1e-6 if rules[2][0] == "flat" else 0)
            spread[p, k] = b[p, k] / 2 / mean * relevance[p // 2, k] if mean else 0
    relevance = shared(rules[1], pooled.reshape(-1), second, spread.reshape(-1))[0].reshape(4, 5)
    before = np.zeros((8, 5))
    for p in range(4):
        for k in range(5):
            before[2 * p + a[2 * p : 2 * p + 2, k].argmax(), k] = relevance[p, k]
    now, one, zero = (part.reshape(L, 4) for part in shared(rules[0], x, first, before.reshape(-1)))
    return now, one + zero.sum(-1, keepdims=True) - zero


EPSILON, PLUS = ("epsilon", 1e-6), ("alphabeta", 1, 0)
CASES = {
    "epsilon": ("lrp-epsilon", {"epsilon": 0.1}, [("epsilon", 0.1)] * 4),
    "gamma": ("lrp-gamma", {"gamma": 0.5}, [("gamma", 0.5)] * 4),
    "alpha2beta1": ("lrp-alphabeta", {}, [("alphabeta", 2, 1)] * 4),
    "alpha1beta0": ("lrp-alphabeta", {"alpha": 1, "beta": 0}, [PLUS] * 4),
    "zb": ("lrp-zb", {}, [("zb", 0, 1), *[EPSILON] * 3]),
    "zb wide": ("lrp-zb", {"low": -0.5, "high": 2, "hidden": "gamma:1"}, [("zb", -0.5, 2), *[("gamma", 1)] * 3]),
    "flat": ("lrp-flat", {"hidden": "alpha2beta1"}, [("flat",), *[("alphabeta", 2, 1)] * 3]),
    "wsquare": ("lrp-wsquare", {}, [("wsquare",), *[EPSILON] * 3]),
    "preset": ("lrp-composite", {"composite": "epsilon-plus-zb"}, [("zb", 0, 1), PLUS, EPSILON, EPSILON]),
    "mapping": (
        "lrp-composite",
        {"composite": {"second": "wsquare", "convolution": "gamma", "Dense": "zplus", "tasks": "epsilon:0.05"}},
        [("gamma", 0.25), ("wsquare",), PLUS, ("epsilon", 0.05)],
    ),
    "flat everywhere": ("lrp-flat", {"hidden": "flat"}, [("flat",)] * 4),
}


@pytest.mark.parametrize("case", CASES)
def test_rules_against_loops(model, case):
    name, options, rules = CASES[case]
    found = gl.method(name, model, [0, 1], **options)(X)
    for n, t in np.ndindex(N, 2):
        raw, hypothetical = twin(model, X[n], rules, t)
        close(found.raw_contributions[n, t], raw, 2e-5)
        close(found.scores[n, t], raw.sum(-1), 2e-5)
        if rules[0][0] in ("flat", "wsquare"):
            continue
        close(found.hypothetical[n, t], hypothetical, 2e-5)
    close(found.predictions, model(X).numpy())
    close(found.absorbed, found.predictions - found.scores.sum(-1), 1e-5)
    if "hypothetical" in found.defined:
        close(found.contributions.sum(-1), found.scores)
    else:
        with pytest.raises(Undefined, match="whatever base is there"):
            _ = found.hypothetical


def dense(weights, bias=0.0, activation=None):
    w = np.array(weights, np.float32).reshape(len(weights), -1)
    layer = keras.Sequential([keras.Input((len(w),)), K.Dense(w.shape[1], activation=activation)])
    layer.layers[0].set_weights([w, np.full(w.shape[1], bias, np.float32)])
    return layer


def test_check_case_of_alpha_beta():
    """W = (1, −1), b = −1, x = (1, 1), R = −1: a negative bias stands in the negative denominator only."""
    one, x = dense([1, -1], -1), np.ones((1, 2))
    close(gl.method("lrp-alphabeta", one, alpha=1, beta=0)(x).scores, [[-1, 0]])
    close(gl.method("lrp-alphabeta", one)(x).scores, [[-2, 0.5]])
    # Split by the sign of the input too.
    close(gl.method("lrp-alphabeta", dense([-1, 1]), alpha=1, beta=0)(np.array([[-3, -1]])).scores, [[2, 0]])


def test_the_stabiliser_takes_zero_as_positive():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, dense([1])(dense([1, -1], 0, "softplus")(inputs)))
    y = np.log(2)
    relevance = y * y / (y + 0.5)
    close(gl.method("lrp-epsilon", model, epsilon=0.5)(np.ones((1, 2))).scores, [[2 * relevance, -2 * relevance]])


@lru_cache
def residual(bias=True, last="relu"):
    """ReLU, a sum before its rectifier, maxima and averages over all positions."""
    inputs = keras.Input((L, 4))
    h = K.Conv1D(4, 3, padding="same", activation="relu", use_bias=bias)(inputs)
    more = K.Conv1D(4, 3, padding="same", dilation_rate=2, use_bias=bias)(h)
    h = K.Activation(last)(K.Add()([h, more]))
    h = K.Concatenate()([K.GlobalMaxPooling1D()(h), K.GlobalAveragePooling1D()(h)])
    return drawn(keras.Model(inputs, K.Dense(2, use_bias=bias)(h)))


def test_epsilon_to_zero_is_gradient_times_input(model):
    for net in (model, residual()):
        expected = gl.method("gradient-x-input", net, [0, 1])(X)
        found = gl.method("lrp-epsilon", net, [0, 1], epsilon=0)(X)
        close(found.raw_contributions, expected.raw_contributions, 5e-5)
        close(found.multipliers, expected.multipliers, 5e-5)
        close(found.hypothetical, expected.hypothetical, 5e-5)
        close(gl.method("lrp-epsilon", net, [0, 1])(X).scores, expected.scores, 1e-3)


def test_sums_of_several_values():
    x = keras.Input((2,))
    added = keras.Model(x, K.Add()([dense([3, 0])(x), dense([0, 1])(x)]))
    total, (a, b) = 4, (3, 1)
    damped = [a * a / (a + 0.5), b * b / (b + 0.5)]
    expected = [[part * total / (total + 0.5) for part in damped]]
    close(gl.method("lrp-epsilon", added, epsilon=0.5)(np.ones((1, 2))).scores, expected)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("lrp-epsilon", {}),
        ("lrp-gamma", {}),
        ("lrp-zb", {"hidden": "zplus"}),
        ("lrp-flat", {}),
        ("lrp-wsquare", {"hidden": "gamma"}),
    ],
)
def test_relevance_is_conserved_without_biases(name, options):
    found = gl.method(name, residual(bias=False), [0, 1], **options)(X)
    assert np.abs(found.absorbed).max() < 1e-4 * np.abs(found.predictions).max()
    with_biases = gl.method(name, residual(), [0, 1], **options)(X)
    assert np.abs(with_biases.absorbed).max() > 0.01 * np.abs(with_biases.predictions).max()


def test_deep_taylor(model):
    for net, rules in ((model, [("zb", 0, 1), *[PLUS] * 3]), (residual(bias=False), None)):
        above = np.argwhere(net(X).numpy() > 0)
        assert len(above)
        for n, t in above:
            found = gl.method("deep-taylor", net, int(t))(X[n : n + 1])
            assert found.raw_contributions.min() > -1e-6 * found.predictions[0]
            assert found.scores.max() > 0
            if rules:
                raw, hypothetical = twin(net, X[n], rules, t)
                close(found.raw_contributions[0], raw, 2e-5)
                close(found.hypothetical[0], hypothetical, 2e-5)
            else:
                close(found.scores.sum(), found.predictions[0], 1e-4)


def test_products():
    """A gate takes nothing; two signals take half each, also where they are one."""
    x = keras.Input((2,))
    signal, gate = dense([3, 0])(x), dense([0, 1], 0, "sigmoid")(x)
    gated = keras.Model(x, K.Multiply()([signal, gate]))
    close(gl.method("lrp-epsilon", gated)(np.ones((1, 2))).scores, [[3 / (1 + np.exp(-1)), 0]])
    both = keras.Model(x, K.Multiply()([dense([3, 0])(x), dense([0, 2])(x)]))
    close(gl.method("lrp-epsilon", both)(np.ones((1, 2))).scores, [[3, 3]])
    line = dense([3, 1])(x)
    square = keras.Model(x, keras.ops.einsum("ij,ij->ij", line, line))
    close(gl.method("lrp-epsilon", square)(np.ones((1, 2))).scores, [[12, 4]])


@pytest.mark.parametrize(("name", "options"), [("lrp-alphabeta", {}), ("lrp-zb", {"hidden": "zplus"})])
def test_mean_of_both_strands(model, name, options):
    reverse = X[:, ::-1, ::-1]
    forward = gl.method(name, model, 0, **options)
    found = gl.method(name, model, 0, rc_average=True, **options)(X)
    close(found.scores, (forward(X).scores + forward(reverse).scores[:, ::-1]) / 2)
    close(found.hypothetical, (forward(X).hypothetical + forward(reverse).hypothetical[:, ::-1, ::-1]) / 2)


@pytest.mark.parametrize("name", ["lrp-zb", "lrp-flat"])
def test_the_box_is_that_of_the_rescaled_input(name):
    """1 − 2x into weights w is x into −2w, whose bias neither rule looks at."""
    inputs = keras.Input((L, 4))
    h = K.Conv1D(3, 3, activation="relu")(K.Rescaling(-2.0, 1.0)(inputs))
    rescaled = drawn(keras.Model(inputs, K.Dense(1)(K.Flatten()(h))))
    plain = keras.Sequential([inputs, K.Conv1D(3, 3, activation="relu"), K.Flatten(), K.Dense(1)])
    kernel, bias, *rest = rescaled.get_weights()
    plain.set_weights([-2 * kernel, bias + kernel.sum((0, 1)), *rest])
    found, expected = gl.method(name, rescaled)(X), gl.method(name, plain)(X)
    close(found.raw_contributions, expected.raw_contributions)
    if name == "lrp-zb":
        close(found.hypothetical, expected.hypothetical)


def test_several_inputs():
    """An input that is not DNA has scores of its own shape."""
    a, b = keras.Input((L, 4), name="dna"), keras.Input((3,), name="signal")
    h = K.Concatenate()([K.Flatten()(K.Rescaling(-2.0, 1.0)(a)), b])
    twins = drawn(keras.Model([a, b], K.Dense(1)(K.Dense(4, activation="relu")(h))))
    given = {"dna": X, "signal": np.full((N, 3), 0.5, np.float32)}
    found = gl.method("lrp-epsilon", twins)(given)
    assert found.scores["dna"].shape == (N, L)
    assert found.scores["signal"].shape == (N, 3)
    assert found.hypothetical["signal"] is None
    close(found.absorbed, found.predictions - found.scores["dna"].sum(1) - found.scores["signal"].sum(1))


def test_what_was_absorbed_is_kept(model, tmp_path):
    found = gl.method("lrp-composite", model, [0, 1])(X)
    found.save(tmp_path / "scores.zarr")
    again = gl.Explanation.load(tmp_path / "scores.zarr")
    np.testing.assert_array_equal(again.absorbed[:], found.absorbed)
    assert again[1:].absorbed.shape == (2, 2)
    assert again.method["composite"] == {"convolution": "alphabeta:1,0", "input": "zb:0,1", "others": "epsilon:1e-06"}


def test_every_preset_is_made_of_rules():
    for preset in PRESETS.values():
        assert all(str(as_rule(rule)) for rule in preset.values())


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("lrp-epsilon", {"epsilon": -1}, "epsilon must be a number of at least 0"),
        ("lrp-gamma", {"gamma": float("nan")}, "gamma must be a number of at least 0"),
        ("lrp-alphabeta", {"alpha": 2, "beta": 2}, "alpha − beta must be 1"),
        ("lrp-zb", {"low": 1}, "low must be below high"),
        ("lrp-zb", {"hidden": "delta"}, "rule 'delta' is not known; choose among epsilon, gamma"),
        ("lrp-zb", {"hidden": "gamma:x"}, "should be written as in 'gamma:0.25', with 1 numbers or none"),
        ("lrp-zb", {"hidden": "zb"}, "is for layers that read the explained input"),
        ("lrp-composite", {"composite": "best"}, "composite 'best' is not known; choose among epsilon-plus"),
        ("lrp-composite", {"composite": {"third": "flat"}}, "composite names layers .* third; it runs"),
        ("lrp-composite", {"composite": 3}, "must be the name of a preset or a mapping"),
        ("lrp-epsilon", {"gradient_correction": True}, "has no gradients of inputs to correct"),
    ],
)
def test_options_are_refused(model, name, options, message):
    with pytest.raises(InputError, match=message):
        gl.method(name, model, 0, **options)


def test_values_outside_the_box_are_refused(model):
    with pytest.raises(InputError, match=r"lrp-zb is for inputs between 0 and 1, and .* give low= and high="):
        gl.method("lrp-zb", model, 0)(2 * X)
    gl.method("lrp-zb", model, 0, high=2)(2 * X)


def test_models_are_refused(model):
    inputs = keras.Input((L, 4))
    smooth = residual(last="tanh")
    with pytest.raises(UnsupportedModel, match=r"deep-taylor is derived for sums, maxima and ReLUs, and .*Tanh"):
        gl.method("deep-taylor", smooth, 0)
    bent = keras.Model(inputs, K.Dense(1)(K.Flatten()(K.ReLU()(inputs))))
    with pytest.raises(UnsupportedModel, match="no convolution or dense layer of this model does; use lrp-epsilon"):
        gl.method("lrp-zb", bent)
    with pytest.raises(Undefined, match="begins with a nonlinearity"):
        _ = gl.method("lrp-epsilon", bent)(X).hypothetical
    with pytest.raises(
        InputError, match=r"deep-taylor explains outputs above zero, .* sequence 0 is -.* \(1 such of 1\)"
    ):
        gl.method("deep-taylor", model, 1)(X[:1])
    difference = gl.method("deep-taylor", dense(np.eye(2) + 0.5), gl.targets.MeanCentred(0))
    with pytest.raises(InputError, match="a sum with a negative part"):
        difference(np.array([[1.0, 0.0]]))
