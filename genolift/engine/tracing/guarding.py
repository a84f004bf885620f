"""Programs in which a slope may be infinite where it does not count, whose derivatives are guarded against NaN."""

from __future__ import annotations

from collections.abc import Iterator

from genolift.engine.operations import slopes
from genolift.engine.operations.kinds import Linear
from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Program, Step


def guard(program: Program) -> Program:
    """Let a program with steep operations be differentiated by the derivatives of :mod:`.operations.slopes`.

    An operation is steep if its slope may be infinite or undefined at a number, or overflow. A program without any is
    left as it is, because its derivatives are quicker without the guard.

    Parameters
    ----------
    program : Program
        The program, which is changed in place, and so are the bodies of its loops.

    Returns
    -------
    Program
        The same program.
    """
    steps = list(_steps(program))
    if any(operation(step.op).steep for step in steps):
        for step in steps:
            known = operation(step.op)
            name = slopes.guarded(step.op, known.elementwise and not isinstance(known.kind, Linear))
            if name is not None and step.dependence == Dependence.ACTIVE:
                step.node.attr[slopes.ATTRIBUTE].s = name.encode()
    return program


def _steps(program: Program) -> Iterator[Step]:
    """Yield the steps that run a node on real numbers that depend on the explained input, in loops too."""
    for step in program.steps:
        if step.dependence >= Dependence.DISCRETE:
            if step.op == "Loop":
                yield from _steps(step.payload.body)
            elif step.node is not None and not step.output.dtype.startswith("complex"):
                yield step
