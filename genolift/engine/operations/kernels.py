"""Kernels, each of which computes an elementwise region in one pass over memory.

A chord is a dozen small operations on the largest tensors of the model. Run one by one, they cost more than the
convolutions around them. Only these regions are compiled, because XLA makes convolutions slower on the CPU. They are
compiled once per structure and shape, so that a model's many equal activations share one kernel. Another number of
sequences or another length is compiled anew. That takes longer than explaining a few sequences, so it is done for large
tensors only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import lru_cache, partial
from typing import Any

import numpy as np

from genolift.engine.operations.secants import nonzero, secant
from genolift.engine.operations.table import operation
from genolift.engine.program import Step, Value
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

#: A shape may never come again, so a kernel is compiled for it only if a tensor has at least so many elements.
WORTH_COMPILING = 1 << 18
#: Two sums of the same terms in another order differ by no more than so many units of the last place, by and large.
ROUNDING = 4

_small: ContextVar[bool] = ContextVar("small", default=False)
_small_values: ContextVar[Collection[Value]] = ContextVar("small_values", default=())


@contextmanager
def small_activations(values: Collection[Value] | None = None) -> Iterator[None]:
    """Declare that no activation is large enough to be worth compiling for, while a graph is made.

    Then the graph need not hold the choice at every activation, which is half of what it takes to make it.

    Parameters
    ----------
    values : collection of Value, optional
        The activations that this is so for. It then holds at steps that deal with these alone, see :func:`at_step`. By
        default it holds everywhere.
    """
    variable: ContextVar = _small if values is None else _small_values
    before = variable.set(True if values is None else values)
    try:
        yield
    finally:
        variable.reset(before)


def at_step(step: Step) -> AbstractContextManager[None]:
    """Declare that the kernels that are now asked for are those of a step."""
    small = _small_values.get()
    known = small and all(value in small for value in (*step.inputs, *step.outputs) if value.active)
    return small_activations() if known else nullcontext()


class Kernel:
    """A function of tensors that is compiled where the tensors are large.

    Parameters
    ----------
    function : callable
        The function, which takes and returns tensors or nested structures of them.
    known : bool
        Whether the compiler takes all operations of the function. If not, the function is never compiled.
    sizes : bool
        Whether the function reads the sizes of axes, so that it has to be traced for each size. By default it does not.
    steps : int
        How many times as many operations it has as a chord. It is compiled for tensors that are smaller by as much. By
        default 1.
    """

    #: Whether anything is compiled.
    compiling = True

    def __init__(self, function: Callable[..., Any], known: bool = True, sizes: bool = False, steps: int = 1):
        self._known, self._sizes, self._steps = known, sizes, steps
        self._plain = tf.function(function, autograph=False, reduce_retracing=not sizes)
        self._compiled = tf.function(function, autograph=False, jit_compile=True, reduce_retracing=not sizes)

    def __call__(self, *operands: Any) -> Any:
        """Return the function's result for tensors or nested structures of them."""
        # What reads sizes may work on tensors that are larger than all activations.
        small = _small.get() and not self._sizes and self._steps == 1
        if small or not (self.compiling and self._known):
            return self._plain(*operands)
        tensors = [tensor for tensor in tf.nest.flatten(operands) if tf.is_tensor(tensor)]
        size = tf.reduce_max(tf.stack([tf.size(tensor) for tensor in tensors]))
        worth = size >= WORTH_COMPILING // self._steps
        return tf.cond(worth, lambda: self._compiled(*operands), lambda: self._plain(*operands))


class Structure:
    """A region as a key of a cache.

    Two structures are equal if their operations, the differences of these, their attributes and their wiring are equal.

    Parameters
    ----------
    region : Step
        The fused region.
    precision : DType
        The floating-point type in which it is computed.
    """

    def __init__(self, region: Step, precision: Any):
        self.region, self.precision = region, precision
        place = {value: i for i, value in enumerate(region.inputs)}
        parts = []
        for step in region.body:
            wiring = tuple(place[value] for value in step.inputs)
            parts.append((step.op, operation(step.op).difference, _attributes(step), wiring))
            place.update((value, len(place)) for value in step.outputs)
        self.key = (tuple(parts), place[region.output], precision.name)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and self.key == other.key


def _attributes(step: Step) -> bytes:
    """Return a step's node without its name and its inputs, as bytes that are the same for equal attributes."""
    bare = type(step.node)()
    bare.CopyFrom(step.node)
    bare.name = ""
    del bare.input[:]
    return bare.SerializeToString(deterministic=True)


