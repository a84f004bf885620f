"""What is explained: a linear function of values of the program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from genolift.engine.program import Value
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


@dataclass(frozen=True)
class Target:
    """A linear function of values of the program: f = Σ weights(value at x) · value over ``terms`` (value, weights).

    ``weights`` takes the value at x, one row per pair, and returns the weights in that shape, or one that broadcasts
    to it. They are the same for x and its references, so they never carry importance themselves.
    """

    terms: tuple[tuple[Value, Callable], ...]
    name: str

    @property
    def values(self) -> list[Value]:
        return list(dict.fromkeys(value for value, _ in self.terms))

    def seeds(self, at_x: Callable) -> dict[Value, object]:
        """The weights of each value, in its shape; ``at_x(value)`` gives the value at x."""
        found: dict[Value, object] = {}
        for value, weights in self.terms:
            tensor = at_x(value)
            seed = tf.broadcast_to(tf.cast(weights(tensor), tensor.dtype), tf.shape(tensor))
            found[value] = found[value] + seed if value in found else seed
        return found

    def average(self, other: Target) -> Target:
        """Half of this and half of the other."""
        terms = [(value, _halved(weights)) for value, weights in (*self.terms, *other.terms)]
        return Target(tuple(terms), self.name)


def _halved(weights: Callable) -> Callable:
    return lambda at_x: weights(at_x) / 2
