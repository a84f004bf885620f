"""Elementwise regions compiled into one pass over memory each.

A chord is a dozen small operations on the largest tensors of the model; run one by one they cost more than the
convolutions around them. Only these are compiled (XLA makes convolutions slower on the CPU), once per structure and
shape, so that a model's many equal activations share one kernel. Every number of sequences and every length is compiled
anew, which takes longer than explaining a few of them: only large tensors are worth it.
"""

from __future__ import annotations

from functools import lru_cache, partial

from genolift.engine.operations.secants import nonzero, secant
from genolift.engine.operations.table import operation
from genolift.engine.program import Step
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

# Elements from which on a shape, which may never come again, is compiled for.
_WORTH_COMPILING = 1 << 20


class Kernel:
    """A function of tensors, compiled where they are large.

    ``known``: the compiler takes all its operations. ``sizes``: it looks at the sizes of axes, so that it has to be traced
    for each.
    """

    #: Whether anything is compiled.
    compiling = True

    def __init__(self, function, known: bool = True, sizes: bool = False):
        self._known = known
        self._plain = tf.function(function, autograph=False, reduce_retracing=not sizes)
        self._compiled = tf.function(function, autograph=False, jit_compile=True, reduce_retracing=not sizes)

    def __call__(self, *operands):
        if not (self.compiling and self._known):
            return self._plain(*operands)
        tensors = [tensor for tensor in tf.nest.flatten(operands) if tf.is_tensor(tensor)]
        size = tf.reduce_max(tf.stack([tf.size(tensor) for tensor in tensors]))
        worth = size >= _WORTH_COMPILING
        return tf.cond(worth, lambda: self._compiled(*operands), lambda: self._plain(*operands))


class Structure:
    """A region as a cache key: equal where the operations, their differences, attributes and wiring are."""

    def __init__(self, region: Step, precision):
        self.region, self.precision = region, precision
        place = {value: i for i, value in enumerate(region.inputs)}
        parts = []
        for step in region.body:
            wiring = tuple(place[value] for value in step.inputs)
            parts.append((step.op, operation(step.op).difference, _attributes(step), wiring))
            place.update((value, len(place)) for value in step.outputs)
        self.key = (tuple(parts), place[region.output], precision.name)

    def __hash__(self):
        return hash(self.key)

    def __eq__(self, other):
        return self.key == other.key


def _attributes(step: Step) -> bytes:
    bare = type(step.node)()
    bare.CopyFrom(step.node)
    bare.name = ""
    del bare.input[:]
    return bare.SerializeToString(deterministic=True)


def rescale(region: Step, precision, a, b, extra: list, flow):
    """``flow`` times the chord Δout/Δin between ``a`` and ``b``."""
    return _rescale(Structure(region, precision))(a, b, tuple(extra), flow)


def reveal_cancel(region: Step, precision, a, b, mass, extra: list, flow) -> list:
    """Mean and half-difference of ``flow`` times each of the two multipliers of a RevealCancel nonlinearity."""
    return tf.unstack(_reveal_cancel(Structure(region, precision))(a, b, mass, tuple(extra), flow), num=2)


def of_region(function, structure: Structure) -> Kernel:
    """A kernel of operations that the compiler is known to take, or a plain function."""
    return Kernel(function, all(_is_known(step) for step in structure.region.body))


def _is_known(step: Step) -> bool:
    return operation(step.op).difference is not None or step.op == "Const"


@lru_cache(maxsize=512)
def _rescale(structure: Structure):
    def kernel(a, b, extra, flow):
        slope, _ = secant(structure.region, a, b, b - a, list(extra), structure.precision)
        return flow * slope

    return of_region(kernel, structure)


def _two_parts(structure: Structure, a, b, mass, extra):
    """2Δy⁺ and 2Δy⁻ (Shrikumar et al. 2017, section 3.5.3), and Δx⁺ and Δx⁻.

    Each is the sum of two changes: that part changed first, and changed after the other.
    """
    up, down = nonzero((b - a + mass) / 2), nonzero((b - a - mass) / 2)

    def change(start, part):
        return secant(structure.region, start, start + part, part, list(extra), structure.precision)[1]

    rise = change(a, up) + change(a + down, up)
    fall = change(a, down) + change(a + up, down)
    return rise, fall, up, down


@lru_cache(maxsize=512)
def _reveal_cancel(structure: Structure):
    def kernel(a, b, mass, extra, flow):
        rise, fall, up, down = _two_parts(structure, a, b, mass, extra)
        upper, lower = flow * (rise / (4 * up)), flow * (fall / (4 * down))
        # As one result: of two, the compiler would keep both quotients in memory and pass over them twice more.
        return tf.stack([upper + lower, upper - lower])

    return of_region(kernel, structure)


@Kernel
def collapse(mean, half, a, b):
    """mean + sign(b − a)·half."""
    return mean + tf.sign(b - a) * half


@Kernel
def distance(a, b):
    """|b − a|."""
    return tf.abs(b - a)


@partial(Kernel, sizes=True)
def overlap_add(parts, same: bool):
    """(N, P, K, C) → (N, P + K − 1, C): what the K taps k at position p send to p + k; P positions where ``same``."""
    taps = parts.shape[2]
    total = tf.add_n([tf.pad(parts[:, :, k], [[0, 0], [k, taps - 1 - k], [0, 0]]) for k in range(taps)])
    start = (taps - 1) // 2
    return total[:, start : start + tf.shape(parts)[1]] if same else total


@partial(Kernel, sizes=True)
def summary(m, x, ref, dna: bool) -> dict:
    """What is kept of the multipliers (n, r, ...) of a block, with x and references broadcast to that shape."""
    contributions = m * (x - ref)
    scores = _over_bases(contributions) if dna else contributions
    mean = tf.reduce_mean(scores, 1)
    kept = {
        "raw": tf.reduce_mean(contributions, 1),
        "multipliers": tf.reduce_mean(m, 1),
        "mean": mean,
        "squares": tf.reduce_sum(tf.square(scores - mean[:, tf.newaxis]), 1),
        "shares": tf.reduce_sum(tf.reshape(scores, tf.concat([tf.shape(m)[:2], [-1]], 0)), -1),
    }
    if dna:
        # Projected per reference, then averaged: m_b − Σ_c m_c·r_c is what base b would be worth there.
        baseline = tf.reduce_mean(_over_bases(m * ref), 1)
        kept["hypothetical"] = kept["multipliers"] - baseline[..., tf.newaxis]
    return kept


def _over_bases(tensor):
    """The sum over the last axis, which is 4 for DNA: written out, since reductions of short rows are slow."""
    if tensor.shape[-1] != 4:
        return tf.reduce_sum(tensor, -1)
    return tf.add_n([tensor[..., base] for base in range(4)])
