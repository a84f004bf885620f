"""Time genolift and simdna on the same simulation, in one process, in interleaved rounds.

The job: draw the 8,000 sequences of simulations/tal_gata.toml with their labels and write them, with every
embedded instance, as a .simdata file. Reading the configuration and the motifs is left out on both sides.
"""

import argparse
import contextlib
import io
import statistics
import tempfile
import time
import warnings
from pathlib import Path

from genolift.simulate.drawing.generate import simulate
from genolift.simulate.simdata import read_simdata, write_simdata
from genolift.simulate.spec import Spec, load_spec

CONFIGURATION = Path(__file__).parents[1] / "simulations" / "tal_gata.toml"
GOAL = 20


def simdna_job(spec: Spec):
    """The job as simdna does it: ``spec`` with Poisson counts, forward strand and uniform placement."""
    warnings.filterwarnings("ignore", message=".*pkg_resources.*")
    from simdna import pwm, synthetic

    matrices = {}
    for name, matrix in spec.matrices.items():
        # simdna takes logarithms of the matrix when it is made, so a zero needs a pseudocount, however small
        matrices[name] = pwm.PWM(name).addRows(matrix.tolist()).finalise(pseudocountProb=1e-9)

    def embedder(embed):
        count = embed.count
        quantity = synthetic.MinMaxWrapper(
            synthetic.PoissonQuantityGenerator(count.mean), theMin=count.min, theMax=count.max
        )
        sampler = synthetic.PwmSampler(matrices[embed.motif])
        return synthetic.RepeatedEmbedder(synthetic.SubstringEmbedder(sampler), quantity)

    background = synthetic.ZeroOrderBackgroundGenerator(
        spec.length.max, discreteDistribution=dict(zip("ACGT", spec.background, strict=True))
    )
    groups = [
        synthetic.GenerateSequenceNTimes(
            synthetic.EmbedInABackground(background, [embedder(e) for e in group.embed], group.name),
            group.sequences,
        )
        for group in spec.groups
    ]
    labels = {task: spec.label(task) for task in spec.tasks}

    def label(_, sequence):
        found = [embedding.what.stringDescription for embedding in sequence.embeddings]
        counts = {name: found.count(name) for name in spec.matrices}
        return [int(expression(counts)) for expression in labels.values()]

    def job(path: Path) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            synthetic.printSequences(
                str(path),
                synthetic.ChainSequenceSetGenerators(*groups),
                includeEmbeddings=True,
                labelGenerator=synthetic.LabelGenerator(spec.tasks, label),
            )

    return job


def main() -> None:
    """Run the rounds, check that both made what was asked, print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    spec = load_spec(CONFIGURATION)
    jobs = {
        "genolift": lambda path: write_simdata(path, simulate(spec)),
        "simdna": simdna_job(spec),
    }
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            for name, job in jobs.items():
                path = Path(folder) / f"{name}{number}.simdata"
                begin = time.perf_counter()
                job(path)
                seconds[name].append(time.perf_counter() - begin)
                made = read_simdata(path)
                if len(made) != spec.total or made.tasks != spec.tasks:
                    raise SystemExit(f"{name} did not make the data set that was asked for")
                print(
                    f"round {number + 1}  {name:9s} {seconds[name][-1]:7.3f} s  {len(made):,} sequences, "
                    f"{len(made.embeddings):,} instances, labels "
                    f"{made.labels.mean(axis=0).round(3).tolist()}",
                    flush=True,
                )
    median = {name: statistics.median(times) for name, times in seconds.items()}
    ratio = median["simdna"] / median["genolift"]
    print("\nmedian " + ", ".join(f"{name} {value:.3f} s" for name, value in median.items()), end="")
    print(f": {ratio:.0f} times as fast")
    if ratio < GOAL:
        raise SystemExit(f"the goal is {GOAL} times")


if __name__ == "__main__":
    main()
