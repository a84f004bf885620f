"""Networks of a suite one after the other, several at the same time, or on a Dask cluster."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from genolift.pipeline.benchmark.comparing import unit
from genolift.pipeline.benchmark.comparing.plan import Line
from genolift.pipeline.benchmark.stages import complete, finished
from genolift.pipeline.keeping.versions import versions
from genolift.pipeline.scoring import worker
from genolift.pipeline.scoring.cluster import team
from genolift.support import progress as display
from genolift.support.errors import InputError, Remedy, setting
from genolift.support.threads import available

_LOOK_AGAIN = 2.0  # seconds, for which stages have finished


def run_lines(
    lines: list[Line], work: Path, workers: int | None, scheduler: str | None, progress: bool | None = None
) -> None:
    """Run the stages that are left, those of a line one after the other in one process."""
    names = [f"{stage.name}.stage.json" for line in lines for stage in line.stages()]
    with display.bar(len(names), "benchmark", "stages", show=progress) as bar:

        def look() -> None:
            bar.update(sum((work / name).exists() for name in names) - bar.n)

        if scheduler is not None:
            _on_cluster(lines, work, scheduler, look)
        elif workers is not None and workers > 1:
            _in_processes(lines, work, workers, look)
        else:
            for line in lines:
                for _ in run_line(line, work):
                    bar.update(1)


def run_line(line: Line, work: Path) -> Iterator[dict[str, Any]]:
    """Run the stages of a line that are left, and yield the record of every stage."""
    unit.forget()
    for stage in line.stages():
        record = finished(stage, work)
        yield record if record is not None else complete(stage, work)


def _run_quietly(line: Line, work: Path) -> None:
    for _ in run_line(line, work):
        pass


def _in_processes(lines: list[Line], work: Path, workers: int, look: Any) -> None:
    with ProcessPoolExecutor(workers, get_context("spawn"), unit.begin_worker, (workers,)) as pool:
        running = {pool.submit(_run_quietly, line, work) for line in lines}
        try:
            while running:
                done, running = wait(running, timeout=_LOOK_AGAIN)
                look()
                for future in done:
                    future.result()
        except BrokenProcessPool:
            raise InputError(
                "the system killed a worker",
                Remedy.naming(
                    "if for want of memory, give fewer {}, and the same command continues", setting("workers")
                ),
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@dataclass(frozen=True)
class _Begun:
    """What the workers of a cluster are told of the process that began a suite."""

    work: Path
    versions: dict[str, str]
    threads: int


def _on_cluster(lines: list[Line], work: Path, scheduler: str, look: Any) -> None:
    begun = _Begun(work.absolute(), dict(versions()), available())
    blocks = ((number, [line]) for number, line in enumerate(lines))
    with team(begun, None, scheduler) as spread, closing(spread(_run_there, begun, blocks)) as done:
        for _ in done:
            look()


# A worker of somebody's cluster may have several threads, and two lines at once would be in each other's way.
_computing = threading.Lock()


def _run_there(begun: _Begun, number: int, block: list[Line]) -> None:
    worker.check_versions(begun.versions)
    worker.see_one_gpu()
    with _computing:
        for line in block:
            _run_quietly(line, begun.work)
