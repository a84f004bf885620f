"""A small convolutional variational autoencoder of DNA (Kingma & Welling 2014), whose decoder is a generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from genolift.models.seeding import seed_weights
from genolift.support.errors import InputError
from genolift.support.seeds import stream
from genolift.support.tensorflow import Tensor, quiet_tensorflow

NAME = "genolift_vae"
_HALVINGS = 3  # A place of the code stands for 2 ** 3 = 8 bases.
_SHORTEST = 16


def build_vae(length: int, seed: int = 0, channels: int = 32, latent: int = 8) -> Any:
    """Return a new autoencoder.

    The code has a place for every eight bases, with ``latent`` numbers each, so that it says what is where.

    Parameters
    ----------
    length
        The length of the sequences.
    seed
        The seed of the weights.
    channels
        The number of channels of each convolution.
    latent
        How many numbers each place of the code has.

    Returns
    -------
    keras.Model
        The network. Its layer ``encoder`` takes sequences (N, L, 4) to means and logarithms of variances of the code,
        (N, J, latent) each, and its layer ``decoder`` takes codes (N, J, latent) to logits (N, L, 4).

    Raises
    ------
    InputError
        If the sequences are too short.
    """
    quiet_tensorflow()
    import keras

    if length < _SHORTEST:
        raise InputError(f"a variational autoencoder needs sequences of {_SHORTEST} bases or more, and not of {length}")
    k = keras.layers
    sequence = keras.Input((length, 4), name="sequence")
    x = k.Conv1D(channels, 9, padding="same", activation="relu", name="read")(sequence)
    for number in range(1, _HALVINGS + 1):
        x = k.Conv1D(channels, 5, strides=2, padding="same", activation="relu", name=f"narrow{number}")(x)
    mean = k.Conv1D(latent, 3, padding="same", name="mean")(x)
    log_variance = k.Conv1D(latent, 3, padding="same", name="log_variance")(x)
    encoder = keras.Model(sequence, [mean, log_variance], name="encoder")
    places = mean.shape[1]
    code = keras.Input((places, latent), name="code")
    y = k.Conv1D(channels, 3, padding="same", activation="relu", name="open")(code)
    for number in range(1, _HALVINGS + 1):
        y = k.UpSampling1D(2, name=f"double{number}")(y)
        y = k.Conv1D(channels, 5, padding="same", activation="relu", name=f"widen{number}")(y)
    y = k.Cropping1D((0, places * 2**_HALVINGS - length), name="cut")(y)
    logits = k.Conv1D(4, 9, padding="same", name="logits")(y)
    decoder = keras.Model(code, logits, name="decoder")
    model = keras.Model([sequence, code], [*encoder(sequence), decoder(code)], name=NAME)
    seed_weights(model, seed)
    return model


def terms(model: Any, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return the two terms of the evidence lower bound, log p(x | z) and KL(q(z | x) ‖ p(z)), (B,) each, in a graph.

    Parameters
    ----------
    model
        The autoencoder.
    x
        Sequences (B, L, 4).
    noise
        Standard normal draws (B, J, latent), which make z = mean + noise · standard deviation.
    """
    tf = quiet_tensorflow()
    mean, log_variance = model.get_layer("encoder")(x)
    z = mean + noise * tf.exp(log_variance / 2)
    reconstruction = tf.reduce_sum(x * tf.nn.log_softmax(model.get_layer("decoder")(z)), [1, 2])
    divergence = tf.reduce_sum(tf.exp(log_variance) + mean**2 - 1 - log_variance, [1, 2]) / 2
    return reconstruction, divergence


def bounds(model: Any, codes: np.ndarray, draws: int, seed: int, tick: Callable[[int], Any]) -> dict[str, np.ndarray]:
    """Return lower bounds of log p of sequences.

    Both are bounds in expectation: the true log p is at least as large. ``elbo`` is the evidence lower bound, and
    ``iwae`` the importance-weighted bound (Burda, Grosse & Salakhutdinov 2016), log of the mean of p(x, z) / q(z | x)
    over ``draws`` draws of z, which is tighter the more there are.

    Parameters
    ----------
    model
        The autoencoder.
    codes
        Sequences as codes (N, L).
    draws
        The number of draws of z for each sequence.
    seed
        The seed of the draws. Those for a sequence depend on the seed and its number alone.
    tick
        A function that is called with 1 for each sequence that is done.

    Returns
    -------
    dict of str to np.ndarray
        ``elbo``, ``iwae`` and ``divergence``, the divergence of q from the prior, (N,) each, in nats.
    """
    tf = quiet_tensorflow()
    encode, decode = model.get_layer("encoder"), model.get_layer("decoder")
    found: dict[str, list[float]] = {"elbo": [], "iwae": [], "divergence": []}
    run_encoder, run_decoder = tf.function(encode, reduce_retracing=True), tf.function(decode, reduce_retracing=True)
    for number, row in enumerate(codes):
        x = np.eye(4, dtype=np.float32)[row][None]
        mean, log_variance = (np.asarray(one, np.float64) for one in run_encoder(tf.constant(x)))
        noise = stream(seed, "draws of a code", number).standard_normal((draws, *mean.shape[1:]))
        z = mean + noise * np.exp(log_variance / 2)
        logits = np.asarray(run_decoder(tf.constant(z, tf.float32)), np.float64)
        logits -= logits.max(-1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        likelihood = (x * logs).sum((1, 2))
        # log p(z) - log q(z | x), whose constants are the same
        ratio = (-(z**2) + noise**2 + log_variance).sum((1, 2)) / 2
        divergence = (np.exp(log_variance) + mean**2 - 1 - log_variance).sum() / 2
        weights = likelihood + ratio
        found["elbo"].append(float(likelihood.mean() - divergence))
        found["iwae"].append(float(weights.max() + np.log(np.exp(weights - weights.max()).mean())))
        found["divergence"].append(float(divergence))
        tick(1)
    return {name: np.array(column) for name, column in found.items()}
