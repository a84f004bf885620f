"""Still pages of HTML: sections of text, tables and pictures in one self-contained file."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jinja2

from genolift.version import __version__

# Of cells: a number, a share, an interval, a shape, or nothing.
_NUMBER = re.compile(r"(?:[-−+±\d.,%×/\s()\[\]]|e[-+]\d|to|nan|inf|–)*")


@dataclass
class Table:
    """A table of texts.

    Attributes
    ----------
    head : list of str
        The titles of the columns.
    rows : list of list of str
        The cells.
    caption : str
        A sentence about the table.
    meanings : dict
        What columns mean, by their titles. The page keeps it folded below the table until the reader opens it.
    """

    head: list[str]
    rows: list[list[str]]
    caption: str = ""
    meanings: dict[str, str] = field(default_factory=dict)

    def explained(self, meanings: Mapping[str, str]) -> Table:
        """Return the same table with the meanings of its columns, of which some may be missing."""
        return replace(self, meanings={name: meanings[name] for name in self.head if name in meanings})

    @property
    def of_numbers(self) -> list[bool]:
        """Whether each column holds numbers, which stand at the right; words stand at the left and are wrapped."""
        return [all(_NUMBER.fullmatch(row[k]) for row in self.rows) for k in range(len(self.head))]


@dataclass
class Image:
    """A picture.

    Attributes
    ----------
    source : str
        The picture itself as a data URI.
    caption : str
        A few words about it.
    """

    source: str
    caption: str


@dataclass
class Section:
    """A part of the page.

    Attributes
    ----------
    title : str
        Its title.
    text : str
        A paragraph at its beginning.
    tables : list of Table
        Its tables.
    pictures : list of Image
        Its pictures.
    details : dict
        Texts or mappings by their titles, which are folded until the reader opens them.
    """

    title: str
    text: str = ""
    tables: list[Table] = field(default_factory=list)
    pictures: list[Image] = field(default_factory=list)
    details: dict = field(default_factory=dict)


def render_page(page: dict[str, Any]) -> str:
    """Return the HTML text of a page that :func:`page_of` describes."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("genolift.plot", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(**page)


def data_uri(png: bytes) -> str:
    """Return a picture as the source of an image."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def page_of(title: str, subtitle: str, sections: list[Section]) -> dict[str, Any]:
    """Return what a page is made of."""
    return {"title": title, "subtitle": f"{subtitle} Made by genolift {__version__}.", "sections": sections}
