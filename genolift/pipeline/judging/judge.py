"""The job of ``genolift judge``: every metric of every store, block by block, and the table of their means."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from genolift.evaluate.faithfulness.metric import Metric
from genolift.evaluate.faithfulness.subject import Case, Subject
from genolift.evaluate.sanity.catalog import chosen
from genolift.evaluate.sanity.resemblance import AGREEMENT, LABELS
from genolift.pipeline.common.execution import Execution
from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.judging.stores import JudgedStore, choose_rows, open_stores
from genolift.pipeline.judging.subjects import Network
from genolift.pipeline.judging.table import HEADER, Told, Values, read_rows, told
from genolift.pipeline.keeping.journal import Journal
from genolift.pipeline.keeping.places import check_apart
from genolift.pipeline.keeping.versions import versions
from genolift.support.errors import InputError, Remedy, setting
from genolift.support.memory import parse_bytes
from genolift.support.progress import bar

log = logging.getLogger("genolift")

_BLOCK = 128
#: A model predicts what a store says, but for rounding and the digits of float16, relative to the largest prediction.
_SAME = 1e-2


@dataclass(frozen=True)
class Judging:
    """What to judge.

    Parameters
    ----------
    stores
        Stores of the same sequences.
    models
        The models that made them.
    out
        The table to write.
    metrics
        Names of metrics, or ``all``: all that are defined.
    sequences
        The largest number of sequences, which are drawn at random.
    target
        Which target, where several were explained.
    random_labels
        A model that was trained on randomised labels.
    seed
        The seed of all random draws.
    execution
        The memory, whether an earlier table gives way, and whether progress is shown.
    """

    stores: tuple[Path, ...]
    models: tuple[ModelFile, ...]
    out: Path
    metrics: tuple[str, ...] = ("all",)
    sequences: int = 1000
    target: str | None = None
    random_labels: ModelFile | None = None
    seed: int = 0
    execution: Execution = field(default_factory=Execution)


@dataclass(frozen=True)
class Judged:
    """What :func:`judge` found: the table in words, on how many ``sequences``, and whether it was there already."""

    told: Told
    sequences: int
    was_there: bool
    seconds: float

    def record(self, out: Path) -> dict[str, Any]:
        """Return what was found as dicts, lists, texts and numbers, with the table and its rows."""
        return {
            "out": out,
            "already_complete": self.was_there,
            "sequences": self.sequences,
            "seconds": self.seconds,
            "rows": read_rows(out),
            "sentences": self.told.sentences,
            "reasons": self.told.reasons,
        }


def judge(job: Judging) -> Judged:
    """Judge stores, and write the table and the record beside it; continue it if it was interrupted.

    Raises
    ------
    InputError, FileProblem, UnsupportedModel
        In one line, for stores of other sequences, models that did not make them, and whatever else cannot be used.
    """
    began = time.perf_counter()
    metrics = _check(job)
    stores = open_stores(job.stores, job.models, job.target)
    rows = choose_rows(stores, job.sequences, job.seed)
    if len(rows) < min(job.sequences, len(stores[0].scores)):
        log.info("%s sequences are judged; the others repeat them", f"{len(rows):,}")
    journal = Journal(job.out, _request(job, stores, metrics), versions(), job.execution.force)
    if journal.is_complete:
        record = json.loads(journal.record_path.read_text())
        return Judged(Told.of_record(record), len(rows), True, time.perf_counter() - began)
    work = _Work(job, stores, metrics, rows)
    journal.begin()
    done = journal.done()
    if done:
        log.info("continuing: %s of %s blocks are done", len(done), work.blocks)
    with bar(work.blocks * work.steps, "judging", "steps", job.execution.progress) as display:
        display.initial = display.n = len(done) * work.steps
        for block in range(work.blocks):
            if block in done:
                continue
            lines = []
            for line in work.lines(block):
                lines.append(json.dumps(line))
                display.update()
            journal.write(block, lines)
    values = Values.read(json.loads(line) for line in journal.lines())
    found = told(stores, metrics, values, job.seed)
    record = {**found.record(), "sequences": len(rows), "command_line": job.execution.command}
    journal.publish("\t".join(HEADER), record, (f"{line}\n" for line in found.lines))
    return Judged(found, len(rows), False, time.perf_counter() - began)


def _check(job: Judging) -> list[Metric]:
    """Return the metrics, after finding what is wrong without reading stores or loading models."""
    parse_bytes(job.execution.memory)
    metrics = chosen(job.metrics)
    for metric, given, remedy in (
        (AGREEMENT, len(job.stores) > 1, Remedy.naming("give two stores or more")),
        (LABELS, job.random_labels is not None, Remedy.naming("give one by {}", setting("random_labels"))),
    ):
        if not given and metric.name in job.metrics:
            what = "compares stores" if metric is AGREEMENT else "needs a model that was trained on randomised labels"
            raise InputError(f"the metric {metric.name} {what}", remedy)
        if not given and metric in metrics:
            metrics.remove(metric)
    for file in _files(job):
        file.check_exists()
    check_apart(job.out, [path for file in _files(job) for path in file.files])
    return metrics


def _files(job: Judging) -> list[ModelFile]:
    return [*job.models, *([] if job.random_labels is None else [job.random_labels])]


def _request(job: Judging, stores: list[JudgedStore], metrics: list[Metric]) -> dict[str, Any]:
    return {
        "command": "judge",
        "stores": [{"label": store.label, **store.record} for store in stores],
        "models": [model.describe() for model in job.models],
        "random_labels": None if job.random_labels is None else job.random_labels.describe(),
        "metrics": [metric.name for metric in metrics],
        "sequences": job.sequences,
        "seed": job.seed,
    }


class _Work:
    """All that is computed, in blocks of sequences: every metric of every store, and of every pair of stores."""

    def __init__(self, job: Judging, stores: list[JudgedStore], metrics: list[Metric], rows: np.ndarray):
        self._job, self._stores, self._metrics, self._rows = job, stores, metrics, rows
        self.blocks = -(-len(rows) // _BLOCK)
        pairs = [(i, j) for i, j in combinations(range(len(stores)), 2)]
        self._tasks = [
            (metric, i, j)
            for metric in metrics
            for i, j in (pairs if metric is AGREEMENT else [(i, None) for i in range(len(stores))])
        ]
        self.steps = len(self._tasks)

    @cached_property
    def _networks(self) -> list[Network]:
        return [Network(file, self._job.execution.memory, self._job.seed) for file in self._job.models]

    @cached_property
    def _without_knowledge(self) -> Network | None:
        file = self._job.random_labels
        return None if file is None else Network(file, self._job.execution.memory, self._job.seed)

    def lines(self, block: int) -> Iterator[dict[str, Any]]:
        """Yield what each task finds in a block."""
        here = slice(block * _BLOCK, (block + 1) * _BLOCK)
        numbers = np.arange(len(self._rows))[here]
        cases = [_Cases(self, rows, at) for rows, at in self._groups(self._rows[here], numbers)]
        for metric, i, j in self._tasks:
            began = time.perf_counter()
            found: dict[str, float | None] = {}
            lacking = None
            for group in cases:
                values, lacks = group.values(metric, i, j)
                found |= values
                lacking = lacking or lacks
            yield {
                "metric": metric.name,
                "store": i,
                "against": j,
                "lacks": lacking,
                "values": found,
                "seconds": time.perf_counter() - began,
            }

    def _groups(self, rows: np.ndarray, numbers: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows of each length in increasing order, each with its number in the random order of all rows."""
        lengths = self._stores[0].scores.lengths[rows]
        for length in np.unique(lengths):
            of = np.flatnonzero(lengths == length)
            of = of[np.argsort(rows[of])]
            yield rows[of], numbers[of]


