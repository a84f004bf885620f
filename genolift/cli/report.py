"""``genolift report``: an HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from genolift.cli import parameters
from genolift.cli.targets import explained_target


@click.command(
    epilog=parameters.epilog(
        "genolift report scores.zarr --out report.html", "genolift report benchmark --out report.html"
    )
)
@click.argument("source", type=parameters.path())
@click.option("--out", required=True, type=parameters.path(), help="The page, one self-contained HTML file.")
@explained_target("Which one to draw, where several were explained.  [default: the first]")
@click.option(
    "--sequences", type=click.IntRange(0), metavar="N", default=5, show_default=True, help="Logos of the first so many."
)
def command(source: Path, out: Path, target: str | None, sequences: int) -> None:
    """Gather scores or a benchmark on one HTML page.

    SOURCE is what `genolift explain` or `genolift benchmark` wrote.
    """
    from genolift.pipeline.common.drawing import write_page

    write_page(source, out, target, sequences)
    click.echo(f"{out}")
