"""For each simulation of a suite the sequence on which a method that people use fails most, to be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from genolift.evaluate.truth.contrast import Contrast, contrast
from genolift.evaluate.truth.measures import Truth
from genolift.pipeline.benchmark.comparing.plan import Line
from genolift.pipeline.benchmark.comparing.unit import read_worth
from genolift.simulate.dataset import Dataset
from genolift.simulate.reading import load_dataset

#: Methods that many people use, of which it is worth to see how they fail.
USED = (
    *("gradient", "gradient-x-input", "guided-backprop-x-input", "grad-cam", "integrated-gradients", "ism"),
    *("deep-shap", "deeplift-rescale", "deeplift-genomics", "deeplift-revealcancel", "lrp-epsilon", "smoothgrad"),
)
_WIDTH = 200  # as many bases as a row of a logo holds


def failures(lines: list[Line], work: Path) -> list[dict[str, Any]]:
    """Return for each simulation what a picture of its greatest failure shows, as JSON can hold it.

    Networks of the first training seed are looked at.
    """
    first = min((line.seed for line in lines), default=0)
    found: dict[str, tuple[float, dict[str, Any]]] = {}
    for line in lines:
        if line.seed != first:
            continue
        for gap, told in _of_line(line, work):
            if gap > found.get(line.spec.name, (0.0, {}))[0]:
                found[line.spec.name] = (gap, told)
    return [told for _, told in found.values()]


def _of_line(line: Line, work: Path) -> list[tuple[float, dict[str, Any]]]:
    scores = {}
    for entry in line.suite.entries:
        with np.load(work / line.scores(entry)) as held:
            scores[entry.name] = held["scores"].astype(float)
    count = min(len(values) for values in scores.values())
    dataset = load_dataset(work / line.data, line.spec).subset("test").subset(slice(count))
    worth, tasks = read_worth(work / line.worth)
    learnt = worth.learnt()[: len(dataset.embeddings)]
    found = []
    for t, task in enumerate(tasks):
        if not np.any(learnt[:, t]):
            continue
        bases = Truth.of(dataset, learnt[:, t]).bases
        known = {name: values[:count, t] for name, values in scores.items() if not np.isnan(values[:, t]).any()}
        seen = contrast(known, bases, USED)
        if seen is not None:
            found.append((seen.gap, _told(line, dataset, task, learnt[:, t], scores, t, seen)))
    return found


def _told(
    line: Line,
    dataset: Dataset,
    task: str,
    learnt: np.ndarray,
    scores: dict[str, np.ndarray],
    t: int,
    seen: Contrast,
) -> dict[str, Any]:
    instances = [
        (one, float(value))
        for one, value in zip(dataset.embeddings, learnt, strict=True)
        if one.sequence_index == seen.row
    ]
    sequence = dataset.sequences[seen.row]
    start, end = _window(len(sequence), instances)
    return {
        "simulation": line.spec.name,
        "network": line.network.name,
        "seed": line.seed,
        "task": task,
        "name": dataset.names[seen.row],
        "sequence": sequence[start:end],
        "start": start,
        "instances": [
            {"motif": one.motif, "start": one.start, "end": one.end, "strand": one.strand, "value": round(value, 4)}
            for one, value in instances
            if one.start < end and one.end > start
        ],
        "methods": [
            {
                "method": name,
                "agreement": round(agreement, 3),
                "scores": [float(f"{value:.4g}") for value in scores[name][seen.row, t, start:end]],
            }
            for name, agreement in zip((seen.right, seen.wrong), seen.agreements, strict=True)
        ],
    }


def _window(length: int, instances: list[tuple[Any, float]]) -> tuple[int, int]:
    """Return the stretch, as wide as a picture, in which what matters is largest."""
    if length <= _WIDTH:
        return 0, length
    weight = np.zeros(length)
    for one, value in instances:
        weight[one.start : one.end] += abs(value) / (one.end - one.start)
    sums = np.convolve(weight, np.ones(_WIDTH), "valid")
    middle = float(np.mean(np.flatnonzero(sums >= sums.max() * (1 - 1e-9))))
    return int(middle), int(middle) + _WIDTH