def rescale(region: Step, precision: Any, a: Tensor, b: Tensor, extra: list[Tensor], flow: Tensor) -> Tensor:
    """Return ``flow`` times the chord Δout/Δin of a region between two ends of its source.

    Parameters
    ----------
    region : Step
        The fused region.
    precision : DType
        The floating-point type in which it is computed.
    a, b : Tensor
        The source at the two ends. Where they are equal, the chord is the derivative.
    extra : list of Tensor
        The region's inputs after its source.
    flow : Tensor
        The multipliers at the region's output, in its shape.
    """
    return _rescale(Structure(region, precision))(a, b, tuple(extra), flow)


def reveal_cancel(
    region: Step, precision: Any, a: Tensor, b: Tensor, mass: Tensor, extra: list[Tensor], flow: Tensor
) -> list[Tensor]:
    """Return ``flow`` times the mean, and times half the difference, of the two multipliers of RevealCancel.

    Parameters
    ----------
    region : Step
        The fused region.
    precision : DType
        The floating-point type in which it is computed.
    a, b : Tensor
        The source at the two ends.
    mass : Tensor
        Δx⁺ − Δx⁻, the sum of the sizes of the positive and the negative part of b − a.
    extra : list of Tensor
        The region's inputs after its source.
    flow : Tensor
        The multipliers at the region's output, in its shape.
    """
    return tf.unstack(_reveal_cancel(Structure(region, precision))(a, b, mass, tuple(extra), flow), num=2)


def of_region(function: Callable[..., Any], structure: Structure) -> Kernel:
    """Return a region's function as a kernel. It is compiled only if the compiler is known to take the region."""
    return Kernel(function, all(_is_known(step) for step in structure.region.body))


def _is_known(step: Step) -> bool:
    return operation(step.op).difference is not None or step.op == "Const"


@lru_cache(maxsize=512)
def _rescale(structure: Structure) -> Kernel:
    def kernel(a: Tensor, b: Tensor, extra: tuple[Tensor, ...], flow: Tensor) -> Tensor:
        slope, _ = secant(structure.region, a, b, b - a, list(extra), structure.precision)
        return flow * slope

    return of_region(kernel, structure)


