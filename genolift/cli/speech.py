"""What the command line says on standard error: notes, warnings, errors, each one line, none through a progress bar."""

from __future__ import annotations

import logging
import sys
import warnings
from typing import TextIO

from genolift.support.errors import GenoliftWarning

# Of a warning that many sequences cause, with other numbers each time, this many are shown.
_ALIKE = 1


def tell(text: str) -> None:
    """Write one line, whatever is in ``text``."""
    line = "genolift: " + " ".join(str(text).split())
    tqdm = sys.modules.get("tqdm")
    if tqdm is not None:
        tqdm.tqdm.write(line, file=sys.stderr)
    else:
        sys.stderr.write(line + "\n")


class _Notes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        tell(record.getMessage())


class _Warnings:
    """Shows our own warnings, each text once, few of a kind; other people's are none of the user's business."""

    def __init__(self) -> None:
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
            return
        seen = self._seen.setdefault((filename, lineno), set())
        if str(message) in seen or len(seen) > _ALIKE:
            return
        seen.add(str(message))
        told = message.for_command_line() if len(seen) <= _ALIKE else "more like this are not shown"
        tell(f"warning: {told}")


def listen() -> None:
    """Send the notes and warnings of all rooms to standard error."""
    logger = logging.getLogger("genolift")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers = [_Notes()]
    warnings.showwarning = _Warnings().show
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", GenoliftWarning)
