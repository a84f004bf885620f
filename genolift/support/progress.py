"""The progress display of all long work: a bar in a terminal, and a line now and then elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from genolift.support.stopping import check_stop

if TYPE_CHECKING:
    from tqdm import tqdm

_hidden = False


def hide(hidden: bool = True) -> None:
    """Show no progress in this process from here on, whatever a job says of it.

    Parameters
    ----------
    hidden
        Whether it is hidden; ``False`` shows it again.
    """
    global _hidden
    _hidden = hidden


@contextmanager
def bar(total: int | None, label: str, unit: str, show: bool | None = True, *, long: bool = True) -> Iterator[tqdm]:
    """Show a counter with rate and remaining time on standard error.

    Outside a terminal it prints at most one line every 30 seconds, so that logs stay readable.

    Parameters
    ----------
    total
        The final count; ``None`` if it is not known.
    label
        What is being done.
    unit
        What is counted, in the plural.
    show
        Whether anything is shown; ``None`` where the user did not say.
    long
        Whether the work is long enough to show something to a user who did not say.

    Yields
    ------
    tqdm
        The display. Its ``update(n)`` adds n to the count, and ends work that is to stop.
    """
    terminal = sys.stderr.isatty()
    with _display()(
        total=total,
        desc=label,
        unit=f" {unit}",
        disable=_hidden or not (long if show is None else show),
        mininterval=0.1 if terminal else 30,
        maxinterval=10 if terminal else 60,
        ascii=None if terminal else True,
        dynamic_ncols=terminal,
    ) as display:
        yield display


@cache
def _display() -> type[tqdm]:
    from tqdm import tqdm

    class Display(tqdm):
        def update(self, n: float | None = 1) -> bool | None:
            check_stop()
            return super().update(n)

    return Display


class Status:
    """A line in a terminal that says what is being done; elsewhere nothing is shown."""

    def __init__(self, display: tqdm):
        self._display = display

    def say(self, what: str) -> None:
        """Show what is done next, in a few words."""
        self._display.set_description_str(what)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the line away while other lines are printed."""
        self._display.clear()
        yield
        self._display.refresh()


@contextmanager
def status(label: str, show: bool | None = True) -> Iterator[Status]:
    """Show what is being done and for how long, on the last line of a terminal.

    Parameters
    ----------
    label
        What is being done in all.
    show
        Whether anything is shown; None where the user did not say, which is as True.

    Yields
    ------
    Status
        The line.
    """
    from tqdm import tqdm

    quiet = _hidden or show is False or not sys.stderr.isatty()
    with tqdm(bar_format=f"{label}: {{desc}} [{{elapsed}}]", leave=False, disable=quiet) as display:
        yield Status(display)
