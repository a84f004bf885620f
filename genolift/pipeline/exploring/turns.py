"""Questions take turns, because the model computes one thing at a time; and a computation does not hold up the end."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from genolift.support.stopping import Abandoned, stopping

_TABS = 200


class Stopped(Exception):
    """The explorer was stopped before a question was answered."""


class Turns:
    """Of the questions of one kind that a tab asks, only the latest counts.

    Work on an earlier one is given up. Work is done in threads that the process does not wait for when it ends. Those
    of an executor would be waited for, however long the model computes.
    """

    def __init__(self) -> None:
        self._latest: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._turn = asyncio.Lock()
        self._thread: threading.Thread | None = None
        self._awaited: asyncio.Future[Any] | None = None
        self._stopped = False
        self._computed: tuple[tuple[str, str], int] | None = None  # the question on which the thread works
        self._stale = threading.Event()  # whether it is to be given up

    async def take(
        self, tab: str, kind: str, number: int, work: Callable[[], Any], outdates: Sequence[str] = ()
    ) -> Any:
        """Return what ``work`` returns, computed in another thread; ``None`` if a later question made it stale.

        Questions of the kinds in ``outdates`` that the tab asked before are made stale, too. Raises :class:`Stopped`
        from :meth:`stop` on.
        """
        key = (tab, kind)
        for one in (*outdates, kind):
            self._latest[tab, one] = max(number, self._latest.get((tab, one), number))
            self._latest.move_to_end((tab, one))
            if self._computed is not None and self._computed[0] == (tab, one) and self._computed[1] < number:
                self._stale.set()
        while len(self._latest) > _TABS:
            self._latest.popitem(last=False)
        async with self._turn:
            if self._stopped:
                raise Stopped
            if self._latest.get(key, number) != number:
                return None
            self._computed, self._stale = (key, number), threading.Event()
            try:
                return await self._start(work)
            finally:
                self._computed = None

    def stop(self) -> None:
        """Answer all questions that wait with :class:`Stopped`, and begin no further work."""
        self._stopped = True
        self._stale.set()
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_exception(Stopped())

    def ends_within(self, seconds: float) -> bool:
        """Whether work that was begun ends within so many seconds."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def _start(self, work: Callable[[], Any]) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        awaited = self._awaited = loop.create_future()
        stale = self._stale

        def settle(set_to: Callable[[Any], None], value: Any) -> None:
            if not awaited.done():
                set_to(value)

        def run() -> None:
            try:
                with stopping(stale.is_set):
                    told = partial(settle, awaited.set_result, work())
            except Abandoned:
                told = partial(settle, awaited.set_result, None)
            except Exception as problem:
                told = partial(settle, awaited.set_exception, problem)
            with suppress(RuntimeError):  # Nobody waits any more, and the loop is closed.
                loop.call_soon_threadsafe(told)

        self._thread = threading.Thread(target=run, name="explorer", daemon=True)
        self._thread.start()
        return awaited
