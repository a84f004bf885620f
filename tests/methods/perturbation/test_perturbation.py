"""Perturbation methods against plain loops, exact Shapley values by enumeration, and closed forms."""

from itertools import combinations, permutations
from math import comb, factorial

import keras
import numpy as np
import pytest
from sklearn.linear_model import Ridge

import genolift as gl
from genolift.methods.common import predicting
from genolift.methods.perturbation import perturbed
from genolift.methods.surrogates import coalitions
from genolift.support.errors import InputError, Undefined, UnsupportedModel
from genolift.support.seeds import stream

K = keras.layers
pytestmark = [pytest.mark.usefixtures("uncompiled"), pytest.mark.filterwarnings("ignore:.*no other shuffle")]
N, L, R = 3, 9, 3
BASES = np.eye(4, dtype=np.float32)
RNG = np.random.default_rng(0)
X, REFS = BASES[RNG.integers(0, 4, (N, L))], BASES[RNG.integers(0, 4, (N, R, L))]
OWN = gl.references.Fixed(REFS)


def fill(model):
    for weights in model.weights:
        weights.assign(np.random.default_rng(1).normal(0, 0.7, weights.shape))
    return model


@pytest.fixture(scope="module")
def model():
    inputs = keras.Input((L, 4))
    h = K.Conv1D(5, 3, activation="relu")(inputs)
    h = K.Dense(6, activation="relu")(K.Flatten()(h))
    return fill(keras.Model(inputs, K.Dense(2, activation="sigmoid")(h)))


@pytest.fixture(scope="module")
def f(model):
    """Logits of sequences (k, L, 4)."""
    logits = keras.Model(model.input, model.layers[-2].output)
    kernel, bias = model.layers[-1].get_weights()

    def predict(x):
        return logits(np.asarray(x, np.float32)).numpy().astype(float) @ kernel + bias

    return predict


@pytest.fixture(scope="module")
def linear():
    return fill(keras.Sequential([keras.Input((L, 4)), K.Conv1D(3, 3), K.Flatten(), K.Dense(1)]))


@pytest.fixture(scope="module")
def twins():
    """Two DNA inputs and three numbers."""
    a, b, c = keras.Input((L, 4), name="a"), keras.Input((5, 4), name="b"), keras.Input((3,), name="signal")
    h = K.Concatenate()([K.Flatten()(K.Conv1D(3, 3, activation="relu")(a)), K.Flatten()(b), c])
    return fill(keras.Model([a, b, c], K.Dense(1)(K.Dense(4, activation="tanh")(h))))


def close(found, expected, tolerance=2e-5):
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max(), rtol=0)


def exchanged(x, ref, keep):
    return np.where(np.asarray(keep)[:, None], x, ref)


def exact_shapley(value, m):
    """By the definition: value maps a tuple of players to a number (or an array)."""
    found = []
    for i in range(m):
        others = [j for j in range(m) if j != i]
        total = 0
        for k in range(m):
            for members in combinations(others, k):
                share = factorial(k) * factorial(m - k - 1) / factorial(m)
                total = total + share * (value((*members, i)) - value(members))
        found.append(total)
    return np.array(found)


def game(f, x, refs, width):
    """The mean over references of f with the players' bases of x, for every coalition; and the player of each base."""
    of = np.arange(L) // width
    m = of.max() + 1
    every = [members for k in range(m + 1) for members in combinations(range(m), k)]
    copies = [exchanged(x, ref, np.isin(of, members)) for members in every for ref in refs]
    values = dict(zip(every, f(copies).reshape(len(every), len(refs), -1).mean(1), strict=True))
    return (lambda members: values[tuple(sorted(members))]), m, of


