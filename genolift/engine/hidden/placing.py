"""Which layers keep a place in the sequence: by name, the last of them, the first that looks along the sequence."""

from __future__ import annotations

from dataclasses import replace

from genolift.engine.layers import layer_names, layer_outputs
from genolift.engine.program import Dependence, Program, Step, Value
from genolift.engine.windows.receptive import Receptive
from genolift.support.errors import InputError


def named(program: Program, name: str) -> list[Value]:
    """What the layer ``name`` hands on; in a program without layers, what the operation of that name gives."""
    if layer_names(program):
        return layer_outputs(program, name)
    steps = [step for step in program.active_steps if step.op != "Input"]
    found = [step.output for step in steps if step.name == name]
    if not found:
        told = ", ".join(step.name for step in steps)
        raise InputError(f"the function runs no operation {name!r} that depends on its input; it runs {told}")
    return found


def name_of(value: Value, program: Program) -> str:
    """The layer's name (its path, where several have that name), or the operation's where no layer ran it."""
    if not value.step.layers:
        return value.step.name
    layer = value.step.layers[-1]
    alike = {other.path for step in program.steps for other in step.layers if other.name == layer.name}
    return layer.name if len(alike) == 1 else layer.path


def follows(program: Program, source: Value) -> set[Value]:
    """All values that depend on ``source``, itself included."""
    found = {source}
    for step in program.steps:
        if step.dependence >= Dependence.DISCRETE and not found.isdisjoint(step.inputs):
            found.update(step.outputs)
    return found


def last_placed(receptive: Receptive, outputs: list[Value]) -> Value | None:
    """The last layer's output before ``outputs`` that has several rows with a place, and that nothing goes past.

    Where something of the input always goes past (towers side by side) it is simply the last; None where there is none.
    """
    program = replace(receptive.program, outputs=outputs).pruned()
    readers, downstream = program.readers, follows(program, receptive.source)
    last_use = {value: i for i, step in enumerate(program.steps) for value in step.inputs}
    last_use |= dict.fromkeys(program.outputs, len(program.steps))
    pending: set[Value] = set()  # what is there already, depends on the input, and is still to be read
    last = alone = None
    for i, step in enumerate(program.steps):
        pending |= {value for value in step.outputs if value in downstream and value in last_use}
        pending = {value for value in pending if last_use[value] > i}
        for value in step.outputs:
            candidate = value in pending and value not in outputs and placed(receptive, value)
            if candidate and _leaves(value, readers):
                last = value
                alone = value if pending == {value} else alone
    return last if alone is None else alone


def first_wide(receptive: Receptive) -> Value | None:
    """The first layer's output whose rows see several positions each: what the first convolution gives."""
    readers = receptive.program.readers
    for step in receptive.program.steps:
        for value in step.outputs:
            if placed(receptive, value) and _leaves(value, readers) and receptive(value).width > 1:
                return value
    return None


def placed(receptive: Receptive, value: Value) -> bool:
    """Whether a value, and not the input itself, has several rows with a place."""
    return value.active and value.step.op != "Input" and receptive.knows(value) and receptive.rows(value) > 1


def _leaves(value: Value, readers: dict[Value, list[Step]]) -> bool:
    """Whether a value is handed on by the layer that made it, and not of its own inner workings."""
    if not value.step.layers:
        return True
    within, reading = value.step.layers[-1], readers.get(value)
    return reading is None or any(within not in step.layers for step in reading)
