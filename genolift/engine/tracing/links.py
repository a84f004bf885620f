"""Sigmoids and softmaxes that are written by hand, which become the operations of these names.

``1 / (1 + exp(-x))``, ``exp(x) / (1 + exp(x))`` and ``(1 + tanh(x / 2)) / 2`` are one function, and so are the ways to
write a softmax. They are known by what they compute: the steps between two values are run on a few numbers. Whoever
asks for logits, gates or probabilities then finds them, however they were written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from genolift.engine.operations.emit import emit
from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Program, Step, Value
from genolift.engine.tracing.nodes import new_node, new_step
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

# Every formula has one of these operations, and ends in one of those.
_CURVED = frozenset({"Exp", "Expm1", "Tanh", "Pow", "Sigmoid"})
_ENDS = frozenset(
    [
        *("Add", "AddV2", "Sub", "Mul", "MulNoNan", "RealDiv", "Div", "DivNoNan", "Reciprocal", "Inv", "Exp", "Pow"),
        *("Select", "SelectV2"),
    ]
)
# No formula has more steps.
_MOST = 16
_GRID = np.linspace(-4, 4, 15)
_ROWS = np.random.default_rng(0).normal(size=(3, 5))
# Constants were rounded to float32.
_SAME = 1e-5


def recognise_links(program: Program) -> Program:
    """Replace sigmoids, softmaxes and their logarithms that are written by hand, in the bodies of loops too.

    Parameters
    ----------
    program : Program
        The traced model, which is changed in place. Its values are the same up to rounding. Where a formula overflows
        for large numbers, the operation in its place does not.

    Returns
    -------
    Program
        The same program.
    """
    places = {step: place for place, step in enumerate(program.steps)}
    steps: list[Step] = []
    for step in program.steps:
        if step.op == "Loop":
            recognise_links(step.payload.body)
        if step.op in _ENDS and step.dependence == Dependence.ACTIVE:
            steps += _replaced(step, places)
        steps.append(step)
    program.steps = steps
    return program


def _replaced(step: Step, places: dict[Step, int]) -> list[Step]:
    """Let a step be the link that it computes, if it does, and return new steps that it reads."""
    scaled = None
    for source, body in _sources(step, places):
        shape = step.output.shape
        if (
            source.shape is None
            or shape is None
            or source.dtype != step.output.dtype
            or len(source.shape) != len(shape)
        ):
            continue
        slope = _slope_of_logit(body, source, step.output)
        if slope is not None and abs(abs(slope) - 1) <= _SAME:
            return _become_logistic(step, source, round(slope))
        if slope is not None:
            scaled = scaled or (source, slope)
        link = _of_rows(body, source, step.output) if source.shape == shape else None
        if link is not None:
            step.op, step.inputs, step.node = link, [source], new_node(link, T=step.output.dtype)
            return []
    return [] if scaled is None else _become_logistic(step, *scaled)


def _sources(step: Step, places: dict[Step, int]) -> Iterator[tuple[Value, list[Step]]]:
    """Yield values of which alone a step's output is a function, the nearest first, with the steps in between."""
    inside: list[Step] = []
    frontier = {step.output}
    while len(inside) < _MOST:
        value = max(frontier, key=lambda one: places.get(one.step, -1))
        if not _permitted(value.step) or value.step not in places:
            return
        frontier.discard(value)
        inside.append(value.step)
        frontier |= {source for source in value.step.inputs if source.dependence >= Dependence.DISCRETE}
        if len(frontier) == 1 and any(one.op in _CURVED for one in inside):
            (source,) = frontier
            if source.active:
                yield source, inside[::-1]


def _permitted(step: Step) -> bool:
    """Whether a step can be part of a formula: it goes element by element, or along the last axis, with scalars."""
    known = operation(step.op)
    constants = [value for value in step.inputs if value.dependence < Dependence.DISCRETE]
    if len(step.outputs) != 1 or any(value.step.op != "Const" for value in constants):
        return False
    if known.reduces is not None:
        return len(constants) == 1 and _of_last_axis(step)
    if _lengthens(step):
        return True
    plain = known.elementwise or known.link or known.alias or known.view == "type" or step.op == "StopGradient"
    return plain and all(_numbers(value).size == 1 for value in constants)