@pytest.mark.parametrize(("window", "stride"), [(1, 1), (3, 1), (4, 3)])
def test_occlusion(model, f, window, stride):
    found = gl.method("occlusion", model, [0, 1], window=window, stride=stride, references=OWN)(X)
    starts = sorted({*range(0, L - window + 1, stride), L - window})
    for n, x in enumerate(X):
        by_reference = np.zeros((R, L, 2))
        for r, ref in enumerate(REFS[n]):
            for position in range(L):
                drops = []
                for start in starts:
                    if start <= position < start + window:
                        changed = x.copy()
                        changed[start : start + window] = ref[start : start + window]
                        drops.append(f([x])[0] - f([changed])[0])
                by_reference[r, position] = np.mean(drops, 0)
        close(found.scores[n], by_reference.mean(0).T)
        close(found.standard_error[n], by_reference.std(0, ddof=1).T / np.sqrt(R), 1e-4)
    close(found.predictions, f(X))
    for undefined in ("hypothetical", "raw_contributions", "multipliers", "residual", "reference_predictions"):
        with pytest.raises(Undefined, match="occlusion"):
            getattr(found, undefined)


def test_one_base_at_a_time_is_the_contribution_in_a_linear_model(linear):
    """Gradient × input = Shapley = occlusion of single bases = LIME without penalty, the reference at zero."""
    zero = gl.references.Zeros()
    expected = gl.method("gradient-x-input", linear)(X).scores
    options = {
        "occlusion": {"window": 1},
        "shapley-sampling": {},
        "kernel-shap": {"samples": 100},
        "lime": {"width": 1, "alpha": 0, "samples": 60},
    }
    for name, chosen in options.items():
        found = gl.method(name, linear, references=zero, **chosen)(X)
        close(found.scores, expected, 1e-4)
    close(found.r_squared, np.ones(N))
    assert gl.method("kernel-shap", linear, references=zero, samples=100)(X).standard_error.max() < 1e-5


def test_a_window_of_the_background(model, f):
    found = gl.method("occlusion", model, 0, window=2, references="background:0.1,0.2,0.3,0.4")(X)
    changed = X.copy()
    changed[:, :2] = [0.1, 0.2, 0.3, 0.4]
    close(found.scores[:, 0], f(X)[:, 0] - f(changed)[:, 0])
    assert np.isnan(found.standard_error).all()


@pytest.mark.parametrize("name", ["occlusion", "shapley-sampling", "kernel-shap", "lime", "mask", "sis"])
def test_several_inputs(twins, name):
    """Each sequence is changed by itself or as a player; numbers stay as they are and get no score."""
    given = {"a": X, "b": X[:, :5], "signal": np.ones((N, 3), np.float32)}
    references = {"a": REFS, "b": REFS[:, :, :5]}
    small = {"mask": {"steps": 3}, "lime": {"samples": 40}, "kernel-shap": {"samples": 60}}
    found = gl.method(name, twins, references=references, **small.get(name, {}))(given)
    assert found.scores["a"].shape == (N, L)
    assert found.scores["b"].shape == (N, 5)
    assert found.scores["signal"] is None
    if name == "shapley-sampling":
        total = found.scores["a"].sum(1) + found.scores["b"].sum(1)
        close(total, found.predictions - found.reference_predictions.mean(1))
    only = gl.method(name, twins, references={"b": REFS[:, :, :5]}, **small.get(name, {}))(given)
    assert only.scores["a"] is None
    if name == "occlusion":
        close(only.scores["b"], found.scores["b"])
    with pytest.raises(InputError, match="no input to change"):
        gl.method(name, twins, references={})(given)


@pytest.mark.parametrize("width", [1, 4])
def test_shapley_sampling_by_loops(model, f, width):
    """The same orders taken one by one, forwards and backwards."""
    orders, seed = 2, 4
    found = gl.method("shapley-sampling", model, 1, orders=orders, width=width, seed=seed, references=OWN)(X)
    for n, x in enumerate(X):
        of = np.arange(L) // width
        m = of.max() + 1
        keys = stream(seed, "shapley-sampling", x.tobytes()).random((R, orders, m))
        units = []
        for r, ref in enumerate(REFS[n]):
            for order in range(orders):
                gains = np.zeros(m)
                there = np.argsort(keys[r, order])
                for players in (there, there[::-1]):
                    for k, player in enumerate(players):
                        without = exchanged(x, ref, np.isin(of, players[:k]))
                        with_it = exchanged(x, ref, np.isin(of, players[: k + 1]))
                        gains[player] += np.subtract(*f([with_it, without])[:, 1]) / 2
                units.append(gains)
        share = np.bincount(of)[of]
        close(found.scores[n], np.mean(units, 0)[of] / share)
        close(found.standard_error[n], np.std(units, axis=0, ddof=1)[of] / np.sqrt(len(units)) / share, 1e-4)
        close(found.reference_predictions[n], f(REFS[n])[:, 1])
    change = found.predictions[:, None] - found.reference_predictions
    close(found.scores.sum(1), change.mean(1))
    np.testing.assert_allclose(found.residual, 0, atol=1e-5)


