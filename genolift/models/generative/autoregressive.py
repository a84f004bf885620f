"""A small autoregressive network: the probabilities of each base, given all that precede it within its reach."""

from __future__ import annotations

from typing import Any

import numpy as np

from genolift.models.seeding import seed_weights
from genolift.support.tensorflow import Tensor, quiet_tensorflow

NAME = "genolift_autoregressive"
_BATCH = 256


def build_autoregressive(seed: int = 0, channels: int = 48, layers: int = 4, width: int = 5) -> Any:
    """Return a new network of dilated causal convolutions, for sequences of any length.

    The sequence is moved by one position, so that the logits at a position depend on the bases before it alone. Each
    convolution looks back twice as far as the one before; with four of width 5, a base depends on the 61 before it.

    Parameters
    ----------
    seed
        The seed of the weights.
    channels
        The number of channels of each convolution.
    layers
        The number of convolutions.
    width
        The width of each convolution.

    Returns
    -------
    keras.Model
        The network, from sequences (N, L, 4) to logits of the same shape.
    """
    quiet_tensorflow()
    import keras

    k = keras.layers
    sequence = keras.Input((None, 4), name="sequence")
    x = k.ZeroPadding1D((1, 0), name="later")(sequence)
    x = k.Cropping1D((0, 1), name="before")(x)
    x = k.Conv1D(channels, width, padding="causal", activation="relu", name="stem")(x)
    for number in range(1, layers):
        y = k.Conv1D(
            channels, width, dilation_rate=2**number, padding="causal", activation="relu", name=f"dilated{number}"
        )(x)
        x = k.Add(name=f"residual{number}")([x, y])
    model = keras.Model(sequence, k.Dense(4, name="logits")(x), name=NAME)
    seed_weights(model, seed)
    return model


def log_prob(model: Any, x: Tensor) -> Tensor:
    """Return log p (B,) of sequences (B, L, 4), inside a graph.

    Of one-hot sequences it is Σ log p(base | those before it). Of relaxed ones the network reads the relaxed bases, and
    the logarithms are averaged over them. That is no expectation, but it is the same at one-hot sequences and smooth
    between them.
    """
    tf = quiet_tensorflow()
    return tf.reduce_sum(x * tf.nn.log_softmax(model(x, training=False)), [1, 2])


def log_probs(model: Any, codes: np.ndarray) -> np.ndarray:
    """Return log p (N,) of sequences as codes (N, L), summed in float64."""
    one_hot = np.eye(4, dtype=np.float32)
    scores = []
    for start in range(0, len(codes), _BATCH):
        some = codes[start : start + _BATCH]
        logits = np.asarray(model.predict_on_batch(one_hot[some]), np.float64)
        logits -= logits.max(-1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        scores.append(np.take_along_axis(logs, some[..., None].astype(int), -1)[..., 0].sum(-1))
    return np.concatenate(scores)
