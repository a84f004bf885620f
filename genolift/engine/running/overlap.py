"""Blocks computed two at a time, so that no processor waits for the slowest operation of one of them.

Between the operations of one block there is always one that occupies few processors; a second block fills such gaps (a
seventh of the time of DeepLIFT on two processors). Each block is computed as it would be alone, to the bit.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from genolift.engine.program import Program
from genolift.support.tensorflow import quiet_tensorflow
from genolift.support.threads import threads

tf = quiet_tensorflow()

_MOST = 2


def lanes(program: Program) -> int:
    """How many blocks of a program are computed at a time, at most.

    Where there is one thread, a second block would only interrupt; and Python code that a model calls may not be made for
    it.
    """
    return 1 if program.calls_python else min(_MOST, threads())


def overlapped(function: Callable, items: Iterable, lanes: int) -> Iterator:
    """``function`` of every item, in order; up to ``lanes`` are computed, while the next item is made here."""
    with ThreadPoolExecutor(lanes, "lane") as pool:
        if lanes < 2 or not _same_scope(pool):
            yield from map(function, items)
            return
        coming: deque = deque()
        for item in items:
            if len(coming) == lanes:
                yield coming.popleft().result()
            coming.append(_begin(pool, function, item))
        while coming:
            yield coming.popleft().result()


def _begin(pool: ThreadPoolExecutor, function: Callable, *items) -> Future:
    try:
        return pool.submit(function, *items)
    except RuntimeError:  # the interpreter is ending, and no pool takes work any more
        here: Future = Future()
        here.set_result(function(*items))
        return here


def _same_scope(pool: ThreadPoolExecutor) -> bool:
    """Whether other threads compute where this one does: ``tf.device`` and strategies are known to their thread only."""
    if tf.distribute.has_strategy():
        return False
    return tf.zeros([]).device == _begin(pool, lambda: tf.zeros([]).device).result()
