"""``genolift simulate``: draw a data set."""

from __future__ import annotations

from pathlib import Path

import click

from genolift.cli import parameters


@click.command(
    epilog=parameters.epilog(
        "genolift simulate tal_gata --out data",
        "genolift simulate my_motifs.toml --out data --seed 7",
    )
)
@click.argument("spec")
@click.option("--out", required=True, type=parameters.path(), help="Directory for the data set.")
@click.option(
    "--seed", type=click.IntRange(0), metavar="N", help="Draw with this seed.  [default: the configuration's]"
)
@click.option(
    "--sequences", type=click.IntRange(1), metavar="N", help="This many in all.  [default: the configuration's]"
)
@parameters.force
def command(spec: str, out: Path, seed: int | None, sequences: int | None, force: bool) -> None:
    """Draw a data set with known motifs.

    SPEC is a TOML file that says everything about the data, or the name of one that comes with genolift (tal_gata).
    Leaves sequences.fa, dataset.tsv (name, labels, split) and embeddings.bed (every embedded motif, with strand), and
    profiles.npz where the labels are profiles. The same SPEC and seed give the same bytes.
    """
    from genolift.pipeline.benchmark.simulation import draw_dataset

    dataset, was_there = draw_dataset(spec, out, seed, sequences, force)
    told = f"{len(dataset):,} sequences, {len(dataset.embeddings):,} embedded motifs"
    click.echo(f"{out} is already complete: {told}" if was_there else f"{out}: {told}")
