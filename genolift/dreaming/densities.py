"""Experts: densities that say how plausible a sequence is, and how plausible a relaxed one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from genolift.models.generative import autoregressive
from genolift.sequence.alphabet import encode
from genolift.simulate.background import MarkovChain, known_stretches, order_for
from genolift.support.errors import InputError
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


class Density(Protocol):
    """A density of sequences. Logarithms are natural.

    ``name`` is what results call it. ``bytes(length)`` is how much memory the slopes of one sequence take.
    """

    name: str

    def check(self, length: int) -> None:
        """Raise :class:`InputError` for sequences of a length that the density does not know."""
        ...

    def bytes(self, length: int) -> int:
        """Return the memory that one sequence takes while its slopes are computed."""
        ...

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log p (B,) of relaxed sequences (B, L, 4), inside a graph; of one-hot ones exactly log p."""
        ...

    def score(self, codes: np.ndarray) -> np.ndarray:
        """Return log p (N,) of sequences as codes (N, L), in float64."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what tells this density from others."""
        ...


class MarkovDensity:
    """A Markov chain as a density of sequences: log p(x) = log p(first k + 1 bases) + Σ log p(base | the k before it).

    A relaxed sequence is a distribution in which positions are independent, and ``log_prob`` is the expectation of
    log p under it, exactly.

    Parameters
    ----------
    sequences : sequence of str or np.ndarray
        Texts, or arrays of codes 0 to 3. Bases that are not A, C, G or T divide a text into stretches.
    order : int, optional
        How many bases before it each base depends on. By default it is the largest up to 5 for which the sequences hold
        twenty times as many words as there are different ones.

    Raises
    ------
    InputError
        If the sequences do not suffice for the order, or lack a base.
    """

    def __init__(self, sequences: Sequence[str | np.ndarray], order: int | None = None):
        stretches = known_stretches([encode(one) if isinstance(one, str) else one for one in sequences])
        self.order = order_for(stretches) if order is None else order
        if not isinstance(self.order, int) or isinstance(self.order, bool) or self.order < 0:
            raise InputError(f"order={self.order!r} is not a whole number of at least 0")
        self._chain = chain = MarkovChain(stretches, self.order)
        self.name = f"a Markov chain of order {self.order}"
        self.composition = chain.composition
        self._first, self._next = (np.log(table).ravel() for table in (chain.words, chain.transitions))
        self._bases = sum(map(len, stretches))

    def check(self, length: int) -> None:
        """Raise :class:`InputError` for sequences that are shorter than a word of the chain."""
        if length <= self.order:
            raise InputError(f"a chain of order {self.order} knows sequences of {self.order + 1} bases or more")

    def bytes(self, length: int) -> int:
        """Return the memory that one sequence takes while its slopes are computed."""
        return 4 * 3 * length * 4**self.order

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the expectation of log p (B,) under relaxed sequences (B, L, 4), inside a graph."""
        head = self._expected(x[:, : self.order + 1], self._first)
        return head + self._expected(x[:, 1:], self._next)

    def score(self, codes: np.ndarray) -> np.ndarray:
        """Return log p (N,) of sequences as codes (N, L), in float64."""
        return self._chain.log_prob(codes)

    def describe(self) -> dict[str, Any]:
        """Return the order, and the number of bases that the chain was fitted to."""
        return {"kind": "markov", "order": self.order, "bases": self._bases}

    def _expected(self, x: Tensor, table: np.ndarray) -> Tensor:
        """Return the sum over windows of order + 1 positions of the expectation of a table of words, (B,)."""
        count = tf.shape(x)[1] - self.order  # There may be none.
        expected = tf.constant(table, tf.float32)
        last = x[:, self.order : self.order + count]
        left = tf.einsum("bwi,ji->bwj", last, tf.reshape(expected, [-1, 4]))
        for place in reversed(range(self.order)):
            base = x[:, place : place + count]
            grouped = tf.reshape(left, [tf.shape(x)[0], count, 4**place, 4])
            left = tf.einsum("bwji,bwi->bwj", grouped, base)
        return tf.reduce_sum(left, [1, 2])


class NetworkDensity:
    """An autoregressive network as a density, see :mod:`genolift.models.generative.autoregressive`.

    log p of a one-hot sequence is exact. Of a relaxed one it is no expectation: the network reads the relaxed bases.

    Parameters
    ----------
    model : keras.Model
        The network, as ``genolift train --generator autoregressive`` leaves it.
    """

    name = "an autoregressive network"

    def __init__(self, model: Any):
        self._model = model

    def check(self, length: int) -> None:
        """Accept sequences of every length."""

    def bytes(self, length: int) -> int:
        """Return the memory that one sequence takes while its slopes are computed."""
        return 4 * 3 * length * sum(int(layer.output.shape[-1]) for layer in self._model.layers)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log p (B,) of relaxed sequences (B, L, 4), inside a graph."""
        return autoregressive.log_prob(self._model, x)

    def score(self, codes: np.ndarray) -> np.ndarray:
        """Return log p (N,) of sequences as codes (N, L), summed in float64."""
        return autoregressive.log_probs(self._model, codes)

    def describe(self) -> dict[str, Any]:
        """Return the number of parameters."""
        return {"kind": "autoregressive", "parameters": int(self._model.count_params())}
