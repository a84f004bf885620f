"""One progress display for all long work: a bar in a terminal, a line now and then elsewhere."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(total: int | None, label: str, unit: str, show: bool = True):
    """A counter with rate and time left on standard error; call ``.update(n)`` on what it yields.

    Outside a terminal it prints at most a line every 30 seconds, so that logs stay readable.
    """
    from tqdm import tqdm

    terminal = sys.stderr.isatty()
    with tqdm(
        total=total,
        desc=label,
        unit=f" {unit}",
        disable=not show,
        mininterval=0.1 if terminal else 30,
        maxinterval=10 if terminal else 60,
        ascii=None if terminal else True,
        dynamic_ncols=terminal,
    ) as display:
        yield display


def track(items: Iterable, label: str, unit: str, show: bool = True, total: int | None = None) -> Iterator:
    """Iterate over ``items`` under a progress display."""
    if total is None and hasattr(items, "__len__"):
        total = len(items)
    with bar(total, label, unit, show) as display:
        for item in items:
            yield item
            display.update(1)
