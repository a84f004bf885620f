"""Surrogates: linear models recovered, the copies they are fitted to, a twin in explicit features, the fit they report."""

import itertools

import method_models
import numpy as np
import pytest

import genolift as gl
from genolift.methods.registry import method_class
from genolift.methods.surrogates import linear
from genolift.plot.interactions import plot_surrogate
from genolift.results.kinds import SurrogateExplanation
from genolift.support.errors import GenoliftWarning, InputError, Undefined, UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

pytestmark = pytest.mark.usefixtures("uncompiled")
N, L = 2, method_models.LENGTH
X = method_models.sequences(N, seed=5)
WEIGHTS = np.random.default_rng(1).normal(size=(L, 4)).astype(np.float32)
CENTRED = WEIGHTS - WEIGHTS.mean(1, keepdims=True)
SIZE = 3.0  # of the product


def additive(x):
    return tf.reduce_sum(x * WEIGHTS, [1, 2])[:, None] + 2


def with_product(x):
    """An A at 4 and a G at 7 are worth 3 together."""
    return additive(x) + SIZE * (x[:, 4, 0] * x[:, 7, 2])[:, None]


def close(found, expected, tolerance=2e-5):
    np.testing.assert_allclose(found, expected, atol=tolerance * max(1, np.abs(expected).max()), rtol=0)


def test_a_linear_model_is_recovered():
    found = gl.method("surrogate", additive, samples=900, rate=0.75, alpha=0, start=2, end=9)(X)
    inside = np.zeros((L, 1))
    inside[2:9] = 1
    close(found.hypothetical, np.tile(CENTRED * inside, (N, 1, 1)))
    close(found.scores, (X * CENTRED * inside).sum(-1))
    close(found.contributions, found.raw_contributions)
    close(found.additive, np.tile(CENTRED[2:9], (N, 1, 1)))
    close(found.pairwise, np.zeros((N, 7, 4, 7, 4)))
    # What is said of x, by its constant and scores.
    close(found.constant + found.scores.sum(1), found.predictions)
    close([found.r_squared, found.pairwise_r_squared], np.ones((2, N)), 1e-6)
    assert (found.stretch == 2).all()
    assert isinstance(found, SurrogateExplanation)


def test_a_product_is_recovered_by_pairs_alone():
    found = gl.method("surrogate", with_product, samples=1500, rate=0.5, alpha=0, start=3, end=9)(X)
    first, second = np.eye(4)[0] - 0.25, np.eye(4)[2] - 0.25
    expected = np.zeros((6, 4, 6, 4))
    expected[1, :, 4] = SIZE * np.outer(first, second)
    expected[4, :, 1] = SIZE * np.outer(second, first)
    close(found.pairwise, np.tile(expected, (N, 1, 1, 1, 1)))
    # In the zero-sum gauge a product has parts of its own in the positions.
    own = CENTRED[3:9].copy()
    own[1] += SIZE / 4 * first
    own[4] += SIZE / 4 * second
    close(found.additive, np.tile(own, (N, 1, 1)))
    assert (found.pairwise_r_squared > 0.99999).all()
    assert (found.r_squared < 0.99).all()
    assert (found.r_squared > 0.5).all()


def explicit(codes, width, pairs):
    """Features one by one: indicators less 1/4, and their products; nothing where a base is unknown."""
    rows = []
    for row in codes:
        z = [np.eye(4)[c] - 0.25 if c < 4 else np.zeros(4) for c in row]
        features = [value for one in z for value in one]
        if pairs:
            for i, j in itertools.combinations(range(width), 2):
                features += [a * b for a in z[i] for b in z[j]]
        rows.append(features)
    return np.array(rows)


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("copies", [10, 40, 200])
def test_twin_in_explicit_features(pairs, copies):
    """Ridge on redundant features, in float64; fewer copies than the 12 and 54 weights, and more."""
    rng, width = np.random.default_rng(2), 4
    codes, y = rng.integers(0, 5, (copies, width)), rng.normal(size=(copies, 2))
    found = linear.regress(codes, y, 0.7, pairs)
    table = explicit(codes, width, pairs)
    centred = table - table.mean(0)
    weights = np.linalg.solve(centred.T @ centred + 0.7 * np.eye(table.shape[1]), centred.T @ (y - y.mean(0)))
    np.testing.assert_allclose(found.weights, weights[: 4 * width].T.reshape(2, width, 4), atol=1e-10)
    for p, (i, j) in enumerate(itertools.combinations(range(width), 2)):
        if pairs:
            block = weights[16 + 16 * p : 32 + 16 * p].T.reshape(2, 4, 4)
            np.testing.assert_allclose(found.pairs[:, i, :, j], block, atol=1e-10)
            np.testing.assert_allclose(found.pairs[:, j, :, i], np.swapaxes(block, 1, 2), atol=1e-10)
    others = rng.integers(0, 5, (30, width))
    constant = y.mean(0) - table.mean(0) @ weights
    np.testing.assert_allclose(found.predict(others), constant + explicit(others, width, pairs) @ weights, atol=1e-10)
    np.testing.assert_allclose(found.weights.sum(-1), 0, atol=1e-12)


