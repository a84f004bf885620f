"""The benchmark's results: the table of motif recovery, for each training seed too, and the figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from genolift.evaluate.truth.recovery import PER_SEED, Recovery, recover
from genolift.evaluate.truth.truth import presence
from genolift.pipeline.benchmark.contenders import METHODS
from genolift.results.explanation import Explanation
from genolift.simulate.dataset import Dataset
from genolift.simulate.reading import load_dataset
from genolift.simulate.spec import Spec

TABLE = "recovery.csv"
_SUFFIXES = (".png", ".svg")

# The name of the scores of a training seed and a method, in the work directory.
Naming = Callable[[int, str], str]


def figure_files(spec: Spec) -> tuple[str, ...]:
    """Return the names of the figures: 5 for every motif, and 6."""
    stems = [*(f"figure5_{motif}" for motif in spec.matrices), "figure6"]
    return tuple(stem + suffix for stem in stems for suffix in _SUFFIXES)


def judge(spec: Spec, seeds: int, scores: Naming, work: Path) -> dict:
    """Write recovery.csv and the figures of seed 0; return which sequence figure 6 shows.

    Where there are several seeds the false negatives of all stand in columns of their own.
    """
    test = load_dataset(work, spec).subset("test")
    explanations = _load(work, scores, 0)
    seconds = {name: one.provenance["seconds"] for name, one in explanations.items()}
    recovery = recover(test, explanations, seconds=seconds)
    table = recovery.table.copy()
    if seeds > 1:
        table[f"{PER_SEED}0"] = table.paper_false_negative_rate
    for seed in range(1, seeds):
        table[f"{PER_SEED}{seed}"] = recover(test, _load(work, scores, seed)).table.paper_false_negative_rate
    table.to_csv(work / TABLE, index=False, lineterminator="\n")
    i = telling_sequence(recovery, test)
    _draw(recovery, explanations, test, i, work)
    return {"sequence": test.names[i], "task": test.tasks[0]}


def _draw(recovery: Recovery, explanations: dict[str, Explanation], test: Dataset, i: int, work: Path) -> None:
    from genolift.plot.figures import figure5, figure6
    from genolift.plot.style import save_figure

    for motif in test.motifs:
        save_figure(figure5(recovery, motif), *(work / f"figure5_{motif}{suffix}" for suffix in _SUFFIXES))
    marks = [(one.start, one.end, one.motif, one.strand) for one in test.embeddings if one.sequence_index == i]
    figure = figure6(explanations, i, target=0, highlight=marks, task=test.tasks[0])
    save_figure(figure, *(work / f"figure6{suffix}" for suffix in _SUFFIXES))


def telling_sequence(recovery: Recovery, dataset: Dataset) -> int:
    """Return the sequence in which the methods, taken together, miss most strong matches for the first task.

    Without any miss it is the one with most kinds of motif. Of equals it is the first.
    """
    cloud = recovery.scatter
    missed = cloud[cloud.counted & (cloud.importance <= 0) & (cloud.task == str(dataset.tasks[0]))]
    if len(missed):
        counts = missed.sequence.value_counts().sort_index()
        return int(counts.index.to_numpy()[counts.argmax()])
    return int(presence(dataset).sum(axis=1).argmax())


def _load(work: Path, scores: Naming, seed: int) -> dict[str, Explanation]:
    return {name: Explanation.load(work / scores(seed, name)) for name in METHODS}
