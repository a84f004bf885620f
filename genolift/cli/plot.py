"""``genolift plot``: a logo or a map."""

from __future__ import annotations

from pathlib import Path

import click

from genolift.cli import parameters
from genolift.cli.targets import explained_target


@click.command(
    epilog=parameters.epilog(
        "genolift plot scores.zarr --sequence chr1:1000-1200 --out logo.png",
        "genolift plot scores.zarr --sequence peak_7 --start 900 --end 1200 --target 1 --out logo.svg",
        "genolift plot pairs.zarr --sequence peak_7 --map --out map.png",
    )
)
@click.argument("scores", type=parameters.path())
@click.option("--sequence", required=True, metavar="NAME", help="Which one, by its name in the FASTA file.")
@click.option("--start", type=click.IntRange(0), metavar="N", help="First position, 0-based.  [default: 0]")
@click.option(
    "--end", type=click.IntRange(1), metavar="N", help="Position after the last.  [default: the sequence's length]"
)
@explained_target()
@click.option(
    "--map",
    "as_map",
    is_flag=True,
    help="Draw what depends on what (interactions, attention), where the method makes such a map, or the edits of a "
    "design.",
)
@click.option("--out", required=True, type=parameters.path(), help="The picture: .png, .svg or .pdf.")
def command(
    scores: Path, sequence: str, start: int | None, end: int | None, target: str | None, as_map: bool, out: Path
) -> None:
    """Draw the scores of one sequence as a logo.

    SCORES is what `genolift explain` wrote. Letters are as high as their base is important; below the line are bases
    that speak against the target. Of a store of images, one image is drawn with the scores of its pixels beside it.
    """
    from genolift.pipeline.common.drawing import draw_sequence

    draw_sequence(scores, sequence, out, start, end, target, as_map)
    click.echo(f"{out}")
