"""How each operation hands on windows of changed rows: what it needs of its inputs, and what of its output changes.

A rule looks at a step and gives an action, or ``None`` where the step is to run on whole sequences: because every
row of what comes out depends on every row that goes in (attention, recurrent layers), or because the layout is none that
is known here. A linear step needs the differences alone; the others need the changed rows themselves.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from genolift.engine.operations.table import ELEMENTWISE, OPERATIONS, Unary
from genolift.engine.program import Dependence, Step, Value
from genolift.engine.windows.actions import (
    Action,
    Averages,
    Collapse,
    Contraction,
    Convolution,
    Extreme,
    Join,
    Maxima,
    Products,
    Rowwise,
    Shift,
    View,
)
from genolift.engine.windows.reach import ROWS, Facts, Reach, Slide, padding_before


class Layout:
    """What rules look at: ``reaches`` known so far, and the facts of the program."""

    def __init__(self, facts: Facts):
        self.facts = facts
        self.reaches: dict[Value, Reach] = {}

    def shape(self, value: Value) -> tuple[int, ...]:
        return self.facts.shapes[value]

    def numbers(self, value: Value) -> list[int] | None:
        found = self.facts.numbers.get(value)
        return None if found is None else [int(number) for number in np.atleast_1d(found)]

    def changed(self, step: Step) -> list[Value]:
        return [value for value in dict.fromkeys(step.inputs) if value in self.reaches]

    def common(self, step: Step) -> Reach | None:
        """The union of the changed inputs' reaches, where they lie along one axis of one rank and length."""
        changed = self.changed(step)
        found = [self.reaches[value] for value in changed]
        first = found[0]
        ranks = {len(self.shape(value)) for value in changed}
        if len(ranks) > 1 or any((one.axis, one.length) != (first.axis, first.length) for one in found):
            return None
        for other in found[1:]:
            first = first.union(other)
        return first

    def fits(self, reach: Reach, value: Value) -> bool:
        """Whether a value's shape has the reach's rows where it says."""
        shape = self.shape(value)
        if reach.axis == 0:
            return shape[0] == ROWS * reach.length
        return shape[0] == ROWS and shape[reach.axis] == reach.length and set(shape[1 : reach.axis]) <= {1}


def action_for(step: Step, layout: Layout) -> Action | None:
    """The action for a step with changed inputs, none of which changes everywhere."""
    rule = RULES.get(step.op)
    action = rule(step, layout) if rule is not None else None
    if action is None:
        return None
    reached = zip(action.reaches, step.outputs, strict=False)
    return action if all(reach is None or layout.fits(reach, value) for reach, value in reached) else None


# Row by row


def _elementwise(step: Step, layout: Layout) -> Action | None:
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


def _last_axis(step: Step, layout: Layout) -> Action | None:
    inner = layout.common(step)
    if inner is None or inner.axis == len(layout.shape(step.output)) - 1:
        return None
    return Rowwise(step, [inner], inner, aligned=False)


def _only_first(step: Step, layout: Layout) -> Reach | None:
    """The first input's reach where the others are constants."""
    others = step.inputs[1:]
    if any(value.dependence != Dependence.CONSTANT for value in others) or step.inputs[0] not in layout.reaches:
        return None
    return layout.reaches[step.inputs[0]]


def _batch_norm(step: Step, layout: Layout) -> Action | None:
    inner = _only_first(step, layout)
    if inner is None or not _channels_last(step):
        return None
    return Rowwise(step, [inner], inner, aligned=False)


def _transpose(step: Step, layout: Layout) -> Action | None:
    inner, order = layout.reaches.get(step.inputs[0]), layout.numbers(step.inputs[1])
    if inner is None or order is None or order[0] != 0 or inner.axis == 0:
        return None
    return Rowwise(step, [inner.moved(axis=order.index(inner.axis))], inner, aligned=False)


def _reverse(step: Step, layout: Layout) -> Action | None:
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


def _split(step: Step, layout: Layout) -> Action | None:
    data, axis = (step.inputs[1], step.inputs[0]) if step.op == "Split" else (step.inputs[0], step.inputs[2])
    inner, along = layout.reaches.get(data), layout.numbers(axis)
    if inner is None or along is None or along[0] % len(layout.shape(data)) in (0, inner.axis):
        return None
    return Rowwise(step, [inner] * len(step.outputs), inner, aligned=False)


def _tile(step: Step, layout: Layout) -> Action | None:
    """Copies along other axes than the length: what upsampling is made of."""
    inner, times = layout.reaches.get(step.inputs[0]), layout.numbers(step.inputs[1])
    if inner is None or times is None or inner.axis == 0 or times[0] != 1 or times[inner.axis] != 1:
        return None
    return Rowwise(step, [inner], inner, aligned=False)


def _concat(step: Step, layout: Layout) -> Action | None:
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


def _matmul(step: Step, layout: Layout) -> Action | None:
    inner = _only_first(step, layout)
    if inner is None or step.node.attr["transpose_a"].b:
        return None
    if inner.axis == 0:
        return Rowwise(step, [inner], inner, aligned=False)
    return None if step.node.attr["transpose_b"].b else Contraction(step, [None], step.inputs[1])


def _batch_matmul(step: Step, layout: Layout) -> Action | None:
    inner = _only_first(step, layout)
    if inner is None or step.node.attr["adj_x"].b or inner.axis != len(layout.shape(step.inputs[0])) - 2:
        return None
    shape = layout.shape(step.inputs[1])
    return Rowwise(step, [inner], inner, aligned=False) if set(shape[:-2]) <= {1} else None


