"""Families of movement along the length: reductions, views, slices, padding, convolutions and pools.

Each function returns the action for a step, or None if the rows lie in a way that it does not know.
"""

from __future__ import annotations

import numpy as np

from genolift.engine.operations.kinds import Selection
from genolift.engine.operations.table import operation
from genolift.engine.program import Step
from genolift.engine.windows.actions import (
    Action,
    Averages,
    Collapse,
    Convolution,
    Extreme,
    Maxima,
    Products,
    Rowwise,
    Shift,
    View,
)
from genolift.engine.windows.reach import ROWS, RowLayout, Slide, padding_before
from genolift.engine.windows.rowwise import channels_last


def reduction(step: Step, layout: RowLayout) -> Action | None:
    """Return the action for a sum, mean, maximum or minimum along axes."""
    inner, axes = layout.reaches.get(step.inputs[0]), layout.numbers(step.inputs[1])
    if inner is None or axes is None:
        return None
    shape = layout.shape(step.inputs[0])
    axes = sorted({axis % len(shape) for axis in axes})
    if 0 in axes:
        return None
    if inner.axis not in axes:
        kept = step.node.attr["keep_dims"].b
        axis = inner.axis if kept else inner.axis - sum(axis < inner.axis for axis in axes)
        return Rowwise(step, [inner.moved(axis=axis)], inner, aligned=False)
    reduces = operation(step.op).reduces
    if reduces in ("sum", "mean"):
        size = int(np.prod([shape[axis] for axis in axes]))
        return Collapse(step, [None], tuple(axes), size if reduces == "mean" else 1)
    alone = all(axis == inner.axis or shape[axis] == 1 for axis in axes)
    return Extreme(step, [None], 1 if reduces == "max" else -1) if alone and reduces in ("max", "min") else None


def view(step: Step, layout: RowLayout) -> Action | None:
    """Return the action for a view in which each row becomes one row or several."""
    inner = layout.reaches.get(step.inputs[0])
    if inner is None:
        return None
    per_row = int(np.prod(layout.shape(step.inputs[0])[inner.axis + 1 :]))
    shape = layout.shape(step.output)
    if shape[0] == ROWS * inner.length and np.prod(shape[1:]) == per_row and inner.length > 1:
        return View(step, [inner.moved(axis=0)])
    axis = next((i for i, size in enumerate(shape) if i > 0 and size > 1), None)
    if axis is None or shape[0] != ROWS or shape[axis] % inner.length:
        return None
    factor = shape[axis] // inner.length
    return View(step, [inner.finer(factor, axis)]) if np.prod(shape[axis + 1 :]) * factor == per_row else None


def slice_of(step: Step, layout: RowLayout) -> Action | None:
    """Return the action for a slice."""
    inner = layout.reaches.get(step.inputs[0])
    if inner is None or inner.axis == 0:
        return None
    key = _key(step, layout)
    if key is None:
        return None
    shape = layout.shape(step.inputs[0])
    line = np.arange(inner.length).reshape([-1 if i == inner.axis else 1 for i in range(len(shape))])
    rows = np.broadcast_to(line, shape)[key]
    axis = next((i for i, step_bytes in enumerate(rows.strides) if step_bytes), None)
    if axis is None or rows.shape != layout.shape(step.output) or rows.shape[0] != ROWS or axis == 0:
        return None
    kept = np.moveaxis(rows, axis, 0).reshape(rows.shape[axis], -1)[:, 0]
    if (np.diff(kept) != 1).any():
        return None
    cut = tuple(slice(None) if isinstance(k, slice) and i == inner.axis else k for i, k in enumerate(key))
    return Shift(step, [inner.moved(by=-int(kept[0]), axis=axis, length=len(kept))], cut)


