"""What ``genolift.rules`` offers: teaching genolift an operation, and what a rule of one's own is written with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

from genolift.engine.operations.differences import of_one
from genolift.engine.operations.kinds import Kind, Linear, Selection, Unary
from genolift.engine.operations.record import Window
from genolift.engine.operations.table import OPERATIONS, operation
from genolift.engine.walk.propagate import Backward, Flow
from genolift.support.errors import InputError

__all__ = ["Backward", "Flow", "Linear", "Selection", "Unary", "register"]


def register(
    op: str,
    kind: Kind | None = None,
    *,
    rule: Callable | None = None,
    difference: Callable | None = None,
    window: Window | Callable | None = None,
    bounded_domain: bool | None = None,
    rectifier: bool | None = None,
    gate: bool | None = None,
    non_negative: bool | None = None,
    keeps_sign: bool | None = None,
) -> None:
    """Teach genolift a TensorFlow operation, by the name that its error message gave.

    What is given holds at once and for every method; of an operation that is known already, the rest stays as it is. For
    example, a cube as an operation of its own::

        genolift.rules.register("Cube", genolift.rules.Unary(), difference=lambda a, b, d: d * (a*a + a*b + b*b))

    Parameters
    ----------
    op
        TensorFlow's name of the operation.
    kind
        What the operation is mathematically: ``Linear(...)``, ``Unary()``, ``Selection(...)``.
    rule
        ``rule(step, flows, back)`` returns ``{input value: Flow}``. DeepLIFT follows it in place of the kind's rule.
    difference
        Of a ``Unary``: ``difference(a, b, d)`` returns f(b) − f(a) exactly, where d = b − a. Without it small
        differences are taken by the derivative at the midpoint.
    window
        How rows along the length travel through the operation, for mutagenesis and receptive fields: the name of a family
        of movement, or a function of a step and a layout (see :mod:`genolift.engine.windows.carry`). A ``Unary`` goes row
        by row without saying so; others are run on whole sequences.
    bounded_domain
        Whether the operation does not exist for every number, so that RevealCancel is not used there.
    rectifier
        Whether guided backprop and deconvnet treat it as a ReLU.
    gate
        Whether it says, as a factor of a product, how much of the other factor passes; relevance goes to the other.
    non_negative
        Whether it gives nothing below zero.
    keeps_sign
        Whether it gives nothing below zero where nothing below zero goes in.

    Raises
    ------
    InputError
        If there is neither a kind nor a rule, or an argument is not what it should be.
    """
    if not isinstance(op, str) or not op:
        raise InputError(f"register needs the name of an operation, not {op!r}")
    if kind is None and rule is None:
        raise InputError("register needs a kind or a rule")
    facts = {
        "bounded_domain": bounded_domain,
        "rectifier": rectifier,
        "gate": gate,
        "non_negative": non_negative,
        "keeps_sign": keeps_sign,
    }
    for name, fact in facts.items():
        if not (fact is None or isinstance(fact, bool)):
            raise InputError(f"{name} of {op} must be True or False, not {fact!r}")
    _check_functions(op, kind, rule, difference)
    if not (window is None or callable(window) or window in get_args(Window)):
        families = ", ".join(get_args(Window))
        raise InputError(f"window of {op} must be a function or one of {families}, not {window!r}")
    given: dict[str, Any] = {"kind": kind, "rule": rule, "window": window, **facts}
    given["difference"] = None if difference is None else of_one(difference)
    OPERATIONS[op] = replace(operation(op), **{name: fact for name, fact in given.items() if fact is not None})


def _check_functions(op: str, kind: Any, rule: Any, difference: Any) -> None:
    """Refuse what is no kind, and functions that are none or would never be called."""
    if isinstance(kind, type) and issubclass(kind, Kind):
        raise InputError(f"the kind of {op} must be made, as in {kind.__name__}(), not the class")
    if not (kind is None or isinstance(kind, Kind)):
        raise InputError(f"the kind of {op} must be Linear(...), Unary() or Selection(...), not {kind!r}")
    for name, function in (("rule", rule), ("difference", difference)):
        if not (function is None or callable(function)):
            raise InputError(f"{name} of {op} must be a function, not {function!r}")
    if difference is not None and not isinstance(kind or operation(op).kind, Unary):
        raise InputError(f"a difference is for operations of the kind Unary(), and {op} is not one")
