"""A network for PatternNet and PatternAttribution, and its twin in loops over every sample of every layer."""

from __future__ import annotations

import numpy as np

from genolift.support.tensorflow import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
LENGTH = 10


def drawn(model, seed=1):
    rng = np.random.default_rng(seed)
    for weights in model.weights:
        values = rng.normal(0, 0.3 if weights.path.endswith(("bias", "beta")) else 0.6, weights.shape)
        weights.assign(0.2 + np.abs(values) if "variance" in weights.path else values)
    return model


def network():
    """Padded and dilated convolutions, batch normalisation of both signs, maxima, a residual sum, averages, dense layers."""
    inputs = keras.Input((LENGTH, 4))
    h = K.MaxPooling1D(2)(K.Conv1D(5, 3, padding="same", activation="relu", name="first")(inputs))
    more = K.BatchNormalization(name="norm")(K.Conv1D(5, 2, padding="same", dilation_rate=2, name="second")(h))
    h = K.Activation("relu")(K.Add(name="sum")([h, K.Activation("relu")(more)]))
    h = K.Dense(5, activation="relu", name="hidden")(K.Flatten()(K.AveragePooling1D(2)(h)))
    return drawn(keras.Model(inputs, K.Dense(2, name="tasks")(h)), seed=4)


def patches(x, width, rate=1):
    """Zero-padded patches (samples, positions, width·channels) as a convolution of padding 'same' reads them."""
    before = rate * (width - 1) // 2
    padded = np.pad(x, [(0, 0), (before, rate * (width - 1) - before), (0, 0)])
    length = x.shape[1]
    return np.stack([padded[:, k * rate : k * rate + length] for k in range(width)], 2).reshape(len(x), length, -1)


def estimated(p, w, above):
    """a (D, U) from samples p (S, D) by the formula, unit by unit; ``above`` (S, U) are the samples that count."""
    a = np.zeros_like(w)
    for j in range(w.shape[1]):
        y, some = p @ w[:, j], above[:, j]
        if some.any():
            c = (p[some] * y[some, None]).mean(0) - p[some].mean(0) * y.mean()
            a[:, j] = c / (w[:, j] @ c)
    return a


class Twin:
    """The network of this file in loops over every sample of every layer, its patterns, and what they send back."""

    def __init__(self, model, x, two=True):
        w = {name: [v.numpy().astype(float) for v in model.get_layer(name).weights] for name in
             ("first", "second", "norm", "hidden", "tasks")}  # fmt: skip
        gamma, beta, mean, variance = w["norm"]
        self.s = gamma / np.sqrt(variance + model.get_layer("norm").epsilon)
        t = beta - mean * self.s
        self.w1, self.w2 = (w[name][0].reshape(-1, 5) for name in ("first", "second"))
        (_, b1), (_, b2), (self.w3, b3), (self.w4, b4) = w["first"], w["second"], w["hidden"], w["tasks"]
        self.x = x.astype(float)
        p1 = patches(self.x, 3)
        self.y1 = p1 @ self.w1 + b1
        pairs = np.maximum(self.y1, 0).reshape(len(x), LENGTH // 2, 2, 5)
        self.winner, self.h1 = pairs.argmax(2), pairs.max(2)
        p2 = patches(self.h1, 2, rate=2)
        self.y2 = (p2 @ self.w2 + b2) * self.s + t
        self.h2 = np.maximum(self.y2, 0)
        self.total = self.h1 + self.h2
        pooled = np.maximum(self.total, 0)[:, :4].reshape(len(x), 2, 2, 5).mean(2)
        self.flat = pooled.reshape(len(x), -1)
        self.y3 = self.flat @ self.w3 + b3
        self.h3 = np.maximum(self.y3, 0)
        self.f = self.h3 @ self.w4 + b4

        def pattern(p, w, y, rectified=True):
            above = (
                y.reshape(-1, w.shape[1]) > 0
                if two and rectified
                else np.ones((p.reshape(-1, p.shape[-1]).shape[0], w.shape[1]), bool)
            )
            return estimated(p.reshape(-1, p.shape[-1]), w, above)

        self.a1, self.a2 = pattern(p1, self.w1, self.y1), pattern(p2, self.w2, self.y2)
        self.a3 = pattern(self.flat, self.w3, self.y3)
        self.a4 = pattern(self.h3, self.w4, self.f, rectified=False)
        both = np.stack([self.h1, self.h2], -1).reshape(-1, 5, 2)
        ones = np.ones((2, 1))
        self.sums = np.stack([
            estimated(both[:, c], ones, (both[:, c].sum(1) > 0)[:, None] if two else np.ones((len(both), 1), bool))[:, 0]
            for c in range(5)
        ], 1)  # fmt: skip

    def back(self, n, t, attributes):
        """What comes back to x (LENGTH, 4) of one sequence."""

        def through(a, w):
            return w * a if attributes else a

        s4 = np.eye(2)[t] * self.f[n]
        s3 = through(self.a4, self.w4) @ s4 * (self.y3[n] > 0)
        flat = (through(self.a3, self.w3) @ s3).reshape(2, 5)
        # An average of two: each takes half of a share, and all of a signal.
        spread = np.repeat(flat, 2, 0) * (0.5 if attributes else 1)
        s_sum = np.concatenate([spread, np.zeros((1, 5))]) * (self.total[n] > 0)
        s1, s2 = s_sum * self.sums[0], s_sum * self.sums[1] * (self.y2[n] > 0)
        s2 = s2 if attributes else s2 / self.s
        s1 = s1 + unpatched(s2 @ through(self.a2, self.w2).T, 2, 5, rate=2)
        s0 = np.zeros((LENGTH // 2, 2, 5))
        for p, c in np.ndindex(LENGTH // 2, 5):
            s0[p, self.winner[n, p, c], c] = s1[p, c]
        s0 = s0.reshape(LENGTH, 5) * (self.y1[n] > 0)
        return unpatched(s0 @ through(self.a1, self.w1).T, 3, 4)


def unpatched(sent, width, channels, rate=1):
    """What patches (positions, width·channels) send back to the positions they were read from, added up."""
    before, found = rate * (width - 1) // 2, np.zeros((len(sent), channels))
    for p, k in np.ndindex(len(sent), width):
        if 0 <= p + k * rate - before < len(sent):
            found[p + k * rate - before] += sent[p].reshape(width, channels)[k]
    return found
