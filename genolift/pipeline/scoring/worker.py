"""What a worker of a cluster does: it explains the blocks it is given and writes them into the store."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from genolift.pipeline.common.explaining import Explaining, Task
from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.keeping.versions import versions
from genolift.results.store import StoreWriter, Ticket
from genolift.support.errors import FileProblem, InputError
from genolift.support.tensorflow import own_process
from genolift.support.threads import use_threads


def dask_setup(worker: Any) -> None:
    """Prepare a process that a job starts for itself; Dask calls this."""
    own_process()


_opened: dict[tuple, tuple[Explaining, StoreWriter]] = {}
_opening, _computing = threading.Lock(), threading.Lock()


def explain_block(shared: tuple[Task, Ticket], number: int, block: list[tuple[str, int]]) -> None:
    """Explain one block and write it, in a worker; the block is sequences with the numbers of their records."""
    task, ticket = shared
    key = (ticket.path, ticket.digest, repr(task))
    with _opening:
        if key not in _opened:
            _opened.clear()
            _opened[key] = _open(task, ticket)
        explaining, writer = _opened[key]
    with _computing:  # two blocks at once would be in each other's way
        explanation = explaining([sequence for sequence, _ in block], np.array([record for _, record in block]))
    writer.write(number, explanation)


def _open(task: Task, ticket: Ticket) -> tuple[Explaining, StoreWriter]:
    """Return the method and the store, once per process and job; refuse what would give another result."""
    with alike(task):
        writer = StoreWriter.attach(ticket)
        explaining = task.explaining()
    explaining.settle()
    return explaining, writer


class Prepared(Protocol):
    """What a job says of the process that began it."""

    @property
    def model(self) -> ModelFile:
        """The model's file."""

    @property
    def model_digest(self) -> Mapping[str, Any]:
        """What tells the model from others."""

    @property
    def versions(self) -> Mapping[str, str]:
        """The versions of what computes."""

    @property
    def threads(self) -> int:
        """The number of threads."""


@contextmanager
def alike(task: Prepared) -> Iterator[None]:
    """Make this process like the one that began the job, and say in errors of the block which worker they are of.

    Raises
    ------
    InputError
        If the process would give another result, for which it has other versions, threads, or another model.
    """
    check_versions(task.versions)
    see_one_gpu()
    use_threads(task.threads)
    try:
        if task.model.describe() != task.model_digest:
            raise InputError(f"{_here()} finds another model at {task.model.path}")
        yield
    except FileProblem as problem:
        raise FileProblem(f"{_here()}: {problem.message}", problem.remedy) from None


def check_versions(begun: Mapping[str, str]) -> None:
    """Raise :class:`InputError` where a package has another version here than where the job was begun."""
    for package, version in versions().items():
        if begun[package] != version:
            raise InputError(
                f"{_here()} has {package} {version}, but the job was begun with {begun[package]}; results would "
                "differ, so install the same on all machines"
            )


def spare_gpus() -> None:
    """Have TensorFlow take no more of a GPU's memory than it uses; by default it takes all, of all that it sees."""
    if "tensorflow" not in sys.modules:
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")


def see_one_gpu() -> None:
    """Of several GPUs, such as dask-cuda shows every worker with its own in front, use the first."""
    spare_gpus()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named and "tensorflow" not in sys.modules:
        os.environ["CUDA_VISIBLE_DEVICES"] = named.split(",")[0]


def _here() -> str:
    from distributed import get_worker

    return f"the worker {get_worker().address}"
