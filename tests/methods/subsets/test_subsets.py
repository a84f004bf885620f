"""Sufficient input subsets against a plain loop, and by hand; masks by what they reach."""

import warnings

import keras
import numpy as np
import pytest

import genolift as gl
from genolift.evaluate.discovery.subsets import subsets_of
from genolift.methods.common import predicting
from genolift.methods.perturbation import perturbed
from genolift.support.errors import GenoliftWarning, InputError, Undefined
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
N, L = 4, 9
BASES = np.eye(4, dtype=np.float32)
X = BASES[np.random.default_rng(0).integers(0, 4, (N, L))]
MASK = np.full((L, 4), 0.25, np.float32)


@pytest.fixture(scope="module")
def model():
    inputs = keras.Input((L, 4))
    h = K.Conv1D(5, 3, activation="relu")(inputs)
    h = K.Dense(6, activation="relu")(K.Flatten()(h))
    found = keras.Model(inputs, K.Dense(2)(h))
    for weights in found.weights:
        weights.assign(np.random.default_rng(2).normal(0, 0.7, weights.shape))
    return found


def close(found, expected, tolerance=1e-5):
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max(), rtol=0)


def carter(f, x, threshold, masked, width=1):
    """SIScollection with BackSelect and FindSIS as in the paper (Carter et al. 2019, section 3)."""
    players = [set(range(i, min(i + width, L))) for i in range(0, L, width)]

    def value(kept):
        changed = masked.copy()
        for player in kept:
            for i in players[player]:
                changed[i] = x[i]
        return f(changed)

    left, found = set(range(len(players))), []
    while left and value(left) >= threshold:
        kept, stack = set(left), []
        while kept:
            best = max(sorted(kept), key=lambda i: value(kept - {i}))
            kept -= {best}
            stack.append(best)
        subset: set = set()
        while value(subset) < threshold:
            subset |= {stack.pop()}
        found.append((sorted(i for player in subset for i in players[player]), value(subset)))
        left -= subset
    return found


@pytest.mark.parametrize("width", [1, 2])
def test_all_subsets_as_the_paper_finds_them(model, width):
    found = gl.method("sis", model, [0, 1], width=width, share=0.4)(X)
    several = 0
    for n, x in enumerate(X):
        for t in range(2):
            f = lambda z, t=t: float(model(z[None]).numpy()[0, t])  # noqa: E731
            threshold = f(MASK) + 0.4 * (f(x) - f(MASK))
            np.testing.assert_allclose(found.threshold[n, t], threshold, rtol=1e-4)
            expected = [] if threshold <= f(MASK) else carter(f, x, threshold, MASK, width)
            assert found.subset_count[n, t] == len(expected)
            several += len(expected) > 1
            for k, (members, value) in enumerate(expected, start=1):
                assert found.members(n, k, target=t).tolist() == members
                np.testing.assert_allclose(found.subset_predictions[n, t, k - 1], value, rtol=1e-4)
                assert value >= threshold
            assert np.isnan(found.subset_predictions[n, t, len(expected) :]).all()
    assert several > 1, "the case should have sequences with several subsets"
    np.testing.assert_array_equal(found.scores, found.subsets > 0)
    close(found.predictions, model(X).numpy())
    close(found.masked_predictions, np.broadcast_to(model(MASK[None]).numpy(), (N, 2)))
    with pytest.raises(Undefined, match="sis"):
        _ = found.hypothetical


def test_by_hand():
    """f = max(A at 1 and C at 2, G at 5 and T at 6): two subsets, the rest in none."""
    x = BASES[[0, 0, 1, 3, 3, 2, 3, 0]][None]

    def both(z):
        left, right = z[:, 1, 0] + z[:, 2, 1], z[:, 5, 2] + z[:, 6, 3]
        return tf.maximum(tf.nn.relu(left - 1), tf.nn.relu(right - 1))[:, None]

    found = gl.method("sis", both, threshold=0.9)(x)
    assert found.subset_count[0] == 2
    assert {tuple(found.members(0, k)) for k in (1, 2)} == {(1, 2), (5, 6)}
    assert sorted(np.flatnonzero(found.scores[0])) == [1, 2, 5, 6]
    np.testing.assert_allclose(found.subset_predictions[0, :2], 1)
    one = gl.method("sis", both, threshold=0.9, most=1)(x)
    assert one.subset_count[0] == 1
    assert one.subset_predictions.shape == (1, 1)


def test_thresholds(model):
    low = gl.method("sis", model, 0, threshold=1e6)(X)
    assert low.subset_count.sum() == 0
    assert not low.scores.any()
    with pytest.warns(GenoliftWarning, match="4 predictions reach the threshold with everything masked"):
        gl.method("sis", model, 0, threshold=-1e6)(X)
    fitted = gl.method("sis", model, [0, 1]).fit(X, quantile=0.5)
    found = fitted(X[:2])
    close(found.threshold, np.broadcast_to(np.quantile(model(X).numpy(), 0.5, axis=0), (2, 2)))
    assert found.method["fitted"] == fitted.fitted.tolist()


