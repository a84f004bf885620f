"""``genolift ablate``: what is lost with a stretch."""

from __future__ import annotations

from typing import Any

import click

from genolift.cli import experimenting, parameters
from genolift.cli.targets import TargetsCommand


@click.command(
    cls=TargetsCommand,
    epilog=parameters.epilog(
        "genolift ablate model.keras sequences.fa --stretch 95-110 --target 0 --out middle.tsv",
        "genolift ablate model.keras sequences.fa --stretch GATA=40-50 --stretch TAL=80-96 --by unknown \\",
        "    --target 0 1 --out motifs.tsv",
    ),
)
@click.argument("model", type=parameters.path())
@click.argument("sequences", type=parameters.path(), metavar="SEQUENCES.fa[.gz]")
@click.option(
    "--stretch",
    "stretches",
    multiple=True,
    required=True,
    metavar="A-B",
    help="Positions A to B, 0-based, B not included, the same in all sequences; with a name: GATA=40-50.",
)
@click.option(
    "--by",
    default="shuffle",
    show_default=True,
    metavar="WHAT",
    help="What takes its place: shuffle (its bases in another order), dinucleotide (the same with dinucleotides kept), "
    "unknown (N), zero, or a sequence as long.",
)
@click.option(
    "--replicates", type=click.IntRange(1), metavar="N", default=20, show_default=True, help="Shuffles of each stretch."
)
@experimenting.experiment_options
def command(stretches: tuple[str, ...], by: str, replicates: int, **shared: Any) -> None:
    """Shuffle or replace a stretch, and tell what that does to the prediction.

    Writes a row per stretch and target: means over SEQUENCES before and after, and of the difference with its
    confidence interval over sequences.

    Sequences are taken to be independent draws. Each has shuffles of its own, also where all hold the same motif. A
    sequence that is given several times counts once.
    """
    from genolift.evaluate.experiments.ablation import ablate
    from genolift.pipeline.experiments.experiments import by_name, run_experiment, stretch

    places = by_name([stretch(text) for text in stretches])
    job = experimenting.job_of(shared, by=by, replicates=replicates)
    experimenting.tell(job, run_experiment(job, ablate, places))
