"""The module ``genolift.rules``, by which users teach genolift an operation or a rule of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, get_args

from genolift.engine.operations.differences import of_one
from genolift.engine.operations.kinds import Kind, Linear, Selection, Unary
from genolift.engine.operations.record import Window
from genolift.engine.operations.table import OPERATIONS, operation
from genolift.engine.walk.propagate import Backward, Flow, Rule
from genolift.support.errors import InputError
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

__all__ = ["Backward", "Flow", "Linear", "Selection", "Unary", "register"]


def register(
    op: str,
    kind: Kind | None = None,
    *,
    rule: Rule | None = None,
    difference: Callable | None = None,
    window: Window | Callable | None = None,
    bounded_domain: bool | None = None,
    rectifier: bool | None = None,
    gate: bool | None = None,
    non_negative: bool | None = None,
    keeps_sign: bool | None = None,
) -> None:
    """Teach genolift a TensorFlow operation, by the name that its error message gave.

    The facts hold at once and for every method. What is left out (None) keeps its present value for an operation that
    genolift knows already, and its default otherwise. For example, 1/x, as an old operation that few models run, is
    registered as::

        genolift.rules.register("Inv", genolift.rules.Unary(), difference=lambda a, b, d: -d / (a * b))

    Parameters
    ----------
    op : str
        TensorFlow's name of the operation.
    kind : Kind, optional
        What the operation is mathematically: ``Linear(...)``, ``Unary()`` or ``Selection(...)``. It may be left out if
        there is a rule.
    rule : callable, optional
        DeepLIFT's rule for the operation, in place of the kind's rule. It is called as ``rule(step, flows, back)``: the
        step, a list with the :class:`Flow` into each of its outputs (None where nothing flows back), and the walk
        (:class:`Backward`). It returns a dict ``{input value: Flow}``.
    difference : callable, optional
        A function ``difference(a, b, d)`` that returns f(b) − f(a) exactly, where d = b − a. It is for a ``Unary``
        only. Without it, small differences are approximated by the derivative at the midpoint.
    window : str or callable, optional
        How rows along the length travel through the operation, which mutagenesis and receptive fields need. It is the
        name of a family of movement, or a function of a step and of what is known of the rows (see
        :mod:`genolift.engine.windows.carry`). By default a ``Unary`` works row by row, and other operations are run on
        whole sequences.
    bounded_domain : bool, optional
        Whether there are numbers for which the operation does not exist, so that RevealCancel is not used there. By
        default False.
    rectifier : bool, optional
        Whether guided backprop and deconvnet treat the operation as a ReLU. By default False.
    gate : bool, optional
        Whether the operation, as one factor of a product, says how much of the other factor passes. All relevance then
        goes to the other factor. By default False.
    non_negative : bool, optional
        Whether the result is never below zero. By default False.
    keeps_sign : bool, optional
        Whether the result is never below zero if the inputs are not. By default False.

    Raises
    ------
    InputError
        If TensorFlow has no operation of that name, if there is neither a kind nor a rule, or if an argument is not
        what it should be.
    """
    if not isinstance(op, str) or not op:
        raise InputError(f"register needs the name of an operation, not {op!r}")
    if kind is None and rule is None:
        raise InputError("register needs a kind or a rule")
    _check_name(op)
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


def _check_name(op: str) -> None:
    """Raise InputError for a name that neither TensorFlow nor genolift has for an operation."""
    if op in OPERATIONS or hasattr(tf.raw_ops, op):
        return
    from tensorflow.python.framework import op_def_registry  # No public list has operations of loaded libraries.

    if op_def_registry.get(op) is None:
        near = get_close_matches(op, [*OPERATIONS, *dir(tf.raw_ops)], n=3, cutoff=0.7)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise InputError(
            f"TensorFlow has no operation {op!r}; {hint}give the name that the error message of the model gave, and "
            "load the library of an operation of your own before (tf.load_op_library)"
        )


def _check_functions(op: str, kind: Any, rule: Any, difference: Any) -> None:
    """Raise InputError for a kind that is none, and for functions that are none or would never be called."""
    if isinstance(kind, type) and issubclass(kind, Kind):
        raise InputError(f"the kind of {op} must be made, as in {kind.__name__}(), not the class")
    if not (kind is None or isinstance(kind, Kind)):
        raise InputError(f"the kind of {op} must be Linear(...), Unary() or Selection(...), not {kind!r}")
    for name, function in (("rule", rule), ("difference", difference)):
        if not (function is None or callable(function)):
            raise InputError(f"{name} of {op} must be a function, not {function!r}")
    if difference is not None and not isinstance(kind or operation(op).kind, Unary):
        raise InputError(f"a difference is for operations of the kind Unary(), and {op} is not one")
