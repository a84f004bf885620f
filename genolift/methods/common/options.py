"""The options of methods as text: what each method takes, and what a text means for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, get_args

from genolift.methods.common.documented import initialised, meanings_of, signature_of
from genolift.support.errors import InputError, Remedy, setting

if TYPE_CHECKING:  # Methods load TensorFlow, and mistakes in their options are found without it.
    from genolift.methods.common.base import Method

#: Options that have flags of their own on the command line.
FLAGS = ("references", "seed", "memory")
#: Options that a job decides about itself.
_DECIDED = ("progress",)
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}
#: Why a method does not have an option that others have.
_REASONS = {
    "references": "it compares a sequence with none",
    "layer": "it explains the inputs",
    "gradient_correction": "it has no gradients of inputs to correct",
}


@dataclass(frozen=True)
class Option:
    """An option of a method.

    Parameters
    ----------
    name
        The name of the option.
    default
        The value of the option where none is given.
    types
        The types that a text may be read as; none if the option can be given in Python only.
    meaning
        What the option does, as the docstring of the class that defines it says.
    """

    name: str
    default: Any
    types: tuple[type, ...]
    meaning: str = ""

    @property
    def in_python_only(self) -> bool:
        """Whether the option cannot be given on the command line."""
        return not self.types or self.name in _DECIDED

    @property
    def words(self) -> str:
        """The words for what may be written, as in "a whole number or none"."""
        kinds = [_TYPES[one][0] for one in _TYPES if one in self.types]
        return " or ".join(kinds) or "an object, in Python only"

    def __str__(self) -> str:
        value = self.default
        shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value).lower() if _bare(value) else value
        return f"{self.name}={shown}"

    def parse(self, text: str) -> Any:
        """Return the value that a text means.

        Raises
        ------
        InputError
            If it means none.
        """
        for one in _TYPES:
            if one in self.types:
                try:
                    return _TYPES[one][1](text)
                except (KeyError, ValueError):
                    continue
        raise InputError(f"option {self.name}={text} is not understood; it takes {self.words}")


def all_options_of(kind: type[Method], given: Mapping[str, object] | None = None) -> dict[str, Option]:
    """Return the options of a method's class by name, its own first.

    Parameters
    ----------
    kind
        The class.
    given
        The options that a user gives. Some methods hand options on to another method, which these options name. The
        options of that method are then among those that are returned.
    """
    options: dict[str, Option] = {}
    for one in (kind, *kind.hands_on_to(given or {})):
        meanings = meanings_of(one)
        for base in initialised(one):
            for parameter in inspect.signature(vars(base)["__init__"], eval_str=True).parameters.values():
                if parameter.kind is parameter.KEYWORD_ONLY and parameter.name not in one.lacks:
                    options.setdefault(parameter.name, _option(parameter, meanings.get(parameter.name, "")))
    return options


def refuse_unknown(kind: type[Method], given: Mapping[str, object]) -> None:
    """Refuse options that a method's class does not take.

    Parameters
    ----------
    kind
        The class.
    given
        The keywords that a user gives. Options that the class hands on to another method are left to that method.

    Raises
    ------
    InputError
        If the class does not take one of them.
    """
    parameters = signature_of(kind).parameters
    if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        return
    for name in given:
        if name not in (*parameters, *kind.lacks):  # A class says itself why it lacks an option of its base.
            options = [one.name for one in parameters.values() if one.kind is one.KEYWORD_ONLY]
            raise _none_such(kind, name, options)


def _none_such(kind: type[Method], name: str, options: list[str]) -> InputError:
    """Return the error for an option that a method does not have, ready to be raised."""
    near = get_close_matches(name, options, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    reason = f", because {_REASONS[name]}" if name in _REASONS else ""
    takes = ", ".join(sorted(options))
    return InputError(f"the method {kind.name} takes no option {name!r}{reason}; {hint}it takes {takes}")


def options_of(kind: type[Method], given: Mapping[str, object] | None = None) -> dict[str, Option]:
    """Return the options of :func:`all_options_of` that a user gives as ``NAME=VALUE``.

    Options that have a flag of their own, and those that a job decides about, are left out.
    """
    options = all_options_of(kind, given)
    return {name: option for name, option in options.items() if name not in (*FLAGS, *_DECIDED)}


def parsed(kind: type[Method], given: Mapping[str, object]) -> dict[str, object]:
    """Return options as a method's class takes them.

    Parameters
    ----------
    kind
        The class.
    given
        The options that a user gives, by name. A text becomes the value that it means, and everything else stays.

    Raises
    ------
    InputError
        If the method has no such option, or if the text of an option means no value.
    """
    known = options_of(kind, given)
    values: dict[str, object] = {}
    for name, value in given.items():
        if name in FLAGS:
            raise InputError(f"{name} is no option of a method", Remedy.naming("give {}", setting(name)))
        if name not in known:
            raise _none_such(kind, name, list(known))
        values[name] = known[name].parse(value) if isinstance(value, str) else value
    return values


def _option(parameter: inspect.Parameter, meaning: str) -> Option:
    annotation, default = parameter.annotation, parameter.default
    if annotation is inspect.Parameter.empty:
        kinds: tuple = () if default is None else (type(default),)
    else:
        kinds = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    plain = [getattr(one, "__origin__", one) for one in kinds]
    types = tuple(one for one in plain if one in _TYPES)
    return Option(parameter.name, default, types if types != (NoneType,) else (), meaning)


def _bare(value: object) -> bool:
    return value is None or isinstance(value, bool)


def _none(text: str) -> None:
    if text.lower() != "none":
        raise ValueError(text)


def _pairs(text: str) -> dict[str, str]:
    pairs = [pair.partition(":") for pair in text.split(",")]
    if not all(name and colon and value for name, colon, value in pairs):
        raise ValueError(text)
    return {name: value for name, _, value in pairs}


#: The types that a text may be read as, in the order in which they are tried: each in words, and how it is read.
_TYPES: dict[type, tuple[str, Callable[[str], Any]]] = {
    NoneType: ("none", _none),
    bool: ("true or false", lambda text: _TRUTH[text.lower()]),
    int: ("a whole number", int),
    float: ("a number", float),
    tuple: ("numbers with commas between", lambda text: tuple(float(part) for part in text.split(","))),
    Mapping: ("LAYER:NAME,LAYER:NAME,...", _pairs),
    str: ("text", str),
}
