"""Shapley values against all coalitions and all orders, sampled coalitions, and LIME against a ridge regression."""

from itertools import combinations, permutations
from math import comb, factorial

import numpy as np
import perturbed_network
import pytest
from perturbed_network import OWN, REFS, L, R, X, close, exchanged
from sklearn.linear_model import Ridge

import genolift as gl
from genolift.methods.surrogates import coalitions
from genolift.support.errors import InputError, Undefined
from genolift.support.seeds import stream

pytestmark = [pytest.mark.usefixtures("uncompiled"), pytest.mark.filterwarnings("ignore:.*no other shuffle")]


@pytest.fixture(scope="module")
def model():
    return perturbed_network.network()


@pytest.fixture(scope="module")
def f(model):
    """Logits of sequences (k, L, 4)."""
    return perturbed_network.logits_of(model)


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
