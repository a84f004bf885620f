"""The options of an export: those of every format, and those that a format declares for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genolift.support.errors import InputError

_TRUTH = {"true": True, "yes": True, "false": False, "no": False}
_TYPES = {int: "a whole number", float: "a number", bool: "true or false"}


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
    type
        What its values are: ``str``, ``int``, ``float`` or ``bool``. A text, as the command line gives it, becomes one.
    """

    name: str
    help: str
    choices: tuple[str, ...] = ()
    is_path: bool = False
    type: type = str

    def read(self, value: Any) -> Any:
        """Return a value in the form in which formats take it.

        Parameters
        ----------
        value
            What the user gave; ``None`` if the option was not given.

        Returns
        -------
        Any
            A ``Path`` for an option that names a file, else a value of the option's type; ``None`` for ``None``.

        Raises
        ------
        InputError
            If the value is not one of the choices, or not of the option's type.
        """
        if value is None:
            return None
        if self.choices and value not in self.choices:
            raise InputError(f"{self.name} is {' or '.join(map(repr, self.choices))}, not {value!r}")
        if self.is_path:
            return Path(value)
        if self.type is str or not isinstance(value, str):
            return value
        try:
            return _TRUTH[value.lower()] if self.type is bool else self.type(value)
        except (KeyError, ValueError):
            raise InputError(f"{self.name} is {_TYPES.get(self.type, self.type.__name__)}, not {value!r}") from None


#: What a track of numbers along the genome holds.
FIELD = FormatOption(
    "field", "the mean scores, or their spread over several models.  [default: scores]", choices=("scores", "spread")
)


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