def test_several_masks_are_averaged(model):
    masks = BASES[np.random.default_rng(5).integers(0, 4, (3, L))]
    found = gl.method("sis", model, 0, references=masks)(X[:2])
    np.testing.assert_allclose(found.masked_predictions, model(masks).numpy()[:, 0].mean(), rtol=1e-4)
    for n in range(2):
        for k in range(found.subset_count[n]):
            kept = np.isin(np.arange(L), found.members(n, k + 1))[:, None]
            value = model(np.where(kept, X[n], masks)).numpy()[:, 0].mean()
            np.testing.assert_allclose(found.subset_predictions[n, k], value, rtol=1e-4)


def test_a_store_keeps_subsets(model, tmp_path):
    found = gl.method("sis", model, 0, share=0.4)(X)
    found.save(tmp_path / "subsets.zarr")
    again = gl.Explanation.load(tmp_path / "subsets.zarr")
    assert type(again) is type(found)
    np.testing.assert_array_equal(again.subsets[:], found.subsets)
    assert again.members(1, 1).tolist() == found.members(1, 1).tolist()
    texts = subsets_of(again)
    assert len(texts) == found.subset_count.sum() > 0
    assert all(one.text[0] != "N" != one.text[-1] for one in texts)


@pytest.mark.parametrize("name", ["sis", "mask"])
def test_batches_and_targets_change_nothing(model, name, monkeypatch):
    options = {"mask": {"steps": 40}, "sis": {"share": 0.4}}[name]
    first = gl.method(name, model, [1, 0], **options)(X)
    monkeypatch.setattr(predicting, "_BATCH_BYTES", 3_000.0)
    monkeypatch.setattr(perturbed, "_BLOCK_COPIES", 1)
    again = gl.method(name, model, 0, progress=False, **options)(X[::-1])
    np.testing.assert_allclose(again.scores[::-1], first.scores[:, 1], atol=1e-5)


def objective(model, x, reference, mask, target=0, l1=0.02, tv=0.01):
    predictions = model(np.stack([x, reference, mask[:, None] * x + (1 - mask[:, None]) * reference])).numpy()[
        :, target
    ]
    whole, nothing, masked = predictions.astype(float)
    share = (masked - nothing) / (whole - nothing)
    knee = 0.1
    left = share if share > knee else 0 if share < -knee else (share + knee) ** 2 / (4 * knee)
    return left + l1 * (1 - mask).sum() + tv * (np.abs(np.diff(mask)) ** 3).sum()


def test_a_mask_reaches_what_it_says_and_no_neighbour_is_better(model):
    found = gl.method("mask", model, [0, 1], steps=400)(X)
    reference = np.broadcast_to(np.float32([0.3, 0.2, 0.2, 0.3]), (L, 4))
    rng = np.random.default_rng(0)
    for n, x in enumerate(X):
        for t in range(2):
            mask = 1 - found.scores[n, t]
            at = objective(model, x, reference, mask, t)
            np.testing.assert_allclose(found.objective[n, t], at, atol=1e-4)
            assert at < min(objective(model, x, reference, np.full(L, m, np.float32), t) for m in (0.5, 1))
            nearby = [np.clip(mask + rng.normal(0, 0.02, L), 0, 1).astype(np.float32) for _ in range(15)]
            assert at <= min(objective(model, x, reference, other, t) for other in nearby) + 2e-3
            masked = model((mask[:, None] * x + (1 - mask[:, None]) * reference)[None]).numpy()[0, t]
            np.testing.assert_allclose(found.masked_predictions[n, t], masked, atol=1e-4)
    assert ((found.scores >= 0) & (found.scores <= 1)).all()


def test_a_mask_finds_what_carries_the_prediction():
    """Of a sum over positions with weights, those are masked whose share is more than l1 costs."""
    weights = np.float32([0, 3, 0, 1, 0, 0.05, 0, 0, 0])
    found = gl.method("mask", lambda z: tf.reduce_sum(z[:, :, 0] * weights, 1)[:, None], l1=0.1, tv=0)
    found = found(BASES[[0] * L][None])
    np.testing.assert_allclose(found.scores[0], weights / weights.sum() > 0.1, atol=1e-3)


def test_restarts_never_make_it_worse(model):
    one, three = (gl.method("mask", model, 0, steps=60, restarts=n)(X) for n in (1, 3))
    assert (three.objective <= one.objective + 1e-6).all()
    assert (three.objective < one.objective - 1e-6).any()


def test_a_mask_where_there_is_nothing_to_take_away(model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = gl.method("mask", model, 0, steps=60, references=gl.references.Fixed(X[:, None]))(X)
    np.testing.assert_allclose(found.scores, 0, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("sis", {"share": 0}, "share must be above 0"),
        ("sis", {"threshold": np.inf}, "threshold must be a number"),
        ("sis", {"width": 10}, "width is 10, but the sequences are 9 long"),
        ("sis", {"most": 0}, "most must be a whole number"),
        ("mask", {"rate": 0}, "rate above it"),
        ("mask", {"restarts": 0}, "restarts must be a whole number"),
    ],
)
def test_refusals(model, name, options, message):
    with pytest.raises(InputError, match=message):
        gl.method(name, model, 0, **options)(X)


def test_a_quantile_outside_is_refused(model):
    with pytest.raises(InputError, match="quantile must be between 0 and 1"):
        gl.method("sis", model, 0).fit(X, quantile=90)
