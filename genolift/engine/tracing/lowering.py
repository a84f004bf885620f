"""Rewriting a program by simpler operations, exactly, so that few operations need rules."""

from __future__ import annotations

import numpy as np

from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Program, Step, Value
from genolift.engine.tracing.nodes import new_node, new_step
from genolift.engine.tracing.trace import mark_dependence, static_shape, static_value
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def lower(program: Program) -> Program:
    """Rewrite quotients, squared differences and all that has a spelling, loops' bodies included."""
    read = {value for step in program.steps for value in step.inputs} | set(program.outputs)
    pending, done = list(reversed(program.steps)), []
    while pending:
        step = pending.pop()
        if step.op == "Loop":
            lower(step.payload.body)
        others = (_spelled(step, read) or _simplified(step)) if step.dependence == Dependence.ACTIVE else None
        if others is None:
            done.append(_regular(step))
        else:
            pending.extend(reversed(others))
            read.update(value for other in others for value in other.inputs)
    program.steps = done
    program.steps = program.pruned().steps  # of several steps that are spelled together the last one alone is replaced
    return program


def _simplified(step: Step) -> list[Step] | None:
    """Quotients and squared differences as products and squares; None for what is neither."""
    reciprocal = operation(step.op).reciprocal
    if reciprocal is not None and step.inputs[1].dependence >= Dependence.DISCRETE:
        first = _new(reciprocal, step, [step.inputs[1]])
        _become(step, "Mul", [step.inputs[0], first.output])
    elif step.op == "SquaredDifference":
        first = _new("Sub", step, step.inputs)
        _become(step, "Square", [first.output])
    else:
        return None
    return [first, step]


def _regular(step: Step) -> Step:
    """A Select of elements as one that broadcasts, as a fused region needs it; a sort without order as one with it."""
    if step.op == "Select" and _alike(step):
        _become(step, "SelectV2", step.inputs)
    elif step.op == "TopKV2":
        step.node.attr["sorted"].b = True
    return step


def _alike(step: Step) -> bool:
    """Whether a Select's condition is one of elements, not of rows."""
    condition, chosen, _ = (value.shape for value in step.inputs)
    return condition is not None and chosen is not None and len(condition) == len(chosen)


def _new(op: str, like: Step, inputs: list[Value]) -> Step:
    shape, dtype = inputs[0].shape if len(inputs) == 1 else like.output.shape, like.output.dtype
    return new_step(new_node(op, T=dtype), inputs, shape, dtype, like)


def _become(step: Step, op: str, inputs: list[Value]) -> None:
    step.op, step.inputs, step.node = op, inputs, new_node(op, T=step.output.dtype)


# Spellings


def _spelled(step: Step, read: set[Value]) -> list[Step] | None:
    """The steps that give the outputs in other words, and the step itself where it goes on giving one that is ``read``."""
    spelling, reads = operation(step.op).spelling, operation(step.op).reads
    if spelling is None:
        return None
    inputs = step.inputs if reads is None else reads(step)
    if inputs is None:
        return None
    found = [_known(value) for value in inputs]
    with tf.Graph().as_default() as graph:
        tensors = [_stand_in(*pair) for pair in zip(inputs, found, strict=True)]
        outputs = spelling(step, *tensors)
        if outputs is None or not any(v in read for v, t in zip(step.outputs, outputs, strict=False) if t is not None):
            return None
        known = {tensor.name: value for tensor, value in zip(tensors, inputs, strict=True)}
        given = {tensor.op.name for tensor in tensors}
        steps = [_recorded(made, step, known) for made in graph.get_operations() if made.name not in given]
    steps = [new for new in steps if new is not None]
    for tensor, value in zip(outputs, list(step.outputs), strict=False):
        if tensor is not None:
            step.outputs[value.slot] = Value(step, value.slot, value.shape, value.dtype)
            _take_over(known[tensor.name], value, steps)
    mark_dependence(Program(steps, [], [], [], []), {})
    return [step, *steps] if any(value in read for value in step.outputs) else steps


def _known(value: Value):
    """An integer that is the same whatever the batch, else None."""
    if value.dependence > Dependence.SHAPE or value.dtype not in ("int32", "int64"):
        return None
    two, three = (static_value(value, batch) for batch in (2, 3))
    return two if two is not None and np.array_equal(two, three) else None


def _stand_in(value: Value, known):
    if known is not None:
        return tf.constant(known, value.dtype)
    return tf.compat.v1.placeholder(tf.as_dtype(value.dtype), static_shape(value))


def _recorded(made, like: Step, known: dict[str, Value]) -> Step | None:
    """What a spelling ``made`` in its graph as a step; ``known`` are the values of its tensors."""
    inputs = [known[tensor.name] for tensor in made.inputs]
    if operation(made.type).alias:
        known[made.outputs[0].name] = inputs[0]
        return None
    step = Step(made.type, f"{like.name}/{made.name}", inputs, made.node_def, like.layers)
    for slot, tensor in enumerate(made.outputs):
        shape = None if tensor.shape.rank is None else tuple(tensor.shape.as_list())
        step.outputs.append(Value(step, slot, shape, tensor.dtype.name))
        known[tensor.name] = step.outputs[-1]
    return step


def _take_over(made: Value, value: Value, steps: list[Step]) -> None:
    """``value`` is what others read; from here on the new step gives it."""
    made.step.outputs[made.slot] = value
    value.step, value.slot = made.step, made.slot
    for step in steps:
        step.inputs = [value if one is made else one for one in step.inputs]
