"""Sparsemax (Martins & Astudillo 2016): max(z − τ(z), 0), τ such that the sum is one.

Libraries run it as a sort, running sums and a comparison, which have no rule of their own. As a whole it has an exact
one: τ is the largest of the linear functions (Σ_S z − 1)/|S| over all sets S, so between a reference and x it changes
by something between the mean change over the reference's support and the mean change over that of x.
"""

from __future__ import annotations

import numpy as np

from genolift.engine.emit import emit
from genolift.engine.program import Dependence, Program, Step, Value
from genolift.engine.propagate import Backward, Flow, collapsed
from genolift.engine.substitutes import sparsemax, sparsemax_threshold
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def rule(step: Step, flows, back: Backward) -> dict:
    """A chord for max(u, 0) of u = z − τ, and τ's change shared out among the two supports."""
    pairs, (source,) = back.pairs, step.inputs
    (grad,) = collapsed(step, flows, back)
    x, ref = pairs.x(source), pairs.ref(source)
    u_x, u_ref = x - sparsemax_threshold(x), ref - sparsemax_threshold(ref)
    change = u_x - u_ref
    level = tf.abs(change) < 1e-12
    slope = tf.cast(u_ref > 0, grad.dtype)
    chord = tf.where(
        level, slope, (tf.nn.relu(u_x) - tf.nn.relu(u_ref)) / tf.where(level, tf.ones_like(change), change)
    )
    through = grad * chord
    supports = [tf.cast(u > 0, grad.dtype) for u in (u_x, u_ref)]
    shares = [support / tf.reduce_sum(support, -1, keepdims=True) for support in supports]
    upper, lower = (tf.reduce_sum(share * (x - ref), -1, keepdims=True) for share in shares)
    risen = sparsemax_threshold(x) - sparsemax_threshold(ref)
    part = tf.clip_by_value(tf.math.divide_no_nan(risen - lower, upper - lower), 0, 1)
    weights = part * shares[0] + (1 - part) * shares[1]
    return {source: Flow(through - tf.reduce_sum(through, -1, keepdims=True) * weights)}


def gather_sparsemax(program: Program) -> None:
    """Replace what computes a sparsemax along the last axis, in place."""
    for step in program.steps:
        if step.op == "Maximum" and step.dependence == Dependence.ACTIVE:
            source = _source(step)
            if source is not None and _is_sparsemax(program, source, step.output):
                step.op, step.inputs, step.node = "Sparsemax", [source], None
    program.steps = program.pruned().steps


def _source(step: Step) -> Value | None:
    """z of max(z − τ, 0)."""
    shifted = step.inputs[0].step
    if shifted.op != "Sub" or step.inputs[1].dependence != Dependence.CONSTANT:
        return None
    return shifted.inputs[0]


def _is_sparsemax(program: Program, source: Value, end: Value) -> bool:
    """Whether it sorts, and what it computes of random numbers is what a sparsemax gives."""
    if source.shape is None or source.shape[-1] is None:
        return False
    sample = np.random.default_rng(0).normal(0, 1, [3 if size is None else size for size in source.shape])
    sorts = []

    def value_of(value: Value):
        if value not in known:
            step = value.step
            if step.op in ("Input", "Variable", "Captured", "Handle"):
                raise LookupError(step)
            sorts.append(step.op == "TopKV2")
            found = emit(step, [value_of(given) for given in step.inputs])
            known.update(zip(step.outputs, found, strict=True))
        return known[value]

    known = {source: None}

    @tf.function(autograph=False)
    def compute(z):
        known[source] = z
        return value_of(end), sparsemax(z)

    try:
        found, expected = compute(tf.constant(sample, tf.float32))
    except LookupError:
        return False
    return any(sorts) and np.allclose(found, expected, atol=1e-5)
