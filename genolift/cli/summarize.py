"""``genolift summarize``: how much importance lies in stretches of a BED file."""

from __future__ import annotations

from pathlib import Path

import click

from genolift.cli import parameters
from genolift.cli.targets import explained_target


@click.command(
    epilog=parameters.epilog(
        "genolift summarize scores.zarr --regions sites.bed --out sites.tsv",
        "genolift summarize scores.zarr --regions hits.bed --null null.zarr --target 0 --out hits.tsv",
    )
)
@click.argument("scores", type=parameters.path())
@click.option(
    "--regions",
    required=True,
    type=parameters.path(),
    metavar="BED",
    help="The stretches: a BED file of three columns or more, plain or gzip, or - for standard input.",
)
@click.option("--out", required=True, type=parameters.path(), help="The table; it is compressed if it ends in .gz.")
@explained_target()
@click.option(
    "--coordinates",
    type=click.Choice(["auto", "genome", "sequence"]),
    default="auto",
    show_default=True,
    help="Where the stretches lie: on chromosomes of the genome, or on the scored sequences by their names. auto is "
    "genome where regions of a genome were scored.",
)
@click.option(
    "--null",
    type=parameters.path(),
    metavar="STORE",
    help="Scores of shuffled sequences, made alike, in which the random stretches lie.  [default: SCORES itself]",
)
@click.option(
    "--draws",
    type=click.IntRange(1),
    metavar="N",
    default=1000,
    show_default=True,
    help="How many random stretches of each length the percentile is among.",
)
@parameters.seed
@parameters.replace
def command(
    scores: Path,
    regions: Path,
    out: Path,
    target: str | None,
    coordinates: str,
    null: Path | None,
    draws: int,
    seed: int,
    force: bool,
) -> None:
    """Summarize the importance in stretches, such as peaks, hits and footprints, as a table.

    SCORES is what `genolift explain` wrote. The table has a row for each stretch and each scored sequence that holds
    all of it: the sum, mean, largest and smallest score, and the share, which is the sum of absolute scores in the
    stretch over that in the whole sequence. A stretch that no sequence holds gets a row whose status and note say why.

    null_percentile is the percentage of random stretches of the same length whose scores sum to less. By default they
    lie at random places of SCORES itself, where motifs are, too. With --null they lie at random places of that store.
    The percentile of a stretch with very negative scores is close to 0.
    """
    from genolift.pipeline.common.execution import Execution
    from genolift.pipeline.common.standard_input import spooled
    from genolift.pipeline.discovery.finding import Search
    from genolift.pipeline.discovery.summary import Summary, write_summary

    search = Search(scores, target, null, seed=seed, execution=Execution(force=force))
    with spooled(regions) as read:
        counts = write_summary(Summary(search, read(regions), out, coordinates, draws))
    click.echo(f"{out}: {counts['ok']:,} of {sum(counts.values()):,} stretches")
    for status, count in counts.items():
        if status != "ok":
            click.echo(f"  {count:6,}  {status}")
