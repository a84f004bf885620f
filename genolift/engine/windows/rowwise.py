"""Families of movement in which rows keep to themselves: each row that comes out is made of one row that went in.

Each function looks at a step and gives an action, or ``None`` where the layout is none that is known here.
"""

from __future__ import annotations

import numpy as np

from genolift.engine.program import Dependence, Step
from genolift.engine.windows.actions import Action, Contraction, Join, Rowwise
from genolift.engine.windows.reach import Layout, Reach


def elementwise(step: Step, layout: Layout) -> Action | None:
    """Return what elementwise operations do, whose inputs may be broadcast against each other."""
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


def last_axis(step: Step, layout: Layout) -> Action | None:
    """Return what operations along the last axis do, such as a softmax, where that is not the length."""
    inner = layout.common(step)
    if inner is None or inner.axis == len(layout.shape(step.output)) - 1:
        return None
    return Rowwise(step, [inner], inner, aligned=False)


def batch_norm(step: Step, layout: Layout) -> Action | None:
    """Return what batch normalisation by fixed statistics does."""
    inner = layout.only_first(step)
    if inner is None or not channels_last(step):
        return None
    return Rowwise(step, [inner], inner, aligned=False)


def transpose(step: Step, layout: Layout) -> Action | None:
    """Return what an exchange of axes does, where the batch stays in front."""
    inner, order = layout.reaches.get(step.inputs[0]), layout.numbers(step.inputs[1])
    if inner is None or order is None or order[0] != 0 or inner.axis == 0:
        return None
    return Rowwise(step, [inner.moved(axis=order.index(inner.axis))], inner, aligned=False)


def reverse(step: Step, layout: Layout) -> Action | None:
    """Return what reversing axes does, the length perhaps among them."""
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


def split(step: Step, layout: Layout) -> Action | None:
    """Return what a division of other axes than the length does."""
    data, axis = (step.inputs[1], step.inputs[0]) if step.op == "Split" else (step.inputs[0], step.inputs[2])
    inner, along = layout.reaches.get(data), layout.numbers(axis)
    if inner is None or along is None or along[0] % len(layout.shape(data)) in (0, inner.axis):
        return None
    return Rowwise(step, [inner] * len(step.outputs), inner, aligned=False)


def tile(step: Step, layout: Layout) -> Action | None:
    """Return what copies along other axes than the length do, which upsampling is made of."""
    inner, times = layout.reaches.get(step.inputs[0]), layout.numbers(step.inputs[1])
    if inner is None or times is None or inner.axis == 0 or times[0] != 1 or times[inner.axis] != 1:
        return None
    return Rowwise(step, [inner], inner, aligned=False)


def concat(step: Step, layout: Layout) -> Action | None:
    """Return what putting values side by side does, or one after the other along the length."""
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


def matmul(step: Step, layout: Layout) -> Action | None:
    """Return what a product with a constant matrix does, row by row or over the whole length."""
    inner = layout.only_first(step)
    if inner is None or step.node.attr["transpose_a"].b:
        return None
    if inner.axis == 0:
        return Rowwise(step, [inner], inner, aligned=False)
    return None if step.node.attr["transpose_b"].b else Contraction(step, [None], step.inputs[1])


def batch_matmul(step: Step, layout: Layout) -> Action | None:
    """Return what a product of each sequence's rows with a constant matrix does."""
    inner = layout.only_first(step)
    if inner is None or step.node.attr["adj_x"].b or inner.axis != len(layout.shape(step.inputs[0])) - 2:
        return None
    shape = layout.shape(step.inputs[1])
    return Rowwise(step, [inner], inner, aligned=False) if set(shape[:-2]) <= {1} else None


def einsum(step: Step, layout: Layout) -> Action | None:
    """Return what a product with constants does in which the length is neither summed over nor shared."""
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
    """An ellipsis as capitals, the last of them for the last axis."""
    return term.replace("...", "PQRSTUVWXYZ"[11 - (rank - len(term) + 3) :]) if "..." in term else term


def channels_last(step: Step) -> bool:
    """Whether the last axis holds the channels of a step that says so."""
    return not step.node.attr["data_format"].s.startswith(b"NC")
