"""The methods of the paper's figure 4, and those that a user asks for besides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from genolift.methods.registry import method_class
from genolift.pipeline.benchmark.entries import Entry, choose
from genolift.support.errors import InputError

#: The word for the methods of the figure.
PAPER = "paper"
_ZEROS = "zeros"

METHODS: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry("guided-backprop-x-input", "guided-backprop-x-input", {}, _ZEROS),
        Entry("gradient-x-input", "gradient-x-input", {}, _ZEROS),
        Entry("integrated-gradients-5", "integrated-gradients", {"steps": 5}, _ZEROS),
        Entry("integrated-gradients-10", "integrated-gradients", {"steps": 10}, _ZEROS),
        Entry("deeplift-rescale", "deeplift", {"rule": "rescale"}, _ZEROS),
        Entry("deeplift-revealcancel", "deeplift", {"rule": "revealcancel"}, _ZEROS),
    )
}


def contenders(names: Iterable[str]) -> list[Entry]:
    """Return the methods that a user names.

    Parameters
    ----------
    names
        ``"paper"`` for those of the figure, names of them, or names of methods. A method that compares images with
        references takes zeros, unless others follow an ``@``.

    Raises
    ------
    InputError
        If there is no such method, or none is named.
    """
    from genolift.methods.common.options import all_options_of  # This import loads TensorFlow.

    chosen: dict[str, Entry] = {}
    for name in names:
        if name == PAPER:
            chosen |= METHODS
        elif name in METHODS:
            chosen[name] = METHODS[name]
        elif name == "all":
            raise InputError(f"the digits are compared by {PAPER}, or by methods that are named one by one, not by all")
        else:
            (entry,) = choose([name])
            if entry.references is None and "references" in all_options_of(method_class(entry.method)):
                entry = replace(entry, references=_ZEROS)
            chosen[name] = entry
    if not chosen:
        raise InputError(f"name a method to compare, or {PAPER} for those of the paper's figure")
    return list(chosen.values())
