"""Families of movement in which each row of the output is made from one row of the input.

Each function returns the action for a step, or None if the rows lie in a way that it does not know.
"""

from __future__ import annotations

import numpy as np

from genolift.engine.program import Dependence, Step
from genolift.engine.windows.actions import Action, Contraction, Join, Rowwise
from genolift.engine.windows.reach import Reach, RowLayout


def elementwise(step: Step, layout: RowLayout) -> Action | None:
    """Return the action for an elementwise operation, whose inputs may be broadcast against each other."""
    inner = layout.common(step)
    rank = len(layout.shape(step.output))
    if inner is None or any(len(layout.shape(value)) != rank for value in layout.changed(step)):
        return None
    rest = [value for value in step.inputs if value not in layout.reaches]
    from_end = rank - inner.axis
    same = all(layout.shape(value) == layout.shape(step.output) for value in layout.changed(step))
    waits = (
        same
        and inner.axis > 0
        and all(
            value.dependence == Dependence.CONSTANT and set(layout.shape(value)[: -from_end + 1 or None]) <= {1}
            for value in rest
        )
    )
    return Rowwise(step, [inner], inner, waits=waits)


def last_axis(step: Step, layout: RowLayout) -> Action | None:
    """Return the action for an operation along the last axis, such as a softmax, if that is not the length."""
    inner = layout.common(step)
    if inner is None or inner.axis == len(layout.shape(step.output)) - 1:
        return None
    return Rowwise(step, [inner], inner, aligned=False)


def batch_norm(step: Step, layout: RowLayout) -> Action | None:
    """Return the action for batch normalisation by fixed statistics."""
    inner = layout.only_first(step)
    if inner is None or not channels_last(step):
        return None
    return Rowwise(step, [inner], inner, aligned=False)


def transpose(step: Step, layout: RowLayout) -> Action | None:
    """Return the action for an exchange of axes that leaves the batch in front."""
    inner, order = layout.reaches.get(step.inputs[0]), layout.numbers(step.inputs[1])
    if inner is None or order is None or order[0] != 0 or inner.axis == 0:
        return None
    return Rowwise(step, [inner.moved(axis=order.index(inner.axis))], inner, aligned=False)


def reverse(step: Step, layout: RowLayout) -> Action | None:
    """Return the action for the reversal of axes, which may include the length."""
    inner, axes = layout.reaches.get(step.inputs[0]), layout.numbers(step.inputs[1])
    if inner is None or axes is None or inner.axis == 0:
        return None
    rank = len(layout.shape(step.output))
    axes = [axis % rank for axis in axes]
    if 0 in axes:
        return None
    if inner.axis not in axes:
        return Rowwise(step, [inner], inner, aligned=False)
    turned = Reach(inner.axis, inner.length, inner.length - inner.ends, inner.width)
    return Rowwise(step, [turned], inner, aligned=False)


def split(step: Step, layout: RowLayout) -> Action | None:
    """Return the action for a split along another axis than the length."""
    data, axis = (step.inputs[1], step.inputs[0]) if step.op == "Split" else (step.inputs[0], step.inputs[2])
    inner, along = layout.reaches.get(data), layout.numbers(axis)
    if inner is None or along is None or along[0] % len(layout.shape(data)) in (0, inner.axis):
        return None
    return Rowwise(step, [inner] * len(step.outputs), inner, aligned=False)


def tile(step: Step, layout: RowLayout) -> Action | None:
    """Return the action for copies along other axes than the length, which upsampling uses."""
    inner, times = layout.reaches.get(step.inputs[0]), layout.numbers(step.inputs[1])
    if inner is None or times is None or inner.axis == 0 or times[0] != 1 or times[inner.axis] != 1:
        return None
    return Rowwise(step, [inner], inner, aligned=False)


def concat(step: Step, layout: RowLayout) -> Action | None:
    """Return the action for a concatenation along the length or along another axis."""
    values, along = step.inputs[:-1], layout.numbers(step.inputs[-1])
    inner = layout.common(step)
    if along is None or any(value.dependence < Dependence.DISCRETE for value in values):
        return None
    axis = along[0] % len(layout.shape(step.output))
    if inner is not None and axis not in (0, inner.axis):
        return Rowwise(step, [inner], inner)
    reaches = [layout.reaches.get(value) for value in values]
    if axis == 0 or any(reach is not None and reach.axis != axis for reach in reaches):
        return None
    sizes = [layout.shape(value)[axis] for value in values]
    offsets = [int(start) for start in np.cumsum([0, *sizes[:-1]])]
    moved = [r.moved(by=o, length=sum(sizes)) for r, o in zip(reaches, offsets, strict=True) if r is not None]
    hull = moved[0]
    for other in moved[1:]:
        hull = hull.union(other)
    return Join(step, [hull], offsets)


def matmul(step: Step, layout: RowLayout) -> Action | None:
    """Return the action for a product with a constant matrix, row by row or over the whole length."""
    inner = layout.only_first(step)
    if inner is None or step.node.attr["transpose_a"].b:
        return None
    if inner.axis == 0:
        return Rowwise(step, [inner], inner, aligned=False)
    return None if step.node.attr["transpose_b"].b else Contraction(step, [None], step.inputs[1])


def batch_matmul(step: Step, layout: RowLayout) -> Action | None:
    """Return the action for a product of each sequence's rows with a constant matrix."""
    inner = layout.only_first(step)
    if inner is None or step.node.attr["adj_x"].b or inner.axis != len(layout.shape(step.inputs[0])) - 2:
        return None
    shape = layout.shape(step.inputs[1])
    return Rowwise(step, [inner], inner, aligned=False) if set(shape[:-2]) <= {1} else None


def einsum(step: Step, layout: RowLayout) -> Action | None:
    """Return the action for a product with constants that do not have the length, which is not summed over either."""
    changed = layout.changed(step)
    others = [value for value in step.inputs if value is not changed[0]]
    if len(others) != len(step.inputs) - 1 or any(value.dependence != Dependence.CONSTANT for value in others):
        return None
    terms, out = step.node.attr["equation"].s.decode().replace(" ", "").split("->")
    place = step.inputs.index(changed[0])
    ranks = [len(layout.shape(value)) for value in step.inputs]
    spelled = [_spell(term, rank) for term, rank in zip(terms.split(","), ranks, strict=True)]
    out = _spell(out, len(layout.shape(step.output)))
    inner = layout.reaches[changed[0]]
    label = spelled[place][inner.axis]
    if (
        any(label in term for i, term in enumerate(spelled) if i != place)
        or label not in out
        or out[0] != spelled[place][0]
    ):
        return None
    return Rowwise(step, [inner.moved(axis=out.index(label))], inner, aligned=False)


def _spell(term: str, rank: int) -> str:
    """Replace an ellipsis by capital letters, the last of them for the last axis."""
    return term.replace("...", "PQRSTUVWXYZ"[11 - (rank - len(term) + 3) :]) if "..." in term else term


def channels_last(step: Step) -> bool:
    """Return whether a step's attributes say that the last axis holds the channels."""
    return not step.node.attr["data_format"].s.startswith(b"NC")