class _Cases:
    """Sequences of one length, which all stores explain."""

    def __init__(self, work: _Work, rows: np.ndarray, numbers: np.ndarray):
        self._work, self._rows, self._numbers = work, rows, numbers
        self._subjects: dict[tuple, Subject] = {}
        self._cases: dict[int, Case] = {}
        self._width = int(work._stores[0].scores.lengths[rows[0]])

    def values(self, metric: Metric, i: int, j: int | None) -> tuple[dict[str, float | None], str | None]:
        """Return a metric's values by the row of the sequence, or what it lacks."""
        case = self._case(i)
        if j is not None:
            case.other = self._case(j).scores
        self._prepare(case, metric, i)
        if (lacks := metric.lacks(case)) is not None:
            return {}, lacks
        some = np.flatnonzero(self._numbers < (metric.most or len(self._work._rows)))
        if not len(some):
            return {}, None
        values = metric.compute(case if len(some) == len(self._rows) else case.part(some))
        kept = [None if np.isnan(value) else float(value) for value in values]
        return dict(zip(map(str, self._rows[some].tolist()), kept, strict=True)), None

    def _case(self, i: int) -> Case:
        if i not in self._cases:
            store = self._work._stores[i]
            residual = store.read("residual", self._rows) if store.scores.has("residual") else None
            case = Case(self._subject(store), store.read("scores", self._rows, self._width), residual=residual)
            if store.scores.has("predictions"):
                _check_predictions(store, case.subject.predictions, store.read("predictions", self._rows))
            self._cases[i] = case
        return self._cases[i]

    def _subject(self, store: JudgedStore) -> Subject:
        if store.subject not in self._subjects:
            network = self._work._networks[store.model]
            X = store.read("inputs", self._rows, self._width)
            self._subjects[store.subject] = Subject(X, network.predict(store), seed=self._work._job.seed)
        return self._subjects[store.subject]

    def _prepare(self, case: Case, metric: Metric, i: int) -> None:
        """Make the parts of a case that a metric needs, which take time."""
        store, work = self._work._stores[i], self._work
        network = work._networks[store.model]
        if "mutagenesis" in metric.needs and case.subject.mutagenesis is None:
            case.subject.mutagenesis = network.mutagenesis(store)
        if {"explain", "stages"} & {*metric.needs} and case.explain is None:
            case.explain = network.explain(store)
        if "stages" in metric.needs and case.stages is None:
            case.stages = network.stages(store)
        if "relabelled" in metric.needs and work._without_knowledge is not None:
            case.relabelled = work._without_knowledge.relabelled(store)


def _check_predictions(store: JudgedStore, now: np.ndarray, then: np.ndarray) -> None:
    """Raise :class:`InputError` where a model does not predict what the store says that it predicted."""
    off = np.abs(now - then)
    if off.max() > _SAME * np.abs(then).max():
        raise InputError(
            f"the model predicts {now[off.argmax()]:.4g} where {store.path} says {then[off.argmax()]:.4g}; it is not "
            "the model that made the store, or it is not read in the same way"
        )
