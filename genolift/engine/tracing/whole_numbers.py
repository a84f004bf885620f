"""Inputs of whole numbers that are no tokens: masks, lengths, one-hot sequences as int8.

The program gets an input of floating-point numbers in place of such an input. Where the model turns the whole numbers
into floating-point numbers, it reads this input itself, so importance flows there. Everything else reads the numbers
rounded and cast to the model's own type, as masks and comparisons do, and importance does not flow there.
"""

from __future__ import annotations

from genolift.engine.program import Program, Step, Value
from genolift.engine.tracing.nodes import copy_of, new_step
from genolift.engine.tracing.trace import mark_dependence

# Operations that move numbers and do not change them, so that their form for floating-point numbers is the same.
_MOVING = {
    "Reshape",
    "Transpose",
    "ExpandDims",
    "Squeeze",
    "StridedSlice",
    "ReverseV2",
    "GatherV2",
    "Tile",
    "BroadcastTo",
}


def read_whole_numbers(program: Program) -> tuple[list[str | None], list[bool]]:
    """Replace inputs of whole numbers by inputs of floating-point numbers.

    Parameters
    ----------
    program : Program
        The program after tokens were replaced. It is changed in place.

    Returns
    -------
    types : list of str or None
        The type of each input of whole numbers, None for all other inputs.
    kept : list of bool
        Which of these inputs no importance can flow to. They keep their own values.
    """
    types: list[str | None] = []
    kept = []
    for place, value in enumerate(program.inputs):
        whole = not value.dtype.startswith(("float", "bfloat", "complex"))
        types.append(value.dtype if whole else None)
        kept.append(whole and not _replace(program, place))
    if any(types):
        mark_dependence(program)
    return types, kept


def _replace(program: Program, place: int) -> bool:
    """Replace an input of whole numbers, and return whether importance can flow to it."""
    given = program.inputs[place]
    source = Step("Input", f"{given.step.name}/number", [])
    source.outputs.append(Value(source, 0, given.shape, "float32"))
    program.inputs[place] = source.output
    as_numbers = {given: source.output}  # The same numbers in floating point, for each value that only moves them.
    flows = False
    steps = [source]
    for step in program.steps:
        if step is given.step:
            step.op, step.inputs, step.node = "WholeNumbers", [source.output], None
        elif step.inputs and step.inputs[0] in as_numbers:
            numbers = as_numbers[step.inputs[0]]
            if step.op == "Cast" and step.output.dtype.startswith(("float", "bfloat")):
                flows = True
                step.inputs, step.node = [numbers], copy_of(step.node, SrcT="float32")
            elif step.op in _MOVING:
                key = "Tparams" if step.op == "GatherV2" else "T"
                moved = new_step(
                    copy_of(step.node, **{key: "float32"}),
                    [numbers, *step.inputs[1:]],
                    step.output.shape,
                    "float32",
                    step,
                )
                as_numbers[step.output] = moved.output
                steps.append(moved)
        steps.append(step)
    program.steps = steps
    program.steps = program.pruned().steps
    return flows
