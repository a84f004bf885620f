"""The progress display of all long work: a bar in a terminal, and a line now and then elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

from genolift.support.stopping import check_stop

if TYPE_CHECKING:
    from tqdm import tqdm

_hidden = False
_around: ContextVar[Any] = ContextVar("around", default=None)  # The display that is shown, of the work around this.


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

    Outside a terminal it prints at most one line every 30 seconds, so that logs stay readable. Where it is not shown
    itself, the display of the work that it is part of tells its count, so that one sees slow parts go on.

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
        if not display.disable:
            token = _around.set(display)
            try:
                yield display
            finally:
                _around.reset(token)
            return
        display.around, display.counted = _around.get(), unit
        yield display
        if display.around is not None:
            display.around.set_postfix_str("", refresh=False)


@cache
def _display() -> type[Any]:
    from tqdm import tqdm

    class Display(tqdm):
        around: Any = None
        counted = ""
        last_print_t: float
        _inside = 0.0

        def update(self, n: float | None = 1) -> bool | None:
            check_stop()
            if self.around is not None:
                self._inside += n or 0
                of_all = "" if self.total is None else f" of {self.total:,}"
                self.around.tell(f"{self._inside:,.0f}{of_all} {self.counted}")
            return super().update(n)

        def tell(self, part: str) -> None:
            """Show how far a part of the work is, as often as the count is shown."""
            self.set_postfix_str(part, refresh=False)
            now = self._time()
            if now - self.last_print_t >= self.mininterval:
                self.refresh()
                self.last_print_t = now

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
