"""Generative networks: densities that are densities, bounds that are bounds, and trainings that go on."""

from itertools import product

import numpy as np
import pytest
from dream_models import real_sequences

from genolift.models.generative import autoregressive, files, fitting, vae
from genolift.models.generative.fitting import Fitting, divided, fit_generator
from genolift.models.zoo import build
from genolift.simulate.background import MarkovChain
from genolift.support.errors import FileProblem, InputError
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

QUICK = Fitting(epochs=3, batch_size=32)


@pytest.fixture(scope="module")
def trained():
    """An autoregressive network, and its record."""
    return fit_generator("autoregressive", real_sequences(1200, 24), Fitting(epochs=12, rate=5e-3), progress=False)


@pytest.fixture(scope="module")
def autoencoder():
    """A variational autoencoder, and its record."""
    return fit_generator(
        "vae",
        real_sequences(300, 24),
        Fitting(epochs=25, batch_size=16, patience=25, beta=0.05, rate=5e-3),
        progress=False,
    )


def test_an_autoregressive_network_is_a_density():
    """The probabilities of all 4^4 sequences sum to one, because no base sees itself or what follows."""
    model = autoregressive.build_autoregressive(seed=3, channels=6, layers=2)
    for variable in model.trainable_variables:
        variable.assign(np.random.default_rng(1).normal(size=variable.shape))
    every = np.array(list(product(range(4), repeat=4)))
    assert np.exp(autoregressive.log_probs(model, every)).sum() == pytest.approx(1, rel=1e-4)
    x = tf.constant(np.eye(4, dtype=np.float32)[every[:50]])
    np.testing.assert_allclose(
        autoregressive.log_prob(model, x), autoregressive.log_probs(model, every[:50]), rtol=1e-4
    )


def test_it_learns_what_a_chain_of_the_right_order_knows(trained):
    """The sequences are a chain of order 1, so that no density does better than its own entropy."""
    _, record = trained
    told = record["held_out"]
    truth = -entropy_of_the_truth()
    assert not told["is_bound"]
    assert told["log_p_per_base"]["mean"] <= truth + 4 * told["log_p_per_base"]["standard_error"]
    assert told["log_p_per_base"]["mean"] > truth - 0.035  # With 960 sequences to learn from, it was 0.026 below.
    assert told["log_p_per_base"]["mean"] > told["markov_0_per_base"]["mean"] + 0.02


def entropy_of_the_truth() -> float:
    """Nats per base of sequences of 24 bases whose first is uniform, exactly."""
    after = np.array([[0.1, 0.6, 0.1, 0.2]] + [[0.4, 0.2, 0.2, 0.2]] * 3)
    state, total = np.full(4, 0.25), np.log(4)
    for _ in range(23):
        total -= (state[:, None] * after * np.log(after)).sum()
        state = state @ after
    return float(total / 24)


def test_what_a_chain_says_of_held_out_sequences_is_said(trained):
    _, record = trained
    train, _, held_out = divided(real_sequences(1200, 24), 0)[0]
    expected = MarkovChain(list(train), 0).log_prob(held_out).mean() / 24
    assert record["held_out"]["markov_0_per_base"]["mean"] == pytest.approx(expected)
    assert record["sequences"]["held_out"] == len(held_out)


def test_the_bounds_of_an_autoencoder_with_a_known_evidence():
    """Decoded from a code that does not matter, log p(x) is known: the bounds are at most it, and more draws are nearer."""
    model = vae.build_vae(16, seed=1, channels=4, latent=2)
    decoder = model.get_layer("decoder")
    for layer in decoder.layers:
        if layer.name == "logits":
            kernel, _ = layer.get_weights()
            layer.set_weights([np.zeros_like(kernel), np.log([0.4, 0.3, 0.2, 0.1])])
    codes = np.random.default_rng(0).integers(0, 4, (20, 16))
    evidence = np.log([0.4, 0.3, 0.2, 0.1])[codes].sum(1)
    few, many = (vae.bounds(model, codes, draws, 0, lambda n: None) for draws in (1, 256))
    np.testing.assert_allclose(many["elbo"], evidence - many["divergence"], rtol=1e-5)
    assert (many["divergence"] > 0).all()
    assert (many["iwae"].mean() > few["iwae"].mean()) or np.allclose(many["iwae"], few["iwae"])
    np.testing.assert_allclose(many["iwae"], evidence, atol=0.5)
    # An importance-weighted estimate of the evidence itself has no bias. Each copy has draws of its own.
    copies = vae.bounds(model, np.repeat(codes[:1], 60, 0), 64, 0, lambda n: None)["iwae"]
    ratio = np.exp(copies - evidence[0])
    assert ratio.std() > 0
    assert ratio.mean() == pytest.approx(1, abs=4 * ratio.std() / np.sqrt(60))


@pytest.mark.slow
def test_the_terms_of_training_are_those_of_the_bound(autoencoder):
    """Monte Carlo over the noise of training gives the bound of the report."""
    model, _ = autoencoder
    codes = divided(real_sequences(300, 24), 0)[0][2][:4]
    x = np.eye(4, dtype=np.float32)[codes]
    code = model.get_layer("decoder").input_shape[1:]
    noise = np.random.default_rng(0).standard_normal((600, *code)).astype(np.float32)
    for row, told in zip(x, vae.bounds(model, codes, 600, 0, lambda n: None)["elbo"], strict=True):
        reconstruction, divergence = vae.terms(model, tf.constant(np.repeat(row[None], 600, 0)), tf.constant(noise))
        samples = (reconstruction - divergence).numpy()
        assert told == pytest.approx(samples.mean(), abs=6 * samples.std() / np.sqrt(600) + 1e-3)


