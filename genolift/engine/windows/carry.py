"""How each operation hands on windows of changed rows: what it needs of its inputs, and what of its output changes.

The table of operations names a family of movement for an operation, and the functions here look at a step of that family
and give an action, or ``None`` where the step is to run on whole sequences: because every row of what comes out depends
on every row that goes in (attention, recurrent layers), or because the layout is none that is known here. A linear step
needs the differences alone; the others need the changed rows themselves.
"""

from __future__ import annotations

from collections.abc import Callable

from genolift.engine.operations.record import Window
from genolift.engine.operations.table import operation
from genolift.engine.program import Step
from genolift.engine.windows import lengthwise, rowwise
from genolift.engine.windows.actions import Action
from genolift.engine.windows.reach import Layout

Rule = Callable[[Step, Layout], Action | None]

#: What the families of movement do.
FAMILIES: dict[Window, Rule] = {
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


def rule_for(op: str) -> Rule | None:
    """Return how rows travel through an operation; None where it is run on whole sequences."""
    known = operation(op)
    window = known.window or ("elementwise" if known.elementwise else None)
    return window if window is None or callable(window) else FAMILIES[window]


def action_for(step: Step, layout: Layout) -> Action | None:
    """Return the action for a step with changed inputs, none of which changes everywhere; None to run it whole."""
    rule = rule_for(step.op)
    action = None if rule is None else rule(step, layout)
    if action is None:
        return None
    reached = zip(action.reaches, step.outputs, strict=False)
    return action if all(reach is None or layout.fits(reach, value) for reach, value in reached) else None
