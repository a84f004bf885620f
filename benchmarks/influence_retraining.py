"""A small network that is trained again on parts of its training set, for benchmarks/influence.py.

The data are simulated: sequences of 100 bp, half of which hold a TAL1 motif, which is the label, and half a GATA1 motif,
which is not. The network is trained for a fixed number of epochs by Adam, whose rate falls along a cosine. All of it runs
as one graph, because a hundred trainings are needed, and nothing but the training set differs between them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import genolift
from genolift.models.seeding import seed_weights
from genolift.simulate.drawing.generate import simulate
from genolift.simulate.spec import load_spec
from genolift.support.seeds import stream
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

LENGTH, BATCH, EPOCHS, PEAK = 100, 25, 24, 4e-3
TRAINING, QUERIES = 500, 100
MOTIFS = Path(genolift.__file__).parents[1] / "simulations" / "motifs.meme"
SPEC = """
name = "tal1"
description = "TAL1 beside GATA1 in sequences of 100 bp"
seed = 5
length = 100
background = [0.3, 0.2, 0.2, 0.3]
[motifs]
GATA_disc1 = {{ file = "{motifs}" }}
TAL1_known1 = {{ file = "{motifs}" }}
[[groups]]
name = "both"
sequences = 150
embed = [{{ motif = "GATA_disc1", count = 1 }}, {{ motif = "TAL1_known1", count = 1 }}]
[[groups]]
name = "gata1"
sequences = 150
embed = [{{ motif = "GATA_disc1", count = 1 }}]
[[groups]]
name = "tal1"
sequences = 150
embed = [{{ motif = "TAL1_known1", count = 1 }}]
[[groups]]
name = "neither"
sequences = 150
[labels]
tal1 = "TAL1_known1 > 0"
[splits]
valid = 0.1
test = 0.1
"""


def data():
    """Training sequences (500, 100, 4) with labels (500, 1), and queries (100, 100, 4) with theirs, in random order."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tal1.toml"
        path.write_text(SPEC.format(motifs=MOTIFS))
        drawn = simulate(load_spec(path))
    order = stream(5, "order").permutation(len(drawn))
    X, labels = drawn.one_hot()[order], drawn.labels[order].astype(np.float32)
    names = [drawn.names[i] for i in order]
    return (X[:TRAINING], labels[:TRAINING], names[:TRAINING]), (X[TRAINING:], labels[TRAINING:], names[TRAINING:])


def network(seed: int):
    """The untrained network: two convolutions, a dense layer and a logit."""
    layers = keras.layers
    x = inputs = keras.Input((LENGTH, 4), name="sequence")
    x = layers.Conv1D(16, 11, activation="relu", name="conv1")(x)
    x = layers.MaxPooling1D(10, name="pool")(x)
    x = layers.Conv1D(16, 3, activation="relu", name="conv2")(x)
    x = layers.GlobalAveragePooling1D(name="average")(x)
    x = layers.Dense(16, activation="relu", name="hidden")(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid", name="tasks")(x), name="tal1")
    seed_weights(model, seed)
    return model


class Trainer:
    """Trains the network from the start, again and again."""

    def __init__(self):
        self.model = network(0)
        last = self.model.layers[-1]
        self._hidden, self._last = keras.Model(self.model.inputs, last.input), last
        self.variables = [variable.value for variable in self.model.trainable_variables]
        self._moments = [[tf.Variable(tf.zeros(v.shape)) for v in self.variables] for _ in range(2)]
        self._steps = tf.Variable(0.0)
        self._fit = tf.function(self._epochs, reduce_retracing=True)
        self._say = tf.function(self._logits, reduce_retracing=True)

    def _logits(self, x):
        return self._hidden(x, training=False) @ self._last.kernel.value + self._last.bias.value

    def _epochs(self, X, labels, order, rates):
        for k in tf.range(tf.shape(order)[0]):
            x, y = tf.gather(X, order[k]), tf.gather(labels, order[k])
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y, self._logits(x)))
            self._steps.assign_add(1.0)
            for v, g, m, s in zip(self.variables, tape.gradient(loss, self.variables), *self._moments, strict=True):
                m.assign(0.9 * m + 0.1 * g)
                s.assign(0.999 * s + 0.001 * g * g)
                mean, square = m / (1 - 0.9**self._steps), s / (1 - 0.999**self._steps)
                v.assign_sub(rates[k] * mean / (tf.sqrt(square) + 1e-7))

    def train(self, X, labels, seed: int, snapshots: int = 0):
        """Train from the start; return ``snapshots`` sets of weights on the way, with the learning rate of each."""
        seed_weights(self.model, seed)
        for variable in self.model.trainable_variables:
            if len(variable.shape) < 2:
                variable.assign(np.zeros(variable.shape))
        for one in (*self._moments[0], *self._moments[1], self._steps):
            one.assign(tf.zeros_like(one))
        per_epoch = len(X) // BATCH
        order = [stream(seed, "order of training", epoch).permutation(len(X)) for epoch in range(EPOCHS)]
        order = np.stack([one[: per_epoch * BATCH].reshape(per_epoch, BATCH) for one in order])
        rates = PEAK * (1 + np.cos(np.pi * np.arange(EPOCHS * per_epoch) / (EPOCHS * per_epoch))) / 2
        rates = rates.reshape(EPOCHS, per_epoch).astype(np.float32)
        X, labels, kept = tf.constant(X), tf.constant(labels), []
        every = EPOCHS // snapshots if snapshots else EPOCHS
        for start in range(0, EPOCHS, every):
            part = slice(start, start + every)
            self._fit(X, labels, order[part].reshape(-1, BATCH), rates[part].reshape(-1))
            kept.append((start + every, float(rates[part].mean()), self.model.get_weights()))
        return kept

    def logits(self, X):
        """The logits (N,) of sequences, as the network has them now."""
        return self._say(tf.constant(X)).numpy()[:, 0]


def half(number: int, n: int = TRAINING) -> np.ndarray:
    """A random half of the training sequences, (n,) bool."""
    chosen = np.zeros(n, bool)
    chosen[stream(0, "half", number).permutation(n)[: n // 2]] = True
    return chosen


def kept(path: Path, make):
    """Arrays from a file, which is made if it is not there: a killed run continues."""
    if not path.exists():
        arrays = make()
        part = path.with_suffix(".part.npz")
        np.savez(part, **arrays)
        part.rename(path)
    with np.load(path) as held:
        return dict(held)


def retrain(trainer: Trainer, work: Path, name: str, X, labels, queries, seeds) -> np.ndarray:
    """The logits (seeds, queries) of networks that are trained on some sequences; each is kept by its name."""

    def one(seed: int):
        trainer.train(X, labels, seed)
        return {"logits": trainer.logits(queries)}

    return np.stack([kept(work / f"{name}-seed{seed}.npz", lambda s=seed: one(s))["logits"] for seed in seeds])
