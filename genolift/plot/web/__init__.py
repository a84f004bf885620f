"""Pages and widgets that answer: a logo to zoom and ask, and the page about explained sequences."""

from __future__ import annotations

from importlib.resources import files


def script(name: str) -> str:
    """Return the text of one of the scripts that run in a browser, such as ``"logo"``, or ``"igv/igv.min"``."""
    return (files("genolift.plot.web") / f"{name}.js").read_text(encoding="utf-8")
