"""``genolift patterns``: the patterns of a store or of a TF-MoDISco result, with the names of known motifs."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from genolift.cli import parameters
from genolift.cli.targets import TargetsCommand, explained_targets
from genolift.support.errors import InputError

_OF_STORES = {
    "targets": "--target",
    "null": "--null",
    "fdr": "--fdr",
    "seed": "--seed",
    "least": "--least",
    "clustered": "--clustered",
    "width": "--width",
    "alike": "--alike",
}


@click.command(
    cls=TargetsCommand,
    epilog=parameters.epilog(
        "genolift patterns scores.zarr --motifs jaspar.meme --out patterns",
        "genolift patterns scores.zarr --null null.zarr --target 0 1 --out patterns",
        "genolift patterns modisco.h5 --motifs jaspar.meme --out patterns",
    ),
)
@click.argument("source", type=parameters.path(), metavar="STORE|H5")
@parameters.known_motifs
@parameters.motif_format
@click.option("--out", required=True, type=parameters.path(), metavar="DIR", help="The directory to write into.")
@explained_targets("Of a store: which targets; may be several.  [default: all that were explained]")
@click.option(
    "--null",
    type=parameters.path(),
    metavar="STORE",
    help="Of a store: scores of shuffled sequences, made alike, in which patterns should be rarer.",
)
@click.option(
    "--fdr",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="Of a store: the largest q of the seqlets.",
)
@click.option(
    "--least",
    type=click.IntRange(2),
    metavar="N",
    default=20,
    show_default=True,
    help="Of a store: how many members make a pattern.",
)
@click.option(
    "--clustered",
    type=click.IntRange(10, 10_000),
    metavar="N",
    default=2000,
    show_default=True,
    help="Of a store: how many seqlets of each sign are clustered; all others are compared with the patterns only.",
)
@click.option(
    "--width",
    type=click.IntRange(6, 100),
    metavar="N",
    default=20,
    show_default=True,
    help="Of a store: by how many bases seqlets are compared. Patterns are up to 20 bases wider.",
)
@click.option(
    "--alike",
    type=click.FloatRange(0, 1),
    default=0.8,
    show_default=True,
    help="Of a store: two patterns at least so much alike (cosine) become one.",
)
@parameters.seed
@click.option("--force", is_flag=True, help="Start afresh: replace an earlier result.")
@click.pass_context
def command(
    context: click.Context,
    source: Path,
    motifs: Path | None,
    motif_format: str | None,
    out: Path,
    targets: tuple[str, ...],
    null: Path | None,
    fdr: float,
    least: int,
    clustered: int,
    width: int,
    alike: float,
    seed: int,
    force: bool,
) -> None:
    """Find the patterns in the scores of a store, or describe those of TF-MoDISco, and name motifs they look like.

    STORE is what `genolift explain` wrote, H5 what `modisco motifs` wrote (modisco-lite). Writes patterns.tsv (a row
    per pattern: seqlets, width, consensus, bits of information, importance, which is the mean over its seqlets; with
    --motifs the best match, its strand, p and q), patterns.meme (the frequencies of the bases as motifs) and
    patterns.html (the table, with logos of each pattern and of its match) into --out. Of a store also patterns.bed (all
    members) and patterns.h5, which `genolift hits` and others read as a TF-MoDISco result.

    In a store, seqlets are found as by `genolift seqlets`. Windows around them are laid on each other, on either
    strand, and clustered by average linkage; those of positive and of negative seqlets, and of each target, by
    themselves. Then every seqlet goes to the pattern that it is most like, or to none if it is no more like any than
    windows with their positions in random order. Memory does not grow with the number of seqlets.

    What stands out of noise as large as the background is a seqlet, and some seqlets are chance matches in sequence
    without meaning. With --null, patterns are made of one half of the sequences, drawn at random, and null_q tells
    whether more of the other half hold a pattern than of the null (Fisher's exact test, Benjamini and Hochberg). A null
    whose scores are smaller outside motifs, too, is multiplied by the ratio first.

    Patterns are trimmed to where they contribute: ends with less than 0.3 of the largest position are cut. Their
    frequencies of bases are compared with the motifs, on either strand, by Tomtom, whose p-values are calibrated with
    patterns of the same width that have their positions in random order. A pattern is called by the name of a motif on
    the page where q is at most 0.05.
    """
    if source.is_dir():
        from genolift.evaluate.discovery.clustering import Shape
        from genolift.pipeline.common.execution import Execution
        from genolift.pipeline.discovery.finding import Search
        from genolift.pipeline.discovery.gathered import GatherJob, gather_patterns
        from genolift.pipeline.discovery.gathering import Gatherer

        search = Search(source, None, null, fdr, seed, Execution(force=force))
        gatherer = Gatherer(Shape(core=width), least, clustered, alike)
        done = gather_patterns(GatherJob(search, out, targets, gatherer, motifs, motif_format))
        _tell(out, done.motifs, motifs is not None, done.counts, done.was_there)
        return
    from genolift.pipeline.discovery.described import PatternsJob, write_patterns

    for name, option in _OF_STORES.items():
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise InputError(f"{option} is for the patterns of a store, and {source} is no directory; leave it away")
    _tell(out, write_patterns(PatternsJob(source, out, motifs, motif_format, force)), motifs is not None)


def _tell(
    out: Path, found: dict[str, str], compared: bool, counts: dict[str, int] | None = None, was_there: bool = False
) -> None:
    """Print how many patterns there are, and a line for each."""
    like = f", {sum(map(bool, found.values())):,} of them like a known motif" if compared else ""
    click.echo(f"{out}{' is already complete' if was_there else ''}: {len(found):,} patterns{like}")
    for name, motif in found.items():
        members = f"{counts[name]:6,}  " if counts else ""
        click.echo(f"  {members}{name}" + (f"  {motif}" if motif else ""))