def test_an_additive_model_is_the_same_in_every_gauge():
    model = linear.LinearModel(np.ones(1), np.ones((1, 3, 4)), None)
    assert linear.averaged(model, np.full((3, 4), 0.25)) is model


def test_the_gauge_of_the_copies():
    """Other parts, the same predictions; a pair's mean over the copies' bases belongs to the positions."""
    options = {"samples": 1500, "rate": 0.5, "alpha": 0, "start": 3, "end": 9}
    plain, copies = (gl.method("surrogate", with_product, gauge=g, **options)(X) for g in ("zero-sum", "copies"))
    shares = np.where(X[:, 3:9] == 1, 0.5, 0.5 / 3)
    close(np.einsum("niajb,njb->niaj", copies.pairwise, shares), np.zeros((N, 6, 4, 6)))
    close(copies.additive.sum(-1), np.zeros((N, 6)))
    # An A at 4 is worth as much more as there are G at 7.
    own = CENTRED[4] + SIZE * shares[:, 4, 2][:, None] * (np.eye(4)[0] - 0.25)
    close(copies.additive[:, 1], own)
    codes = np.random.default_rng(0).integers(0, 4, (50, 6))
    for n in range(N):
        values = [
            linear.LinearModel(*(np.asarray(v[n], np.float64)[None] for v in parts)).predict(codes)
            for parts in ((f.pairwise_constant, f.additive, f.pairwise) for f in (plain, copies))
        ]
        close(values[1], values[0])


def copies_of(x, **options):
    method = method_class("surrogate")(additive, samples=4000, **options)
    return method._copies(x, np.random.default_rng(3))


def test_copies_are_mutated_at_the_rate():
    codes = X[0].argmax(-1)
    found = copies_of(X[0], rate=0.2)
    assert (found[0] == codes).all()
    changed = found[1:] != codes
    assert changed.mean() == pytest.approx(0.2, abs=0.005)
    assert np.abs(changed.mean(0) - 0.2).max() < 0.03
    steps = (found[1:] - codes.astype(int))[changed] % 4
    np.testing.assert_allclose(np.bincount(steps, minlength=4) / len(steps), [0, 1 / 3, 1 / 3, 1 / 3], atol=0.02)


def test_unknown_bases_are_kept_or_mutated_to_any():
    x = X[0].copy()
    x[3] = 0.25
    found = copies_of(x, rate=0.4)[:, 3]
    assert found[0] == 4
    np.testing.assert_allclose(np.bincount(found, minlength=5) / len(found), [0.1] * 4 + [0.6], atol=0.03)
    seen = []

    def watching(x):
        seen.append(x)
        return additive(x)

    some = gl.method("surrogate", watching, samples=400, rate=0.3, alpha=0, start=2, end=5)(x[None])
    assert np.isfinite(some.hypothetical).all()
    assert some.r_squared[0] == pytest.approx(1, abs=1e-5)  # 1/4 each is the constant's own


def test_what_is_predicted_are_the_copies(monkeypatch):
    """f of each copy belongs to it: fitted to copies that come in another order, nothing would be recovered."""
    x = X[:1]
    method = gl.method("surrogate", additive, samples=60, rate=0.5, start=0, end=3, alpha=0)
    seen = {}
    fits = method._fits
    monkeypatch.setattr(method, "_fits", lambda codes, f: seen.update(codes=codes, f=f) or fits(codes, f))
    method(x)
    mutated = np.repeat(x, 61, axis=0)
    mutated[:, :3] = np.eye(4)[seen["codes"]]
    close(seen["f"], additive(mutated).numpy())


def test_the_fit_is_told_by_copies_that_were_not_fitted_to():
    """A model without any regularity is learnt by heart, which the other copies show."""

    def rough(x):
        return tf.sin(1e4 * additive(x))

    found = gl.method("surrogate", rough, samples=100, rate=0.8, alpha=1e-6, start=0, end=8)(X)
    assert (found.pairwise_r_squared < 0.5).all()
    few = gl.method("surrogate", rough, samples=30, rate=0.8, alpha=1e-6, start=0, end=8, pairwise=False)(X)
    assert (few.r_squared < 0.5).all()
    y = np.array([[1.0, 2], [2, 2], [3, 2]])
    np.testing.assert_allclose(linear.r_squared(np.array([[1.0, 2], [2, 2], [2, 2]]), y), [0.5, 1])


