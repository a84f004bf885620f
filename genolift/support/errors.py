"""The errors a user can cause. Each message says what was wrong, where, and what would be right.

Every one is also a ``ValueError``, ``TypeError``, ``OSError`` or ``AttributeError``, so callers need not know this
module; the command line prints any :class:`GenoliftError` as one line and exits with 2.

Where the remedy is written otherwise in Python than on the command line, it is a :class:`Remedy` beside the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple


class Setting(NamedTuple):
    """Something that a user can set, as one writes it in Python and as one types it on the command line."""

    python: str
    command: str


FORCE = Setting("force=True", "--force")


def setting(name: str, value: object = None) -> Setting:
    """Return an argument that is an option of the same name on the command line, with a value or without."""
    option = f"--{name.replace('_', '-')}"
    return Setting(f"{name}=", option) if value is None else Setting(f"{name}={value!r}", f"{option} {value}")


def method_option(name: str, value: object) -> Setting:
    """Return an option of a method, which the command line takes by ``--option``."""
    text = str(value).lower() if isinstance(value, bool) else value
    return Setting(f"{name}={value!r}", f"--option {name}={text}")


@dataclass(frozen=True)
class Remedy:
    """What would be right, for who writes Python and for who types commands."""

    python: str
    command: str

    @classmethod
    def naming(cls, text: str, *settings: Setting) -> Remedy:
        """Return a remedy that is the same sentence for both, in which each ``{}`` stands for one of the settings."""
        parts = text.split("{}")  # what is set may itself hold braces

        def told(forms: list[str]) -> str:
            return "".join(part + form for part, form in zip(parts, [*forms, ""], strict=True))

        return cls(told([one.python for one in settings]), told([one.command for one in settings]))


START_AFRESH = Remedy.naming("give another path, or {} to start afresh", FORCE)


class _Told(Exception):
    """Something that a user is told, with the ``remedy`` where Python and the command line need another one each."""

    def __init__(self, message: object = "", remedy: Remedy | None = None):
        super().__init__(message)
        self.remedy = remedy

    @property
    def message(self) -> str:
        """What was wrong, without the remedy."""
        return super().__str__()

    def __str__(self) -> str:
        return self.message if self.remedy is None else f"{self.message}; {self.remedy.python}"

    def for_command_line(self) -> str:
        """Return message and remedy for somebody who types commands."""
        return self.message if self.remedy is None else f"{self.message}; {self.remedy.command}"


class GenoliftError(_Told):
    """Base of every error that a user can mend."""


class InputError(GenoliftError, ValueError):
    """A value, record or array that cannot be used."""


class FileProblem(GenoliftError, OSError):
    """A file or directory that is missing, unreadable, damaged or in the way."""


class ConfigError(InputError):
    """A configuration file with an unknown key or an impossible value; the message names file and key."""


class UnsupportedModel(GenoliftError, TypeError):
    """A model, layer or operation that a method cannot treat soundly; the message names it and the remedy."""


class Undefined(GenoliftError, AttributeError):
    """A field that the method which made this explanation does not define."""


class GenoliftWarning(_Told, UserWarning):
    """Something the user should know that does not make the result wrong."""


@contextmanager
def file_problems(path: object, what: str) -> Iterator[None]:
    """Inside, what the system refuses becomes a :class:`FileProblem`: ``path`` cannot be ``what``, such as "written"."""
    try:
        yield
    except FileProblem:
        raise
    except OSError as problem:
        raise FileProblem(f"{path} cannot be {what}: {problem.strerror or problem}") from None


def reason_of(problem: BaseException) -> str:
    """What another library's error says, in one line without its frame."""
    frame = ("Exception encountered", "Graph execution error", "Detected at node", "<stack traces", "File ", "{{", "[[")
    lines = [re.sub(r"\x1b\[\d*m", "", line).strip() for line in str(problem).splitlines()]
    telling = [line for line in lines if line and not line.startswith(frame)]
    return (telling or [type(problem).__name__])[0].rstrip(".;")