def _einsum(step: Step, layout: Layout) -> Action | None:
    """A product with constants in which the length is neither summed over nor shared."""
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


# Along the length


def _reduction(step: Step, layout: Layout) -> Action | None:
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
    if step.op in ("Sum", "Mean"):
        size = int(np.prod([shape[axis] for axis in axes]))
        return Collapse(step, [None], tuple(axes), size if step.op == "Mean" else 1)
    alone = all(axis == inner.axis or shape[axis] == 1 for axis in axes)
    return Extreme(step, [None], 1 if step.op == "Max" else -1) if alone and step.op in ("Max", "Min") else None


def _view(step: Step, layout: Layout) -> Action | None:
    """Shapes that keep rows together: each row becomes one row, or several."""
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


def _slice(step: Step, layout: Layout) -> Action | None:
    inner = layout.reaches.get(step.inputs[0])
    key = None if inner is None or inner.axis == 0 else _key(step, layout)
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


def _key(step: Step, layout: Layout) -> tuple | None:
    """A slice as one index per axis of its input."""
    given = [layout.numbers(value) for value in step.inputs[1:]]
    if any(numbers is None for numbers in given):
        return None
    if step.op == "Slice":
        begins, sizes = given
        return tuple(slice(b, None if s < 0 else b + s) for b, s in zip(begins, sizes, strict=True))
    masks = {name: step.node.attr[f"{name}_mask"].i for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}
    if masks["ellipsis"] or masks["new_axis"]:
        return None
    key = []
    for i, (begin, end, stride) in enumerate(zip(*given, strict=True)):
        if masks["shrink_axis"] >> i & 1:
            key.append(begin)
        else:
            open_ = [masks[name] >> i & 1 for name in ("begin", "end")]
            key.append(slice(None if open_[0] else begin, None if open_[1] else end, stride))
    return tuple(key)


def _pad(step: Step, layout: Layout) -> Action | None:
    inner, padding = layout.reaches.get(step.inputs[0]), layout.facts.numbers.get(step.inputs[1])
    if inner is None or padding is None or inner.axis == 0:
        return None
    if np.delete(np.asarray(padding), inner.axis, axis=0).any():
        return None
    before = int(padding[inner.axis][0])
    return Shift(step, [inner.moved(by=before, length=layout.shape(step.output)[inner.axis])])


# Convolutions and pools


def _channels_last(step: Step) -> bool:
    return not step.node.attr["data_format"].s.startswith(b"NC")


def _slide(step: Step, layout: Layout, taps: int) -> Slide | None:
    """How a convolution or pool of ``taps`` along the length moves; its input has shape (N, H, W, C)."""
    inner, attributes = layout.reaches[step.inputs[0]], step.node.attr
    stride = list(attributes["strides"].list.i)[inner.axis]
    rate = list(attributes["dilations"].list.i)[inner.axis] if "dilations" in attributes else 1  # reading would add it
    length = layout.shape(step.output)[inner.axis]
    padding = attributes["padding"].s.decode()
    if padding == "EXPLICIT":
        before = list(attributes["explicit_paddings"].list.i)[2 * inner.axis]
    else:
        before = padding_before(padding, inner.length, length, rate * (taps - 1) + 1, stride)
    return Slide(taps, stride, rate, before, length)


def _convolution(step: Step, layout: Layout) -> Action | None:
    inner = _only_first(step, layout)
    x, out = layout.shape(step.inputs[0]), layout.shape(step.output)
    if inner is None or not _channels_last(step) or inner.axis not in (1, 2):
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


def _pool(step: Step, layout: Layout) -> Action | None:
    inner = layout.reaches.get(step.inputs[0])
    sizes = list(step.node.attr["ksize"].list.i)
    if inner is None or not sizes or not _channels_last(step) or inner.axis not in (1, 2):
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
    if step.op != "AvgPool":
        return Maxima(step, [reach], slide)
    first = np.arange(slide.length) * slide.stride - slide.before
    counts = np.minimum(first + slide.taps, inner.length) - np.maximum(first, 0)
    return Averages(step, [reach], slide, counts=counts)


_ROW_BY_ROW = {op for op, kind in OPERATIONS.items() if isinstance(kind, Unary)} | ELEMENTWISE

RULES: dict[str, Callable[[Step, Layout], Action | None]] = {
    **dict.fromkeys(_ROW_BY_ROW, _elementwise),
    **dict.fromkeys(["Softmax", "LogSoftmax"], _last_axis),
    **dict.fromkeys(["FusedBatchNormV2", "FusedBatchNormV3"], _batch_norm),
    **dict.fromkeys(["Sum", "Mean", "Max", "Min", "Prod", "All", "Any"], _reduction),
    **dict.fromkeys(["Reshape", "ExpandDims", "Squeeze", "EnsureShape"], _view),
    **dict.fromkeys(["Split", "SplitV"], _split),
    **dict.fromkeys(["Slice", "StridedSlice"], _slice),
    **dict.fromkeys(["Pad", "PadV2"], _pad),
    **dict.fromkeys(["BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"], _batch_matmul),
    **dict.fromkeys(["Conv2D", "DepthwiseConv2dNative"], _convolution),
    **dict.fromkeys(["MaxPool", "AvgPool"], _pool),
    "ConcatV2": _concat,
    "Tile": _tile,
    "Transpose": _transpose,
    "ReverseV2": _reverse,
    "MatMul": _matmul,
    "Einsum": _einsum,
}
