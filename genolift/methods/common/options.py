"""The options of methods as text: what each method takes, and what a text means for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, get_args

from genolift.support.errors import InputError

#: What every job says by other means than a method's options.
ELSEWHERE = ("references", "seed", "memory", "progress")
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True)
class Option:
    """A method's option, its default, and the ``types`` that its value may have; none if only Python can say it."""

    name: str
    default: Any
    types: tuple[type, ...]

    @property
    def words(self) -> str:
        """What may be written."""
        found = [_TYPES[one][0] for one in _TYPES if one in self.types]
        return " or ".join(found) or "an object, in Python only"

    def __str__(self) -> str:
        value = self.default
        shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value).lower() if _bare(value) else value
        return f"{self.name}={shown}"

    def parse(self, text: str):
        """The value that ``text`` means; :class:`InputError` if it means none."""
        for one in _TYPES:
            if one in self.types:
                try:
                    return _TYPES[one][1](text)
                except (KeyError, ValueError):
                    continue
        raise InputError(f"option {self.name}={text} is not understood; it takes {self.words}")


def options_of(kind: type, given: Mapping[str, object] | None = None) -> dict[str, Option]:
    """The options a method's class takes, by name, its own first; those of ``ELSEWHERE`` are left out.

    Some methods hand options on to another that ``given`` names.
    """
    found: dict[str, Option] = {}
    for one in (kind, *kind.hands_on_to(given or {})):
        for base in one.__mro__:
            if "__init__" in vars(base) and base is not object:
                for parameter in inspect.signature(base.__init__, eval_str=True).parameters.values():
                    if parameter.kind is parameter.KEYWORD_ONLY and parameter.name not in (*ELSEWHERE, *one.lacks):
                        found.setdefault(parameter.name, _option(parameter))
    return found


def parsed(kind: type, given: Mapping[str, object]) -> dict[str, object]:
    """Options as a method's class takes them; values that are text are read as what the option may be.

    Raises :class:`InputError` for an option that there is not, and lists those that there are.
    """
    known, found = options_of(kind, given), {}
    for name, value in given.items():
        if name in ELSEWHERE:
            raise InputError(f"{name} is no option of a method: give --{name}")
        if name not in known:
            raise InputError(f"the method {kind.name} takes no option {name!r}; it takes {', '.join(sorted(known))}")
        found[name] = known[name].parse(value) if isinstance(value, str) else value
    return found


def _option(parameter: inspect.Parameter) -> Option:
    annotation, default = parameter.annotation, parameter.default
    if annotation is inspect.Parameter.empty:
        kinds: tuple = () if default is None else (type(default),)
    else:
        kinds = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    plain = [getattr(one, "__origin__", one) for one in kinds]
    types = tuple(one for one in plain if one in _TYPES)
    return Option(parameter.name, default, types if types != (NoneType,) else ())


def _bare(value) -> bool:
    return value is None or isinstance(value, bool)


def _none(text: str) -> None:
    if text.lower() != "none":
        raise ValueError(text)


def _pairs(text: str) -> dict[str, str]:
    pairs = [pair.partition(":") for pair in text.split(",")]
    if not all(name and colon and value for name, colon, value in pairs):
        raise ValueError(text)
    return {name: value for name, _, value in pairs}


#: What a text may mean, in the order in which that is tried, in words and as a function of the text.
_TYPES: dict[type, tuple[str, Callable[[str], Any]]] = {
    NoneType: ("none", _none),
    bool: ("true or false", lambda text: _TRUTH[text.lower()]),
    int: ("a whole number", int),
    float: ("a number", float),
    tuple: ("numbers with commas between", lambda text: tuple(float(part) for part in text.split(","))),
    Mapping: ("LAYER:NAME,LAYER:NAME,...", _pairs),
    str: ("text", str),
}
