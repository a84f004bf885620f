"""Elementwise steps between two convolutions, run in one pass over memory.

A mutant's windows need little arithmetic, so writing and reading them at every step is what takes time. A convolution
therefore hands on its products before they are added up, and elementwise steps wait until their result is needed. Then
one compiled function adds up the products, adds the sequence's own activations, applies the steps and subtracts the
sequence's activations after them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from genolift.engine.operations import kernels
from genolift.engine.operations.emit import emit
from genolift.engine.operations.steps import kind_of, linear_of
from genolift.engine.program import Dependence, Step, Value
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


@dataclass
class Chain:
    """Elementwise steps that make a value from a source and constants alone.

    Parameters
    ----------
    source : Value
        The value that the chain begins with.
    steps : list of Step
        The steps, in running order.
    """

    source: Value
    steps: list[Step]

    @property
    def end(self) -> Value:
        """The value that the last step makes."""
        return self.steps[-1].output

    @property
    def linear(self) -> bool:
        """Whether differences are all that the steps need."""
        return all(linear(step) for step in self.steps)

    def then(self, step: Step, others: list[Chain]) -> Chain | None:
        """Return the chain that ends with a further step, or None if the step's inputs have several sources.

        Parameters
        ----------
        step : Step
            The step, which reads the end of this chain.
        others : list of Chain
            The chains to the step's other inputs.
        """
        if any(other.source is not self.source for other in others):
            return None
        steps = [inner for chain in (self, *others) for inner in chain.steps]
        return Chain(self.source, [*dict.fromkeys(steps), step])

    def region(self) -> Step:
        """Return the chain as one step, as :mod:`~genolift.engine.operations.kernels` takes it."""
        produced = {value for step in self.steps for value in step.outputs}
        read = [value for step in self.steps for value in step.inputs]
        extra = [value for value in dict.fromkeys(read) if value is not self.source and value not in produced]
        return Step("Unary", self.end.step.name, [self.source, *extra], outputs=[self.end], body=self.steps)


def linear(step: Step) -> bool:
    """Return whether differences are all that the step needs."""
    switched = any(value.dependence == Dependence.DISCRETE for value in step.inputs)
    return kind_of(step) in ("weighted", "passing") and not switched


def run(
    chain: Chain,
    rows: Tensor,
    extra: list[Tensor],
    *,
    letters: int,
    rate: int,
    before: Tensor | None = None,
    after: Tensor | None = None,
    there: Tensor | None = None,
) -> Tensor:
    """Return the end (M, width, ...) of a chain for M mutants, which are Q positions with ``letters`` letters each.

    Parameters
    ----------
    chain : Chain
        The chain.
    rows : Tensor
        The rows of its source, (M, width, ...), or the products (M, width, taps, ...) that they are sums of.
    extra : list of Tensor
        The other inputs of the chain's region.
    letters : int
        The number of letters of a position.
    rate : int
        How many rows apart the products of neighbouring taps are added up, or 0 if ``rows`` holds no products.
    before : Tensor, optional
        The sequence's activations (Q, width, ...) to add first, if rows are differences.
    after : Tensor, optional
        The sequence's activations (Q, width, ...) to subtract last. By default the result is activations.
    there : Tensor, optional
        Which rows (Q, width) are inside the sequence. The others become zero. If neither ``before`` nor ``after`` is
        given, the chain has to be linear, and makes differences from differences.
    """
    region = chain.region()
    as_delta = before is None and after is None and there is not None
    shapes = (tuple(rows.shape[1:]), *[tuple(tensor.shape) for tensor in extra])
    kernel = _kernel(kernels.Structure(region, tf.float32), letters, rate, as_delta, shapes)
    return kernel(rows, tuple(extra), before, after, there)


def added_up(parts: Tensor, rate: int) -> Tensor:
    """Add up the products of a convolution, part k of row w into row w + rate·k.

    Parameters
    ----------
    parts : Tensor
        The products (M, W, K, ...) of W rows with K taps.
    rate : int
        How many rows the taps lie apart.

    Returns
    -------
    Tensor
        The sums, (M, W + rate·(K − 1), ...).
    """
    taps, rest = parts.shape[2], [[0, 0]] * (parts.shape.rank - 3)
    return tf.add_n([tf.pad(parts[:, :, k], [[0, 0], [rate * k, rate * (taps - 1 - k)], *rest]) for k in range(taps)])


@lru_cache(maxsize=512)
def _kernel(structure, letters: int, rate: int, as_delta: bool, shapes: tuple):
    """Return one function for each structure and ``shapes``, so that it is traced for known shapes."""
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
        end = tf.reshape(known[region.output], [-1, *shape])
        if after is not None:
            end = by_letter(end, after, letters, tf.subtract)
        if there is not None:
            mask = tf.reshape(there, [-1, 1, shape[0], *[1] * (len(shape) - 1)])
            apart = tf.reshape(end, [-1, letters, *shape])
            end = tf.reshape(tf.where(mask, apart, tf.zeros([], end.dtype)), [-1, *shape])
        return end

    return kernels.of_region(kernel, structure)


def _without_offsets(step: Step, tensors: list, known: dict) -> list:
    kind = linear_of(step)
    kept = {*kind.factors_of(step), *kind.keep}
    return [
        tf.zeros_like(tensor) if value.dependence == Dependence.CONSTANT and i not in kept else tensor
        for i, (value, tensor) in enumerate(zip(step.inputs, tensors, strict=True))
    ]


def by_letter(rows: Tensor, around: Tensor, letters: int, function: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Apply a function to rows of mutants (M, ...) and to what is the same for all letters of a position, (Q, ...)."""
    apart = tf.reshape(rows, [-1, letters, *rows.shape[1:]])
    return tf.reshape(function(apart, around[:, tf.newaxis]), [-1, *rows.shape[1:]])
