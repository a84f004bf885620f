"""Elementwise regions compiled into one pass over memory each.

A chord is a dozen small operations on the largest tensors of the model; run one by one they cost more than the
convolutions around them. Only these are compiled (XLA makes convolutions slower on the CPU), once per structure and
shape, so that a model's many equal activations share one kernel.
"""

from __future__ import annotations

from functools import lru_cache

from genolift.engine.differences import DIFFERENCES, secant
from genolift.engine.program import Step
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


class _Structure:
    """A region as a cache key: equal where the operations, their attributes and their wiring are."""

    def __init__(self, region: Step, precision):
        self.region, self.precision = region, precision
        place = {value: i for i, value in enumerate(region.inputs)}
        parts = []
        for step in region.body:
            parts.append((step.op, _attributes(step), tuple(place[value] for value in step.inputs)))
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


def rescale(region: Step, precision, a, b, extra: list, flows: list) -> list:
    """Each of ``flows`` times the chord Δout/Δin between ``a`` and ``b``."""
    return _rescale(_Structure(region, precision))(a, b, tuple(extra), tuple(flows))


def reveal_cancel(region: Step, precision, a, b, mass, extra: list, mean, half) -> list:
    """Mean and half-difference of the two multipliers below a RevealCancel nonlinearity."""
    return _reveal_cancel(_Structure(region, precision))(a, b, mass, tuple(extra), mean, half)


def reveal_cancel_mass(region: Step, precision, a, b, mass, extra: list):
    """Δy⁺ − Δy⁻ of a RevealCancel nonlinearity."""
    return _reveal_cancel_mass(_Structure(region, precision))(a, b, mass, tuple(extra))


def _compiled(function, structure: _Structure):
    known = all(step.op in DIFFERENCES or step.op == "Const" for step in structure.region.body)
    return tf.function(function, autograph=False, jit_compile=known, reduce_retracing=True)


@lru_cache(maxsize=512)
def _rescale(structure: _Structure):
    def kernel(a, b, extra, flows):
        slope, _ = secant(structure.region, a, b, b - a, list(extra), structure.precision)
        return [flow * slope for flow in flows]

    return _compiled(kernel, structure)


def _two_chords(structure: _Structure, a, b, mass, extra):
    """Δy⁺/Δx⁺ and Δy⁻/Δx⁻ (Shrikumar et al. 2017, section 3.5.3), and Δx⁺ and Δx⁻.

    Each is the mean of two chords: that part changed first, and changed after the other.
    """
    up, down = (b - a + mass) / 2, (b - a - mass) / 2

    def chord(start, change):
        return secant(structure.region, start, start + change, change, list(extra), structure.precision)[0]

    rising = (chord(a, up) + chord(a + down, up)) / 2
    falling = (chord(a, down) + chord(a + up, down)) / 2
    return rising, falling, up, down


@lru_cache(maxsize=512)
def _reveal_cancel(structure: _Structure):
    def kernel(a, b, mass, extra, mean, half):
        rising, falling, _, _ = _two_chords(structure, a, b, mass, extra)
        upper, lower = (mean + half) * rising, (mean - half) * falling
        return [(upper + lower) / 2, (upper - lower) / 2]

    return _compiled(kernel, structure)


@lru_cache(maxsize=512)
def _reveal_cancel_mass(structure: _Structure):
    def kernel(a, b, mass, extra):
        rising, falling, up, down = _two_chords(structure, a, b, mass, extra)
        return rising * up - falling * down

    return _compiled(kernel, structure)
