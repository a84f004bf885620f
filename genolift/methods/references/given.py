"""A reference object from whatever a user gives: an object, an array, a function, or a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from genolift.methods.references.base import Fixed, Reference
from genolift.methods.references.constant import Background, Computed, Own, Zeros
from genolift.methods.references.drawn import Sampled, Shuffled
from genolift.support.errors import InputError

#: What a user may give as references of one input, or as a dict or list of those of several.
ReferencesLike: TypeAlias = Reference | np.ndarray | Callable | str | dict | list | None


def parse(text: str) -> Reference:
    """Return the reference that a text on the command line means.

    Parameters
    ----------
    text : str
        ``shuffled:20`` (dinucleotide shuffles, or ``shuffled1:20`` for mononucleotide ones), ``shuffled:auto``,
        ``sampled:100``, ``background:0.3,0.2,0.2,0.3`` or ``zeros``. A kind alone, such as ``shuffled``, takes its
        usual number.

    Returns
    -------
    Reference
        The reference object.

    Raises
    ------
    InputError
        If the text is none of these.
    """
    kind, _, options = text.partition(":")
    try:
        if kind == "zeros" and not options:
            return Zeros()
        if kind == "background":
            return Background([float(f) for f in options.split(",")]) if options else Background()
        if kind in ("shuffled", "shuffled1", "shuffled2"):
            return Shuffled("auto" if options == "auto" else int(options or 20), k=int(kind[8:] or 2))
        if kind == "sampled":
            return Sampled(int(options or 100))
    except ValueError as problem:
        if isinstance(problem, InputError):
            raise
    raise InputError(
        f"references {text!r} are not understood; write shuffled:20, shuffled:auto, shuffled1:20 (mononucleotide), "
        "sampled:100, background:0.3,0.2,0.2,0.3 or zeros"
    )


def as_reference(given: Any) -> Reference:
    """Return a reference object for what a user gave for one input.

    Parameters
    ----------
    given : Reference, str, callable, array_like or None
        A reference object, which is returned as it is; a text for :func:`parse`; a function for :class:`Computed`; or
        an array for :class:`Fixed`. None makes each input its own reference.

    Returns
    -------
    Reference
        The reference object.

    Raises
    ------
    InputError
        If a text is not understood, or an array does not hold references.
    """
    if given is None:
        return Own()
    if isinstance(given, Reference):
        return given
    if isinstance(given, str):
        return parse(given)
    if callable(given):
        return Computed(given)
    return Fixed(given)
