"""The exact rewriting of a program with simpler operations, so that few operations need rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Program, Step, Value
from genolift.engine.tracing.nodes import new_node, new_step
from genolift.engine.tracing.static import static_shape, static_value
from genolift.engine.tracing.trace import mark_dependence
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def lower(program: Program) -> Program:
    """Rewrite quotients, squared differences and every operation that has a spelling, in the bodies of loops too.

    The program is changed in place and returned.
    """
    read = {value for step in program.steps for value in step.inputs} | set(program.outputs)
    pending: list[Step] = list(reversed(program.steps))
    done: list[Step] = []
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
    # Where several steps are spelled together, only the last one was replaced. The others are not needed any more.
    program.steps = program.pruned().steps
    return program


def _simplified(step: Step) -> list[Step] | None:
    """Return the steps of a quotient as a product, or of a squared difference as a square; None for other steps."""
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
    """Return the step in the form that rules need, changed in place.

    A Select of elements becomes one that broadcasts, for fused regions. Largest elements are asked for in order.
    """
    if step.op == "Select" and _alike(step):
        _become(step, "SelectV2", step.inputs)
    elif step.op == "TopKV2":
        step.node.attr["sorted"].b = True
    return step


def _alike(step: Step) -> bool:
    """Whether the condition of a Select chooses elements rather than rows."""
    condition, chosen, _ = (value.shape for value in step.inputs)
    return condition is not None and chosen is not None and len(condition) == len(chosen)


def _new(op: str, like: Step, inputs: list[Value]) -> Step:
    shape, dtype = inputs[0].shape if len(inputs) == 1 else like.output.shape, like.output.dtype
    return new_step(new_node(op, T=dtype), inputs, shape, dtype, like)


def _become(step: Step, op: str, inputs: list[Value]) -> None:
    step.op, step.inputs, step.node = op, inputs, new_node(op, T=step.output.dtype)


# Spellings


def _spelled(step: Step, read: set[Value]) -> list[Step] | None:
    """Return the steps that compute a step's outputs by its spelling, or None where the step has none that applies.

    The step itself is among them if it still computes an output that is ``read``.
    """
    spelling, reads = operation(step.op).spelling, operation(step.op).reads
    if spelling is None:
        return None
    inputs = step.inputs if reads is None else reads(step)
    if inputs is None:
        return None
    constants = [_known(value) for value in inputs]
    with tf.Graph().as_default() as graph:
        tensors = [_stand_in(*pair) for pair in zip(inputs, constants, strict=True)]
        outputs = spelling(step, *tensors)
        if outputs is None or not any(v in read for v, t in zip(step.outputs, outputs, strict=False) if t is not None):
            return None
        known = {tensor.name: value for tensor, value in zip(tensors, inputs, strict=True)}
        given = {tensor.op.name for tensor in tensors}
        recorded = [_recorded(made, step, known) for made in graph.get_operations() if made.name not in given]
    steps = [new for new in recorded if new is not None]
    for tensor, value in zip(outputs, list(step.outputs), strict=False):
        if tensor is not None:
            step.outputs[value.slot] = Value(step, value.slot, value.shape, value.dtype)
            _take_over(known[tensor.name], value, steps)
    mark_dependence(Program(steps, [], [], [], []), {})
    return [step, *steps] if any(value in read for value in step.outputs) else steps


def _known(value: Value) -> np.ndarray | None:
    """Return the numbers of an integer value that does not depend on the size of the batch; None for other values."""
    if value.dependence > Dependence.SHAPE or value.dtype not in ("int32", "int64"):
        return None
    two, three = (static_value(value, batch) for batch in (2, 3))
    return two if two is not None and three is not None and np.array_equal(two, three) else None


def _stand_in(value: Value, known: np.ndarray | None) -> Tensor:
    """Return a tensor that a spelling takes for a value: a constant where the numbers are known, else a placeholder."""
    if known is not None:
        return tf.constant(known, value.dtype)
    return tf.compat.v1.placeholder(tf.as_dtype(value.dtype), static_shape(value))


def _recorded(made: Any, like: Step, known: dict[str, Value]) -> Step | None:
    """Return the step of an operation that a spelling made in its graph, or None for an alias.

    ``known`` holds the values of the tensors so far, by their names, and takes up the new ones.
    """
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
    """Let a new step compute the ``value`` that other steps read, in place of the output ``made`` of that step."""
    made.step.outputs[made.slot] = value
    value.step, value.slot = made.step, made.slot
    for step in steps:
        step.inputs = [value if one is made else one for one in step.inputs]
