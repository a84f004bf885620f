"""The stages of a suite: draw, train, measure what instances are worth to the network, explain and judge."""

from __future__ import annotations

import os
import shutil
import threading
import time
from functools import partial
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import numpy as np

from genolift.evaluate.truth.measures import Truth, measure
from genolift.evaluate.truth.worth import Worth, worth
from genolift.pipeline.benchmark.comparing.asking import questions
from genolift.pipeline.benchmark.entries import Entry
from genolift.pipeline.benchmark.networks import Network
from genolift.pipeline.benchmark.simulation import drawn
from genolift.simulate.dataset import Dataset
from genolift.simulate.reading import load_dataset
from genolift.simulate.spec import Spec
from genolift.support.errors import InputError, UnsupportedModel
from genolift.support.files import whole
from genolift.support.threads import available, use_threads

COLUMNS = ("task", "truth", "metric", "value", "low", "high", "n", "sequences", "seconds")
_OF_WORTH = ("values", "error", "response")
_FITTED_ON = 1000  # Methods that are fitted see so many training sequences.

_LOOKED_AT = 20  # As many sequences as the slowest methods explain.
_BRIEF = 20.0  # seconds of a call below which it is timed again; compiling takes up to ten of them

# What the stages of one line share: the model, which takes a second to load, the data, and methods by what traced them.
_held: dict[str, Any] = {}


def begin_worker(workers: int) -> None:
    """Give each of several worker processes its share of the threads. This runs before TensorFlow is imported.

    A worker ends with the process that began it. Else it would go on for the minutes that its line takes.
    """
    use_threads(max(1, available() // workers))
    threading.Thread(target=_end_with, args=(parent_process(),), daemon=True).start()


def _end_with(parent: Any) -> None:
    if parent is not None:
        parent.join()
        os._exit(1)


def forget() -> None:
    """Let go of what the stages of the last line shared."""
    if _held:
        import keras

        _held.clear()
        keras.backend.clear_session()


def draw(spec: Spec, n: int | None, data: str, work: Path) -> None:
    """Draw the data set of a configuration into a directory."""
    shutil.rmtree(work / data, ignore_errors=True)
    drawn(spec, n=n).save(work / data)


def train_network(
    spec: Spec, network: Network, seed: int, epochs: int | None, data: str, out: str, work: Path
) -> dict[str, Any]:
    """Train a network and return its metrics on the test sequences."""
    from genolift.models.objectives import objective_of
    from genolift.models.training import train

    dataset = load_dataset(work / data, spec)
    length = len(dataset.sequences[0])
    positions = None if dataset.profiles is None else dataset.profiles.shape[1]
    model = network.build(length, len(dataset.tasks), objective_of(dataset).activation, seed, positions)
    chosen = network.hyperparameters(int(np.sum(np.asarray(dataset.splits) == "train")), epochs)
    model, record = train(model, dataset, seed=seed, progress=False, **chosen)
    with whole(work / out, work / f"part-{out}") as part:
        model.save(part)
    metrics = [
        {"task": task, "metric": name, "value": value}
        for task, row in (record["metrics"] or {}).items()
        for name, value in row.items()
        if isinstance(value, float)
    ]
    return {"metrics": metrics, "best_epoch": record["best_epoch"], "seconds": record["seconds"]}


def measure_worth(spec: Spec, built: Network, explained: int, data: str, model: str, out: str, work: Path) -> None:
    """Measure what the instances of the explained sequences are worth to the network."""
    dataset, network = _open(spec, built, data, model, work)
    some = _explained(dataset, explained)
    asked = questions(some, network)
    found = [worth(some, one.predict, progress=False, value=one.value) for one in asked]
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(one, name) for one in found], axis=1) for name in _OF_WORTH
    }
    with whole(work / out) as part, part.open("wb") as handle:
        np.savez(handle, tasks=np.array([task for one in asked for task in one.tasks]), **columns)


