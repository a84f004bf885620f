"""Measure what DeepLIFT costs over the length, the number of references and the number of targets, and draw it.

    python benchmarks/cost.py [--rounds 5] [--out benchmarks/cost.png]

The network is a residual one of six dilated convolutions of 64 filters and random weights, as BPNet's body is, which
takes sequences of any length and has 512 outputs. Each point is the median of calls after a first one. Plain gradients of
as many pairs, and of as many targets, take turns with the calls; they are asked for in blocks as large as genolift's.
"""

import time
from pathlib import Path

import click
import keras
import matplotlib
import numpy as np
import tensorflow as tf

import genolift as gl

matplotlib.use("Agg")
from matplotlib import pyplot

K = keras.layers
LENGTHS = (250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000)
REFERENCES = (1, 2, 5, 10, 20, 50, 100)
TARGETS = (1, 2, 5, 10, 20, 50, 100)
ROWS = 20_000  # So many bases are in one call of plain gradients.


def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    x = inputs = keras.Input((None, 4))
    x = K.Conv1D(64, 21, padding="same", activation="relu")(x)
    for turn in range(1, 7):
        x = K.Add()([x, K.Conv1D(64, 3, padding="same", dilation_rate=2**turn, activation="relu")(x)])
    return keras.Model(inputs, K.Dense(512)(K.GlobalAveragePooling1D()(x)))


def gradients(model: keras.Model):
    """The gradient of each target for each row, one target after the other."""

    @tf.function(reduce_retracing=True)
    def one(x, target):
        with tf.GradientTape() as tape:
            tape.watch(x)
            number = tf.gather(model(x, training=False), target, axis=1)
        return tape.gradient(number, x)

    def run(rows: np.ndarray, targets: int) -> None:
        block = max(1, ROWS // rows.shape[1])
        for start in range(0, len(rows), block):
            part = tf.constant(rows[start : start + block])
            for target in range(targets):
                one(part, tf.constant(target)).numpy()

    return run


def seconds(function) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - cpu


def measured(model, length: int, references: int, targets: int, rounds: int) -> dict:
    """The seconds of a call for one sequence, and of the plain gradients."""
    rng = np.random.default_rng(0)
    rows = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (references + 1, length))]
    X, chosen = rows[:1], rows[1:]
    target = list(range(targets)) if targets > 1 else 0
    method = gl.DeepLift(model, target, references=lambda x: np.repeat(chosen[None], len(x), 0), progress=False)
    plain = gradients(model)
    jobs = {"genolift": lambda: method(X), "gradients": lambda: plain(chosen, targets)}
    for job in jobs.values():
        job()
    taken = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            taken[name].append(seconds(job))
    return {name: np.median(values, axis=0) for name, values in taken.items()}


@click.command(help=__doc__.split("\n\n", maxsplit=1)[0])
@click.option("--rounds", default=5, show_default=True, help="How many times each point is measured.")
@click.option("--out", type=click.Path(path_type=Path), default=Path(__file__).with_name("cost.png"), show_default=True)
def main(rounds: int, out: Path) -> None:
    model = network()
    sweeps = {
        "length, bp (5 references, 1 target)": [(length, 5, 1, length) for length in LENGTHS],
        "references (2,000 bp, 1 target)": [(2000, count, 1, count) for count in REFERENCES],
        "targets (1,000 bp, 5 references)": [(1000, 5, count, count) for count in TARGETS],
    }
    figure, axes = pyplot.subplots(1, len(sweeps), figsize=(13, 4), layout="constrained")
    click.echo("| what | value | seconds | processor seconds | ratio to gradients (processor) |\n|---|---|---|---|---|")
    for axis, (label, points) in zip(axes, sweeps.items(), strict=True):
        drawn = {"genolift": [], "gradients": []}
        for length, references, targets, value in points:
            found = measured(model, length, references, targets, rounds)
            for name, values in drawn.items():
                values.append(found[name][0])
            wall, cpu = found["genolift"] / found["gradients"]
            ours = found["genolift"]
            click.echo(
                f"| {label.split(',')[0].split(' (')[0]} | {value:,} | {ours[0]:.3f} | {ours[1]:.3f} | {wall:.2f} ({cpu:.2f}) |"
            )
        x = [point[-1] for point in points]
        axis.loglog(x, drawn["genolift"], "o-", label="DeepLIFT (genolift)")
        axis.loglog(x, drawn["gradients"], "s--", color="grey", label="as many plain gradients")
        axis.set_xlabel(label)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("seconds for one sequence")
    axes[0].legend()
    figure.savefig(out, dpi=90)
    click.echo(f"{out} is drawn")


if __name__ == "__main__":
    main()
