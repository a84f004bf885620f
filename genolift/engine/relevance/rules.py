"""LRP's rules as data: how neurons share the relevance R_j of their sums z_j = Σ_i x_i·w_ij + b_j out to what they read.

What reaches an element is kept in two parts (:class:`Relevance`): *per unit* of its activation, c, and *apart* from it, q,
so that R = c·x + q. The rules of Bach et al. (2015) share out in proportion to x_i·w_ij and have c alone, which also says
what another base would be worth; the box rule has both; the rules that do not look at activations have q alone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from genolift.engine.relevance.neurons import Neurons, lower, upper
from genolift.engine.walk.pairs import Pairs
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

# A denominator below this is nothing: what would be shared out over it has no terms.
_NOTHING = 1e-30


@dataclass
class Relevance:
    """R = per_unit·x + apart; either part may be None."""

    per_unit: Tensor | None = None
    apart: Tensor | None = None

    def __add__(self, other: Relevance) -> Relevance:
        return Relevance(_sum(self.per_unit, other.per_unit), _sum(self.apart, other.apart))

    def at(self, x: Tensor) -> Tensor:
        """Return the relevance of an element whose activation is ``x``."""
        return _sum(None if self.per_unit is None else self.per_unit * x, self.apart)

    def over(self, x: Tensor, epsilon: float) -> Tensor:
        """Return the relevance per unit of the activation ``x``; only what is kept apart has to be divided."""
        return _sum(self.per_unit, None if self.apart is None else divided(self.apart, stabilised(x, epsilon)))

    def parts(self, x: Tensor) -> list[Tensor]:
        """Return both parts for an element whose activation is ``x``, with zeros for one that is not there."""
        return [tf.zeros_like(x) if part is None else part for part in (self.per_unit, self.apart)]


def _sum(a, b):
    return b if a is None else a if b is None else a + b


def stabilised(z, epsilon: float):
    """z + ε·sign(z), with sign(0) = +1."""
    return z + epsilon * tf.where(z < 0, -tf.ones_like(z), tf.ones_like(z))


def divided(a, b):
    """a / b, and nothing where b is nothing."""
    nothing = tf.abs(b) < _NOTHING
    return tf.where(nothing, tf.zeros_like(a), a / tf.where(nothing, tf.ones_like(b), b))


class Rule:
    """``share(neurons, pairs, relevance, unsigned, box)``: what the neurons' source receives.

    ``relevance``: R_j of the sums; ``unsigned``: the source has no negative elements; ``box``: a function that gives the
    lowest and highest values that the source can take.
    """

    spelling: ClassVar[str] = ""
    per_unit: ClassVar[bool] = True  # shares out in proportion to activations
    bounded: ClassVar[bool] = False  # needs the box

    def __str__(self):
        given = ",".join(f"{getattr(self, one.name):g}" for one in fields(self))
        return f"{self.spelling}:{given}" if given else self.spelling


@dataclass(frozen=True)
class Epsilon(Rule):
    """R_i = Σ_j x_i·w_ij / (z_j + ε·sign z_j)·R_j, sign(0) = +1 (Bach et al. 2015, equation 58); ε = 0 is LRP-0."""

    epsilon: float = 1e-6

    spelling: ClassVar[str] = "epsilon"

    def share(self, neurons: Neurons, pairs: Pairs, relevance, unsigned, box) -> Relevance:
        per_sum = divided(relevance, stabilised(pairs.x(neurons.end), self.epsilon))
        scale = neurons.scale(pairs)
        return Relevance(neurons.backward(pairs, per_sum if scale is None else scale * per_sum))


class _Signed(Rule):
    """Rules that treat the positive and the negative terms of a sum differently.

    P_j = Σ (x_i·w_ij)⁺ + b_j⁺ and N_j = Σ (x_i·w_ij)⁻ + b_j⁻, so z = P + N; ``rates`` gives the relevance per unit of a
    positive and of a negative term.
    """

    def share(self, neurons: Neurons, pairs: Pairs, relevance, unsigned, box) -> Relevance:
        x, scale, bias = pairs.x(neurons.source), neurons.scale(pairs), neurons.bias(pairs)
        rising = neurons.forward(pairs, upper(x), upper)
        falling = neurons.forward(pairs, upper(x), lower)
        if not unsigned:
            rising += neurons.forward(pairs, lower(x), lower)
            falling += neurons.forward(pairs, lower(x), upper)
        positive, negative = _exchanged(scale, rising, falling)
        if bias is not None:
            positive, negative = positive + upper(bias), negative + lower(bias)
        rise, fall = _exchanged(scale, *self.rates(positive, negative, pairs.x(neurons.end), relevance))
        per_unit = neurons.backward(pairs, rise, upper) + neurons.backward(pairs, fall, lower)
        if unsigned:
            return Relevance(per_unit)
        # Where x is negative, positive terms are those of negative weights. An absent base counts as positive.
        below = neurons.backward(pairs, rise, lower) + neurons.backward(pairs, fall, upper)
        return Relevance(tf.where(x < 0, below, per_unit))


def _exchanged(scale, positive, negative):
    """The two parts of s·z from those of z, which change places where s is negative (and the same way back)."""
    if scale is None:
        return positive, negative
    up, down = upper(scale), lower(scale)
    return up * positive + down * negative, down * positive + up * negative


@dataclass(frozen=True)
class Gamma(_Signed):
    """R_i = Σ_j x_i·(w_ij + γ·w_ij⁺) / Σ_i x_i·(w_ij + γ·w_ij⁺)·R_j (Montavon et al. 2019, section 10.2.3).

    For inputs of both signs it is the positive terms that are favoured where z_j ≥ 0, and the negative ones where
    z_j < 0 (Andéol et al. 2021). γ = 0 is LRP-0, γ → ∞ is α1β0.
    """

    gamma: float = 0.25

    spelling: ClassVar[str] = "gamma"

    def rates(self, positive, negative, z, relevance):
        above = z >= 0
        total = divided(relevance, z + self.gamma * tf.where(above, positive, negative))
        more = (1 + self.gamma) * total
        return tf.where(above, more, total), tf.where(above, total, more)


@dataclass(frozen=True)
class AlphaBeta(_Signed):
    """R_i = Σ_j (α·(x_i·w_ij)⁺ / P_j − β·(x_i·w_ij)⁻ / N_j)·R_j with α − β = 1 (Bach et al. 2015, equation 60)."""

    alpha: float = 2.0
    beta: float = 1.0

    spelling: ClassVar[str] = "alphabeta"

    def rates(self, positive, negative, z, relevance):
        return self.alpha * divided(relevance, positive), -self.beta * divided(relevance, negative)


@dataclass(frozen=True)
class Box(Rule):
    """z^B: R_i = Σ_j (x_i·w_ij − l·w_ij⁺ − h·w_ij⁻) / (the same summed over i)·R_j (Montavon et al. 2017, section 4.2).

    For inputs between ``low`` l and ``high`` h, without bias; each term is (x_i − l)·w_ij⁺ + (x_i − h)·w_ij⁻ ≥ 0.
    """

    low: float = 0.0
    high: float = 1.0

    spelling: ClassVar[str] = "zb"
    bounded: ClassVar[bool] = True

    def share(self, neurons: Neurons, pairs: Pairs, relevance, unsigned, box) -> Relevance:
        x, scale = pairs.x(neurons.source), neurons.scale(pairs)
        low, high = box(self.low, self.high)
        total = _responded(neurons, pairs, x - low, scale, upper, lower)
        total += _responded(neurons, pairs, x - high, scale, lower, upper)
        rate = divided(relevance, total)
        positive = _returned(neurons, pairs, rate, scale, upper, lower)
        negative = _returned(neurons, pairs, rate, scale, lower, upper)
        return Relevance(positive + negative, -low * positive - high * negative)


def _responded(neurons: Neurons, pairs: Pairs, tensor, scale, sign, other):
    """Σ_i tensor_i·sign(w·s)_ij: where s is negative it is the weights of the ``other`` sign that count."""
    plain = neurons.forward(pairs, tensor, sign)
    if scale is None:
        return plain
    return upper(scale) * plain + lower(scale) * neurons.forward(pairs, tensor, other)


def _returned(neurons: Neurons, pairs: Pairs, rate, scale, sign, other):
    """Σ_j sign(w·s)_ij·rate_j, the transpose of :func:`_responded`."""
    if scale is None:
        return neurons.backward(pairs, rate, sign)
    return neurons.backward(pairs, upper(scale) * rate, sign) + neurons.backward(pairs, lower(scale) * rate, other)


class _Blind(Rule):
    """Rules that share relevance out by the weights alone, whatever the activations are; biases take nothing."""

    per_unit: ClassVar[bool] = False

    def share(self, neurons: Neurons, pairs: Pairs, relevance, unsigned, box) -> Relevance:
        shares = type(self).shares
        total = neurons.forward(pairs, tf.ones_like(pairs.x(neurons.source)), shares)
        return Relevance(apart=neurons.backward(pairs, divided(relevance, total), shares))


@dataclass(frozen=True)
class Flat(_Blind):
    """Equal shares to everything that a sum reads (Bach et al. 2016); what is padded takes none."""

    spelling: ClassVar[str] = "flat"
    shares: ClassVar = staticmethod(tf.ones_like)


@dataclass(frozen=True)
class WSquare(_Blind):
    """R_i = Σ_j w_ij² / Σ_i w_ij²·R_j (Montavon et al. 2017, section 4.1)."""

    spelling: ClassVar[str] = "wsquare"
    shares: ClassVar = staticmethod(tf.square)


RULES = {rule.spelling: rule for rule in (Epsilon, Gamma, AlphaBeta, Box, Flat, WSquare)}