def _key(step: Step, layout: RowLayout) -> tuple | None:
    """Return a slice as one index for each axis of its input, or None if it is not known or has another form."""
    numbers = [layout.numbers(value) for value in step.inputs[1:]]
    given = [one for one in numbers if one is not None]
    if len(given) < len(numbers):
        return None
    if step.op == "Slice":
        begins, sizes = given
        return tuple(slice(b, None if s < 0 else b + s) for b, s in zip(begins, sizes, strict=True))
    masks = {name: step.node.attr[f"{name}_mask"].i for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}
    if masks["ellipsis"] or masks["new_axis"]:
        return None
    key: list[int | slice] = []
    for i, (begin, end, stride) in enumerate(zip(*given, strict=True)):
        if masks["shrink_axis"] >> i & 1:
            key.append(begin)
        else:
            open_ = [masks[name] >> i & 1 for name in ("begin", "end")]
            key.append(slice(None if open_[0] else begin, None if open_[1] else end, stride))
    return tuple(key)


def pad(step: Step, layout: RowLayout) -> Action | None:
    """Return the action for padding along the length."""
    inner, padding = layout.reaches.get(step.inputs[0]), layout.facts.numbers.get(step.inputs[1])
    if inner is None or padding is None or inner.axis == 0:
        return None
    if np.delete(np.asarray(padding), inner.axis, axis=0).any():
        return None
    before = int(padding[inner.axis][0])
    return Shift(step, [inner.moved(by=before, length=layout.shape(step.output)[inner.axis])])


# Convolutions and pools


def _slide(step: Step, layout: RowLayout, taps: int) -> Slide:
    """Return how a convolution or pool with ``taps`` along the length moves, whose input has shape (N, H, W, C)."""
    inner, attributes = layout.reaches[step.inputs[0]], step.node.attr
    stride = list(attributes["strides"].list.i)[inner.axis]
    # Reading an attribute that a node does not have would add it to the node.
    rate = list(attributes["dilations"].list.i)[inner.axis] if "dilations" in attributes else 1
    length = layout.shape(step.output)[inner.axis]
    padding = attributes["padding"].s.decode()
    if padding == "EXPLICIT":
        before = list(attributes["explicit_paddings"].list.i)[2 * inner.axis]
    else:
        before = padding_before(padding, inner.length, length, rate * (taps - 1) + 1, stride)
    return Slide(taps, stride, rate, before, length)


def convolution(step: Step, layout: RowLayout) -> Action | None:
    """Return the action for a convolution along the length with a constant kernel."""
    inner = layout.only_first(step)
    x, out = layout.shape(step.inputs[0]), layout.shape(step.output)
    if inner is None or not channels_last(step) or inner.axis not in (1, 2):
        return None
    kernel, other = layout.shape(step.inputs[1]), 3 - inner.axis
    slide = _slide(step, layout, kernel[inner.axis - 1])
    reach = slide.reach(inner, inner.axis)
    flat = x[other] == out[other] == kernel[other - 1] == 1
    if step.op == "Conv2D" and flat and slide.stride == 1 and kernel[2] == x[3]:
        return Products(step, [reach], slide, step.inputs[1])
    if step.node.attr["padding"].s == b"EXPLICIT":
        return None
    return Convolution(step, [reach], slide, step.inputs[1])


def pool(step: Step, layout: RowLayout) -> Action | None:
    """Return the action for a pool along the length."""
    inner = layout.reaches.get(step.inputs[0])
    sizes = list(step.node.attr["ksize"].list.i)
    if inner is None or not sizes or not channels_last(step) or inner.axis not in (1, 2):
        return None
    other = 3 - inner.axis
    if (
        sizes[other] != 1
        or list(step.node.attr["strides"].list.i)[other] != 1
        or step.node.attr["padding"].s == b"EXPLICIT"
    ):
        return None
    slide = _slide(step, layout, sizes[inner.axis])
    reach = slide.reach(inner, inner.axis)
    kind = operation(step.op).kind
    if isinstance(kind, Selection):
        return Maxima(step, [reach], slide) if kind.sign > 0 else None
    first = np.arange(slide.length) * slide.stride - slide.before
    counts = np.minimum(first + slide.taps, inner.length) - np.maximum(first, 0)
    return Averages(step, [reach], slide, counts=counts)
