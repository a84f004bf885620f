"""Blocks of a scoring job on the workers of a Dask cluster, a local one or anybody's.

A task carries its sequences as text; the worker writes the block's scores into the store itself, so that no results
travel. Dask replaces workers that die and runs their tasks again; a block without its commit record was never written.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import closing, contextmanager
from importlib.util import find_spec
from multiprocessing import resource_tracker
from typing import Any, Protocol, TypeAlias

import numpy as np

from genolift.pipeline.common.explaining import Task
from genolift.pipeline.scoring import worker
from genolift.results.store import Ticket
from genolift.support.errors import FileProblem, InputError, Remedy, Setting, setting
from genolift.support.threads import VARIABLES, available

log = logging.getLogger("genolift")

# Of a worker's two threads one computes while the other writes what came before; as many blocks again wait.
_THREADS = 2
_WAITING = 2
_LOOK_AGAIN = 5.0  # seconds, for how many workers there are
_TO_CONNECT = 30  # seconds


def check_cluster(workers: int | None, scheduler: str | None) -> None:
    """Raise :class:`InputError` for what cannot be, before any work is done."""
    if workers is not None and scheduler is not None:
        one = Remedy.naming(
            "{} starts a cluster on this machine and {} uses another; give one of them",
            *(setting("workers"), setting("scheduler")),
        )
        raise InputError("workers of this machine and of a scheduler cannot share one job", one)
    if workers is not None and workers < 1:
        raise InputError(f"the number of workers is at least 1, not {workers}")
    if find_spec("distributed") is None:
        raise InputError("workers need Dask, which is not installed: pip install 'genolift[cluster]'")
    worker.spare_gpus()  # this process tries the job, but must leave their memory to the workers


def explain_on_cluster(
    task: Task,
    ticket: Ticket,
    blocks: Iterable[tuple[int, list[str], np.ndarray]],
    workers: int | None,
    scheduler: str | None,
) -> Iterator[int]:
    """Have blocks explained and written by workers, and yield the size of each that is.

    A worker's error is raised here as it is.

    Parameters
    ----------
    task
        What the workers do.
    ticket
        The store that they write to.
    blocks
        The number of each block, its sequences, and the numbers of their records.
    workers, scheduler
        As in :class:`genolift.pipeline.common.execution.Execution`.
    """
    with_records = ((number, list(zip(*block, strict=True))) for number, *block in blocks)
    with (
        team(task, workers, scheduler) as spread,
        closing(spread(worker.explain_block, (task, ticket), with_records)) as done,
    ):
        for _, size, _ in done:
            yield size


class Alike(Protocol):
    """What a process must have in common with the one that began the job."""

    @property
    def threads(self) -> int:
        """The number of threads."""


#: Has numbered blocks computed, by a function of what is shared, the number and the block, which is imported by its
#: name. It yields of each block its number, its size and what the function returned, in any order.
Spread: TypeAlias = Callable[
    [Callable[[Any, int, Any], Any], Any, Iterable[tuple[int, Sequence]]],
    Generator[tuple[int, int, Any], None, None],
]


@contextmanager
def team(task: Alike, workers: int | None, scheduler: str | None) -> Iterator[Spread]:
    """Yield a function that shares blocks among workers, which are there as long as the context is.

    A worker's error is raised as it is.

    Parameters
    ----------
    task
        What the workers do; they start with its number of threads.
    workers, scheduler
        As in :class:`genolift.pipeline.common.execution.Execution`.

    Raises
    ------
    InputError, FileProblem
        In one line, for trouble with the cluster itself.
    """
    import distributed

    with _quiet(), _client(task, workers, scheduler) as client:
        try:
            yield lambda work, shared, blocks: _spread(client, work, shared, blocks)
        except distributed.KilledWorker as problem:
            raise InputError(
                f"several workers died of the same block, the last one at {problem.last_worker.address}",
                Remedy.naming(
                    "if for want of memory, give fewer {} or a smaller {}, and the same command continues",
                    *(Setting("workers", "--workers"), Setting("memory", "--memory")),
                ),
            ) from None
        except CancelledError:
            raise FileProblem("the connection to the Dask scheduler was lost; the same command continues") from None
        except ModuleNotFoundError as problem:
            raise InputError(f"a worker cannot run this: {problem}; install genolift on all machines") from None


def _spread(
    client: Any, work: Callable, shared: Any, blocks: Iterable[tuple[int, Sequence]]
) -> Generator[tuple[int, int, Any], None, None]:
    """Keep a bounded number of blocks on the cluster until there are no more."""
    from distributed import as_completed

    blocks, capacity = iter(blocks), _Capacity(client)
    under_way: dict[Any, tuple[int, int]] = {}
    pending = as_completed(loop=client.loop, raise_errors=False)
    try:
        while True:
            while len(under_way) < capacity.blocks and (block := next(blocks, None)) is not None:
                number, items = block
                # What is shared goes with every block: Dask does not make anew what it was given to keep, and can
                # cancel the blocks that need it when a worker that keeps it dies.
                future = client.submit(work, shared, number, items, pure=False)
                under_way[future] = number, len(items)
                pending.add(future)
            if not under_way:
                return
            future = next(pending)
            yield *under_way.pop(future), future.result()
    finally:
        client.cancel([*under_way])


class _Capacity:
    """How many blocks the cluster should have: workers come and go."""

    def __init__(self, client: Any):
        self._client, self._looked, self._workers, self._told = client, -_LOOK_AGAIN, 0, False

    @property
    def blocks(self) -> int:
        if time.monotonic() - self._looked > _LOOK_AGAIN:
            self._looked, self._workers = time.monotonic(), len(self._client.nthreads())
            if not self._workers and not self._told:
                self._told = True
                log.info("the cluster has no workers yet; waiting for some")
        return (_THREADS + _WAITING) * max(1, self._workers)


@contextmanager
def _quiet():
    """Without Dask's own log, which tells of every worker that comes or goes: errors are raised anyway."""
    import distributed  # noqa: F401 - sets its loggers up

    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]  # each with a handler
    before = [(logger.level, logger.propagate, logger.handlers) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
        logger.handlers, logger.propagate = [logging.NullHandler()], False
    try:
        yield
    finally:
        for logger, (level, propagate, handlers) in zip(loggers, before, strict=True):
            logger.setLevel(level)
            logger.propagate, logger.handlers = propagate, handlers


@contextmanager
def _client(task: Alike, workers: int | None, scheduler: str | None) -> Iterator[Any]:
    from distributed import Client

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=_TO_CONNECT, set_as_default=False)
        except (OSError, ValueError, TypeError) as problem:
            raise InputError(
                f"no Dask scheduler at {scheduler!r} ({problem}); give what `dask scheduler` shows, as tcp://host:8786"
            ) from None
        try:
            yield client
        finally:
            client.close()
        return
    with _local(task, workers or 1) as cluster, Client(cluster, set_as_default=False) as client:
        yield client


