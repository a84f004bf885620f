"""``genolift compare``: two models, folds, targets or conditions on the same sequences."""

from __future__ import annotations

from pathlib import Path

import click

from genolift.cli import parameters
from genolift.cli.targets import ExplainedTarget, explained_target


@click.command(
    epilog=parameters.epilog(
        "genolift compare old.zarr new.zarr --motifs jaspar.meme --out compared",
        "genolift compare a.zarr b.zarr --null a_null.zarr b_null.zarr --target 0 --out compared",
        "genolift compare scores.zarr scores.zarr --target 0 --target-b 1 --match none --out targets",
    )
)
@click.argument("first", type=parameters.path(), metavar="A")
@click.argument("second", type=parameters.path(), metavar="B")
@click.option("--out", required=True, type=parameters.path(), metavar="DIR", help="The directory to write into.")
@explained_target("Which target, where several were explained.")
@click.option("--target-b", type=ExplainedTarget(), metavar="T", help="Which target of B.  [default: as of A]")
@click.option(
    "--null",
    "nulls",
    nargs=2,
    type=parameters.path(),
    metavar="A B",
    help="Scores of the same shuffled sequences, made like A and like B.  [default: the scores themselves]",
)
@click.option(
    "--match",
    type=click.Choice(["null", "none"]),
    default="null",
    show_default=True,
    help="Whether scores are divided by their typical size in the null, or taken as they are.",
)
@click.option(
    "--window",
    type=click.IntRange(1),
    metavar="N",
    default=10,
    show_default=True,
    help="In windows of so many bases sequences are compared.",
)
@click.option(
    "--gone",
    type=click.FloatRange(0, 1),
    default=0.25,
    show_default=True,
    help="A motif is gained or lost where one model has at most this share of the other's importance.",
)
@click.option("--fdr", type=click.FloatRange(0, 1), default=0.05, show_default=True, help="The largest q.")
@click.option(
    "--least", type=click.IntRange(2), metavar="N", default=20, show_default=True, help="How many places make a motif."
)
@parameters.known_motifs
@parameters.motif_format
@parameters.seed
@parameters.force
def command(
    first: Path,
    second: Path,
    out: Path,
    target: str | None,
    target_b: str | None,
    nulls: tuple[Path, Path] | None,
    match: str,
    window: int,
    gone: float,
    fdr: float,
    least: int,
    motifs: Path | None,
    motif_format: str | None,
    seed: int,
    force: bool,
) -> None:
    """Compare two stores of the same sequences: which motifs are gained or lost, and which sequences are read anew.

    A and B are what `genolift explain` wrote with two models, folds, targets or conditions. Writes motifs.tsv,
    regions.tsv and compare.html, with logos one above the other, into --out.

    Scores of two models have no common unit. They are divided by the median absolute score of a sequence of the null,
    which are shuffles in --null, or else the sequences themselves. How exactly that is known is part of the tests.

    Motifs are the patterns of both stores, as `genolift patterns` finds them; those that are alike are one motif. Its
    places are where a seqlet of A or of B is like it. The importance at these places is compared by a paired t-test,
    whose unit is the sequence. q is Benjamini and Hochberg's.

    Of each sequence, the window with the largest difference is compared with that of noise that has the distribution of
    the differences and is as alike to its neighbours. What an error of the units can make of a difference is taken off
    before. A small p does not say that another training of the same model would differ less. With --null, null_p says
    how rarely a shuffled sequence differs as much; shuffles hold motifs by chance.
    """
    from genolift.pipeline.common.execution import Execution
    from genolift.pipeline.discovery.compared import Comparison, compare
    from genolift.pipeline.discovery.gathering import Gatherer

    done = compare(
        Comparison(
            *(first, second, out, target, target_b, nulls or None, match, window, gone, fdr, seed),
            gatherer=Gatherer(least=least),
            motifs=motifs,
            motif_format=motif_format,
            execution=Execution(force=force),
        )
    )
    complete = " is already complete" if done.was_there else ""
    click.echo(f"{out}{complete}: {done.differ:,} of {done.sequences:,} sequences differ")
    for line in done.motifs:
        click.echo(f"  {line}")