def test_transforms():
    options = {"samples": 400, "rate": 0.3, "alpha": 0, "start": 2, "end": 6}

    def positive(x):
        return tf.exp(additive(x))

    plain, log = (gl.method("surrogate", positive, transform=t, **options)(X) for t in ("none", "log"))
    close(log.hypothetical[:, 2:6], np.tile(CENTRED[2:6], (N, 1, 1)), 1e-4)
    assert (log.r_squared > 0.9999).all()
    assert (plain.r_squared < 0.97).all()
    close(log.predictions, positive(X).numpy()[:, 0])
    ranks = [gl.method("surrogate", f, transform="rank", **options)(X) for f in (positive, additive)]
    close(ranks[0].hypothetical, ranks[1].hypothetical, 1e-3)
    assert (ranks[0].r_squared > 0.8).all()
    deviates = gl.method("surrogate", additive, transform="rank")._transformed(np.array([[3.0], [1], [2], [9]]))
    close(deviates[:, 0], [0.3186394, -1.1503494, -0.3186394, 1.1503494])
    with pytest.raises(InputError, match="above zero"):
        gl.method("surrogate", lambda x: additive(x) - 50, transform="log", **options)(X)


def test_targets_together_alone_and_seeds():
    def two(x):
        return tf.concat([with_product(x), additive(x) ** 2], 1)

    options = {"samples": 300, "rate": 0.3, "start": 3, "end": 8}
    both = gl.method("surrogate", two, [0, 1], **options)(X)
    assert both.pairwise.shape == (N, 2, 5, 4, 5, 4)
    for t in (0, 1):
        alone = gl.method("surrogate", two, t, **options)(X[1:2])
        for field in ("hypothetical", "pairwise", "additive", "constant", "r_squared", "pairwise_r_squared"):
            close(getattr(alone, field)[0], getattr(both, field)[1, t], 1e-4)
    other = gl.method("surrogate", two, [0, 1], seed=1, **options)(X)
    assert np.abs(other.hypothetical - both.hypothetical).max() > 1e-3


def test_a_whole_sequence_with_fewer_copies_than_weights():
    """16 positions have 1,128 weights; half as many copies still show the one product that there is."""
    found = gl.method("surrogate", with_product, samples=600, rate=0.4)(X[:1])
    strongest = np.unravel_index(np.abs(found.pairwise[0]).argmax(), found.pairwise[0].shape)
    assert {strongest[:2], strongest[2:]} == {(4, 0), (7, 2)}
    assert np.abs(found.pairwise.sum(2)).max() < 1e-4
    assert found.pairwise_r_squared[0] > 0.8


def test_without_pairs():
    found = gl.method("surrogate", with_product, samples=200, pairwise=False)(X)
    assert "pairwise" not in found.defined
    with pytest.raises(Undefined, match="not asked for"):
        _ = found.pairwise
    with pytest.raises(InputError, match="pairwise=True"):
        plot_surrogate(found)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rate": 0}, "rate"),
        ({"rate": 1.5}, "rate"),
        ({"alpha": -1}, "alpha"),
        ({"samples": 5}, "samples"),
        ({"transform": "square"}, "none, log, rank"),
        ({"gauge": "mine"}, "gauge must be"),
        ({"start": 3}, "start"),
        ({"start": 5, "end": 5}, "not 5 and 5"),
    ],
)
def test_options(options, words):
    with pytest.raises(InputError, match=words):
        gl.method("surrogate", additive, **options)


def test_refusals():
    with pytest.raises(InputError, match=r"16 positions needs about .* GB .* 1,128 weights.*pairwise=False"):
        gl.method("surrogate", additive, memory="10MB")(X)
    with pytest.raises(InputError, match="321 copies do not determine the 1,128"):
        gl.method("surrogate", additive, samples=400, alpha=0)(X)
    with pytest.raises(InputError, match="ends at 30, but the sequences are 16"):
        gl.method("surrogate", additive, start=3, end=30)(X)
    with pytest.raises(UnsupportedModel, match="one sequence"):
        gl.method("surrogate", lambda a, b: additive(a + b))([X, X])


def test_a_map(tmp_path):
    found = gl.method("surrogate", with_product, samples=900, rate=0.4, start=3, end=9)(X, names=["a", "b"])
    found.save(tmp_path / "s.zarr")
    loaded = gl.Explanation.load(tmp_path / "s.zarr")
    figure = loaded.plot_map("b")
    top, below = figure.axes[:2]
    assert (top.get_images()[0].get_array() == found.additive[1].T).all()
    drawn = below.get_images()[0].get_array()
    block = found.pairwise[1, 1, :, 4].ravel()
    assert drawn[1, 4] == block[np.abs(block).argmax()]
    assert loaded.plot_map("b", bases=True).axes[1].get_images()[0].get_array().shape == (24, 24)


@pytest.mark.parametrize("pairwise", [True, False])
def test_a_fit_that_explains_nothing_is_told(pairwise):
    """What three bases decide together, in few copies: no model of bases and pairs predicts others."""

    def parity(x):
        return tf.reduce_prod(1 - 2 * x[:, :, 0] - 2 * x[:, :, 1], axis=1)[:, None]

    X = gl.one_hot(["ACGTAC"])
    with pytest.warns(GenoliftWarning, match="1 of 1 .* no better than .* more samples"):
        gl.method("surrogate", parity, 0, samples=40, rate=0.75, pairwise=pairwise, progress=False)(X)
