"""DeepLIFT in plain NumPy, written from the paper's equations (Shrikumar et al. 2017) and shared with no other code.

One sequence against one reference at a time, in float64, with loops. The positive and the negative part of every
difference are kept apart from the input to the output (equations of sections 3.5.1 to 3.5.3), where the engine carries
a mean and a half-difference. A net is a list of nodes; the first ones are inputs, the last one is what is explained.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from math import comb

import numpy as np

# Below this a difference is rounding of zero in float64, and the derivative stands in for the quotient.
NEAR_ZERO = 1e-11


@dataclass
class Node:
    """An operation, the nodes it reads, and for a nonlinearity its rule (``rescale`` or ``revealcancel``)."""

    op: object
    parents: list[int] = field(default_factory=list)
    rule: str = "rescale"


class Input:
    pass


class Linear:
    """y = Wᵀx + b on the flattened input, W of shape (inputs, outputs); section 3.5.1."""

    def __init__(self, W, b, out_shape):
        self.W, self.b, self.out_shape = np.asarray(W, float), np.asarray(b, float), out_shape

    def value(self, x):
        return (x.reshape(-1) @ self.W + self.b).reshape(self.out_shape)

    def parts(self, x, x0, plus, minus):
        """Δy⁺ = Σ 1{w·Δx > 0} w(Δx⁺ + Δx⁻), and the same with < 0."""
        delta = (x - x0).reshape(-1)
        total = (plus + minus).reshape(-1)
        up, down = np.zeros(self.W.shape[1]), np.zeros(self.W.shape[1])
        for j in range(self.W.shape[1]):
            for i in range(self.W.shape[0]):
                term = self.W[i, j] * total[i]
                if self.W[i, j] * delta[i] > 0:
                    up[j] += term
                elif self.W[i, j] * delta[i] < 0:
                    down[j] += term
        return up.reshape(self.out_shape), down.reshape(self.out_shape)

    def back(self, x, x0, plus, minus, m_plus, m_minus):
        """The multipliers of Δx⁺ and Δx⁻ are the same: that of the part of y which w·Δx belongs to, or ½ of each."""
        delta = (x - x0).reshape(-1)
        up, down = m_plus.reshape(-1), m_minus.reshape(-1)
        m = np.zeros(self.W.shape[0])
        for i in range(self.W.shape[0]):
            for j in range(self.W.shape[1]):
                w = self.W[i, j]
                if w * delta[i] > 0:
                    m[i] += w * up[j]
                elif w * delta[i] < 0:
                    m[i] += w * down[j]
                elif delta[i] == 0:
                    m[i] += 0.5 * w * (up[j] + down[j])
        m = m.reshape(x.shape)
        return m, m


def dense(kernel, bias, shape):
    """A dense layer on the last axis of an input of ``shape``, as one matrix."""
    kernel = np.asarray(kernel, float)
    rows, units = int(np.prod(shape[:-1])), kernel.shape[1]
    W = np.kron(np.eye(rows), kernel)
    return Linear(W, np.tile(np.asarray(bias, float), rows), (*shape[:-1], units))


def windows(length, width, stride, dilation, same):
    """The positions (outside ones left out, with their place in the window) that each output position reads."""
    reach = (width - 1) * dilation + 1
    if same:
        out = -(-length // stride)
        left = max((out - 1) * stride + reach - length, 0) // 2
    else:
        out, left = (length - reach) // stride + 1, 0
    return [[(k, p) for k in range(width) if 0 <= (p := o * stride - left + k * dilation) < length] for o in range(out)]


def conv1d(kernel, bias, shape, stride=1, dilation=1, same=False):
    """A convolution of (length, channels) with a kernel (width, channels, filters), as one matrix."""
    kernel = np.asarray(kernel, float)
    width, channels, filters = kernel.shape
    reads = windows(shape[0], width, stride, dilation, same)
    W = np.zeros((*shape, len(reads), filters))
    for o, window in enumerate(reads):
        for k, p in window:
            for c in range(channels):
                for f in range(filters):
                    W[p, c, o, f] += kernel[k, c, f]
    size = len(reads) * filters
    return Linear(W.reshape(-1, size), np.tile(bias, len(reads)), (len(reads), filters))


class Average:
    """Average pooling over windows of positions; both parts pass side by side."""

    def __init__(self, shape, width, stride, same=False):
        self.shape, self.reads = shape, windows(shape[0], width, stride, 1, same)

    def value(self, x):
        return np.array([np.mean([x[p] for _, p in window], axis=0) for window in self.reads])

    def parts(self, x, x0, plus, minus):
        return self.value(plus), self.value(minus)

    def back(self, x, x0, plus, minus, m_plus, m_minus):
        found = []
        for m in (m_plus, m_minus):
            down = np.zeros(self.shape)
            for o, window in enumerate(self.reads):
                for _, p in window:
                    down[p] += m[o] / len(window)
            found.append(down)
        return tuple(found)


class GlobalAverage(Average):
    def __init__(self, shape):
        super().__init__(shape, shape[0], 1)

    def value(self, x):
        return super().value(x)[0]

    def back(self, x, x0, plus, minus, m_plus, m_minus):
        return super().back(x, x0, plus, minus, m_plus[None], m_minus[None])


class Scale:
    """y = γx + β per channel (batch normalisation at inference); the parts change places where γ < 0."""

    def __init__(self, scale, shift):
        self.scale, self.shift = np.asarray(scale, float), np.asarray(shift, float)

    def value(self, x):
        return x * self.scale + self.shift

    def parts(self, x, x0, plus, minus):
        return (
            np.where(self.scale >= 0, self.scale * plus, self.scale * minus),
            np.where(self.scale >= 0, self.scale * minus, self.scale * plus),
        )

    def back(self, x, x0, plus, minus, m_plus, m_minus):
        return (
            self.scale * np.where(self.scale >= 0, m_plus, m_minus),
            self.scale * np.where(self.scale >= 0, m_minus, m_plus),
        )


class Flatten:
    def value(self, x):
        return x.reshape(-1)

    def parts(self, x, x0, plus, minus):
        return plus.reshape(-1), minus.reshape(-1)

    def back(self, x, x0, plus, minus, m_plus, m_minus):
        return m_plus.reshape(x.shape), m_minus.reshape(x.shape)


class Concatenate:
    """Along the last axis."""

    def value(self, *xs):
        return np.concatenate(xs, axis=-1)

    def joined_back(self, xs, m_plus, m_minus):
        cuts = np.cumsum([x.shape[-1] for x in xs])[:-1]
        return list(zip(np.split(m_plus, cuts, -1), np.split(m_minus, cuts, -1), strict=True))


class Sum:
    def value(self, *xs):
        return np.sum(xs, axis=0)

    def joined_back(self, xs, m_plus, m_minus):
        return [(m_plus, m_minus) for _ in xs]


class Maximum:
    """Max pooling over windows of positions, per channel, by exact Shapley values; windows that overlap add.

    A position's Shapley value is what the maximum changes by as that position changes from the reference to x, averaged
    over the sets of other positions that have changed before. The share of the position's difference which passes is
    the same for both its parts. Where the difference is 0, the share is the probability that the position is a maximum
    of its window, divided among the positions at the window's floor.
    """

    def __init__(self, shape, width, stride, same=False):
        self.shape, self.reads = shape, windows(shape[0], width, stride, 1, same)

    def value(self, x):
        return np.array([np.max([x[p] for _, p in window], axis=0) for window in self.reads])

    def shares(self, x, x0):
        """What part of a position's difference each window passes on, as (o, p, c, share)."""
        for o, window in enumerate(self.reads):
            places = [p for _, p in window]
            for c in range(self.shape[1]):
                for p, share in zip(places, self.of_window(x[places, c], x0[places, c]), strict=True):
                    yield o, p, c, share

    @staticmethod
    def of_window(x, x0):
        shares, size = np.zeros(len(x)), len(x)
        floor = np.minimum(x, x0).max()
        for i in range(size):
            others = [j for j in range(size) if j != i]
            for changed in product([False, True], repeat=size - 1):
                rest = np.where(changed, x[others], x0[others]).max(initial=-np.inf)
                weight = 1 / (size * comb(size - 1, sum(changed)))
                if abs(x[i] - x0[i]) > NEAR_ZERO:
                    shares[i] += weight * (max(x[i], rest) - max(x0[i], rest)) / (x[i] - x0[i])
                elif x[i] >= rest - NEAR_ZERO:
                    shares[i] += weight / np.sum(np.minimum(x, x0) >= floor - NEAR_ZERO)
        return shares

    def parts(self, x, x0, plus, minus):
        up, down = np.zeros((2, len(self.reads), self.shape[1]))
        for o, p, c, share in self.shares(x, x0):
            up[o, c] += share * plus[p, c]
            down[o, c] += share * minus[p, c]
        shape = self.value(x).shape
        return up.reshape(shape), down.reshape(shape)

    def back(self, x, x0, plus, minus, m_plus, m_minus):
        up, down = np.zeros((2, *self.shape))
        for o, p, c, share in self.shares(x, x0):
            up[p, c] += share * m_plus[o, c]
            down[p, c] += share * m_minus[o, c]
        return up, down