def _lengthens(step: Step) -> bool:
    """Whether a step puts an axis of size one behind the others, as ``x[..., None]`` does."""
    if step.op == "ExpandDims":
        return _numbers(step.inputs[1]).tolist() in ([-1], [len(step.inputs[0].shape or ())])
    if step.op != "StridedSlice":
        return False
    masks = {name: step.node.attr[f"{name}_mask"].i for name in ("begin", "end", "ellipsis", "new_axis")}
    count = _numbers(step.inputs[1]).size
    whole = masks["begin"] & masks["end"] | masks["ellipsis"]
    return masks["new_axis"] == 1 << (count - 1) and whole | masks["new_axis"] == (1 << count) - 1


def _numbers(value: Value) -> np.ndarray:
    return np.ravel(tf.make_ndarray(value.step.node.attr["value"].tensor)) if value.step.op == "Const" else np.zeros(0)


def _of_last_axis(step: Step) -> bool:
    shape = step.inputs[0].shape
    return shape is not None and _numbers(step.inputs[1]).tolist() in ([-1], [len(shape) - 1])


def _run(body: list[Step], source: Value, end: Value, given: np.ndarray) -> np.ndarray | None:
    """Return what a formula makes of numbers in float64, or None where it does not run on them."""
    known = {source: tf.constant(given, tf.float64)}
    try:
        for step in body:
            for value in step.inputs:
                if value not in known:
                    (known[value],) = emit(value.step, [], tf.float64)
            known[step.output] = emit(step, [known[value] for value in step.inputs], tf.float64)[0]
        return known[end].numpy()
    except (tf.errors.OpError, TypeError, ValueError, KeyError):
        return None


def _slope_of_logit(body: list[Step], source: Value, end: Value) -> float | None:
    """Return a, where a formula is the logistic function of a·x, else None."""
    found = None if _along_rows(body) else _run(body, source, end, _GRID)
    if found is None or found.shape != _GRID.shape or not ((found > 0) & (found < 1)).all():
        return None
    logits = np.log(found) - np.log1p(-found)
    slope = float(logits @ _GRID / (_GRID @ _GRID))
    return slope if slope and np.allclose(logits, slope * _GRID, rtol=_SAME, atol=_SAME) else None


def _along_rows(body: list[Step]) -> bool:
    """Whether a formula is one of rows of numbers, rather than of each number by itself."""
    return any(operation(step.op).reduces or "softmax" in (operation(step.op).link or "") for step in body)


def _of_rows(body: list[Step], source: Value, end: Value) -> str | None:
    """Return the link of the last axis that a formula is, else None."""
    if not _along_rows(body):
        return None
    rows = _ROWS.reshape(3, *[1] * (len(source.shape or ()) - 2), 5)
    found = _run(body, source, end, rows)
    if found is None or found.shape != rows.shape:
        return None
    return next((name for name, link in _LINKS.items() if np.allclose(found, link(rows), rtol=_SAME, atol=_SAME)), None)


_LINKS: dict[str, Callable] = {
    "Softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    "LogSoftmax": lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
}


def _become_logistic(step: Step, source: Value, slope: float) -> list[Step]:
    """Let a step be the sigmoid of a multiple of a value, and return the steps that compute that multiple."""
    dtype, new = step.output.dtype, []
    if slope == -1 and source.step.op == "Neg":
        source = source.step.inputs[0]
    elif slope == -1:
        new = [new_step(new_node("Neg", T=dtype), [source], source.shape, dtype, step)]
    elif slope != 1:
        number = np.array(slope, tf.as_dtype(dtype).as_numpy_dtype)
        factor = new_step(new_node("Const", dtype=dtype, value=number), [], (), dtype, step)
        new = [factor, new_step(new_node("Mul", T=dtype), [source, factor.output], source.shape, dtype, step)]
    step.op, step.inputs = "Sigmoid", [new[-1].output if new else source]
    step.node = new_node("Sigmoid", T=dtype)
    return new
