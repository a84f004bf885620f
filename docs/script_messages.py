"""Read the messages that scripts of pages make off their text: every text in `new Error(...)`.

What is shown as an error in a page is such an error, so that none is missing here. What a template fills in is a hole: a
name in capitals, made of the last name of the expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from messages import PACKAGE, PAGE, Message

SCRIPTS = PACKAGE / "plot" / "web"
_NEW = re.compile(r"\bnew Error\(")
_NAME = re.compile(r"[A-Za-z_$][\w$]*")


def script_messages() -> list[Message]:
    """Return every message of the scripts of pages, in the order of files and lines."""
    found = [
        Message(f"plot/web/{path.name}", line, PAGE, text)
        for path in sorted(SCRIPTS.glob("*.js"))
        for line, text in errors_of(path.read_text(encoding="utf-8"))
    ]
    return list(dict.fromkeys(found))


def errors_of(script: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of each message in a script."""
    for start in _NEW.finditer(script):
        line, texts = script.count("\n", 0, start.start()) + 1, list(_literals(script, start.end()))
        if not texts:
            raise ValueError(f"line {line}: an error without a text of its own, which this page could not list")
        for text in texts:
            yield line, text


def _literals(script: str, at: int) -> Iterator[str]:
    """Yield the texts among the arguments of a call, from behind its opening bracket to its closing one."""
    depth = 1
    while depth:
        letter = script[at]
        if letter in "\"'`":
            text, at = _literal(script, at)
            yield text
            continue
        depth += (letter in "([{") - (letter in ")]}")
        at += 1


def _literal(script: str, at: int) -> tuple[str, int]:
    """Return the text of a literal that begins somewhere, and where the script goes on behind it."""
    quote, text, at = script[at], "", at + 1
    while script[at] != quote:
        if script[at] == "\\":
            text, at = text + script[at + 1], at + 2
        elif quote == "`" and script.startswith("${", at):
            end = script.index("}", at)
            text, at = text + _NAME.findall(script[at + 2 : end])[-1].upper(), end + 1
        else:
            text, at = text + script[at], at + 1
    return text, at + 1
