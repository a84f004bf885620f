"""``genolift space``: two motifs at every distance and orientation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from genolift.cli import experimenting, parameters
from genolift.cli.targets import TargetsCommand


@click.command(
    cls=TargetsCommand,
    epilog=parameters.epilog(
        "genolift space model.keras backgrounds.fa --first AGATAAG --second CAGCTG --target 0 --out pair.tsv",
        "genolift space model.keras peaks.fa --shuffles 5 --first GATA=AGATAAG --second EBOX=CANNTG \\",
        "    --distances 0-60:3 --both-orders --target 0 --out pair.tsv",
    ),
)
@click.argument("model", type=parameters.path())
@click.argument("sequences", type=parameters.path(), metavar="BACKGROUNDS.fa[.gz]")
@click.option("--first", required=True, metavar="MOTIF", help=experimenting.MOTIF_HELP)
@click.option("--second", required=True, metavar="MOTIF", help="The same; this one moves.")
@experimenting.motifs_option
@parameters.motif_format
@click.option(
    "--distances",
    default="0-40:2",
    show_default=True,
    metavar="A-B[:N]",
    help="Bases between the two, every Nth; or a list, 0,5,10.",
)
@click.option(
    "--orientations",
    default="++,+-,-+,--",
    show_default=True,
    metavar="...",
    help="Strands of the first and the second.",
)
@click.option("--both-orders", is_flag=True, help="Put the second to the left of the first too.")
@click.option(
    "--start",
    type=click.IntRange(0),
    metavar="N",
    help="Where the first begins, 0-based.  [default: the widest arrangement in the middle]",
)
@experimenting.shuffles_option
@experimenting.experiment_options
def command(
    first: str,
    second: str,
    motifs: Path | None,
    motif_format: str | None,
    distances: str,
    orientations: str,
    both_orders: bool,
    start: int | None,
    shuffles: int,
    **shared: Any,
) -> None:
    """Insert two motifs at every distance and orientation, and tell what they do together and apart.

    Writes a row per arrangement and target: the effect of both, of each alone, and their interaction (both, less each
    alone, plus neither), with confidence intervals over BACKGROUNDS, which are taken to be independent draws. One that
    is given several times counts once.
    """
    from genolift.evaluate.experiments.spacing import space
    from genolift.pipeline.experiments import experiments

    subjects = [experiments.motif(text, motifs, motif_format)[1] for text in (first, second)]
    job = experimenting.job_of(
        shared,
        distances=experiments.distances(distances),
        orientations=[text.strip() for text in orientations.split(",")],
        both_orders=both_orders,
        start=start,
        shuffles=shuffles,
    )
    experimenting.tell(job, experiments.run_experiment(job, space, *subjects))
