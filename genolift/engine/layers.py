"""Layers of the user's model, and the values of the program that they compute."""

from __future__ import annotations

from genolift.engine.program import Program, Value
from genolift.support.errors import InputError


def layer_names(program: Program) -> list[str]:
    """Return the paths of the layers that ran, in running order."""
    return list(dict.fromkeys(layer.path for step in program.steps for layer in step.layers))


def layer_outputs(program: Program, name: str) -> list[Value]:
    """Return the values that a layer hands on to others, one per output of each of its calls.

    Parameters
    ----------
    program : Program
        The traced model.
    name : str
        The layer's name or path.

    Raises
    ------
    InputError
        If the model runs no such layer, or if the layer does not depend on the explained inputs.
    """
    calls = {layer for step in program.steps for layer in step.layers if name in (layer.name, layer.path)}
    if not calls:
        raise InputError(f"the model runs no layer {name!r}; it runs {', '.join(layer_names(program))}")
    readers, outputs = program.readers, set(program.outputs)
    handed_on = [
        value
        for step in program.active_steps
        for layer in step.layers
        if layer in calls
        for value in step.outputs
        if value in outputs or any(layer not in reader.layers for reader in readers.get(value, []))
    ]
    if not handed_on:
        raise InputError(f"layer {name!r} does not depend on the explained input")
    return list(dict.fromkeys(handed_on))