def _two_parts(
    structure: Structure, a: Tensor, b: Tensor, mass: Tensor, extra: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return 2Δy⁺ and 2Δy⁻ (Shrikumar et al. 2017, section 3.5.3), and Δx⁺ and Δx⁻.

    Each of the first two is the sum of two changes of the output: one where that part of the input changes first, and
    one where it changes after the other part.
    """
    up, down = nonzero((b - a + mass) / 2), nonzero((b - a - mass) / 2)

    def change(start: Tensor, part: Tensor) -> Tensor:
        return secant(structure.region, start, start + part, part, list(extra), structure.precision)[1]

    rise = change(a, up) + change(a + down, up)
    fall = change(a, down) + change(a + up, down)
    return rise, fall, up, down


@lru_cache(maxsize=512)
def _reveal_cancel(structure: Structure) -> Kernel:
    def kernel(a: Tensor, b: Tensor, mass: Tensor, extra: tuple[Tensor, ...], flow: Tensor) -> Tensor:
        rise, fall, up, down = _two_parts(structure, a, b, mass, extra)
        upper, lower = flow * (rise / (4 * up)), flow * (fall / (4 * down))
        # There is one result because for two the compiler would keep both quotients and pass over them twice more.
        return tf.stack([upper + lower, upper - lower])

    return of_region(kernel, structure)


@Kernel
def collapse(mean: Tensor, half: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return ``mean`` + sign(b − a) · ``half``, where a difference that is only rounding has the sign 0.

    A shuffle often holds the same words as its sequence, and then sums over them are equal. By rounding they differ in
    a way that depends on the processor, and with a sign of 1 or −1 so would the contributions.
    """
    rise, rounding = b - a, ROUNDING * np.finfo(a.dtype.as_numpy_dtype).eps * (tf.abs(a) + tf.abs(b))
    return mean + tf.where(tf.abs(rise) > rounding, tf.sign(rise), tf.zeros_like(rise)) * half


# Terms that exceed their sum by this factor are rounding noise in float32.
_CANCELS = 1e3


@Kernel
def product(flow: Tensor, a0: Tensor, a: Tensor, b0: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``flow`` times each factor's multiplier in the product ``a * b``, in the product's shape.

    It is the mean of the two orders of changing the factors, or the one order whose terms do not cancel. Dividing by
    the norm of a tensor that is zero on one side multiplies by 10¹² there. The two orders then differ by that factor,
    and their mean is noise. Either order is exact, and so is any mean of them.

    Parameters
    ----------
    flow : Tensor
        The multipliers at the product.
    a0, a : Tensor
        The left factor at the reference and at x.
    b0, b : Tensor
        The right factor at the reference and at x.
    """
    first = tf.abs(a0 * (b - b0)) + tf.abs(b * (a - a0))  # The left factor changes last.
    second = tf.abs(a * (b - b0)) + tf.abs(b0 * (a - a0))
    size = tf.maximum(tf.abs(a * b), tf.abs(a0 * b0))
    cancels = tf.maximum(first, second) > _CANCELS * (size + tf.minimum(first, second))
    share = tf.where(cancels, tf.cast(first <= second, first.dtype), tf.cast(0.5, first.dtype))
    share = tf.cast(share, flow.dtype)
    left = flow * tf.math.conj(share * b + (1 - share) * b0)
    return left, flow * tf.math.conj(share * a0 + (1 - share) * a)


@Kernel
def distance(a: Tensor, b: Tensor) -> Tensor:
    """Return |b − a|."""
    return tf.abs(b - a)


@partial(Kernel, sizes=True)
def overlap_add(parts: Tensor, same: bool) -> Tensor:
    """Return the sum of overlapping windows: what tap k of position p holds is added to position p + k.

    Parameters
    ----------
    parts : Tensor
        What each tap holds, (N, P, K, C) for K taps at each of P positions.
    same : bool
        Whether to return the middle P positions only, as for a convolution with padding ``"same"``.

    Returns
    -------
    Tensor
        The sums, (N, P + K − 1, C), or (N, P, C) for ``same``.
    """
    taps = parts.shape[2]
    total = tf.add_n([tf.pad(parts[:, :, k], [[0, 0], [k, taps - 1 - k], [0, 0]]) for k in range(taps)])
    start = (taps - 1) // 2
    return total[:, start : start + tf.shape(parts)[1]] if same else total


@partial(Kernel, sizes=True)
def summary(m: Tensor, x: Tensor, ref: Tensor, dna: bool) -> dict[str, Tensor]:
    """Return what is kept of the multipliers of a block.

    Parameters
    ----------
    m : Tensor
        The multipliers, (n, r, ...) for n sequences with r references each.
    x, ref : Tensor
        The sequences and the references, in a shape that broadcasts to that of the multipliers.
    dna : bool
        Whether the last axis holds the four bases, over which scores are summed.

    Returns
    -------
    dict
        Over references the means of contributions (``raw``), of ``multipliers`` and of scores (``mean``), and the sum
        of squared deviations of scores (``squares``), each (n, ...). ``shares`` (n, r) are the sums of contributions of
        a pair, and ``sizes`` (n, r) those of their absolute values. For DNA there are ``hypothetical`` contributions.
    """

    def per_pair(tensor: Tensor) -> Tensor:
        return tf.reduce_sum(tf.reshape(tensor, tf.concat([tf.shape(m)[:2], [-1]], 0)), -1)

    contributions = m * (x - ref)
    scores = _over_bases(contributions) if dna else contributions
    mean = tf.reduce_mean(scores, 1)
    kept = {
        "raw": tf.reduce_mean(contributions, 1),
        "multipliers": tf.reduce_mean(m, 1),
        "mean": mean,
        "squares": tf.reduce_sum(tf.square(scores - mean[:, tf.newaxis]), 1),
        "shares": per_pair(scores),
        "sizes": per_pair(tf.abs(contributions)),
    }
    if dna:
        # Base b would be worth m_b − Σ_c m_c·r_c there. This is computed for each reference and then averaged.
        baseline = tf.reduce_mean(_over_bases(m * ref), 1)
        kept["hypothetical"] = kept["multipliers"] - baseline[..., tf.newaxis]
    return kept


def _over_bases(tensor: Tensor) -> Tensor:
    """Return the sum over the last axis, written out where it is that of the four bases.

    Reductions of short rows are slow.
    """
    if tensor.shape[-1] != 4:
        return tf.reduce_sum(tensor, -1)
    return tf.add_n([tensor[..., base] for base in range(4)])
