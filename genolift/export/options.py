"""The options of an export: those of every format, and those that a format declares for itself."""

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
        Its name in Python. On the command line ``chrom_sizes`` is ``--chrom-sizes``.
    help
        One line that says what it is for.
    choices
        The values that it can have; empty (the default) if any text is accepted.
    is_path
        Whether it names a file.
    """

    name: str
    help: str
    choices: tuple[str, ...] = ()
    is_path: bool = False

    def read(self, value: Any) -> Any:
        """Return a value in the form in which formats take it.

        Parameters
        ----------
        value
            What the user gave; ``None`` if the option was not given.

        Returns
        -------
        Any
            A ``Path`` for an option that names a file, else the value itself; ``None`` for ``None``.

        Raises
        ------
        InputError
            If the value is not one of the choices.
        """
        if value is None:
            return None
        if self.choices and value not in self.choices:
            raise InputError(f"{self.name} is {' or '.join(map(repr, self.choices))}, not {value!r}")
        return Path(value) if self.is_path else value


@dataclass(frozen=True)
class Options:
    """The options that were given to one export.

    Parameters
    ----------
    target, input
        Which of several targets, and which of several inputs. They are ``None`` if there is only one, or all are
        exported.
    progress
        Whether a progress bar is shown.
    own
        The options that the format declares, by name; ``None`` for those that were not given.
    """

    target: Any = None
    input: Any = None
    progress: bool = False
    own: Mapping[str, Any] = field(default_factory=dict)
