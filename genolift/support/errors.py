"""The errors a user can cause. Each message says what was wrong, where, and what would be right.

Every one is also a ``ValueError``, ``TypeError``, ``OSError`` or ``AttributeError``, so callers need not know this
module; the command line prints any :class:`GenoliftError` as one line and exits with 2.
"""

import re
from contextlib import contextmanager


class GenoliftError(Exception):
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


class GenoliftWarning(UserWarning):
    """Something the user should know that does not make the result wrong."""


@contextmanager
def file_problems(path, what: str):
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
