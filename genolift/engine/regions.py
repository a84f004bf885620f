"""Elementwise regions of one source become one unary function.

``x * sigmoid(x)`` is one nonlinearity, not a product of two signals; without this, RevealCancel would depend on how an
activation was spelled. A chain of nonlinear elementwise steps likewise is one function of its source.
"""

from __future__ import annotations

from collections.abc import Collection

from genolift.engine import standardise
from genolift.engine.operations import ELEMENTWISE, OPERATIONS, Linear, active_factors
from genolift.engine.program import Dependence, Program, Step, Value
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def lower(program: Program) -> Program:
    """Rewrite quotients, squared differences and the like of active tensors by simpler operations, exactly."""
    steps: list[Step] = []
    for step in program.steps:
        active = [value.dependence >= Dependence.DISCRETE for value in step.inputs]
        if step.dependence == Dependence.ACTIVE and step.op in ("RealDiv", "Div", "DivNoNan") and active[1]:
            inverse = _new("ReciprocalNoNan" if step.op == "DivNoNan" else "Reciprocal", step, [step.inputs[1]])
            steps.append(inverse)
            _become(step, "Mul", [step.inputs[0], inverse.output])
        elif step.dependence == Dependence.ACTIVE and step.op == "SquaredDifference":
            difference = _new("Sub", step, step.inputs)
            steps.append(difference)
            _become(step, "Square", [difference.output])
        elif step.dependence == Dependence.ACTIVE and step.op == "ComplexAbs":
            squares = [_new("Square", step, [_part(step, op, steps)]) for op in ("Real", "Imag")]
            total = _new("AddV2", step, [square.output for square in squares])
            steps.extend([*squares, total])
            _become(step, "Sqrt", [total.output])
        elif step.op == "Select" and _alike(step):
            _become(step, "SelectV2", step.inputs)  # which broadcasts, as a fused region needs it
        if step.op == "Loop":
            lower(step.payload.body)
        if step.dependence == Dependence.ACTIVE and standardise.applies(step):
            steps.extend(standardise.standardise(step))
            continue
        steps.append(step)
    program.steps = steps
    return program


def _alike(step: Step) -> bool:
    """Whether a Select's condition is one of elements, not of rows."""
    condition, chosen, _ = (value.shape for value in step.inputs)
    return condition is not None and chosen is not None and len(condition) == len(chosen)


def _node(op: str, step: Step):
    node = tf.compat.v1.NodeDef()
    node.op = op
    node.attr["T"].type = tf.as_dtype(step.output.dtype).as_datatype_enum
    return node


def _new(op: str, like: Step, inputs: list[Value]) -> Step:
    step = Step(op, f"{like.name}/{op}", inputs, _node(op, like), like.layers)
    step.dependence = max(value.dependence for value in inputs)
    shapes = [value.shape for value in inputs]
    shape = shapes[0] if len(shapes) == 1 else like.output.shape
    step.outputs.append(Value(step, 0, shape, like.output.dtype))
    return step


def _part(step: Step, op: str, steps: list[Step]) -> Value:
    """The real or imaginary part of a step's complex input."""
    part = _new(op, step, step.inputs)
    part.node.attr["T"].type = tf.as_dtype(step.inputs[0].dtype).as_datatype_enum
    part.node.attr["Tout"].type = tf.as_dtype(step.output.dtype).as_datatype_enum
    steps.append(part)
    return part.output


def _become(step: Step, op: str, inputs: list[Value]) -> None:
    step.op, step.inputs, step.node = op, inputs, _node(op, step)


def fuse(program: Program, targets: list[Value], chains: bool = True, sources: Collection[Value] = ()) -> list[Step]:
    """The steps that importance walks from ``targets``, in running order, with elementwise regions of one source fused.

    No region reaches past one of ``sources``. Without ``chains`` one nonlinearity after another stay apart, as methods
    need that gate each of them.
    """
    dominators = _chains(program, sources)
    starts: dict[Value, Value | None] = {}
    pending = list(targets)
    while pending:
        value = pending.pop()
        if value not in starts and value not in sources:
            starts[value] = start = _source(dominators, value, chains)
            pending.extend(value.step.active_inputs if start is None else [start])
    walk: list[Step] = []
    for step in program.active_steps:
        if any(value in starts for value in step.outputs):
            start = starts.get(step.output)
            walk.append(step if start is None else _region(program, start, step.output))
    return walk


def _chains(program: Program, sources: Collection[Value]) -> dict[Value, list[Value]]:
    """For each value, the values it is an elementwise function of alone, farthest first, itself last."""
    chains: dict[Value, list[Value]] = {}
    for step in program.steps:
        if step.dependence < Dependence.DISCRETE:
            continue
        reads = list(dict.fromkeys(value for value in step.inputs if value.dependence >= Dependence.DISCRETE))
        common: list[Value] = []
        if step.op in ELEMENTWISE and reads and _keeps_shape(step, reads):
            others = [set(chains[value]) for value in reads[1:]]
            common = [value for value in chains[reads[0]] if all(value in other for other in others)]
            # A discrete value has no importance to carry, so it cannot be a source.
            while common and not common[0].active:
                common = common[1:]
        for value in step.outputs:
            chains[value] = [value] if value in sources else [*common, value]
    return chains


def _keeps_shape(step: Step, reads: list[Value]) -> bool:
    if len(step.inputs) == 1:
        return True
    return all(value.shape is not None and value.shape == step.output.shape for value in reads)


def _source(chains, value: Value, farthest: bool) -> Value | None:
    """The source of the region that ends in ``value``; ``None`` where the last step is linear or stands alone."""
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
    operation = OPERATIONS.get(step.op)
    if any(value.dependence == Dependence.DISCRETE for value in step.inputs):
        return False
    return isinstance(operation, Linear) and len(active_factors(step)) <= 1


def _between(start: Value, end: Value) -> list[Step]:
    """The steps that lead from one value to a later one, in no particular order."""
    found: dict[Step, None] = {}
    pending = [end]
    while pending:
        value = pending.pop()
        if value is start or value.dependence < Dependence.DISCRETE or value.step in found:
            continue
        found[value.step] = None
        pending.extend(value.step.inputs)
    return list(found)


def _linear_between(start: Value, end: Value) -> bool:
    return all(_is_linear(step) for step in _between(start, end))


def _region(program: Program, source: Value, end: Value) -> Step:
    inside = set(_between(source, end))
    # Constants go inside, so that the function knows the values it is made with (exponents, thresholds).
    inside.update(v.step for step in list(inside) for v in step.inputs if v.step.op == "Const")
    body = [step for step in program.steps if step in inside]
    produced = {value for step in body for value in step.outputs}
    extra = [v for step in body for v in step.inputs if v is not source and v not in produced]
    region = Step("Unary", end.step.name, [source, *dict.fromkeys(extra)], layers=end.step.layers, body=body)
    region.dependence, region.outputs = Dependence.ACTIVE, [end]
    return region
