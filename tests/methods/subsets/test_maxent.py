"""Maximum-entropy samples against the distribution by enumeration, a plain loop, and what mixing means."""

from itertools import product

import keras
import numpy as np
import pytest

import genolift as gl
from genolift.methods.common import predicting
from genolift.methods.subsets.mixing import effective_size, split_r_hat
from genolift.support.errors import InputError, Undefined, UnsupportedModel
from genolift.support.seeds import stream

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
N, L = 2, 4
BASES = np.eye(4, dtype=np.float32)
X = BASES[np.random.default_rng(0).integers(0, 4, (N, L))]
Q = np.array([0.4, 0.3, 0.2, 0.1])


@pytest.fixture(scope="module")
def model():
    inputs = keras.Input((L, 4))
    h = K.Dense(6, activation="tanh", name="hidden")(
        K.Flatten()(K.Conv1D(5, 2, activation="tanh", name="conv")(inputs))
    )
    found = keras.Model(inputs, K.Dense(2, activation="sigmoid")(h))
    for weights in found.weights:
        weights.assign(np.random.default_rng(1).normal(0, 0.7, weights.shape))
    return found


@pytest.fixture(scope="module")
def hidden(model):
    """Hidden activations of one-hot sequences, looked up among those of all there are."""
    every = np.array(list(product(range(4), repeat=L)))
    table = keras.Model(model.input, model.get_layer("hidden").output)(BASES[every]).numpy().astype(float)
    return lambda x: table[np.asarray(x).argmax(-1) @ 4 ** np.arange(L - 1, -1, -1)]


@pytest.fixture(scope="module")
def sampled(model):
    method = gl.method("maxent", model, 0, beta=4, chains=6, sweeps=400, burn=10, samples=400, frequencies=Q)
    return method(X)


def exact(hidden, x, unit, beta):
    """Every sequence's probability."""
    codes = np.array(list(product(range(4), repeat=L)))
    distance = np.linalg.norm(hidden(BASES[codes]) - hidden(x[None]), axis=1) / unit
    p = Q[codes].prod(1) * np.exp(-beta * distance)
    return codes, p / p.sum(), distance


def unit_of(hidden, x, name="maxent", seed=0):
    random = stream(seed, name, x.tobytes()).choice(4, (32, L), p=Q)
    return np.linalg.norm(hidden(BASES[random]) - hidden(x[None]), axis=1).mean()


def test_samples_have_the_distribution(hidden, sampled):
    for n, x in enumerate(X):
        codes, p, distance = exact(hidden, x, unit_of(hidden, x), 4)
        expected = np.stack([p @ (codes == base) for base in range(4)], axis=-1)
        assert np.abs(expected - Q).max() > 0.2, "a distribution that differs from the background"
        size = sampled.effective_size[n]
        assert 300 < size <= 3 * 6 * 400
        error = np.sqrt(expected * (1 - expected) / size)
        assert (np.abs(sampled.frequencies[n] - expected) < 5 * error + 1e-3).all()
        spread = np.sqrt(p @ distance**2 - (p @ distance) ** 2)
        assert abs(sampled.distance[n] - p @ distance) < 4 * spread / np.sqrt(size)
        information = (expected * np.log2(expected / Q)).sum(1)
        np.testing.assert_allclose(sampled.scores[n], information, atol=0.1)
        assert 0.99 < sampled.r_hat[n] < 1.02
    assert 0.05 < sampled.acceptance.min() < sampled.acceptance.max() < 0.95


def test_fields(model, sampled):
    assert sampled.samples.shape == (N, 2400, L)
    assert sampled.samples.dtype == np.uint8
    np.testing.assert_allclose(sampled.frequencies.sum(-1), 1, rtol=1e-6)
    p = model(BASES[sampled.samples[1, ::100]]).numpy()[:, 0].astype(float)
    np.testing.assert_allclose(sampled.sample_predictions[1, ::100], np.log(p / (1 - p)), atol=1e-4)
    for field in ("hypothetical", "raw_contributions", "reference_predictions", "residual"):
        with pytest.raises(Undefined, match="maxent"):
            getattr(sampled, field)


