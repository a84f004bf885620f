"""What the command line says on standard error: notes, warnings, errors, each one line, none through a progress bar."""

from __future__ import annotations

import logging
import sys
import traceback
import warnings
from enum import Enum
from typing import TextIO

from genolift.support import progress
from genolift.support.errors import GenoliftWarning
from genolift.support.tensorflow import show_start

# Of a warning that many sequences cause, with other numbers each time, this many are shown.
_ALIKE = 1


class Loudness(Enum):
    """How much is said on standard error. What a command prints on standard output is the same for all."""

    #: Warnings and errors.
    QUIET = logging.WARNING
    #: Notes and progress too.
    NORMAL = logging.INFO
    #: All warnings, those of other packages, what TensorFlow says at its start, and where in the code an error arose.
    VERBOSE = logging.DEBUG


_loudness = Loudness.NORMAL


def tell(text: str) -> None:
    """Write one line, whatever is in ``text``."""
    line = "genolift: " + " ".join(str(text).split())
    tqdm = sys.modules.get("tqdm")
    if tqdm is not None:
        tqdm.tqdm.write(line, file=sys.stderr)
    else:
        sys.stderr.write(line + "\n")


def tell_where() -> None:
    """Write where in the code the error that is being handled arose, if the user asked for so much."""
    if _loudness is Loudness.VERBOSE:
        traceback.print_exc(file=sys.stderr)


class _Notes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        tell(record.getMessage())


class _Warnings:
    """Shows our own warnings, each text once, few of a kind; other people's are none of the user's business.

    A user who wants to hear more is shown all of ours, and other people's too.
    """

    def __init__(self, everything: bool) -> None:
        self._everything = everything
        self._seen: dict[tuple, set[str]] = {}

    def show(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if not isinstance(message, GenoliftWarning):
            if self._everything:
                tell(f"{category.__name__} at line {lineno} of {filename}: {message}")
            return
        seen = self._seen.setdefault((filename, lineno), set())
        if str(message) in seen or (len(seen) > _ALIKE and not self._everything):
            return
        seen.add(str(message))
        all_told = self._everything or len(seen) <= _ALIKE
        tell(f"warning: {message.for_command_line() if all_told else 'more like this are not shown'}")


def listen(loudness: Loudness = Loudness.NORMAL) -> None:
    """Send the notes and warnings of all rooms to standard error, as many as the user wants to hear."""
    global _loudness
    _loudness = loudness
    everything = loudness is Loudness.VERBOSE
    progress.hide(loudness is Loudness.QUIET)
    show_start(everything)
    logger = logging.getLogger("genolift")
    logger.setLevel(loudness.value)
    logger.propagate = False
    logger.handlers = [_Notes()]
    warnings.showwarning = _Warnings(everything).show
    if not sys.warnoptions:
        warnings.simplefilter("default" if everything else "ignore")
        warnings.simplefilter("always", GenoliftWarning)
