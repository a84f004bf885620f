"""What a command says to programs: one JSON document on standard output, and nothing else there."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click

from genolift.cli.parameters import Decorator


def as_json(what: str) -> Decorator:
    """Return the option ``--json``, which a command takes as ``as_json``.

    Parameters
    ----------
    what
        What is printed, to stand in the option's help.
    """
    return click.option(
        "--json", "as_json", is_flag=True, help=f"Print {what} as one JSON document, for programs, and nothing else."
    )


def say(document: Any) -> None:
    """Print a document. JSON knows no numbers that are not finite, so these are null."""
    click.echo(json.dumps(_plain(document), indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    """Return a value of dicts, lists, texts, numbers and null."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numbers and arrays of NumPy, which is not imported for this
        return _plain(value.tolist())
    return value