@pytest.mark.slow
def test_an_autoencoder_with_a_small_beta_keeps_what_it_reads(autoencoder):
    model, record = autoencoder
    told = record["held_out"]
    assert told["is_bound"]
    assert told["elbo_per_base"]["mean"] <= told["log_p_per_base"]["mean"]
    losses = [epoch["valid_loss"] for epoch in record["history"]]
    assert min(losses) < losses[0]
    codes = divided(real_sequences(300, 24), 0)[0][0][:50]
    mean, _ = model.get_layer("encoder")(np.eye(4, dtype=np.float32)[codes])
    right = np.asarray(model.get_layer("decoder")(mean)).argmax(-1) == codes
    assert right.mean() > 0.4  # The commonest base alone has about three in ten.


@pytest.mark.parametrize("length", [16, 17, 23, 30])
def test_an_autoencoder_of_any_length(length):
    model = vae.build_vae(length, channels=4, latent=2)
    assert model.get_layer("decoder").output_shape == (None, length, 4)


@pytest.mark.parametrize("kind", ["autoregressive", pytest.param("vae", marks=pytest.mark.slow)])
def test_a_training_that_was_stopped_goes_on(kind, tmp_path, monkeypatch):
    """With the weights of one that was not, although Adam and the noise have a history."""
    sequences = real_sequences(120, 20)
    model, record = fit_generator(kind, sequences, QUICK, progress=False)
    state, real = tmp_path / "state.npz", fitting._Trainer._epoch

    def epoch(self, number):
        if number == 3:
            raise KeyboardInterrupt
        return real(self, number)

    monkeypatch.setattr(fitting._Trainer, "_epoch", epoch)
    with pytest.raises(KeyboardInterrupt):
        fit_generator(kind, sequences, QUICK, state, progress=False)
    numbers = []
    monkeypatch.setattr(fitting._Trainer, "_epoch", lambda self, n: (numbers.append(n), real(self, n))[1])
    again, told = fit_generator(kind, sequences, QUICK, state, progress=False)
    assert numbers == [3]
    assert told["history"] == record["history"]
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(FileProblem, match="keeps another training"):
        fit_generator(kind, sequences, Fitting(epochs=4, batch_size=32), state, progress=False)
    state.write_bytes(b"rubbish")
    with pytest.raises(FileProblem, match="damaged"):
        fit_generator(kind, sequences, QUICK, state, progress=False)


def test_the_parts_share_nothing_and_unknown_bases_are_left_out():
    sequences = real_sequences(200, 20)
    parts, left_out = divided([*sequences, sequences[0].lower(), "N" * 20], 0)
    groups = [{row.tobytes() for row in part} for part in parts]
    assert [len(group) for group in groups] == [160, 20, 20]
    assert len(set.union(*groups)) == 200
    assert left_out == 1


def test_files_are_told_apart_and_hold_no_code(autoencoder, trained, tmp_path):
    autoencoder[0].save(tmp_path / "vae.keras")
    trained[0].save(tmp_path / "density.keras")
    build("tal_gata", length=60, filters=4, width=5).save(tmp_path / "model.keras")
    decoder = files.load_generator(tmp_path / "vae.keras")
    z = np.random.default_rng(0).normal(size=(2, *decoder.input_shape[1:])).astype(np.float32)
    np.testing.assert_allclose(decoder(z), autoencoder[0].get_layer("decoder")(z), rtol=1e-5)
    codes = np.zeros((1, 24), int)
    again = files.load_density(tmp_path / "density.keras")
    np.testing.assert_allclose(autoregressive.log_probs(again, codes), autoregressive.log_probs(trained[0], codes))
    for load, name, said in (
        (files.load_generator, "density.keras", "holds a generator of the kind 'autoregressive'"),
        (files.load_density, "vae.keras", "holds a generator of the kind 'vae'"),
        (files.load_generator, "model.keras", "no generator of genolift's"),
    ):
        with pytest.raises(InputError, match=said):
            load(tmp_path / name)


@pytest.mark.parametrize(
    ("kind", "sequences", "options", "said"),
    [
        ("gan", real_sequences(120, 20), {}, "'autoregressive' or 'vae'"),
        ("vae", real_sequences(99, 20), {}, "99 different sequences"),
        ("vae", [*real_sequences(120, 20), "ACGT" * 6], {}, "20 to 24 bases"),
        ("vae", real_sequences(120, 15), {}, "16 bases or more"),
        ("vae", real_sequences(120, 20), {"epochs": 0}, "epochs=0"),
        ("vae", real_sequences(120, 20), {"beta": 0.0}, "beta=0.0"),
        ("autoregressive", real_sequences(120, 20), {"rate": 1e20, "epochs": 4}, "training diverged"),
    ],
)
def test_what_cannot_be_trained(kind, sequences, options, said):
    with pytest.raises(InputError, match=said):
        fit_generator(kind, sequences, Fitting(**options), progress=False)
