"""Every method by name, with a line that says what it shows. Nothing heavy is imported until a method is made.

``genolift.methods`` fills the registry from its catalog when it is imported. Users add methods of their own with
:func:`register`.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from genolift.support.errors import InputError
from genolift.support.plugins import imported

if TYPE_CHECKING:
    from genolift.methods.common.base import Method


@dataclass(frozen=True)
class _Entry:
    """Where a method's class is, and a line that says what the method shows."""

    where: str | type
    summary: str


_METHODS: dict[str, _Entry] = {}


def register(name: str, where: str | type, summary: str) -> None:
    """Make a method known by its name to ``genolift.method``, ``genolift.methods()`` and the command line.

    Parameters
    ----------
    name : str
        What users call the method. The class has the same in its attribute ``name``.
    where : str or type
        The class, derived from :class:`genolift.methods.common.base.Method`, or ``"package.module:Class"``, which is
        imported when the method is first made.
    summary : str
        One line for the list of methods.

    Raises
    ------
    InputError
        If another method has the name, if the class has a different one, or if it takes options and does not record
        them.

    Examples
    --------
    >>> genolift.methods.register("counts", "my_package.counts:Counts", "how often a motif occurs")
    """
    if isinstance(where, type):
        _check(name, where)
    known = _METHODS.get(name)
    if known is not None and _place(known.where) != _place(where):
        raise InputError(f"there is a method {name!r} already, {_place(known.where)}; give yours another name")
    _METHODS[name] = _Entry(where, summary)


def listing() -> dict[str, str]:
    """Return the summary of every method by its name.

    Returns
    -------
    dict of str to str
        For each name the line that says what the method shows, in the order in which the methods were registered.
    """
    return {name: entry.summary for name, entry in _METHODS.items()}


def no_method(name: str) -> str:
    """Return the message for a name that no method has, with names that are like it."""
    near = get_close_matches(name, _METHODS, n=3)
    return f"there is no method {name!r}; " + (
        f"did you mean {' or '.join(near)}?" if near else f"choose among {', '.join(_METHODS)}"
    )


def method_class(name: str) -> type[Method]:
    """Return the class of the method called ``name``.

    Raises
    ------
    InputError
        If there is no such method, or if its class is not where it was registered to be.
    """
    if name not in _METHODS:
        raise InputError(no_method(name))
    where = _METHODS[name].where
    if isinstance(where, type):
        return where
    kind = imported(where, f"the method {name}")
    _check(name, kind)
    return kind


def _place(where: str | type) -> str:
    return where if isinstance(where, str) else f"{where.__module__}:{where.__qualname__}"


def _check(name: str, kind: type) -> None:
    if getattr(kind, "name", None) != name:
        raise InputError(
            f"the class {_place(kind)} is registered as {name!r}, so its attribute name must say the same, not "
            f"{getattr(kind, 'name', None)!r}"
        )
    # Tests hold our own methods to this. A store of another option would be taken for the same result without it.
    others = [base for base in kind.__mro__ if base.__module__.partition(".")[0] not in ("genolift", "builtins")]
    options = [option for base in others for option in _options(base)]
    if options and not any("describe" in vars(base) for base in others):
        raise InputError(
            f"the method {name} takes the options {', '.join(options)} and does not record them, so results of "
            "different options could not be told apart; override describe() and add them to what it returns"
        )


def _options(kind: type) -> list[str]:
    """Return the keywords that a class's own ``__init__`` names."""
    if "__init__" not in vars(kind):
        return []
    parameters = inspect.signature(vars(kind)["__init__"]).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
