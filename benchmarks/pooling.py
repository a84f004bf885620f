"""Compare DeepLIFT's rules for max pooling on networks that were trained on the simulated benchmark.

    python benchmarks/pooling.py [--seeds 2] [--epochs 10] [--sequences 8000] [--rounds 3]

For each network, seed, reference and rule it writes a line with these numbers:

- AUPRC, false negatives, Spearman: how well scores recover the embedded motifs (genolift.evaluate.truth.recovery), as
  means over tasks and motifs;
- phase: how much the mean |score| depends on the position modulo the stride of all pools together. It is the standard
  deviation over phases, divided by the mean, over bases outside motifs and away from the ends. Chance alone gives a
  little, which is the same for all rules;
- shift: how much scores change when the sequence moves by 1 to 3 positions, as a share of their mean size. Networks
  with pools change their predictions too, so that no rule reaches 0;
- miss: the largest |residual| as a share of the mean |difference of the outputs|;
- cost: user and system CPU seconds as a multiple of those of TensorFlow's plain gradients of as many pairs. The rules
  and the gradients take turns in one process, and the ratio is that of medians.
"""

import statistics
import time

import click
import keras
import numpy as np
import tensorflow as tf

import genolift as gl
from genolift.evaluate.truth import truth
from genolift.evaluate.truth.recovery import recover
from genolift.methods.references import Background, Shuffled
from genolift.models.training import train
from genolift.simulate.drawing.generate import simulate

K = keras.layers
COLUMNS = ("network", "seed", "accuracy", "reference", "rule")
COLUMNS += ("AUPRC", "false negatives", "Spearman", "phase", "shift", "miss", "cost")
RULES = ("shapley", "rise-and-fall", "winner")


def pooled(pools, before=False, final=None):
    """A network of two convolutions, each followed by a pool; ``before`` says that the pool comes before the ReLU."""

    def build():
        x = inputs = keras.Input((200, 4))
        for width, (size, stride) in zip((15, 7), pools, strict=True):
            x = K.Conv1D(32, width, padding="same")(x)
            steps = [K.ReLU(), K.MaxPooling1D(size, stride)]
            for step in reversed(steps) if before else steps:
                x = step(x)
        x = K.Dense(32, activation="relu")((final or K.Flatten)()(x))
        return keras.Model(inputs, K.Dense(3, activation="sigmoid")(K.Dropout(0.3)(x)))

    return build


def over_all():
    """A network of one convolution and the maximum over all positions."""
    x = inputs = keras.Input((200, 4))
    x = K.GlobalMaxPooling1D()(K.Conv1D(64, 15, activation="relu")(x))
    return keras.Model(inputs, K.Dense(3, activation="sigmoid")(K.Dense(32, activation="relu")(x)))


#: Network → how it is built, and the stride of all its pools together.
NETWORKS = {
    "pools of 4": (pooled([(4, 4), (4, 4)]), 16),
    "pools of 4 before ReLU": (pooled([(4, 4), (4, 4)], before=True), 16),
    "pools of 4 that overlap": (pooled([(4, 2), (4, 2)]), 4),
    "global": (over_all, 4),
}


def phase_bias(scores, outside, stride):
    sizes = np.where(outside[:, None], np.abs(scores), np.nan)[:, :, 24:-24]
    phases = np.arange(24, scores.shape[-1] - 24) % stride
    means = [np.nanmean(sizes[:, :, phases == phase]) for phase in range(stride)]
    return np.std(means) / np.mean(means)


def shift_change(explain, X, scores):
    """The mean change of a base's score where sequences move, as a share of the mean score's size."""
    changes = []
    for by in (1, 2, 3):
        moved = explain(np.roll(X, by, axis=1)).scores
        changes.append(np.abs(moved[..., 24 + by : -24] - scores[..., 24 : -24 - by]).mean())
    return np.mean(changes) / np.abs(scores[..., 24:-24]).mean()


def costs(methods, model, X, references, rounds):
    """CPU seconds of each method and of plain gradients, by turns, as multiples of the latter's."""

    @tf.function(reduce_retracing=True)
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = model(x)[:, 0]
        return tape.gradient(y, x)

    pairs = np.tile(X, (references, 1, 1))

    def plain():
        for i in range(0, len(pairs), 500):
            gradient(tf.constant(pairs[i : i + 500])).numpy()

    jobs = {"gradient": plain} | {name: (lambda m=method: m(X)) for name, method in methods.items()}
    seconds = {name: [] for name in jobs}
    for job in jobs.values():
        job()
    for _ in range(rounds):
        for name, job in jobs.items():
            began = time.process_time()
            job()
            seconds[name].append(time.process_time() - began)
    base = statistics.median(seconds["gradient"])
    return {name: statistics.median(taken) / base for name, taken in seconds.items()}


@click.command(help=__doc__.split("\n", maxsplit=1)[0])
@click.option("--seeds", default=2, show_default=True, help="How many networks of each kind are trained.")
@click.option("--epochs", default=10, show_default=True, help="For how many epochs.")
@click.option("--sequences", default=8000, show_default=True, help="The size of the data set.")
@click.option("--rounds", default=3, show_default=True, help="How many times each job is timed.")
def main(seeds: int, epochs: int, sequences: int, rounds: int) -> None:
    dataset = simulate("tal_gata", n=sequences)
    test = dataset.subset("test")
    X = test.one_hot()
    outside = ~np.any(list(truth.instance_bases(test).values()), axis=0)
    click.echo(
        "network | seed | accuracy | reference | rule | AUPRC | false negatives | Spearman | phase | shift | miss | cost"
    )
    for network, (build, stride) in NETWORKS.items():
        for seed in range(seeds):
            keras.utils.set_random_seed(seed)
            model, record = train(build(), dataset, seed=seed, epochs=epochs, progress=False)
            accuracy = np.mean([one["accuracy"] for one in record["metrics"].values()])
            for named, references, count in (
                ("background", Background(test.background), 1),
                ("10 shuffles", Shuffled(10, k=2, seed=0), 10),
            ):
                options = {"references": references, "progress": False}
                single = {rule: gl.DeepLift(model, 0, pooling=rule, **options) for rule in RULES}
                cost = costs(single, model, X[:200], count, rounds)
                for rule in RULES:
                    explain = gl.DeepLift(model, [0, 1, 2], pooling=rule, **options)
                    found = explain(X)
                    table = recover(test, {rule: found}).table
                    change = np.abs(found.predictions[..., None] - found.reference_predictions).mean()
                    numbers = (
                        *table[["auprc", "paper_false_negative_rate", "spearman"]].mean(),
                        phase_bias(found.scores, outside, stride),
                        shift_change(explain, X[:200], found.scores[:200]),
                        np.abs(found.residual).max() / change,
                        cost[rule],
                    )
                    cells = (network, str(seed), f"{accuracy:.3f}", named, rule, *(f"{n:.4f}" for n in numbers))
                    click.echo(" | ".join(cells))


if __name__ == "__main__":
    main()