def test_shapley_values_by_enumeration(model, f):
    """All coalitions exactly; sampled orders and coalitions as far off as their own standard errors say."""

    def exact(references):
        games = [game(f, x, references[n], 1) for n, x in enumerate(X)]
        return np.array([exact_shapley(value, m)[of].T for value, m, of in games])

    def as_far_off_as_it_says(found, expected):
        error, left = found.standard_error, np.abs(found.scores - expected)
        there = error > 1e-5 * np.abs(expected).max()  # additive bases are exact up to rounding
        assert there.mean() > 0.2
        off = left[there] / error[there]
        assert off.max() < 4.5
        assert 0.5 < np.sqrt(np.mean(off**2)) < 1.5
        assert error.max() < 0.3 * np.abs(expected).max()

    every = gl.method("kernel-shap", model, [0, 1], references=OWN)(X)
    close(every.scores, exact(REFS))
    np.testing.assert_array_equal(every.standard_error, 0)
    regressed = gl.method("kernel-shap", model, [0, 1], samples=200, references=OWN)(X)
    as_far_off_as_it_says(regressed, exact(REFS))
    # Of one reference, so that all the error is that of orders.
    one = REFS[:, :1]
    drawn = gl.method("shapley-sampling", model, [0, 1], orders=60, references=gl.references.Fixed(one))(X)
    as_far_off_as_it_says(drawn, exact(one))
    with pytest.raises(Undefined, match="kernel-shap"):
        _ = regressed.residual


def test_all_orders_are_the_definition():
    """Shapley's two forms agree, so that the enumeration above can be trusted."""
    numbers = {
        members: np.sin(1 + sum(3**i for i in members)) for k in range(4) for members in combinations(range(3), k)
    }
    by_orders = np.zeros(3)
    for order in permutations(range(3)):
        for k, player in enumerate(order):
            gain = numbers[tuple(sorted(order[: k + 1]))] - numbers[tuple(sorted(order[:k]))]
            by_orders[player] += gain / factorial(3)
    close(exact_shapley(lambda members: numbers[tuple(sorted(members))], 3), by_orders)


def test_the_kernel_and_its_sampling():
    m = 6
    members, weights = coalitions.every(m)
    assert len(members) == 2**m - 2
    for row, weight in zip(members, weights, strict=True):
        k = row.sum()
        np.testing.assert_allclose(weight, (m - 1) / (comb(m, k) * k * (m - k)))
    drawn = coalitions.sampled(m, 20_000, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn[::2], ~drawn[1::2])
    codes = np.bincount(drawn @ 2 ** np.arange(m), minlength=2**m)
    expected = np.zeros(2**m)
    expected[members @ 2 ** np.arange(m)] = weights / weights.sum() * len(drawn)
    assert (np.abs(codes - expected) <= 5 * np.sqrt(expected)).all()


@pytest.mark.parametrize("pairs", [20, 80])
def test_the_error_of_sampled_coalitions_is_what_repeats_show(pairs):
    """Also where there are hardly more pairs than values, and the fit leaves less than the truth would."""
    rng = np.random.default_rng(1)
    m, total = 7, np.array([2.0])
    curve = rng.normal(size=2**m)
    found = []
    for _ in range(400):
        members = coalitions.sampled(m, pairs, rng)
        gains = curve[members @ 2 ** np.arange(m)][:, None]
        values = coalitions.solve(members, np.ones(len(members)), gains, total)
        found.append((values, coalitions.sampling_error(members, gains, total, values)))
    values, error = (np.array(column)[..., 0] for column in zip(*found, strict=True))
    np.testing.assert_allclose(values.sum(1), total[0])
    ratio = np.median(error, axis=0) / values.std(0)
    assert (ratio > 0.9).all()
    assert (ratio < 1.3).all()


