"""``genolift plot``: logos, both alleles of a variant, or a map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from genolift.cli import parameters
from genolift.cli.targets import TargetsCommand, explained_targets


@click.command(
    cls=TargetsCommand,
    epilog=parameters.epilog(
        "genolift plot scores.zarr --sequence chr1:1000-1200 --out logo.png",
        "genolift plot scores.zarr --sequence peak_7 --start 900 --end 1200 --target 1 --out logo.svg",
        "genolift plot deeplift.zarr ism.zarr --sequence peak_7 --sequence peak_9 --width 180 --out methods.pdf",
        "genolift plot ism.zarr --sequence peak_7 --view substitutions --out mutagenesis.png",
        "genolift plot alleles.zarr --alleles 'chr1:14677:GA>G' --out alleles.png",
        "genolift plot pairs.zarr --sequence peak_7 --map --out map.png",
    ),
)
@click.argument("stores", type=parameters.path(), nargs=-1, required=True, metavar="SCORES...")
@click.option(
    "--sequence",
    "sequences",
    multiple=True,
    metavar="NAME",
    help="Which one, by its name in the FASTA file; once for each.",
)
@click.option(
    "--alleles",
    metavar="VARIANT",
    help="Draw both alleles of a variant of a store that `genolift variants --explain` wrote, such as "
    "'chr1:14677:G>A', in quotes because > means something to the shell.",
)
@click.option(
    "--start",
    type=click.IntRange(0),
    metavar="N",
    help="First position, 0-based from the start of the sequence, or of the window of --alleles.  [default: 0, or 40 "
    "before the change of --alleles]",
)
@click.option(
    "--end",
    type=click.IntRange(1),
    metavar="N",
    help="Position after the last, counted in the same way.  [default: the sequence's length, or 40 behind the change]",
)
@explained_targets("Which targets, where several were explained.")
@click.option(
    "--view",
    type=click.Choice(["scores", "hypothetical", "substitutions"]),
    default="scores",
    show_default=True,
    help="Draw the bases that are there, the hypothetical contributions of all four, or a map of how the score changes "
    "when a base is replaced.",
)
@click.option(
    "--limits",
    type=click.Choice(["shared", "free"]),
    help="Whether all rows have the same limits.  [default: shared within a method]",
)
@click.option("--width", type=float, metavar="MM", help="Width of the picture in millimetres.")
@click.option("--row-height", type=float, metavar="MM", help="Height of each row in millimetres.")
@click.option(
    "--annotations",
    type=parameters.path(),
    metavar="BED",
    help="Mark what a BED file lists; its first column holds names of sequences, or chromosomes.",
)
@click.option(
    "--map",
    "as_map",
    is_flag=True,
    help="Draw what depends on what (interactions, attention), where the method makes such a map, or the edits of a "
    "design.",
)
@click.option("--out", required=True, type=parameters.path(), help="The picture: .png, .svg or .pdf.")
def command(
    stores: tuple[Path, ...],
    sequences: tuple[str, ...],
    alleles: str | None,
    as_map: bool,
    out: Path,
    **printed: Any,
) -> None:
    """Draw the scores of sequences as logos.

    SCORES are what `genolift explain` wrote. Letters are as high as their base is important; below the line are bases
    that speak against the target. Of a store of images, one image is drawn with the scores of its pixels beside it.

    Several sequences, targets and stores are drawn one above the other. Rows of one method share their limits, so that
    their heights can be compared. Other methods have other units, and limits of their own.
    """
    from genolift.pipeline.common.drawing import Printed, draw_alleles, draw_logos, draw_map

    shown = Printed(**printed)
    if alleles is not None and (sequences or as_map or len(stores) > 1):
        raise click.UsageError(
            "--alleles draws one variant of one store; leave --sequence, --map and other stores away"
        )
    if alleles is None and not sequences:
        raise click.UsageError("name a sequence by --sequence, or a variant by --alleles")
    if as_map and (len(sequences) > 1 or len(stores) > 1):
        raise click.UsageError("--map draws one sequence of one store")
    if alleles is not None:
        draw_alleles(stores[0], alleles, out, shown)
    elif as_map:
        draw_map(stores[0], sequences[0], out, shown)
    else:
        draw_logos(stores, sequences, out, shown)
    click.echo(f"{out}")
