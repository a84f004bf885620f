"""Does the training recipe reach the paper's accuracy, and how long does one training take?

    python benchmarks/training.py [--seeds 5] [--constant-rate] [--fresh-data] [--model M [--weights W]]

Trains the architecture ``tal_gata`` on the simulated data set of that name (8,000 sequences: 6,400 to train,
800 to validate, 800 to test), once per seed, and measures accuracy per task at 0.5 on 10,000 sequences
simulated with another seed: on the 800 test sequences the standard error alone would be 0.8 points.
``--fresh-data`` simulates another data set for every seed too. ``--constant-rate`` replaces the recipe by
what is limiting without it: Adam at a constant 0.001, for comparison. ``--model`` measures a model that is
there already on the same sequences, for example the paper's own, which shows how much the ambiguity of the
labels leaves to be learned (a weakly sampled motif is like background, and background contains strings like
the motif).

Writes a line per training and the mean, and exits with 1 if the mean is more than one point below the paper's
model on any task.
"""

import sys
import time

import click
import numpy as np

from genolift.models import training
from genolift.models.loading import load_model
from genolift.models.metrics import class_metrics
from genolift.simulate import simulate

PAPER = np.array([0.948, 0.939, 0.973])  # the paper's model on its 800 test sequences
FRESH, FRESH_SEED = 10_000, 7_654_321


def accuracies(model, dataset) -> np.ndarray:
    """Accuracy per task of ``model`` on all sequences of ``dataset``, (T,)."""
    X = dataset.one_hot()
    probabilities = np.concatenate([np.asarray(model(X[i : i + 500])) for i in range(0, len(X), 500)])
    return np.array([row["accuracy"] for row in class_metrics(dataset.labels, probabilities, dataset.tasks).values()])


def line(label: str, values: np.ndarray, rest: str = "") -> None:
    click.echo(f"{label:<12} " + "  ".join(f"{value:.4f}" for value in values) + rest)


@click.command(help=__doc__.split("\n", maxsplit=1)[0])
@click.option("--seeds", default=5, show_default=True, help="How many trainings.")
@click.option("--constant-rate", is_flag=True, help="Train at a constant learning rate of 0.001 instead.")
@click.option("--fresh-data", is_flag=True, help="Another training data set for every seed.")
@click.option("--model", "model_file", help="Measure this model too.")
@click.option("--weights", help="Its weights, if it is an architecture JSON.")
def main(seeds: int, constant_rate: bool, fresh_data: bool, model_file: str | None, weights: str | None) -> None:
    fresh = simulate("tal_gata", seed=FRESH_SEED, n=FRESH)
    if constant_rate:
        training.RECIPES["tal_gata"] = training.Recipe(epochs=30, warm_up=0.0, final_rate=1.0)
    line("paper", PAPER, f"  {', '.join(fresh.tasks)}; on its own 800 test sequences")
    if model_file:
        line("this model", accuracies(load_model(model_file, weights=weights), fresh))
    rows = []
    for seed in range(seeds):
        dataset = simulate("tal_gata", seed=1000 + seed) if fresh_data else simulate("tal_gata")
        began = time.perf_counter()
        model, record = training.train("tal_gata", dataset, seed=seed, progress=sys.stderr.isatty())
        seconds = time.perf_counter() - began
        rows.append(accuracies(model, fresh))
        epochs = f"best of {len(record['history'])} epochs: {record['best_epoch']}"
        line(f"seed {seed}", rows[-1], f"  {seconds:.0f} s, {epochs}")
    mean = np.mean(rows, axis=0)
    line("mean", mean)
    line("minus paper", mean - PAPER)
    sys.exit(int((mean < PAPER - 0.01).any()))


if __name__ == "__main__":
    main()