def test_coalitions_that_do_not_determine_the_values():
    members = np.repeat([[True, False, False], [False, True, True]], 3, axis=0)
    with pytest.raises(InputError, match="do not determine 3 values; give more samples"):
        coalitions.solve(members, np.ones(6), np.ones((6, 1)), np.ones(1))


def test_lime(model, f):
    width, samples, seed = 2, 50, 3
    options = {"width": width, "samples": samples, "kernel_width": 0.5, "alpha": 0.3, "seed": seed}
    found = gl.method("lime", model, [1, 0], references=OWN, **options)(X)
    of = np.arange(L) // width
    m = of.max() + 1
    for n, x in enumerate(X):
        rng = stream(seed, "lime", x.tobytes())
        off = rng.integers(1, m + 1, samples)
        places = rng.random((samples, m)).argsort(1).argsort(1)
        rows, outputs, weights = [np.ones(m)], [f([x])[0]], [1.0]
        for i in range(samples):
            kept = places[i] >= off[i]
            rows.append(kept)
            outputs.append(f([exchanged(x, REFS[n, i % R], kept[of])])[0])
            distance = np.sqrt((1 - kept).sum())
            weights.append(np.exp(-(distance**2) / (0.5 * np.sqrt(m)) ** 2))
        for t, target in enumerate([1, 0]):
            y = np.array(outputs)[:, target]
            ridge = Ridge(alpha=0.3).fit(rows, y, sample_weight=weights)
            close(found.scores[n, t], ridge.coef_[of] / np.bincount(of)[of])
            close(found.intercept[n, t], ridge.intercept_)
            close(found.r_squared[n, t], ridge.score(rows, y, sample_weight=weights))
    assert 0 < found.r_squared.min() < found.r_squared.max() < 1
    with pytest.raises(Undefined, match="r_squared"):
        _ = found.standard_error


def test_lime_of_a_constant_fits(model):
    same = gl.method("lime", model, 0, references=gl.references.Fixed(X[:, None]))(X)
    np.testing.assert_allclose(same.scores, 0, atol=1e-6)


def test_deep_shap_is_deeplift_over_one_set(model, f):
    background = REFS[0]
    found = gl.method("deep-shap", model, [0, 1], references=background)(X)
    expected = gl.DeepLift(model, [0, 1], rule="rescale", references=gl.references.Fixed(background))(X)
    np.testing.assert_allclose(found.hypothetical, expected.hypothetical)
    base = f(background).mean(0)
    close(found.scores.sum(-1), f(X) - base, 1e-4)
    default = gl.method("deep-shap", model, 0)(X[:1])
    assert default.reference_predictions.shape == (1, 100)
    with pytest.raises(InputError, match="one background set"):
        gl.method("deep-shap", model, 0, references=gl.references.Shuffled(3))(X)


def test_sampled_references_are_a_prefix_and_have_their_frequencies():
    many = gl.references.Sampled(400, [0.4, 0.1, 0.1, 0.4], seed=2).draw(X)
    assert many.shape == (400, L, 4)
    np.testing.assert_array_equal(gl.references.Sampled(5, [0.4, 0.1, 0.1, 0.4], seed=2).draw(X[:1]), many[:5])
    np.testing.assert_allclose(many.mean((0, 1)), [0.4, 0.1, 0.1, 0.4], atol=0.03)


PERTURBING = {
    "occlusion": {"window": 2},
    "shapley-sampling": {},
    "kernel-shap": {"samples": 40},
    "lime": {"samples": 30, "width": 1},
}


@pytest.mark.parametrize("name", PERTURBING)
def test_batches_blocks_and_targets_change_nothing(model, name, monkeypatch):
    first = gl.method(name, model, [1, 0], **PERTURBING[name])(X)
    monkeypatch.setattr(predicting, "_BATCH_BYTES", 20_000.0)
    monkeypatch.setattr(perturbed, "_BLOCK_COPIES", 1)
    again = gl.method(name, model, 0, progress=False, **PERTURBING[name])(X[::-1])
    close(again.scores[::-1], first.scores[:, 1])
    if name != "occlusion":
        other = gl.method(name, model, 0, progress=False, seed=1, **PERTURBING[name])(X)
        assert np.abs(other.scores - first.scores[:, 1]).max() > 1e-3 * np.abs(first.scores).max()