@contextmanager
def _local(task: Alike, workers: int):
    """Start a cluster of processes on this machine, each with a GPU of its own where there are several."""
    import dask
    from distributed import Nanny, Scheduler, SpecCluster

    cores = available()
    if workers * task.threads > cores and workers > 1 and not _gpus():
        log.info(
            "%d workers with %d threads each share %d processors, for the same bytes as one process; --threads %d may "
            "be faster and round otherwise",
            *(workers, task.threads, cores, max(1, cores // workers)),
        )
    spec = {i: {"cls": Nanny, "options": _options(task, i)} for i in range(workers)}
    scheduler = {"cls": Scheduler, "options": {"host": "127.0.0.1", "port": 0, "dashboard_address": "127.0.0.1:0"}}
    # Dask would limit NumPy to one thread, which may round otherwise than this process. And it would have the C library
    # give memory back at once, which TensorFlow wants again with the next operation (a twentieth of the time).
    settings = {
        "distributed.nanny.pre-spawn-environ": {},
        "logging.distributed": "critical",
        "distributed.worker.profile.enabled": False,
    }
    with dask.config.set(settings):
        with _interrupts_held_back():
            cluster = SpecCluster(workers=spec, scheduler=scheduler, silence_logs=False, name="genolift")
        with cluster:
            losses = _losses()
            cluster.scheduler.add_plugin(losses, name="genolift")
            try:
                yield cluster
            finally:
                losses.expected = True


@contextmanager
def _interrupts_held_back():
    """Have threads and processes that are started inside never see Ctrl-C, which is for this process to act upon."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # Python's own helper would lift the mask when it is first wanted
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _options(task: Alike, i: int) -> dict:
    environment = dict.fromkeys(VARIABLES, str(task.threads)) | {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    gpus = _gpus()
    if gpus:
        environment["CUDA_VISIBLE_DEVICES"] = gpus[i % len(gpus)]
    return {
        "host": "127.0.0.1",
        "nthreads": _THREADS,
        "memory_limit": 0,  # a worker holds few blocks, whose size is bounded; Dask would only kill it for TensorFlow's
        "dashboard": False,
        "silence_logs": logging.CRITICAL,
        "env": environment,
        "preload": worker.__name__,
    }


def _gpus() -> list[str]:
    """Return the names of the GPUs that this process may use."""
    from genolift.support.tensorflow import quiet_tensorflow

    count = len(quiet_tensorflow().config.list_physical_devices("GPU"))
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return [name.strip() for name in named.split(",")][:count] if named else [str(i) for i in range(count)]


def _losses():
    """Return what tells of workers that died."""
    from distributed import SchedulerPlugin

    class Losses(SchedulerPlugin):
        expected = False

        def remove_worker(self, scheduler, worker, **more):
            if not self.expected:
                log.info("a worker was lost; another one takes its place and does its blocks again")

    return Losses()
