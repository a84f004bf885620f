"""Dilated convolutions, which TensorFlow runs on the CPU as three operations: space to batch, convolve, and back.

In between, sequences are cut into interleaved pieces along the batch; read as one step they slide along the length.
"""

from __future__ import annotations

from genolift.engine.program import Dependence, Step, Value
from genolift.engine.windows.actions import Products
from genolift.engine.windows.carry import Layout
from genolift.engine.windows.reach import Slide

_AROUND = ("ExpandDims", "Squeeze")


def chain(step: Step, readers: dict[Value, list[Step]]) -> list[Step] | None:
    """The steps from ``SpaceToBatchND`` to ``BatchToSpaceND``, where nothing else reads what lies between."""
    if step.op != "SpaceToBatchND":
        return None
    found = [step]
    while found[-1].op != "BatchToSpaceND":
        following = readers.get(found[-1].output, [])
        if len(following) != 1 or following[0].op not in (*_AROUND, "Conv2D", "BatchToSpaceND"):
            return None
        found.append(following[0])
    return found if sum(inner.op == "Conv2D" for inner in found) == 1 else None


def action(steps: list[Step], layout: Layout) -> Products | None:
    """The whole chain as one convolution along the length of its input (N, L, C)."""
    first, last = steps[0], steps[-1]
    (convolution,) = [step for step in steps if step.op == "Conv2D"]
    inner, kernel = layout.reaches[first.inputs[0]], convolution.inputs[1]
    shape, numbers = layout.shape(kernel), layout.facts.numbers
    outside = [first.inputs[1], first.inputs[2], last.inputs[1], last.inputs[2]]
    plain = convolution.node.attr["padding"].s == b"VALID" and set(convolution.node.attr["strides"].list.i) == {1}
    if inner.axis != 1 or len(layout.shape(first.inputs[0])) != 3 or not plain or shape[0] != 1:
        return None
    if kernel.dependence != Dependence.CONSTANT or any(value not in numbers for value in outside):
        return None
    (rate,), ((before, _),) = numbers[first.inputs[1]].tolist(), numbers[first.inputs[2]].tolist()
    cropped = numbers[last.inputs[2]].tolist()[0][0]
    if shape[2] != layout.shape(first.inputs[0])[2]:
        return None
    slide = Slide(shape[1], 1, rate, before - cropped, layout.shape(last.output)[1])
    return Products(last, [slide.reach(inner, 1)], slide, kernel, source=first.inputs[0])
