"""``genolift benchmark``: the whole simulated benchmark."""

from __future__ import annotations

from pathlib import Path

import click

from genolift.cli import parameters


@click.command(
    epilog=parameters.epilog(
        "genolift benchmark tal_gata --out benchmark",
        "genolift benchmark tal_gata --out quick --seeds 1 --sequences 2000 --epochs 4",
    )
)
@click.argument("spec")
@click.option("--out", required=True, type=parameters.path(), help="Directory for everything it leaves.")
@click.option("--seeds", type=click.IntRange(1), metavar="N", default=5, show_default=True, help="Networks to train.")
@click.option("--sequences", type=click.IntRange(1), metavar="N", help="Simulate this many.  [default: SPEC's]")
@click.option(
    "--epochs", type=click.IntRange(1), metavar="N", help="Train so long at most.  [default: the network's recipe]"
)
@click.option("--architecture", default="tal_gata", show_default=True, help="A network by name.")
@parameters.force
def command(
    spec: str, out: Path, seeds: int, sequences: int | None, epochs: int | None, architecture: str, force: bool
) -> None:
    """Simulate, train, explain and judge: the paper's figures from nothing.

    SPEC is a TOML file, or the name of one that comes with genolift (tal_gata). Explains the test sequences by the
    seven methods of the paper's figure 5 and judges them by where the motifs were embedded. Leaves data, model,
    recovery.csv, figures and index.html, which shows them all. The table of false negatives is given for every
    network; all else is of the first.

    An interrupted run continues with the same command after the last finished stage.
    """
    from genolift.pipeline.benchmark.benchmark import Benchmark, run_benchmark

    was_there = run_benchmark(Benchmark(spec, seeds, sequences, epochs, architecture), out, force)
    click.echo(f"{out} is already complete" if was_there else f"{out / 'index.html'} shows the results")