def test_chains_by_a_plain_loop(hidden, model):
    """The same chances, one chain after the other."""
    chains, sweeps, burn, samples, beta = 3, 6, 2, 5, 3.0
    options = {"beta": beta, "chains": chains, "sweeps": sweeps, "burn": burn, "samples": samples, "frequencies": Q}
    found = gl.method("maxent", model, 0, seed=2, **options)(X)
    for n, x in enumerate(X):
        rng, steps = stream(2, "maxent", x.tobytes()), L * (sweeps + burn)
        unit = unit_of(hidden, x, seed=2)
        rng.choice(4, (32, L), p=Q)
        starts = [x.argmax(-1), *rng.choice(4, (chains - 1, L), p=Q)]
        places = rng.integers(0, L, (steps, chains))
        bases, chance = rng.choice(4, (steps, chains), p=Q), rng.random((steps, chains))
        taken = [L * burn + (i + 1) * L * sweeps // samples - 1 for i in range(samples)]
        kept, accepted, proposed = [], 0, 0
        for chain in range(chains):
            now = np.array(starts[chain])
            for step in range(steps):
                then = now.copy()
                then[places[step, chain]] = bases[step, chain]
                d_now, d_then = (np.linalg.norm(hidden(BASES[c][None]) - hidden(x[None])) / unit for c in (now, then))
                if (then != now).any():
                    proposed += 1
                    if chance[step, chain] < np.exp(-beta * (d_then - d_now)):
                        now, accepted = then, accepted + 1
                kept += [now] * (step in taken)
        np.testing.assert_array_equal(found.samples[n], kept)
        np.testing.assert_allclose(found.acceptance[n], accepted / proposed, rtol=1e-6)


def test_without_a_constraint_there_is_only_background(model):
    found = gl.method("maxent", model, 0, beta=0, sweeps=200, samples=200, frequencies=Q)(X)
    np.testing.assert_array_equal(found.acceptance, 1)
    np.testing.assert_allclose(found.frequencies.mean((0, 1)), Q, atol=0.03)
    assert found.scores.max() < 0.05


def test_layers_targets_batches(model, monkeypatch):
    options = {"sweeps": 4, "burn": 1, "samples": 8, "beta": 5}
    first = gl.method("maxent", model, [1, 0], **options)(X)
    np.testing.assert_array_equal(first.samples[:, 0], first.samples[:, 1])  # read from the same activations
    assert (first.sample_predictions[:, 0] != first.sample_predictions[:, 1]).any()
    by_name = gl.method("maxent", model, 0, layer="hidden", **options)(X)
    np.testing.assert_array_equal(by_name.samples, first.samples[:, 1])
    other = gl.method("maxent", model, 0, layer="conv", **options)(X)
    assert (other.samples != by_name.samples).any()
    monkeypatch.setattr(predicting, "_BATCH_BYTES", 2_000.0)
    again = gl.method("maxent", model, 0, progress=False, **options)(X[::-1])
    np.testing.assert_array_equal(again.samples[::-1], first.samples[:, 1])


def test_unknown_bases_stay(model):
    x = X.copy()
    x[0, 1] = 0.25
    found = gl.method("maxent", model, 0, sweeps=10, samples=10)(x)
    assert (found.samples[0, :, 1] == 4).all()
    assert found.scores[0, 1] == 0
    assert (found.samples[1] < 4).all()


@pytest.mark.parametrize("correlation", [0.0, 0.7, 0.9])
def test_the_effective_size_of_a_known_chain(correlation):
    rng, chains, n = np.random.default_rng(0), 4, 4000
    series = np.zeros((chains, n))
    for i in range(1, n):
        series[:, i] = correlation * series[:, i - 1] + rng.normal(size=chains)
    expected = chains * n * (1 - correlation) / (1 + correlation)
    np.testing.assert_allclose(effective_size(series), expected, rtol=0.2)
    np.testing.assert_allclose(split_r_hat(series), 1, atol=0.02)
    assert split_r_hat(series + np.arange(chains)[:, None] * 5) > 1.5


def test_chains_that_stand_still():
    still = np.ones((2, 10))
    assert effective_size(still) == 0
    assert split_r_hat(still) == 1
    assert split_r_hat(still * [[1], [2]]) == np.inf


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": -1}, "beta must be at least 0"),
        ({"frequencies": [0.5, 0.5, 0, 0]}, "four numbers above 0"),
        ({"samples": 3}, "samples must be a whole number of at least 4"),
        ({"sweeps": 1, "samples": 50}, "fewer steps than 50 samples; give more sweeps"),
        ({"layer": "nowhere"}, "the model runs no layer 'nowhere'"),
    ],
)
def test_refusals(model, options, message):
    with pytest.raises(InputError, match=message):
        gl.method("maxent", model, 0, **options)(X)


def test_a_model_without_a_hidden_representation_is_refused():
    for flat in ([K.Flatten(), K.Dense(1)], [K.Dense(1), K.GlobalAveragePooling1D()]):
        with pytest.raises(UnsupportedModel, match=r"needs a hidden representation.*layer='name'"):
            gl.method("maxent", keras.Sequential([keras.Input((L, 4)), *flat]))
