"""The signature and docstring of a class, with the options of the classes that it is derived from.

An option is written once: in the ``__init__`` of the class that defines it, and under ``Parameters`` in the docstring
of that class. Classes derived from it show the option too, in the signature and in the docstring.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

_HEADING = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)
_NAME = re.compile(r"^\W*\w*")


def initialised(kind: type) -> list[type]:
    """Return the classes whose ``__init__`` takes options of ``kind``, its own first.

    They end with the first class that hands no further options on.
    """
    classes = []
    for base in kind.__mro__:
        if "__init__" in vars(base):
            classes.append(base)
            if not any(one.kind is one.VAR_KEYWORD for one in _parameters(base)):
                break
    return classes


def signature_of(kind: type) -> inspect.Signature:
    """Return the signature of a class, with the options that the classes it is derived from take.

    Options in the attribute ``lacks`` of the class are left out. ``**options`` remains where the docstring says what
    else it takes.
    """
    first, *others = initialised(kind)
    merged = {one.name: one for one in _parameters(first)}
    for base in others:
        for one in _parameters(base):
            if one.kind is one.KEYWORD_ONLY:
                merged.setdefault(one.name, one)
    documented = meanings_of(kind)
    kept = [
        one
        for name, one in merged.items()
        if name not in getattr(kind, "lacks", ()) and (one.kind is not one.VAR_KEYWORD or f"**{name}" in documented)
    ]
    return inspect.Signature(sorted(kept, key=lambda one: one.kind))


class MergedSignature:
    """The attribute ``__signature__`` of a class, from which ``inspect.signature`` reads the merged signature.

    Classes that are derived from that class have merged signatures of their own.
    """

    def __get__(self, instance: object, owner: type) -> inspect.Signature:
        if instance is not None:  # An instance has the signature of its __call__.
            raise AttributeError("__signature__")
        return signature_of(owner)


def meanings_of(kind: type) -> dict[str, str]:
    """Return what the parameters of a class mean, by name, from its docstring and those it is derived from."""
    meanings = _meanings_in(kind)
    for base in initialised(kind):
        here = _meanings_in(base)
        for one in _parameters(base):
            if one.name in here:
                meanings.setdefault(one.name, here[one.name])
    return meanings


def description_of(kind: type) -> str:
    """Return the docstring of a class without its sections."""
    return _sections(kind.__doc__)[0][1]


def merged_docstring(kind: type) -> str:
    """Return the docstring of a class with all parameters of its signature, each with type, default and meaning."""
    (_, description), *sections = _sections(vars(kind).get("__doc__"))
    meanings = meanings_of(kind)
    entries = [_entry(one, meanings) for one in signature_of(kind).parameters.values()]
    parts = [("Parameters", "\n".join(entries)), *((title, body) for title, body in sections if title != "Parameters")]
    written = [description, *(f"{title}\n{'-' * len(title)}\n{body}" for title, body in parts)]
    return "\n\n".join(written).strip() + "\n"


def _parameters(base: type) -> list[inspect.Parameter]:
    """Return the parameters of a class's own ``__init__``, without ``self``."""
    return list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]


def _meanings_in(kind: type) -> dict[str, str]:
    """Return the meanings of parameters that the docstring of a class itself has."""
    return _entries(dict(_sections(vars(kind).get("__doc__"))).get("Parameters", ""))


def _sections(docstring: str | None) -> list[tuple[str, str]]:
    """Return the sections of a NumPy-style docstring as titles and texts. What precedes them has an empty title."""
    first, *rest = _HEADING.split(inspect.cleandoc(docstring or ""))
    return [
        ("", first.strip()),
        *((title, body.strip("\n")) for title, body in zip(rest[::2], rest[1::2], strict=True)),
    ]


def _entries(body: str) -> dict[str, str]:
    """Return the meanings of the parameters that a section lists. A colon and a type may follow their names."""
    lines: dict[str, list[str]] = {}
    name = ""
    for line in body.splitlines():
        if line[:1].strip():
            name = _NAME.findall(line)[0]
            lines[name] = []
        else:
            lines.setdefault(name, []).append(line)
    return {name: textwrap.dedent("\n".join(meaning)).strip() for name, meaning in lines.items()}


def _entry(parameter: inspect.Parameter, meanings: dict[str, str]) -> str:
    """Return a parameter as a docstring lists it."""
    positional, keyword = parameter.kind is parameter.VAR_POSITIONAL, parameter.kind is parameter.VAR_KEYWORD
    stars = "*" if positional else "**" if keyword else ""
    name = head = f"{stars}{parameter.name}"
    if not stars:
        head += "" if parameter.annotation is parameter.empty else f" : {_written(parameter.annotation)}"
        optional = ", optional" if parameter.default is None else f", default {parameter.default!r}"
        head += "" if parameter.default is parameter.empty else optional
    return f"{head}\n{textwrap.indent(meanings.get(name, ''), '    ')}".rstrip()


def _written(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
