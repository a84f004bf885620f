"""LRP's rules as data: how neurons share out the relevance R_j of their sums z_j = Σ_i x_i·w_ij + b_j.

What reaches an element is kept in two parts (:class:`Relevance`): *per unit* of its activation, c, and *apart* from it,
q, so that R = c·x + q. The rules of Bach et al. (2015) share out in proportion to x_i·w_ij and have c alone, which also
says what another base would be worth. The box rule has both. The rules that do not look at activations have q alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import ClassVar

from typing_extensions import override

from genolift.engine.relevance.neurons import Neurons, OfWeights, lower, upper
from genolift.engine.walk.pairs import Pairs
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

# A denominator below this counts as nothing, because what would be shared out over it has no terms.
_NOTHING = 1e-30


@dataclass
class Relevance:
    """R = per_unit·x + apart, where either part may be missing (None)."""

    per_unit: Tensor | None = None
    apart: Tensor | None = None

    def __add__(self, other: Relevance) -> Relevance:
        return Relevance(_sum(self.per_unit, other.per_unit), _sum(self.apart, other.apart))

    def at(self, x: Tensor) -> Tensor:
        """Return the relevance of an element whose activation is ``x``."""
        return _sum(None if self.per_unit is None else self.per_unit * x, self.apart)

    def over(self, x: Tensor, epsilon: float) -> Tensor:
        """Return the relevance per unit of the activation ``x``. Only what is kept apart has to be divided."""
        return _sum(self.per_unit, None if self.apart is None else divided(self.apart, stabilised(x, epsilon)))

    def parts(self, x: Tensor) -> list[Tensor]:
        """Return both parts for an element whose activation is ``x``, with zeros for one that is not there."""
        return [tf.zeros_like(x) if part is None else part for part in (self.per_unit, self.apart)]


def _sum(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    return b if a is None else a if b is None else a + b


def stabilised(z: Tensor, epsilon: float) -> Tensor:
    """Return z + ε·sign(z), with sign(0) = +1."""
    return z + epsilon * tf.where(z < 0, -tf.ones_like(z), tf.ones_like(z))


def divided(a: Tensor, b: Tensor) -> Tensor:
    """Return a / b, and nothing where b is nothing."""
    nothing = tf.abs(b) < _NOTHING
    return tf.where(nothing, tf.zeros_like(a), a / tf.where(nothing, tf.ones_like(b), b))


#: From the bounds of the inputs to the lowest and the highest values that neurons' source can take.
BoxOf = Callable[[float, float], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Rule(ABC):
    """How neurons share out the relevance of their sums.

    ``per_unit`` says whether a rule shares out in proportion to activations, and ``bounded`` whether it needs to know
    the bounds of what the neurons read.
    """

    spelling: ClassVar[str] = ""
    per_unit: ClassVar[bool] = True
    bounded: ClassVar[bool] = False

    def __str__(self):
        given = ",".join(f"{getattr(self, one.name):g}" for one in fields(self))
        return f"{self.spelling}:{given}" if given else self.spelling

    @abstractmethod
    def share(self, neurons: Neurons, pairs: Pairs, relevance: Tensor, unsigned: bool, box: BoxOf) -> Relevance:
        """Return what the neurons' source receives.

        Parameters
        ----------
        neurons : Neurons
            What shares out.
        pairs : Pairs
            The activations.
        relevance : tensor
            The relevance R_j of the sums, in their shape.
        unsigned : bool
            Whether the source has no negative elements.
        box : BoxOf
            Gives the lowest and the highest values that the source can take.
        """


@dataclass(frozen=True)
class Epsilon(Rule):
    """LRP-ε: R_i = Σ_j x_i·w_ij / (z_j + ε·sign z_j)·R_j with sign(0) = +1 (Bach et al. 2015, equation 58).

    ε = 0 is LRP-0.
    """

    epsilon: float = 1e-6

    spelling: ClassVar[str] = "epsilon"

    @override
    def share(self, neurons: Neurons, pairs: Pairs, relevance: Tensor, unsigned: bool, box: BoxOf) -> Relevance:
        per_sum = divided(relevance, stabilised(pairs.x(neurons.end), self.epsilon))
        scale = neurons.scale(pairs)
        return Relevance(neurons.backward(pairs, per_sum if scale is None else scale * per_sum))


class _Signed(Rule):
    """Rules that treat the positive and the negative terms of a sum differently.

    With P_j = Σ (x_i·w_ij)⁺ + b_j⁺ and N_j = Σ (x_i·w_ij)⁻ + b_j⁻, z = P + N.
    """

    @abstractmethod
    def rates(self, positive: Tensor, negative: Tensor, z: Tensor, relevance: Tensor) -> tuple[Tensor, Tensor]:
        """Return the relevance per unit of a positive and of a negative term.

        Parameters
        ----------
        positive, negative : tensor
            The two parts P and N of the sums.
        z : tensor
            The sums.
        relevance : tensor
            Their relevance.
        """

    @override
    def share(self, neurons: Neurons, pairs: Pairs, relevance: Tensor, unsigned: bool, box: BoxOf) -> Relevance:
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


def _exchanged(scale: Tensor | None, positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor]:
    """Return the two parts of s·z from those of z, or the other way: they change places where s is negative."""
    if scale is None:
        return positive, negative
    up, down = upper(scale), lower(scale)
    return up * positive + down * negative, down * positive + up * negative


@dataclass(frozen=True)
class Gamma(_Signed):
    """LRP-γ: R_i = Σ_j x_i·(w_ij + γ·w_ij⁺) / Σ_i x_i·(w_ij + γ·w_ij⁺)·R_j (Montavon et al. 2019, section 10.2.3).

    For inputs of both signs, the positive terms are favoured where z_j ≥ 0, and the negative ones where z_j < 0
    (Andéol et al. 2021). γ = 0 is LRP-0, and γ → ∞ is α1β0.
    """

    gamma: float = 0.25

    spelling: ClassVar[str] = "gamma"

    @override
    def rates(self, positive: Tensor, negative: Tensor, z: Tensor, relevance: Tensor) -> tuple[Tensor, Tensor]:
        above = z >= 0
        total = divided(relevance, z + self.gamma * tf.where(above, positive, negative))
        more = (1 + self.gamma) * total
        return tf.where(above, more, total), tf.where(above, total, more)


@dataclass(frozen=True)
class AlphaBeta(_Signed):
    """LRP-αβ: R_i = Σ_j (α·(x_i·w_ij)⁺ / P_j − β·(x_i·w_ij)⁻ / N_j)·R_j (Bach et al. 2015, equation 60).

    α − β = 1.
    """

    alpha: float = 2.0
    beta: float = 1.0

    spelling: ClassVar[str] = "alphabeta"

    @override
    def rates(self, positive: Tensor, negative: Tensor, z: Tensor, relevance: Tensor) -> tuple[Tensor, Tensor]:
        return self.alpha * divided(relevance, positive), -self.beta * divided(relevance, negative)


@dataclass(frozen=True)
class Box(Rule):
    """z^B: R_i = Σ_j (x_i·w_ij − l·w_ij⁺ − h·w_ij⁻) / (the same summed over i)·R_j (Montavon et al. 2017, section 4.2).

    It is for inputs between ``low`` l and ``high`` h, and leaves the bias out. Each term is
    (x_i − l)·w_ij⁺ + (x_i − h)·w_ij⁻ ≥ 0.
    """

    low: float = 0.0
    high: float = 1.0

    spelling: ClassVar[str] = "zb"
    bounded: ClassVar[bool] = True

    @override
    def share(self, neurons: Neurons, pairs: Pairs, relevance: Tensor, unsigned: bool, box: BoxOf) -> Relevance:
        x, scale = pairs.x(neurons.source), neurons.scale(pairs)
        low, high = box(self.low, self.high)
        total = _responded(neurons, pairs, x - low, scale, upper, lower)
        total += _responded(neurons, pairs, x - high, scale, lower, upper)
        rate = divided(relevance, total)
        positive = _returned(neurons, pairs, rate, scale, upper, lower)
        negative = _returned(neurons, pairs, rate, scale, lower, upper)
        return Relevance(positive + negative, -low * positive - high * negative)


def _responded(
    neurons: Neurons, pairs: Pairs, tensor: Tensor, scale: Tensor | None, sign: OfWeights, other: OfWeights
) -> Tensor:
    """Return Σ_i tensor_i·sign(w·s)_ij. Where s is negative, the weights of the ``other`` sign count."""
    plain = neurons.forward(pairs, tensor, sign)
    if scale is None:
        return plain
    return upper(scale) * plain + lower(scale) * neurons.forward(pairs, tensor, other)


def _returned(
    neurons: Neurons, pairs: Pairs, rate: Tensor, scale: Tensor | None, sign: OfWeights, other: OfWeights
) -> Tensor:
    """Return Σ_j sign(w·s)_ij·rate_j, the transpose of :func:`_responded`."""
    if scale is None:
        return neurons.backward(pairs, rate, sign)
    return neurons.backward(pairs, upper(scale) * rate, sign) + neurons.backward(pairs, lower(scale) * rate, other)


class _Blind(Rule):
    """Rules that share relevance out by the weights alone, whatever the activations are. Biases take nothing.

    A weight's part of what is shared out is given by ``shares``.
    """

    per_unit: ClassVar[bool] = False
    shares: ClassVar[OfWeights]

    @override
    def share(self, neurons: Neurons, pairs: Pairs, relevance: Tensor, unsigned: bool, box: BoxOf) -> Relevance:
        shares = type(self).shares
        total = neurons.forward(pairs, tf.ones_like(pairs.x(neurons.source)), shares)
        return Relevance(apart=neurons.backward(pairs, divided(relevance, total), shares))


@dataclass(frozen=True)
class Flat(_Blind):
    """Equal shares to everything that a sum reads (Bach et al. 2016). What is padded takes none."""

    spelling: ClassVar[str] = "flat"
    shares: ClassVar[OfWeights] = staticmethod(tf.ones_like)


@dataclass(frozen=True)
class WSquare(_Blind):
    """Shares by squared weights: R_i = Σ_j w_ij² / Σ_i w_ij²·R_j (Montavon et al. 2017, section 4.1)."""

    spelling: ClassVar[str] = "wsquare"
    shares: ClassVar[OfWeights] = staticmethod(tf.square)


RULES = {rule.spelling: rule for rule in (Epsilon, Gamma, AlphaBeta, Box, Flat, WSquare)}
