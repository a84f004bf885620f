"""What all findings of a check have in common: a title, lines for readers, and a record for programs."""

from __future__ import annotations

import textwrap
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, ClassVar

# The width of the report, without the indentation of its lines.
_WIDTH = 100


class Finding(ABC):
    """Something that a check found out. Classes derived from this one are dataclasses of plain numbers and texts."""

    #: The heading of its section.
    title: ClassVar[str]
    #: Its name in the record.
    key: ClassVar[str]

    @abstractmethod
    def lines(self) -> list[str]:
        """Return what is said of it, line by line."""

    def record(self) -> dict[str, Any]:
        """Return its fields as numbers, texts, and dicts and lists of them."""
        return asdict(self)  # type: ignore[call-overload]

    def section(self) -> str:
        """Return the heading with the lines below it."""
        return "\n".join([self.title, *(f"  {line}" for line in self.lines())])


def size(number: int | None) -> str:
    """Return the size of an axis in words, in which None is any."""
    return "any" if number is None else str(number)


def shape(sizes: Sequence[int | None]) -> str:
    """Return the shape of an input or output, whose axis of sequences is N."""
    return f"({', '.join(['N', *map(size, sizes)])})"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of texts as lines, in which the columns are aligned and the last one is wrapped."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    lines = []
    for *first, last in rows:
        start = "".join(f"{text:{width}}  " for text, width in zip(first, widths, strict=True))
        lines += wrapped(start + last, len(start)) if last else [start.rstrip()]
    return lines


def wrapped(text: str, margin: int) -> list[str]:
    """Return a text as lines of which all but the first begin with a margin. Names with hyphens stay whole."""
    lines = textwrap.wrap(text, _WIDTH, subsequent_indent=" " * margin, break_on_hyphens=False, break_long_words=False)
    return lines or [""]


def seconds(number: float) -> str:
    """Return a duration in words, with two digits that matter."""
    if number >= 172_800:
        days = float(f"{number / 86_400:.2g}")
        return f"{days:,.0f} days" if days >= 10 else f"{days:g} days"
    if number >= 5400:
        return f"{number / 3600:.2g} h"
    return f"{number / 60:.2g} min" if number >= 90 else f"{number:.2g} s"


def gigabytes(number: float) -> str:
    """Return a number of bytes in words, with two digits that matter."""
    return f"{number / 1e9:.2g} GB" if number >= 1e8 else f"{max(number, 1e4) / 1e6:.2g} MB"
