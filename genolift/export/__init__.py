"""Files that other programs read: ``genolift.export(scores, to="bigwig", out=...)``.

A format is a module and a line in ``registry``. ``genolift.export.listing()`` lists all formats, and
``genolift.export.register`` adds one from outside. This room imports from ``results``, ``sequence`` and ``support``,
and from ``methods`` how targets are written. The package itself can be called, so that ``genolift.export(...)`` works
although the package has the same name.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from genolift.export.options import FormatOption, Options
from genolift.export.registry import Format, export, listing, register

__all__ = ["Format", "FormatOption", "Options", "export", "listing", "register"]


class _Exporting(ModuleType):
    """The type of this package, which makes a call of it a call of :func:`genolift.export.registry.export`."""

    def __call__(self, *arguments: Any, **options: Any) -> list[Path]:
        return export(*arguments, **options)


sys.modules[__name__].__class__ = _Exporting