class GlobalMaximum(Maximum):
    """Over all positions."""

    def __init__(self, shape):
        super().__init__(shape, shape[0], 1)

    def value(self, x):
        return x.max(axis=0)

    def back(self, x, x0, plus, minus, m_plus, m_minus):
        return super().back(x, x0, plus, minus, m_plus[None], m_minus[None])


class Unary:
    """A nonlinearity ``f`` with its derivative; Rescale (3.5.2) or RevealCancel (3.5.3)."""

    def __init__(self, f, derivative):
        self.f, self.derivative = f, derivative

    def value(self, x):
        return self.f(x)

    def chord(self, start, change):
        near = np.abs(change) < NEAR_ZERO
        quotient = (self.f(start + change) - self.f(start)) / np.where(near, 1, change)
        return np.where(near, self.derivative(start), quotient)

    def multipliers(self, x, x0, plus, minus, rule):
        if rule == "rescale":
            m = self.chord(x0, x - x0)
            return m, m
        return (
            (self.chord(x0, plus) + self.chord(x0 + minus, plus)) / 2,
            (self.chord(x0, minus) + self.chord(x0 + plus, minus)) / 2,
        )


def relu():
    return Unary(lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0)


def prelu(alpha):
    alpha = np.asarray(alpha, float)
    return Unary(lambda x: np.where(x > 0, x, alpha * x), lambda x: np.where(x > 0, 1.0, alpha))


