"""Elementwise steps between two convolutions in one pass over memory, from the differences before to those after.

The arithmetic of a mutant's windows is little; what costs is to write and read them for every step. So a convolution
hands on its products before they are added up, elementwise steps wait until somebody asks for what they give, and one
compiled function does the rest: add up, add the sequence's own activations, apply the steps, subtract the sequence's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from genolift.engine.operations import kernels
from genolift.engine.operations.emit import emit
from genolift.engine.operations.steps import kind_of, linear_of
from genolift.engine.program import Dependence, Step, Value
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


@dataclass
class Chain:
    """Elementwise ``steps`` that make a value from ``source`` and constants alone."""

    source: Value
    steps: list[Step]

    @property
    def end(self) -> Value:
        return self.steps[-1].output

    @property
    def linear(self) -> bool:
        return all(linear(step) for step in self.steps)

    def then(self, step: Step, others: list[Chain]) -> Chain | None:
        """This and other chains to the step's inputs with the step at the end, where they have one source."""
        if any(other.source is not self.source for other in others):
            return None
        steps = [inner for chain in (self, *others) for inner in chain.steps]
        return Chain(self.source, [*dict.fromkeys(steps), step])

    def region(self) -> Step:
        """The chain as one step, for :mod:`~genolift.engine.operations.kernels`."""
        produced = {value for step in self.steps for value in step.outputs}
        read = [value for step in self.steps for value in step.inputs]
        extra = [value for value in dict.fromkeys(read) if value is not self.source and value not in produced]
        return Step("Unary", self.end.step.name, [self.source, *extra], outputs=[self.end], body=self.steps)


def linear(step: Step) -> bool:
    """Whether differences are all that the step needs."""
    switched = any(value.dependence == Dependence.DISCRETE for value in step.inputs)
    return kind_of(step) in ("weighted", "passing") and not switched


def run(chain: Chain, rows, extra: list, *, letters: int, rate: int, before=None, after=None, there=None):
    """The chain's end (M, width, ...) for its source's ``rows``.

    ``rate`` 0: rows are (M, width, ...); else products (M, width, taps, ...) to be added up ``rate`` rows apart.
    ``before`` (Q, width, ...) is added first: rows are differences then, else activations. ``after`` (Q, width, ...) is
    subtracted last, and what hangs over the ends, where ``there`` (Q, width) is false, becomes zero. With ``there`` alone
    the chain is linear, and makes differences of differences.
    """
    region = chain.region()
    as_delta = before is None and after is None and there is not None
    shapes = (tuple(rows.shape[1:]), *[tuple(tensor.shape) for tensor in extra])
    kernel = _kernel(kernels.Structure(region, tf.float32), letters, rate, as_delta, shapes)
    return kernel(rows, tuple(extra), before, after, there)


def added_up(parts, rate: int):
    """(M, W, K, C) → (M, W + rate·(K − 1), C): part k of row w is added to row w + rate·k."""
    taps = parts.shape[2]
    return tf.add_n([tf.pad(parts[:, :, k], [[0, 0], [rate * k, rate * (taps - 1 - k)], [0, 0]]) for k in range(taps)])


@lru_cache(maxsize=512)
def _kernel(structure, letters: int, rate: int, as_delta: bool, shapes: tuple):
    """One function for each of ``shapes`` too, or it would be traced for shapes that are not known."""
    region = structure.region

    def kernel(rows, extra, before, after, there):
        rows = added_up(rows, rate) if rate else rows
        shape = rows.shape[1:]
        if before is not None:
            rows = by_letter(rows, before, letters, tf.add)
        known = dict(zip(region.inputs, [rows, *extra], strict=True))
        for step in region.body:
            tensors = [known[value] for value in step.inputs]
            if as_delta:
                tensors = _without_offsets(step, tensors, known)
            known.update(zip(step.outputs, emit(step, tensors), strict=True))
        found = tf.reshape(known[region.output], [-1, *shape])
        if after is not None:
            found = by_letter(found, after, letters, tf.subtract)
        if there is not None:
            mask = tf.reshape(there, [-1, 1, shape[0], *[1] * (len(shape) - 1)])
            apart = tf.reshape(found, [-1, letters, *shape])
            found = tf.reshape(tf.where(mask, apart, tf.zeros([], found.dtype)), [-1, *shape])
        return found

    return kernels.of_region(kernel, structure)


def _without_offsets(step: Step, tensors: list, known: dict) -> list:
    kind = linear_of(step)
    kept = {*kind.factors_of(step), *kind.keep}
    return [
        tf.zeros_like(tensor) if value.dependence == Dependence.CONSTANT and i not in kept else tensor
        for i, (value, tensor) in enumerate(zip(step.inputs, tensors, strict=True))
    ]


def by_letter(rows, around, letters: int, function):
    """(M, ...) with what is the same for all letters (Q, ...)."""
    apart = tf.reshape(rows, [-1, letters, *rows.shape[1:]])
    return tf.reshape(function(apart, around[:, tf.newaxis]), [-1, *rows.shape[1:]])
