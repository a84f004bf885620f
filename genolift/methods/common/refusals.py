"""Refusals of models that lack what a method needs, and what users are told of models that are explained otherwise.

Each refusal says what the method does, what is missing and what to use.
"""

from __future__ import annotations

import warnings

from genolift.engine.program import Program
from genolift.methods.common.inputs import Inputs
from genolift.support.errors import GenoliftWarning, Remedy, UnsupportedModel, method_option


def lacking(name: str, does: str, but: str, instead: str | Remedy) -> UnsupportedModel:
    """Return the error for a model that a method cannot explain, ready to be raised.

    Parameters
    ----------
    name
        The name of the method.
    does
        What the method does that needs something of the model, as in "reads the weights of attention layers".
    but
        What is missing, as in "this model has none".
    instead
        What to do, as in "use deeplift or ism".
    """
    remedy = instead if isinstance(instead, Remedy) else Remedy.naming(instead)
    return UnsupportedModel(f"{name} {does}, and {but}", remedy)


def sequences(name: str, does: str, inputs: Inputs) -> list[int]:
    """Return the numbers of the inputs that are sequences: those with an axis of letters.

    Raises
    ------
    UnsupportedModel
        If there are none.
    """
    numbers = [i for i, letters in enumerate(inputs.one_hot) if letters]
    if not numbers:
        raise no_sequences(name, does)
    return numbers


def with_bases(name: str, does: str, inputs: Inputs) -> list[int]:
    """Return the numbers of the inputs that are sequences of letters, without those that hold other numbers.

    Raises
    ------
    UnsupportedModel
        If there are none.
    """
    numbers = [i for i in sequences(name, does, inputs) if inputs.letters[i]]
    if not numbers:
        but = "X holds other numbers"
        instead = Remedy.naming(
            "say {} if they are, or use integrated-gradients or deeplift", method_option("dna", True)
        )
        raise lacking(name, f"{does} one-hot sequences (N, L, 4)", but, instead)
    return numbers


def no_sequences(name: str, does: str) -> UnsupportedModel:
    """Return the error for a model without sequences; ``does`` is what the method does with one-hot sequences."""
    instead = "use integrated-gradients or deeplift"
    return lacking(name, f"{does} one-hot sequences (N, L, 4)", "the model takes none", instead)


def only_dna(name: str, does: str, inputs: Inputs, instead: str) -> int:
    """Return the number of the only sequence among the inputs, which is DNA.

    Raises
    ------
    UnsupportedModel
        If there are no sequences, several, or one of other letters.
    """
    numbers = with_bases(name, does, inputs)
    if len(numbers) > 1 or not inputs.dna[numbers[0]]:
        takes = "other letters" if len(numbers) == 1 else f"{len(numbers)} sequences"
        raise lacking(name, f"{does} one sequence of A, C, G and T", f"this model takes {takes}", instead)
    return numbers[0]


def tell_of_halves(program: Program) -> None:
    """Warn of a model that computes with half as many bits as genolift does."""
    halves = {value.dtype for step in program.active_steps for value in step.outputs} & {"float16", "half", "bfloat16"}
    if halves:
        warnings.warn(
            f"the model computes in {' and '.join(sorted(halves))}; genolift runs it in float32, so its predictions "
            "differ from the model's own by what the model rounds",
            GenoliftWarning,
            stacklevel=6,
        )
