"""How rows along the length travel through each operation.

The table of operations names a family of movement for an operation, or holds a function of its own. Such a function is
given a step and a :class:`~genolift.engine.windows.reach.RowLayout`, which says where the changed rows of the step's
inputs lie. It returns an action of :mod:`~genolift.engine.windows.actions`, or None if the step is to run on whole
sequences. That is so if every row of the output depends on every row of the input (attention, recurrent layers), or if
the rows lie in a way that the function does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from genolift.engine.operations.record import Window
from genolift.engine.operations.table import operation
from genolift.engine.program import Step
from genolift.engine.windows import lengthwise, rowwise
from genolift.engine.windows.actions import Action
from genolift.engine.windows.reach import RowLayout

#: A function from a step and where rows lie to the action for the step, or None to run it on whole sequences.
WindowRule: TypeAlias = Callable[[Step, RowLayout], Action | None]

#: The function of each family of movement.
FAMILIES: dict[Window, WindowRule] = {
    "elementwise": rowwise.elementwise,
    "last-axis": rowwise.last_axis,
    "batch-norm": rowwise.batch_norm,
    "transpose": rowwise.transpose,
    "reverse": rowwise.reverse,
    "split": rowwise.split,
    "tile": rowwise.tile,
    "concat": rowwise.concat,
    "matmul": rowwise.matmul,
    "batch-matmul": rowwise.batch_matmul,
    "einsum": rowwise.einsum,
    "reduction": lengthwise.reduction,
    "view": lengthwise.view,
    "slice": lengthwise.slice_of,
    "pad": lengthwise.pad,
    "convolution": lengthwise.convolution,
    "pool": lengthwise.pool,
}


def rule_for(op: str) -> WindowRule | None:
    """Return how rows travel through an operation, or None if it is run on whole sequences."""
    known = operation(op)
    window = known.window or ("elementwise" if known.elementwise else None)
    return window if window is None or callable(window) else FAMILIES[window]


def action_for(step: Step, layout: RowLayout) -> Action | None:
    """Return the action for a step, or None if it is run on whole sequences.

    Parameters
    ----------
    step : Step
        A step that reads changed values, none of which changes everywhere.
    layout : RowLayout
        Where the changed rows of its inputs lie.
    """
    rule = rule_for(step.op)
    action = None if rule is None else rule(step, layout)
    if action is None:
        return None
    reached = zip(action.reaches, step.outputs, strict=False)
    return action if all(reach is None or layout.fits(reach, value) for reach, value in reached) else None
