"""The errors that a user can cause. Each message says what was wrong, where, and what would be right.

Each error is also a ``ValueError``, ``TypeError``, ``OSError`` or ``AttributeError``, so callers need not know this
module. The command line prints any :class:`GenoliftError` as one line and exits with status 2. Where the remedy reads
differently in Python and on the command line, the error carries it as a :class:`Remedy` beside its message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple


class Setting(NamedTuple):
    """A setting of the user, as it is written in Python and on the command line."""

    python: str
    command: str


FORCE = Setting("force=True", "--force")


def setting(name: str, value: object = None) -> Setting:
    """Return an argument that is an option of the same name on the command line; ``None`` leaves the value out."""
    option = f"--{name.replace('_', '-')}"
    return Setting(f"{name}=", option) if value is None else Setting(f"{name}={value!r}", f"{option} {value}")


def method_option(name: str, value: object) -> Setting:
    """Return an option of a method with its value, which the command line takes by ``--option``."""
    text = str(value).lower() if isinstance(value, bool) else value
    return Setting(f"{name}={value!r}", f"--option {name}={text}")


@dataclass(frozen=True)
class Remedy:
    """The end of a message that says what would be right, in Python and on the command line."""

    python: str
    command: str

    @classmethod
    def naming(cls, text: str, *settings: Setting) -> Remedy:
        """Return a remedy that is the same sentence for both, in which each ``{}`` stands for one of the settings."""
        parts = text.split("{}")  # str.format would not do, because settings may hold braces themselves.

        def sentence(forms: list[str]) -> str:
            return "".join(part + form for part, form in zip(parts, [*forms, ""], strict=True))

        return cls(sentence([one.python for one in settings]), sentence([one.command for one in settings]))


START_AFRESH = Remedy.naming("give another path, or {} to start afresh", FORCE)


class _Told(Exception):
    """An error or warning whose message may end in a :class:`Remedy`."""

    def __init__(self, message: object = "", remedy: Remedy | None = None):
        super().__init__(message)
        self.remedy = remedy

    @property
    def message(self) -> str:
        """The message without the remedy."""
        return super().__str__()

    def __str__(self) -> str:
        return self.message if self.remedy is None else f"{self.message}; {self.remedy.python}"

    def for_command_line(self) -> str:
        """Return the message with the remedy as it is written on the command line."""
        return self.message if self.remedy is None else f"{self.message}; {self.remedy.command}"


class GenoliftError(_Told):
    """The base of all errors that a user can mend."""


class InputError(GenoliftError, ValueError):
    """A value, record or array that cannot be used."""


class FileProblem(GenoliftError, OSError):
    """A file or directory that is missing, unreadable, damaged or in the way."""


class ConfigError(InputError):
    """An unknown key or an impossible value in a configuration file. The message names file and key."""


class UnsupportedModel(GenoliftError, TypeError):
    """A model, layer or operation that a method cannot treat correctly. The message names it and the remedy."""


class Undefined(GenoliftError, AttributeError):
    """A field that an explanation does not have, because its method does not define it. The message says why.

    It is an ``AttributeError``, so ``hasattr(explanation, "hypothetical")`` says whether there is such a field.

    Parameters
    ----------
    message
        Why the field is not defined.
    remedy
        The end of the message, where it reads differently on the command line; ``None`` for none.
    """


class GenoliftWarning(_Told, UserWarning):
    """A warning of something that a user should know but that does not make the result wrong."""


@contextmanager
def file_problems(path: object, what: str) -> Iterator[None]:
    """Turn an ``OSError`` of the block into a :class:`FileProblem` that says what cannot be done.

    Parameters
    ----------
    path
        The file or directory.
    what
        What is done to it, such as ``"written"``: the message begins with "PATH cannot be written".

    Raises
    ------
    FileProblem
        If the system refuses.
    """
    try:
        yield
    except FileProblem:
        raise
    except OSError as problem:
        raise FileProblem(f"{path} cannot be {what}: {problem.strerror or problem}") from None


def reason_of(problem: BaseException) -> str:
    """Return the reason that another library's error gives, in one line without the lines that surround it."""
    frame = ("Exception encountered", "Graph execution error", "Detected at node", "<stack traces", "File ", "{{", "[[")
    lines = [re.sub(r"\x1b\[\d*m", "", line).strip() for line in str(problem).splitlines()]
    telling = [line for line in lines if line and not line.startswith(frame)]
    return (telling or [type(problem).__name__])[0].rstrip(".;")
