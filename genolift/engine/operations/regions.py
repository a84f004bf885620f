"""Elementwise regions of one source, which become one unary function.

``x * sigmoid(x)`` is one nonlinearity, not a product of two signals. Without these regions, RevealCancel would depend
on how an activation was spelled. A chain of nonlinear elementwise steps is likewise one function of its source.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import numpy as np

from genolift.engine.operations.kernels import Structure
from genolift.engine.operations.kinds import Linear
from genolift.engine.operations.record import Operation
from genolift.engine.operations.secants import apply
from genolift.engine.operations.steps import active_factors
from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Program, Step, Value, ancestors
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

tf = quiet_tensorflow()

# From half of this number to the whole of it, a cube grows eightfold and an exponential by e³⁰.
_FAR = 60.0
_CUBE = 8.5


def fuse(program: Program, targets: list[Value], chains: bool = True, sources: Collection[Value] = ()) -> list[Step]:
    """Return the steps through which importance flows, with elementwise regions of one source fused.

    Parameters
    ----------
    program : Program
        The program whose steps are fused.
    targets : list of Value
        The values from which importance flows back.
    chains : bool
        Whether nonlinearities that follow each other are fused (the default). Methods that treat each nonlinearity by
        itself need False.
    sources : collection of Value
        Values at which importance ends. No region reaches past one. By default there are none.

    Returns
    -------
    list of Step
        The steps in running order. A fused region is a step of its own, of the operation ``Unary``.
    """
    dominators = _chains(program, sources)
    starts: dict[Value, Value | None] = {}

    def before(value: Value) -> list[Value]:
        start = starts[value]
        return value.step.active_inputs if start is None else [start]

    for value in ancestors(targets, before, stop=sources.__contains__):
        if value not in sources:
            starts[value] = _source(dominators, value, chains)
    walk: list[Step] = []
    for step in program.active_steps:
        if any(value in starts for value in step.outputs):
            start = starts.get(step.output)
            walk.append(step if start is None else _region(program, start, step.output))
    return walk


def is_relu(region: Step) -> bool:
    """Whether a fused region is a plain ReLU."""
    return all(one.relu or one.view is not None for one in _operations(region))


def is_rectifier(region: Step) -> bool:
    """Whether a fused region is a ReLU or a leaky or clipped variant, such as PReLU, which has several steps."""
    parts = _operations(region)
    return any(one.rectifier for one in parts) and all(one.rectifier or one.part_of_rectifier for one in parts)


def explodes(region: Step) -> bool:
    """Return whether a region's function grows faster than a cube on one side, as an exponential does.

    Constants of the region's layers, such as a scale, count as one. A function that cannot be run does not explode.

    Parameters
    ----------
    region : Step
        The fused region.
    """
    return _explodes(Structure(region, tf.float64))


@lru_cache(maxsize=512)
def _explodes(structure: Structure) -> bool:
    region, precision = structure.region, structure.precision

    def values(source: Tensor) -> Tensor:
        types = [tf.as_dtype(value.dtype) for value in region.inputs[1:]]
        extra = [tf.cast(tf.ones([1]), precision if one.is_floating else one) for one in types]
        return apply(region, source, extra, precision)

    try:
        found = compiled(values)(tf.constant([[0.0], [_FAR / 2], [_FAR], [-_FAR / 2], [-_FAR]], precision)).numpy()
    except (tf.errors.OpError, TypeError, ValueError):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        half, whole = np.abs(found[[1, 3]] - found[0]), np.abs(found[[2, 4]] - found[0])
        return bool(((whole > _CUBE * half) & (whole > 1)).any())


def _operations(region: Step) -> list[Operation]:
    """Return the records of a region's operations, without its constants."""
    return [operation(step.op) for step in region.body if step.op != "Const"]


def _chains(program: Program, sources: Collection[Value]) -> dict[Value, list[Value]]:
    """Return for each value those values of which alone it is an elementwise function, farthest first, itself last."""
    chains: dict[Value, list[Value]] = {}
    for step in program.steps:
        if step.dependence < Dependence.DISCRETE:
            continue
        reads = list(dict.fromkeys(value for value in step.inputs if value.dependence >= Dependence.DISCRETE))
        common: list[Value] = []
        known = operation(step.op)
        if known.elementwise and known.rule is None and reads and _keeps_shape(step, reads) and not _complex(step):
            others = [set(chains[value]) for value in reads[1:]]
            common = [value for value in chains[reads[0]] if all(value in other for other in others)]
            # A discrete value has no importance to carry, so it cannot be a source.
            while common and not common[0].active:
                common = common[1:]
        for value in step.outputs:
            chains[value] = [value] if value in sources else [*common, value]
    return chains


def _complex(step: Step) -> bool:
    """Whether a step reads or computes complex numbers, of which there are no chords."""
    return any(value.dtype.startswith("complex") for value in (*step.inputs, *step.outputs))


def _keeps_shape(step: Step, reads: list[Value]) -> bool:
    if len(step.inputs) == 1:
        return True
    return all(value.shape is not None and value.shape == step.output.shape for value in reads)


def _source(chains: dict[Value, list[Value]], value: Value, farthest: bool) -> Value | None:
    """Return the source of the region that ends in ``value``, or None where the last step is linear or stands alone."""
    chain = chains[value]
    if len(chain) == 1:
        return None
    step = value.step
    if _is_linear(step) and len([v for v in step.inputs if v.dependence >= Dependence.DISCRETE]) == 1:
        return None
    for start in chain[:-1] if farthest else chain[-2:-1]:
        following = chain[chain.index(start) + 1]
        if not _linear_between(start, following):
            return start
    return None


def _is_linear(step: Step) -> bool:
    if any(value.dependence == Dependence.DISCRETE for value in step.inputs):
        return False
    return isinstance(operation(step.op).kind, Linear) and len(active_factors(step)) <= 1


def _between(start: Value, end: Value) -> list[Step]:
    """Return the steps that lead from one value to a later one, in no particular order."""

    def outside(value: Value) -> bool:
        return value is start or value.dependence < Dependence.DISCRETE

    return list({value.step: None for value in ancestors([end], stop=outside) if not outside(value)})


def _linear_between(start: Value, end: Value) -> bool:
    return all(_is_linear(step) for step in _between(start, end))


def _region(program: Program, source: Value, end: Value) -> Step:
    inside = set(_between(source, end))
    # Constants (exponents, thresholds) go inside, so that exact differences can read their values.
    inside.update(v.step for step in list(inside) for v in step.inputs if v.step.op == "Const")
    body = [step for step in program.steps if step in inside]
    produced = {value for step in body for value in step.outputs}
    extra = [v for step in body for v in step.inputs if v is not source and v not in produced]
    region = Step("Unary", end.step.name, [source, *dict.fromkeys(extra)], layers=end.step.layers, body=body)
    region.dependence, region.outputs = Dependence.ACTIVE, [end]
    return region
