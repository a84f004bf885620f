"""Dilated convolutions as one step.

On the CPU they run as SpaceToBatchND → convolution → BatchToSpaceND, whose rows in between are not the sequences' rows.
As one weighted step between ordinary activations they can be shared among pairs like any other convolution.
"""

from __future__ import annotations

from genolift.engine.program import Dependence, Program, Step, Value

_VIEWS = {"ExpandDims", "Squeeze"}
_CONVOLUTIONS = {"Conv2D", "Conv3D", "DepthwiseConv2dNative"}


def gather_dilated(program: Program) -> Program:
    """Rewrite the program in place."""
    readers: dict[Value, int] = dict.fromkeys(program.outputs, 1)
    for step in program.steps:
        for value in step.inputs:
            readers[value] = readers.get(value, 0) + 1
    gone: set[Step] = set()
    for step in program.steps:
        chain = _chain(step, readers) if step.op == "BatchToSpaceND" else None
        if chain is None:
            continue
        (convolution,) = [inner for inner in chain if inner.op in _CONVOLUTIONS]
        body = [*chain[:-1], _copy(step)]
        made = {inner.output for inner in chain}
        source, kernel = chain[0].inputs[0], convolution.inputs[1]
        rest = [v for inner in chain for v in inner.inputs if v not in made and v is not source and v is not kernel]
        step.op, step.node, step.payload = "DilatedConvolution", None, body
        step.inputs = [source, kernel, *dict.fromkeys(rest)]
        gone.update(chain[:-1])
    program.steps = [step for step in program.steps if step not in gone]
    return program


def _copy(step: Step) -> Step:
    return Step(step.op, step.name, list(step.inputs), step.node, step.layers, step.dependence, [step.output])


def _chain(end: Step, readers: dict[Value, int]) -> list[Step] | None:
    """The steps from SpaceToBatchND to ``end`` in running order; None where anything else has a part in them."""
    chain, convolutions = [end], 0
    while chain[0].op != "SpaceToBatchND":
        source = chain[0].inputs[0]
        step = source.step
        convolutions += step.op in _CONVOLUTIONS
        known = step.op in _VIEWS | _CONVOLUTIONS | {"SpaceToBatchND"}
        if not known or readers[source] != 1 or any(v.dependence == Dependence.ACTIVE for v in step.inputs[1:]):
            return None
        chain.insert(0, step)
    return chain if convolutions == 1 and chain[0].inputs[0].active else None
