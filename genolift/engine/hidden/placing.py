"""The layers whose outputs keep a place in the sequence, found by name or as the last or the first of them."""

from __future__ import annotations

from dataclasses import replace

from genolift.engine.layers import layer_names, layer_outputs
from genolift.engine.program import Dependence, Program, Step, Value
from genolift.engine.windows.receptive import Receptive
from genolift.support.errors import InputError


def named(program: Program, name: str) -> list[Value]:
    """Return the outputs of a layer, or of an operation in a program without layers.

    Parameters
    ----------
    program : Program
        The traced model.
    name : str
        The name of the layer or operation.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if layer_names(program):
        return layer_outputs(program, name)
    steps = [step for step in program.active_steps if step.op != "Input"]
    outputs = [step.output for step in steps if step.name == name]
    if not outputs:
        told = ", ".join(step.name for step in steps)
        raise InputError(f"the function runs no operation {name!r} that depends on its input; it runs {told}")
    return outputs


def name_of(value: Value, program: Program) -> str:
    """Return the name of the layer that made a value, or of the operation if no layer ran it.

    If several layers have the name, it is the layer's path.
    """
    if not value.step.layers:
        return value.step.name
    layer = value.step.layers[-1]
    alike = {other.path for step in program.steps for other in step.layers if other.name == layer.name}
    return layer.name if len(alike) == 1 else layer.path


def follows(program: Program, source: Value) -> set[Value]:
    """Return all values that depend on ``source``, including itself."""
    values = {source}
    for step in program.steps:
        if step.dependence >= Dependence.DISCRETE and not values.isdisjoint(step.inputs):
            values.update(step.outputs)
    return values


def last_placed(receptive: Receptive, outputs: list[Value]) -> Value | None:
    """Return the last output of a layer before ``outputs`` that has several rows with a place.

    If possible it is one that all of the input goes through. If something of the input always goes past (towers side by
    side), it is simply the last. The result is None if there is none.
    """
    program = replace(receptive.program, outputs=outputs).pruned()
    readers, downstream = program.readers, follows(program, receptive.source)
    last_use = {value: i for i, step in enumerate(program.steps) for value in step.inputs}
    last_use |= dict.fromkeys(program.outputs, len(program.steps))
    pending: set[Value] = set()  # The values so far that depend on the input and are still to be read.
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
    """Return the first output of a layer whose rows see several positions each, as that of the first convolution."""
    readers = receptive.program.readers
    for step in receptive.program.steps:
        for value in step.outputs:
            if placed(receptive, value) and _leaves(value, readers) and receptive(value).width > 1:
                return value
    return None


def placed(receptive: Receptive, value: Value) -> bool:
    """Return whether a value other than the input has several rows with a place."""
    return value.active and value.step.op != "Input" and receptive.knows(value) and receptive.rows(value) > 1


def _leaves(value: Value, readers: dict[Value, list[Step]]) -> bool:
    """Return whether the layer that made a value hands it on, rather than using it inside only."""
    if not value.step.layers:
        return True
    within, reading = value.step.layers[-1], readers.get(value)
    return reading is None or any(within not in step.layers for step in reading)
