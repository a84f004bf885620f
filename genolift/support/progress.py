"""The progress display of all long work: a bar in a terminal, and a line now and then elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm import tqdm


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
        The display. Its ``update(n)`` adds n to the count.
    """
    from tqdm import tqdm

    terminal = sys.stderr.isatty()
    with tqdm(
        total=total,
        desc=label,
        unit=f" {unit}",
        disable=not (long if show is None else show),
        mininterval=0.1 if terminal else 30,
        maxinterval=10 if terminal else 60,
        ascii=None if terminal else True,
        dynamic_ncols=terminal,
    ) as display:
        yield display