def sigmoid():
    def f(x):
        return 1 / (1 + np.exp(-x))

    return Unary(f, lambda x: f(x) * (1 - f(x)))


def tanh():
    return Unary(np.tanh, lambda x: 1 - np.tanh(x) ** 2)


def deeplift(nodes: list[Node], xs: list, x0s: list, target: int):
    """Multipliers of every input (for the sign of its difference), f(x) and f(reference), for one number of the end."""
    values, values0, plus, minus = [], [], [], []
    given, given0 = list(xs), list(x0s)
    for node in nodes:
        if isinstance(node.op, Input):
            x, x0 = np.asarray(given.pop(0), float), np.asarray(given0.pop(0), float)
            # At the input a difference is all positive or all negative.
            up, down = np.maximum(x - x0, 0), np.minimum(x - x0, 0)
        else:
            ins = [values[p] for p in node.parents]
            ins0 = [values0[p] for p in node.parents]
            x, x0 = node.op.value(*ins), node.op.value(*ins0)
            if isinstance(node.op, (Concatenate, Sum)):
                up = node.op.value(*(plus[p] for p in node.parents))
                down = node.op.value(*(minus[p] for p in node.parents))
            elif isinstance(node.op, Unary):
                (p,) = node.parents
                m = node.op.multipliers(values[p], values0[p], plus[p], minus[p], node.rule)
                up, down = m[0] * plus[p], m[1] * minus[p]
            else:
                (p,) = node.parents
                up, down = node.op.parts(values[p], values0[p], plus[p], minus[p])
        np.testing.assert_allclose(up + down, x - x0, atol=1e-9)
        for store, one in zip((values, values0, plus, minus), (x, x0, up, down), strict=True):
            store.append(one)
    back = [[np.zeros_like(v), np.zeros_like(v)] for v in values]
    back[-1][0].reshape(-1)[target] = back[-1][1].reshape(-1)[target] = 1.0
    for k in range(len(nodes) - 1, -1, -1):
        node, (m_plus, m_minus) = nodes[k], back[k]
        if isinstance(node.op, Input):
            continue
        if isinstance(node.op, (Concatenate, Sum)):
            found = node.op.joined_back([values[p] for p in node.parents], m_plus, m_minus)
        elif isinstance(node.op, Unary):
            (p,) = node.parents
            own = node.op.multipliers(values[p], values0[p], plus[p], minus[p], node.rule)
            found = [(own[0] * m_plus, own[1] * m_minus)]
        else:
            (p,) = node.parents
            found = [node.op.back(values[p], values0[p], plus[p], minus[p], m_plus, m_minus)]
        for p, (up, down) in zip(node.parents, found, strict=True):
            back[p][0] += up
            back[p][1] += down
    multipliers = []
    for k, node in enumerate(nodes):
        if isinstance(node.op, Input):
            delta = values[k] - values0[k]
            up, down = back[k]
            multipliers.append(np.where(delta > 0, up, np.where(delta < 0, down, (up + down) / 2)))
    return multipliers, values[-1].reshape(-1)[target], values0[-1].reshape(-1)[target]
