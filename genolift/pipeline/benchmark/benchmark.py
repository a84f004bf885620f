"""The simulated benchmark: data, networks, explanations by every method of the paper's figure, recovery, figures."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from genolift.pipeline.benchmark import judging
from genolift.pipeline.benchmark.contenders import METHODS, explain
from genolift.pipeline.benchmark.simulation import check_learnable, drawn
from genolift.pipeline.benchmark.stages import Stage, run_stages
from genolift.pipeline.benchmark.training import ARCHITECTURE, save_model
from genolift.pipeline.keeping.folder import Folder
from genolift.pipeline.keeping.versions import account, versions
from genolift.sequence.files import write_text
from genolift.simulate.dataset import FILES
from genolift.simulate.reading import load_dataset
from genolift.simulate.spec import Spec, load_spec
from genolift.support.errors import InputError, Remedy, setting

log = logging.getLogger("genolift")

MODEL, PAGE = "model.keras", "index.html"
RECORD = "training.json"  # of all training seeds
_MODEL, _TRAINING = "model_{}.keras", "training_{}.json"  # of one training seed


@dataclass(frozen=True)
class Benchmark:
    """What to run.

    Parameters
    ----------
    spec
        A configuration, by its path or by the name of one that comes with genolift.
    seeds
        The number of networks to train. They differ in their training seed, from 0 on, and that of seed 0 is kept and
        drawn.
    sequences, epochs
        Smaller sizes for a quick look. ``None`` takes those of the configuration and of the network's recipe.
    architecture
        The network, by name.
    """

    spec: str
    seeds: int = 5
    sequences: int | None = None
    epochs: int | None = None
    architecture: str = ARCHITECTURE


def run_benchmark(job: Benchmark, out: Path, force: bool = False, progress: bool = True) -> bool:
    """Run the benchmark into the directory ``out``, or what is left of it; return whether all was there already.

    Each stage that finishes is kept, so that a run which was interrupted in whatever way continues after its last one.
    """
    if job.seeds < 1:
        raise InputError(f"the number of seeds must be at least 1, not {job.seeds}")
    spec = load_spec(job.spec)
    check_learnable(spec, job.sequences)
    if spec.kind in ("real", "profile"):
        kind = {"real": "real values", "profile": "profiles"}[spec.kind]
        raise InputError(
            f"{spec.name}: labels: the paper's figures are about labels that are 0 or 1, and these are {kind}",
            Remedy.naming("give {}, which compares methods on any labels", setting("methods")),
        )
    request = {
        "benchmark": spec.describe(),
        **{name: value for name, value in asdict(job).items() if name != "spec"},
        "methods": {name: contender.describe() for name, contender in METHODS.items()},
    }
    folder = Folder(out, request, versions("logomaker", "matplotlib", "scikit-learn"), force)
    if folder.is_complete:
        folder.clear()
        return True
    if folder.begin():
        log.info("continuing in %s", folder.path)
    records = run_stages(_stages(job, spec, progress), folder.work)
    _finish(folder, spec, records)
    return False


def _finish(folder: Folder, spec: Spec, records: dict[str, dict]) -> None:
    """Gather everything on the page, copy what is to stay out of the work directory, and remove that."""
    from genolift.plot.report import write_report
    from genolift.plot.web.page import PageOptions

    files = [*FILES, MODEL, RECORD, judging.TABLE, *judging.figure_files(spec), PAGE]
    run = {
        **account(sum(record["seconds"] for record in records.values())),
        "seconds": {name: record["seconds"] for name, record in records.items()},
        "figure6": records["judge"]["result"],
    }
    folder.record(files, run)
    write_report(folder.work, folder.work / PAGE, PageOptions(title=f"Benchmark {spec.name}"))
    folder.publish()
    folder.clear()


def _stages(job: Benchmark, spec: Spec, progress: bool) -> list[Stage]:
    seeds = range(job.seeds)
    pairs = [(seed, name) for seed in seeds for name in METHODS]
    models, records = ([kind.format(seed) for seed in seeds] for kind in (_MODEL, _TRAINING))
    training = [
        Stage(
            f"train-{seed}",
            f"training, seed {seed}",
            partial(_train, spec, job, seed, progress),
            FILES,
            (models[seed], records[seed]),
        )
        for seed in seeds
    ]
    explaining = [
        Stage(
            f"explain-{seed}-{name}",
            f"explaining by {name}, seed {seed}",
            partial(_explain, spec, seed, name, progress),
            (*FILES, models[seed]),
            (_scores(seed, name),),
        )
        for seed, name in pairs
    ]
    return [
        Stage("simulate", "simulating the data set", partial(_simulate, spec, job.sequences), (), FILES),
        *training,
        *explaining,
        Stage(
            "judge",
            "judging by the truth and drawing",
            partial(judging.judge, spec, job.seeds, _scores),
            (*FILES, *(_scores(seed, name) for seed, name in pairs)),
            (judging.TABLE, *judging.figure_files(spec)),
        ),
        Stage("records", "gathering", partial(_gather, models, records), (*models, *records), (MODEL, RECORD)),
    ]


def _scores(seed: int, method: str) -> str:
    return f"scores_{seed}_{method}.zarr"


def _simulate(spec: Spec, n: int | None, work: Path) -> None:
    drawn(spec, n=n).save(work)


def _train(spec: Spec, job: Benchmark, seed: int, progress: bool, work: Path) -> None:
    from genolift.models.training import train

    dataset = load_dataset(work, spec)
    model, record = train(job.architecture, dataset, seed=seed, epochs=job.epochs, progress=progress)
    save_model(model, record, work / _MODEL.format(seed), work / _TRAINING.format(seed))


def _explain(spec: Spec, seed: int, method: str, progress: bool, work: Path) -> None:
    from genolift.models.loading import load_model

    test = load_dataset(work, spec).subset("test")
    explain(load_model(work / _MODEL.format(seed)), test, method, progress).save(work / _scores(seed, method))


def _gather(models: list[str], records: list[str], work: Path) -> None:
    """Keep the model of seed 0, and its record followed by those of the other seeds."""
    shutil.copyfile(work / models[0], work / MODEL)
    first, *others = (json.loads((work / name).read_text()) for name in records)
    write_text(work / RECORD, json.dumps({**first, "other_seeds": others}, indent=2) + "\n")
