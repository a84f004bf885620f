"""``genolift marginalize``: what a motif does in backgrounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from genolift.cli import experimenting, parameters
from genolift.cli.targets import TargetsCommand


@click.command(
    cls=TargetsCommand,
    epilog=parameters.epilog(
        "genolift marginalize model.keras backgrounds.fa --motif GATA=AGATAAG --target 0 --out gata.tsv",
        "genolift marginalize model.keras peaks.fa --shuffles 10 --motifs jaspar.meme --motif MA0035.4 \\",
        "    --motif MA0140.2 --both-strands --target 0 1 --method deeplift --out motifs.tsv",
    ),
)
@click.argument("model", type=parameters.path())
@click.argument("sequences", type=parameters.path(), metavar="BACKGROUNDS.fa[.gz]")
@click.option("--motif", "chosen", multiple=True, required=True, metavar="MOTIF", help=experimenting.MOTIF_HELP)
@experimenting.motifs_option
@parameters.motif_format
@click.option("--both-strands", is_flag=True, help="Insert each motif's reverse complement too.")
@click.option(
    "--start", type=click.IntRange(0), metavar="N", help="Where it begins, 0-based.  [default: in the middle]"
)
@experimenting.shuffles_option
@experimenting.experiment_options
def command(
    chosen: tuple[str, ...],
    motifs: Path | None,
    motif_format: str | None,
    both_strands: bool,
    start: int | None,
    shuffles: int,
    **shared: Any,
) -> None:
    """Insert motifs into backgrounds, and tell what that does to the prediction.

    Writes a row per motif, strand and target: means over BACKGROUNDS before and after, and of the difference with its
    confidence interval. Where one sequence is given with --shuffles, the interval is over its shuffles, else over
    sequences. Backgrounds are taken to be independent draws, and one that is given several times counts once.
    """
    from genolift.evaluate.experiments.experiments import marginalize
    from genolift.pipeline.experiments.experiments import by_name, motif, run_experiment

    patterns = by_name([motif(text, motifs, motif_format) for text in chosen])
    job = experimenting.job_of(shared, both_strands=both_strands, start=start, shuffles=shuffles)
    experimenting.tell(job, run_experiment(job, marginalize, patterns))
