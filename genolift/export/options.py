"""What an export can be told: by every format, and by one alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genolift.support.errors import InputError


@dataclass(frozen=True)
class FormatOption:
    """An option that some formats take and others do not.

    Parameters
    ----------
    name
        Its name in Python; on the command line ``chrom_sizes`` is ``--chrom-sizes``.
    help
        What it is for, in a line.
    choices
        The values that it can have; empty where any text will do.
    is_path
        Whether it names a file.
    """

    name: str
    help: str
    choices: tuple[str, ...] = ()
    is_path: bool = False

    def read(self, value: Any) -> Any:
        """Return a value in the form that formats take it, or raise :class:`InputError`; ``None`` is an option not given."""
        if value is None:
            return None
        if self.choices and value not in self.choices:
            raise InputError(f"{self.name} is {' or '.join(map(repr, self.choices))}, not {value!r}")
        return Path(value) if self.is_path else value


@dataclass(frozen=True)
class Options:
    """What one export was told.

    Parameters
    ----------
    target, input
        Which of several targets, and which of several inputs; ``None`` where there is one, or all are exported.
    progress
        Whether a bar shows how far it is.
    own
        The options that the format declares, by name; ``None`` for those that were not given.
    """

    target: Any = None
    input: Any = None
    progress: bool = False
    own: Mapping[str, Any] = field(default_factory=dict)
