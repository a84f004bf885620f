"""The quantity that is explained, as a linear function of values of the program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from genolift.engine.program import Value
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


@dataclass(frozen=True)
class Target:
    """A linear function of values of the program: f = Σ weights(value at x) · value, summed over the terms.

    Parameters
    ----------
    terms : tuple of (Value, callable)
        Each value with a function that returns its weights. The function takes the value at x, one row per pair, and
        returns the weights in that shape or in one that broadcasts to it. The weights are the same for x and its
        references, so they never carry importance themselves.
    name : str
        The name by which messages and results refer to the target.
    """

    terms: tuple[tuple[Value, Callable[[Tensor], Tensor]], ...]
    name: str

    @property
    def values(self) -> list[Value]:
        """The distinct values that the function reads."""
        return list(dict.fromkeys(value for value, _ in self.terms))

    def seeds(self, at_x: Callable[[Value], Tensor]) -> dict[Value, Tensor]:
        """Return the weights of each value, in its shape; ``at_x(value)`` returns the value at x."""
        seeds: dict[Value, Tensor] = {}
        for value, weights in self.terms:
            tensor = at_x(value)
            seed = tf.broadcast_to(tf.cast(weights(tensor), tensor.dtype), tf.shape(tensor))
            seeds[value] = seeds[value] + seed if value in seeds else seed
        return seeds

    def average(self, other: Target) -> Target:
        """Return the mean of this function and another one, under the name of this one."""
        terms = [(value, _halved(weights)) for value, weights in (*self.terms, *other.terms)]
        return Target(tuple(terms), self.name)


def _halved(weights: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda at_x: weights(at_x) / 2
