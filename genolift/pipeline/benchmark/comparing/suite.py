"""Many simulations, networks, training seeds and methods, and one table of how well each explanation does."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from genolift.pipeline.benchmark.comparing import unit
from genolift.pipeline.benchmark.comparing.failures import failures
from genolift.pipeline.benchmark.comparing.plan import Line, Suite, data_of, in_files, lines, misfits
from genolift.pipeline.benchmark.comparing.running import run_lines
from genolift.pipeline.benchmark.comparing.tables import Tables
from genolift.pipeline.benchmark.entries import choose
from genolift.pipeline.benchmark.networks import NETWORKS, network
from genolift.pipeline.benchmark.simulation import check_learnable
from genolift.pipeline.benchmark.stages import Stage, complete, finished
from genolift.pipeline.keeping.folder import Folder
from genolift.pipeline.keeping.versions import account, versions
from genolift.pipeline.scoring.cluster import check_cluster
from genolift.simulate.spec import load_spec, shipped_specs
from genolift.support.errors import InputError

log = logging.getLogger("genolift")

_KEYS = ("simulation", "network", "seed")
TRAINING = "(training)"  # What stands in the place of a method where a network cannot learn a simulation at all.


def suite(
    specs: Sequence[str],
    networks: Sequence[str] = (),
    methods: Sequence[str] = ("all",),
    seeds: int = 5,
    sequences: int | None = None,
    explained: int | None = None,
    epochs: int | None = None,
    first_seed: int = 0,
) -> Suite:
    """Return the suite that a user names.

    Parameters
    ----------
    specs
        Configurations by path or name; ``"suite"`` is all that come with genolift.
    networks
        Networks by name, or Python files that build one. Without any they are those of the suite.
    methods
        Methods, as :func:`genolift.pipeline.benchmark.entries.choose` takes them.
    seeds, sequences, explained, epochs, first_seed
        See :class:`Suite`.
    """
    names = [name for text in specs for name in (shipped_specs() if text == "suite" else [text])]
    return Suite(
        tuple(load_spec(name) for name in names),
        tuple(network(text) for text in networks or NETWORKS),
        tuple(choose(methods)),
        seeds,
        sequences,
        300 if explained is None else explained,
        epochs,
        first_seed,
    )


def run_suite(
    job: Suite,
    out: Path,
    workers: int | None = None,
    force: bool = False,
    progress: bool | None = None,
    scheduler: str | None = None,
) -> bool:
    """Run a suite into the directory ``out``, or what is left of it; return whether all was there already.

    Each stage that finishes is kept, so that a run which was interrupted in whatever way continues after its last one.

    Parameters
    ----------
    job
        What to run.
    out
        The directory.
    workers
        So many networks at the same time, in processes of this machine.
    force
        Whether an earlier result gives way.
    progress
        Whether to show the progress.
    scheduler
        The address of a Dask scheduler, whose workers share the networks and see the same directory.
    """
    _check(job)
    if scheduler is not None:
        check_cluster(workers, scheduler)
    request = {
        "suite": [spec.describe() for spec in job.specs],
        "networks": [one.describe() for one in job.networks],
        "methods": [entry.describe() for entry in job.entries],
        **{name: getattr(job, name) for name in ("seeds", "first_seed", "sequences", "explained", "epochs")},
    }
    folder = Folder(out, request, versions("matplotlib", "scikit-learn"), force)
    if folder.is_complete:
        folder.clear()
        return True
    if folder.begin():
        log.info("continuing in %s", folder.path)
    for spec in job.specs:
        stage = Stage(
            f"simulate-{in_files(spec.name)}",
            f"simulating {spec.name}",
            partial(unit.draw, spec, job.sequences, data_of(spec)),
            (),
            (data_of(spec),),
        )
        if finished(stage, folder.work) is None:
            complete(stage, folder.work)
    planned = lines(job)
    run_lines(planned, folder.work, workers, scheduler, progress)
    _finish(job, folder, planned)
    return False


def _check(job: Suite) -> None:
    for what, names in (
        ("simulation", [spec.name for spec in job.specs]),
        ("network", [one.name for one in job.networks]),
        ("method", [entry.name for entry in job.entries]),
    ):
        if not names:
            raise InputError(f"a suite needs a {what}")
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise InputError(f"two of the suite's {what}s are named {min(twice)!r}")
    for spec in job.specs:
        unfit = [one.misfit(spec.kind) for one in job.networks]
        if all(unfit):
            raise InputError(f"{spec.name}: no network of the suite can learn it: {'; '.join(map(str, unfit))}")
    kept = [line.name for line in lines(job)]
    if twice := {name for name in kept if kept.count(name) > 1}:
        raise InputError(f"two networks of the suite would be kept as {min(twice)!r}; name a simulation otherwise")
    for spec in job.specs:
        check_learnable(spec, job.sequences)
    if job.seeds < 1 or job.explained < 2:
        raise InputError("a suite needs at least one seed, and explains at least two sequences")


def _finish(job: Suite, folder: Folder, planned: list[Line]) -> None:
    """Gather the tables, and remove what was only needed to make them."""
    results, trained = [], []
    refused = [
        {**dict(zip(_KEYS, (*names, seed), strict=True)), "method": TRAINING, "references": "", "reason": reason}
        for seed in job.every_seed
        for *names, reason in misfits(job)
    ]
    seconds = 0.0
    for line in planned:
        key = dict(zip(_KEYS, (line.spec.name, line.network.name, line.seed), strict=True))
        train, worth, *explained = (
            json.loads((folder.work / f"{s.name}.stage.json").read_text()) for s in line.stages()
        )
        seconds += sum(record["seconds"] for record in (train, worth, *explained))
        trained += [{**key, **row} for row in train["result"]["metrics"]]
        for entry, record in zip(line.suite.entries, explained, strict=True):
            method = {"method": entry.name, "references": entry.references or ""}
            result = record["result"]
            if "refused" in result:
                refused.append({**key, **method, "reason": result["refused"]})
            results += [{**key, **method, **row} for row in result.get("rows", [])]
    tables = Tables(
        pd.DataFrame(results, columns=[*_KEYS, "method", "references", *unit.COLUMNS]),
        pd.DataFrame(refused, columns=[*_KEYS, "method", "references", "reason"]),
        pd.DataFrame(trained, columns=[*_KEYS, "task", "metric", "value"]),
        failures(planned, folder.work),
    )
    folder.record(tables.write(folder.work), account(seconds))
    folder.publish()
    folder.clear()