def test_both_strands(model, f):
    both = gl.method("occlusion", model, 0, window=1, references=OWN, rc_average=True)(X)
    forward = gl.method("occlusion", model, 0, window=1, references=OWN)(X)
    mirrored = gl.references.Fixed(REFS[:, :, ::-1, ::-1])
    reverse = gl.method("occlusion", model, 0, window=1, references=mirrored)(X[:, ::-1, ::-1])
    close(both.scores, (forward.scores + reverse.scores[:, ::-1]) / 2)


def test_a_profile_keeps_the_probabilities_of_the_sequence(monkeypatch):
    profile = fill(keras.Sequential([keras.Input((L, 4)), K.Conv1D(1, 3, name="profile")]))
    method = gl.method("occlusion", profile, gl.targets.Profile(), window=L, references=OWN)
    monkeypatch.setattr(predicting, "_BATCH_BYTES", 800.0)  # two sequences at a time, and one at last
    found = method(X)
    for n, x in enumerate(X):
        z, others = profile(x[None]).numpy()[0, :, 0], profile(REFS[n]).numpy()[..., 0]
        p = np.exp(z) / np.exp(z).sum()
        drop = (p * (z - z.mean())).sum() - (p * (others - others.mean(1, keepdims=True))).sum(1)
        close(found.scores[n], np.full(L, drop.mean()))


def test_tokens():
    """Integer inputs are exchanged for other tokens, and get a score each."""
    tokens = keras.Sequential([keras.Input((6,), dtype="int32"), K.Embedding(7, 3), K.Flatten(), K.Dense(1)])
    x, other = np.array([[1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]]), np.array([[0, 0, 1, 1, 0, 0]])
    found = gl.method("occlusion", tokens, window=1, references=gl.references.Fixed(other))(x)
    value = lambda z: tokens(np.asarray(z)).numpy()[:, 0]  # noqa: E731
    for position in range(6):
        changed = x.copy()
        changed[:, position] = other[0, position]
        close(found.scores[:, position], value(x) - value(changed))
    assert gl.method("gradient", tokens)(x).scores.shape == (2, 6)
    with pytest.raises(InputError, match="not defined for sequences of 7 tokens"):
        gl.method("lime", tokens, width=1)(x)


def test_subsets_are_not_averaged_over_models(model):
    both = gl.method("occlusion", [model, model], 0, references=OWN)(X)
    assert np.abs(both.spread).max() < 1e-6
    with pytest.raises(InputError, match="what sis finds is not averaged over models"):
        gl.method("sis", [model, model], 0)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("occlusion", {"window": 0}, "window must be a whole number of at least 1"),
        ("occlusion", {"window": 10}, "window is 10, but the sequences are 9 long"),
        ("occlusion", {"window": 2, "stride": 3}, "a stride of 3 leaves positions between windows of 2"),
        ("occlusion", {"references": gl.references.Shuffled("auto")}, r"not Shuffled\('auto'\)"),
        ("occlusion", {"memory": 10}, "one prediction needs about .*; give memory="),
        ("shapley-sampling", {"width": 20}, "width is 20, but the sequences are 9 long"),
        ("shapley-sampling", {"orders": 1.5}, "orders must be a whole number"),
        ("kernel-shap", {"samples": 10}, "10 samples are too few for 9 stretches of 1; give at least 18"),
        ("lime", {"samples": 5, "width": 1}, "5 samples are too few for 9 stretches of 1; give at least 11"),
        ("lime", {"kernel_width": 0}, "kernel_width must be above 0"),
    ],
)
def test_refusals(model, name, options, message):
    with pytest.raises(InputError, match=message):
        gl.method(name, model, 0, **options)(X)


def test_inputs_without_bases_are_refused():
    flat = keras.Sequential([keras.Input((6,)), K.Dense(1)])
    with pytest.raises(UnsupportedModel, match=r"occlusion exchanges bases of one-hot sequences.*integrated-gradients"):
        gl.method("occlusion", flat)(np.ones((2, 6)))