def read_worth(path: Path) -> tuple[Worth, list[str]]:
    """Return what instances are worth to the network, and the tasks in the order of its columns."""
    with np.load(path) as held:
        return Worth(*(held[name] for name in _OF_WORTH)), held["tasks"].tolist()


def explain_and_measure(
    files: tuple[str, str, str], out: str, spec: Spec, built: Network, entry: Entry, explained: int, work: Path
) -> dict[str, Any]:
    """Explain by one method and return the rows of the table, or why it does not explain this network.

    ``files`` are the data, the model, and what instances are worth. The scores of the first sequences go to ``out``,
    (n, T, L), NaN for tasks that the method does not explain.
    """
    data, model, worth_file = files
    dataset, network = _open(spec, built, data, model, work)
    some = _explained(dataset, explained)
    learnt = read_worth(work / worth_file)[0].learnt()
    if entry.most is not None and entry.most < len(some):
        numbers = [k for k, one in enumerate(some.embeddings) if one.sequence_index < entry.most]
        learnt, some = learnt[numbers], some.subset(slice(entry.most))
    X = some.one_hot()
    rows: list[dict[str, Any]] = []
    kept = np.full((min(len(some), _LOOKED_AT), learnt.shape[1], X.shape[1]), np.nan, np.float32)
    refused, first = [], 0
    for question in questions(some, network):
        columns = slice(first, first := first + len(question.tasks))
        try:
            scores, seconds = _timed(_method(entry, network, question.targets, dataset), X, some.names)
        except (UnsupportedModel, InputError) as problem:
            refused.append(f"{question.of}{str(problem).splitlines()[0]}")
            continue
        kept[:, columns] = scores[: len(kept)]
        for t, task in enumerate(question.tasks):
            for name, values in (("label", question.label), ("network", learnt[:, columns])):
                if values is None or not np.any(values[:, t]):
                    continue
                table = measure(scores[:, t], Truth.of(some, values[:, t]))
                for row in table.to_dict("records"):
                    told = {"task": task, "truth": name, **row, "sequences": len(some), "seconds": round(seconds, 3)}
                    rows.append({key: None if value != value else value for key, value in told.items()})
    with whole(work / out) as part, part.open("wb") as handle:
        np.savez_compressed(handle, scores=kept)
    return {"rows": rows} | ({"refused": "; ".join(refused)} if refused else {})


def _fitted_on(dataset: Dataset) -> np.ndarray:
    return dataset.subset("train").subset(slice(_FITTED_ON)).one_hot()


def _method(entry: Entry, network: Any, targets: list[Any], dataset: Dataset) -> Any:
    """Return the method of an entry. Entries that differ in their references alone share one, traced once."""
    key, shared = (entry.method, repr(sorted(entry.options.items())), repr(targets)), _held["methods"]
    if entry.references is not None and key in shared:
        shared[key].references = entry.compared_with(partial(_fitted_on, dataset))
        return shared[key]
    method = entry.make(network, targets, partial(_fitted_on, dataset))
    if entry.references is not None:
        shared[key] = method
    return method


def _timed(method: Any, X: np.ndarray, names: Any) -> tuple[np.ndarray, float]:
    """Return the scores, and the seconds of processor time that they took.

    The first call compiles, which costs the same for any number of sequences. Where it was brief, most of it was that,
    and a second one tells what the sequences cost. Processor time hardly depends on what else the machine does.
    """
    seconds = 0.0
    for _ in range(2):
        began = time.process_time()
        scores = np.asarray(method(X, names=names).scores)
        seconds = time.process_time() - began
        if seconds > _BRIEF:
            break
    return scores, seconds


def _open(spec: Spec, built: Network, data: str, model: str, work: Path) -> tuple[Dataset, Any]:
    from genolift.models.loading import load_model

    key = str(work / model)
    if _held.get("key") != key:
        forget()
        made = load_model(work / model, layers=built.layers())
        _held.update(key=key, data=load_dataset(work / data, spec), model=made, methods={})
    return _held["data"], _held["model"]


def _explained(dataset: Dataset, number: int) -> Dataset:
    return dataset.subset("test").subset(slice(number))
