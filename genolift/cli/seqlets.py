"""``genolift seqlets``: stretches of high importance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from genolift.cli import parameters, parts

if TYPE_CHECKING:
    from genolift.pipeline.discovery.finding import Search


@click.command(
    epilog=parameters.epilog(
        "genolift seqlets scores.zarr --shuffles-to null.fa",
        "genolift explain model.keras null.fa --target 0 --out null.zarr",
        "genolift seqlets scores.zarr --null null.zarr --motifs jaspar.meme --out seqlets.bed",
    )
)
@click.argument("scores", type=parameters.path())
@click.option("--out", type=parameters.path(), help="The BED file.")
@parts.search
@click.option(
    "--gap",
    type=click.IntRange(0),
    metavar="N",
    default=2,
    show_default=True,
    help="How many low bases may lie inside in a row.",
)
@click.option(
    "--width", type=click.IntRange(1), metavar="N", default=3, show_default=True, help="The smallest width of a seqlet."
)
@parameters.known_motifs
@parameters.motif_format
@click.option(
    "--shuffles",
    "copies",
    type=click.IntRange(1),
    metavar="N",
    help="With --shuffles-to: shuffles of each sequence.  [default: about 1,000 of all, from 1 to 20 of each]",
)
@click.option(
    "--shuffles-to",
    type=parameters.path(),
    metavar="FASTA",
    help="Only write shuffles of the sequences, which keep dinucleotides, to be explained for --null.",
)
def command(
    search: Search,
    out: Path | None,
    shuffles_to: Path | None,
    copies: int | None,
    gap: int,
    width: int,
    motifs: Path | None,
    motif_format: str | None,
) -> None:
    """Find contiguous stretches of high importance, positive and negative, and the motifs they look like.

    SCORES is what `genolift explain` wrote. Writes BED, in genome coordinates where regions of a genome were scored:
    six columns, then sequence, importance (the sum of scores), p and q; with --motifs the best motif, its p and q. What
    several regions hold is there once for each.

    A base is high if its score would be in the outer twentieth of the background; high bases with no more than --gap
    others between them are a seqlet. p is the chance per base that a seqlet at least so important begins there, q the
    false discovery rate (Benjamini and Hochberg), for positive and negative seqlets each.

    The null is what the same search finds in --null, scores of shuffled sequences. It assumes that, without motifs,
    scores of the sequences would be like those of their shuffles. This is checked: where scores of a sequence are
    larger than the null's throughout, they are divided by what they exceed it, and a warning tells the number. Without
    --null, a null is made of the scores themselves. It keeps how large they are and how alike neighbours are, and asks
    only whether high scores lie together more than that explains. It finds fewer.
    """
    from genolift.pipeline.discovery.finding import write_shuffled
    from genolift.pipeline.discovery.seqlets import Seqlets, write_seqlets

    if shuffles_to is not None:
        count = write_shuffled(search.scores, shuffles_to, search.seed, search.execution.force, copies)
        click.echo(f"{shuffles_to}: {count:,} sequences")
        return
    if copies is not None:
        raise click.UsageError("--shuffles is for --shuffles-to: how many shuffles of each sequence are written.")
    if out is None:
        raise click.UsageError("Missing option '--out': where should the seqlets go?")
    written = write_seqlets(Seqlets(search, out, gap, width, motifs, motif_format))
    click.echo(f"{out}: {written.positive:,} positive, {written.negative:,} negative seqlets")
    parameters.tell_commonest(written.motifs)
