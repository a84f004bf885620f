"""Elementwise regions of one source, which become one unary function.

``x * sigmoid(x)`` is one nonlinearity, not a product of two signals. Without these regions, RevealCancel would depend
on how an activation was spelled. A chain of nonlinear elementwise steps is likewise one function of its source.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import lru_cache

import numpy as np

from genolift.engine.operations.kernels import Structure
from genolift.engine.operations.kinds import Linear
from genolift.engine.operations.secants import apply
from genolift.engine.operations.steps import active_factors
from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Program, Step, Value, ancestors
from genolift.support import piecewise
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

tf = quiet_tensorflow()

# From half of this number to the whole of it, a cube grows eightfold and an exponential by e³⁰.
_FAR = 60.0
_CUBE = 8.5
# A region whose function has more breaks is not followed.
_MOST_BREAKS = 16
# The number that stands for parameters that are learned, whose numbers may change. It is that of a leaky ReLU's slope.
_LEARNED = 0.25


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
    """Whether a fused region is a plain ReLU, however it is written."""
    function = _function(region)
    return function is not None and piecewise.same(function, piecewise.RELU)


def is_rectifier(region: Step) -> bool:
    """Whether a fused region is a ReLU or a leaky or clipped variant, such as PReLU, however it is written."""
    function = _function(region)
    return function is not None and function.is_rectifier


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


def is_not_negative(region: Step) -> bool:
    """Whether a fused region never gives a negative number."""
    function = _function(region)
    return operation(region.output.step.op).non_negative or (function is not None and function.is_not_negative)


def _function(region: Step) -> piecewise.Piecewise | None:
    """Return a region as a function of straight pieces, if it is one."""
    return _of_straight_pieces(region.body, region.inputs[0], region.output) if region.body else None


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


# Regions as functions of straight pieces


def _of_straight_pieces(body: Sequence[Step], source: Value, end: Value) -> piecewise.Piecewise | None:
    """Return a region's function of its source, or None where it is not made of straight pieces.

    A parameter that is learned, and a constant of several numbers, counts as a small positive number, as the slopes of
    leaky rectifiers are.

    Parameters
    ----------
    body
        The steps between the source and the end, in running order.
    source
        The value that the function is of.
    end
        The value that the function gives.
    """
    known: dict[Value, piecewise.Piecewise] = {source: piecewise.IDENTITY}
    for step in body:
        inputs = [known.get(value) or _constant(value) for value in step.inputs]
        rule = _RULES.get(step.op) or (_relu if operation(step.op).rectifier else None)
        if rule is None or any(one is None for one in inputs):
            continue  # The end is not known if it depends on this step.
        made = rule(step, [one for one in inputs if one is not None])
        if made is not None and len(made.breaks) <= _MOST_BREAKS:
            known[step.output] = made
    return known.get(end)


def _constant(value: Value) -> piecewise.Piecewise | None:
    """Return a value that depends on no number of the explained input, as a function that is the same everywhere."""
    if value.dependence > Dependence.SHAPE or not value.dtype.startswith(("float", "bfloat", "int", "bool")):
        return None
    step, number = value.step, _LEARNED
    if step.op in _FILLED:
        number = _FILLED[step.op]
    elif step.op in _SPREAD:
        return _constant(step.inputs[_SPREAD[step.op]])
    elif step.op == "Neg":  # PReLU multiplies by −α.
        given = _constant(step.inputs[0])
        return None if given is None else piecewise.line(0.0, -given.pieces[0][1])
    elif step.op == "Const":
        numbers = np.unique(tf.make_ndarray(step.node.attr["value"].tensor).astype(np.float64))
        number = float(numbers[0]) if numbers.size == 1 else _LEARNED
    return piecewise.line(0.0, number)


# Operations that give the same number everywhere, and those that spread the number of one of their inputs.
_FILLED = {"ZerosLike": 0.0, "OnesLike": 1.0}
_SPREAD = {"Fill": 1, **dict.fromkeys(["BroadcastTo", "Reshape", "ExpandDims", "Squeeze", "Tile", "Cast"], 0)}


def _relu(step: Step, given: list[piecewise.Piecewise]) -> piecewise.Piecewise | None:
    return piecewise.larger(given[0], piecewise.line(0.0, 0.0))


def _leaky(step: Step, given: list[piecewise.Piecewise]) -> piecewise.Piecewise | None:
    alpha = float(step.node.attr["alpha"].f)
    low = piecewise.by_piece(given, lambda p: (alpha * p[0], alpha * p[1]))
    return None if low is None else (piecewise.larger if alpha <= 1 else piecewise.smaller)(given[0], low)


def _sign(step: Step, given: list[piecewise.Piecewise]) -> piecewise.Piecewise | None:
    return piecewise.compared(given[0], piecewise.line(0.0, 0.0), lambda sign, p, q: (0.0, sign))


def _truth(holds: Callable[[float], bool]) -> Callable[[Step, list[piecewise.Piecewise]], piecewise.Piecewise | None]:
    """Return the rule of a comparison, of which single points are left out of account."""
    return lambda step, given: piecewise.compared(given[0], given[1], lambda sign, p, q: (0.0, float(holds(sign))))


def _piecewise(
    combine: Callable[..., piecewise.Piece | None],
) -> Callable[[Step, list[piecewise.Piecewise]], piecewise.Piecewise | None]:
    return lambda step, given: piecewise.by_piece(given, combine)


def _chosen(condition: piecewise.Piece, chosen: piecewise.Piece, other: piecewise.Piece) -> piecewise.Piece:
    return chosen if condition[1] else other


def _cast(step: Step, given: list[piecewise.Piecewise]) -> piecewise.Piecewise | None:
    """Return the function itself. A cast to integers is a staircase, whose pieces are not known."""
    rounds = step.output.dtype.startswith(("int", "uint")) and step.inputs[0].dtype.startswith(("float", "bfloat"))
    return None if rounds else given[0]


def _absolute(step: Step, given: list[piecewise.Piecewise]) -> piecewise.Piecewise | None:
    negated = piecewise.by_piece(given, lambda p: (-p[0], -p[1]))
    return None if negated is None else piecewise.larger(given[0], negated)


_RULES: dict[str, Callable[[Step, list[piecewise.Piecewise]], piecewise.Piecewise | None]] = {
    **dict.fromkeys(["Add", "AddV2", "AddN", "BiasAdd"], _piecewise(piecewise.total)),
    "Sub": _piecewise(lambda p, q: (p[0] - q[0], p[1] - q[1])),
    "Neg": _piecewise(lambda p: (-p[0], -p[1])),
    **dict.fromkeys(["Mul", "MulNoNan"], _piecewise(piecewise.times)),
    **dict.fromkeys(["RealDiv", "Div"], _piecewise(piecewise.over)),
    "Cast": _cast,
    "Relu": _relu,
    "Relu6": lambda step, given: piecewise.within(given[0], piecewise.line(0.0, 0.0), piecewise.line(0.0, 6.0)),
    "LeakyRelu": _leaky,
    "Maximum": lambda step, given: piecewise.larger(*given),
    "Minimum": lambda step, given: piecewise.smaller(*given),
    "ClipByValue": lambda step, given: piecewise.within(*given),
    "Abs": _absolute,
    "Sign": _sign,
    **dict.fromkeys(["Greater", "GreaterEqual"], _truth(lambda sign: sign > 0)),
    **dict.fromkeys(["Less", "LessEqual"], _truth(lambda sign: sign < 0)),
    "LogicalNot": _piecewise(lambda p: (0.0, 1.0 - p[1])),
    "LogicalAnd": _piecewise(lambda p, q: (0.0, p[1] * q[1])),
    "LogicalOr": _piecewise(lambda p, q: (0.0, max(p[1], q[1]))),
    **dict.fromkeys(["Select", "SelectV2"], _piecewise(_chosen)),
}
