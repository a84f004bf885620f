"""How a job is carried out: whoever does the work, and with how much memory, the result is the same."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Execution:
    """How a job is carried out.

    Parameters
    ----------
    memory
        The budget for the network's activations, such as ``4GB``. ``None`` is the default budget.
    threads
        The number of threads of TensorFlow in each process. ``None`` is as many as there are processors. Another number
        may round otherwise.
    workers
        This many processes on this machine share the work.
    scheduler
        The address of a Dask scheduler, whose workers share the work and see the same files.
    force
        Whether the job starts afresh, and an earlier result of genolift's gives way.
    progress
        Whether progress is shown on standard error.
    command
        The command line, to be kept with the result.
    """

    memory: str | None = None
    threads: int | None = None
    workers: int | None = None
    scheduler: str | None = None
    force: bool = False
    progress: bool = True
    command: str | None = None

    @property
    def on_cluster(self) -> bool:
        """Whether other processes do the work."""
        return self.workers is not None or self.scheduler is not None
