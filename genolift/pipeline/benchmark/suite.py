"""Many simulations, networks, training seeds and methods, and one table of how well each explanation does."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from genolift.pipeline.benchmark import unit
from genolift.pipeline.benchmark.entries import Entry, choose
from genolift.pipeline.benchmark.networks import NETWORKS, Network, network
from genolift.pipeline.benchmark.simulation import check_learnable
from genolift.pipeline.benchmark.stages import Stage, complete, finished
from genolift.pipeline.keeping.folder import Folder
from genolift.pipeline.keeping.versions import account, versions
from genolift.simulate.spec import Spec, load_spec, shipped_specs
from genolift.support import progress as display
from genolift.support.errors import InputError

log = logging.getLogger("genolift")

RESULTS, REFUSED, TRAINED, PAGE = "results", "refused.csv", "networks.csv", "index.html"
_KEYS = ("simulation", "network", "seed")
TRAINING = "(training)"  # What stands in the place of a method where a network cannot learn a simulation at all.


@dataclass(frozen=True)
class Suite:
    """What to run.

    Parameters
    ----------
    specs
        The configurations.
    networks
        The networks.
    entries
        The methods.
    seeds
        The number of training seeds, from 0 on.
    sequences
        The number of simulated sequences. ``None`` takes that of each configuration.
    explained
        How many test sequences are explained at most.
    epochs
        The largest number of epochs. ``None`` takes that of each network's recipe.
    """

    specs: tuple[Spec, ...]
    networks: tuple[Network, ...]
    entries: tuple[Entry, ...]
    seeds: int = 5
    sequences: int | None = None
    explained: int = 300
    epochs: int | None = None


@dataclass(frozen=True)
class Line:
    """What is done one after the other: one network of one training seed on one simulation, by every method."""

    suite: Suite
    spec: Spec
    network: Network
    seed: int

    @property
    def name(self) -> str:
        """The name that its files begin with."""
        return f"{_in_files(self.spec.name)}-{_in_files(self.network.name)}-{self.seed}"

    @property
    def data(self) -> str:
        """The directory of the simulated data, which all lines of a simulation share."""
        return _data(self.spec)

    def stages(self) -> list[Stage]:
        """Return the stages, in their order."""
        model, worth = f"model-{self.name}.keras", f"worth-{self.name}.npz"
        suite = self.suite
        training = partial(unit.train_network, self.spec, self.network, self.seed, suite.epochs, self.data, model)
        measuring = partial(unit.measure_worth, self.spec, self.network, suite.explained, self.data, model, worth)
        explaining = [
            Stage(
                f"{self.name}-{_in_files(entry.name)}",
                f"{entry.name} on {self.network.name} (seed {self.seed}), {self.spec.name}",
                partial(
                    unit.explain_and_measure, self.spec, self.network, entry, suite.explained, self.data, model, worth
                ),
                (self.data, model, worth),
            )
            for entry in suite.entries
        ]
        return [
            Stage(f"train-{self.name}", f"training {self.name}", training, (self.data,), (model,)),
            Stage(f"worth-{self.name}", f"taking instances away, {self.name}", measuring, (self.data, model), (worth,)),
            *explaining,
        ]


def suite(
    specs: Sequence[str],
    networks: Sequence[str] = (),
    methods: Sequence[str] = ("all",),
    seeds: int = 5,
    sequences: int | None = None,
    explained: int | None = None,
    epochs: int | None = None,
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
    seeds, sequences, explained, epochs
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
    )


def run_suite(job: Suite, out: Path, workers: int = 1, force: bool = False, progress: bool | None = None) -> bool:
    """Run a suite into the directory ``out``, or what is left of it; return whether all was there already.

    Each stage that finishes is kept, so that a run which was interrupted in whatever way continues after its last one.
    """
    _check(job)
    request = {
        "suite": [spec.describe() for spec in job.specs],
        "networks": [one.describe() for one in job.networks],
        "methods": [entry.describe() for entry in job.entries],
        **{name: getattr(job, name) for name in ("seeds", "sequences", "explained", "epochs")},
    }
    folder = Folder(out, request, versions("matplotlib", "scikit-learn"), force)
    if folder.is_complete:
        folder.clear()
        return True
    if folder.begin():
        log.info("continuing in %s", folder.path)
    for spec in job.specs:
        stage = Stage(
            f"simulate-{_in_files(spec.name)}",
            f"simulating {spec.name}",
            partial(unit.draw, spec, job.sequences, _data(spec)),
            (),
            (_data(spec),),
        )
        if finished(stage, folder.work) is None:
            complete(stage, folder.work)
    lines = _lines(job)
    _run(lines, folder.work, workers, progress)
    _finish(job, folder, lines)
    return False


def _in_files(name: str) -> str:
    """Return a name as it stands in the names of files, which hold no slash."""
    return quote(name, safe="@:, ")


def _data(spec: Spec) -> str:
    return f"data-{_in_files(spec.name)}"


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
        misfits = [one.misfit(spec.kind) for one in job.networks]
        if all(misfits):
            raise InputError(f"{spec.name}: no network of the suite can learn it: {'; '.join(map(str, misfits))}")
    lines = [line.name for line in _lines(job)]
    if twice := {name for name in lines if lines.count(name) > 1}:
        raise InputError(f"two networks of the suite would be kept as {min(twice)!r}; name a simulation otherwise")
    for spec in job.specs:
        check_learnable(spec, job.sequences)
    if job.seeds < 1 or job.explained < 2:
        raise InputError("a suite needs at least one seed, and explains at least two sequences")


def _lines(job: Suite) -> list[Line]:
    """Return what is done: every network of each seed on every simulation whose labels it can learn."""
    unfit = {(name, network) for name, network, _ in _misfits(job)}
    return [
        Line(job, spec, one, seed)
        for seed in range(job.seeds)
        for spec in job.specs
        for one in job.networks
        if (spec.name, one.name) not in unfit
    ]


def _misfits(job: Suite) -> list[tuple[str, str, str]]:
    """Return the simulations and networks that do not fit each other, by name, and why."""
    reasons = {(spec.name, one.name): one.misfit(spec.kind) for spec in job.specs for one in job.networks}
    return [(*names, reason) for names, reason in reasons.items() if reason is not None]


def _run(lines: list[Line], work: Path, workers: int, progress: bool | None) -> None:
    """Run the stages that are left, each line in one process."""
    total = sum(len(line.stages()) for line in lines)
    with display.bar(total, "benchmark", "stages", show=progress) as bar:
        if workers == 1:
            for line in lines:
                for _ in run_line(line, work):
                    bar.update(1)
            return
        names = [f"{stage.name}.stage.json" for line in lines for stage in line.stages()]
        with ProcessPoolExecutor(workers, get_context("spawn"), unit.begin_worker, (workers,)) as pool:
            running = {pool.submit(_run_quietly, line, work) for line in lines}
            try:
                while running:
                    done, running = wait(running, timeout=2)
                    bar.update(sum((work / name).exists() for name in names) - bar.n)
                    for future in done:
                        future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def run_line(line: Line, work: Path) -> Iterator[dict[str, Any]]:
    """Run the stages of a line that are left, and yield the record of every stage."""
    unit.forget()
    for stage in line.stages():
        record = finished(stage, work)
        yield record if record is not None else complete(stage, work)


def _run_quietly(line: Line, work: Path) -> None:
    for _ in run_line(line, work):
        pass


def _finish(job: Suite, folder: Folder, lines: list[Line]) -> None:
    """Gather the tables, and remove what was only needed to make them."""
    results, trained = [], []
    refused = [
        {**dict(zip(_KEYS, (*names, seed), strict=True)), "method": TRAINING, "references": "", "reason": reason}
        for seed in range(job.seeds)
        for *names, reason in _misfits(job)
    ]
    seconds = 0.0
    for line in lines:
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
    tables = {
        f"{RESULTS}.csv": pd.DataFrame(results, columns=[*_KEYS, "method", "references", *unit.COLUMNS]),
        REFUSED: pd.DataFrame(refused, columns=[*_KEYS, "method", "references", "reason"]),
        TRAINED: pd.DataFrame(trained, columns=[*_KEYS, "task", "metric", "value"]),
    }
    for name, table in tables.items():
        table.to_csv(folder.work / name, index=False, lineterminator="\n", float_format="%.5g")
    files = list(tables)
    if find_spec("pyarrow"):
        tables[f"{RESULTS}.csv"].to_parquet(folder.work / f"{RESULTS}.parquet", index=False)
        files.append(f"{RESULTS}.parquet")
    else:
        log.info("%s.parquet is left out, for which pyarrow is needed: pip install 'genolift[parquet]'", RESULTS)
    from genolift.plot.suite import write_suite_page

    write_suite_page(folder.work, "Which explanation can be trusted?")
    files.append(PAGE)
    folder.record(files, account(seconds))
    folder.publish()
    folder.clear()
