"""``genolift activations``: a hidden layer over a sequence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genolift.cli import parameters, parts

if TYPE_CHECKING:
    from genolift.pipeline.common.execution import Execution
    from genolift.pipeline.common.modelfile import ModelFile
    from genolift.pipeline.common.reading import Reading


@click.command(
    epilog=parameters.epilog(
        "genolift activations model.keras sequences.fa --layer conv_2 --sequence peak_7 --out peak_7.png",
        "genolift activations model.keras sequences.fa --unit 3 --unit 27 --start 900 --end 1100 --out units.svg",
    )
)
@click.argument("model", type=parameters.path())
@click.argument("sequences", type=parameters.path(), metavar="SEQUENCES.fa[.gz]")
@click.option("--out", required=True, type=parameters.path(), help="The picture: .png, .svg or .pdf.")
@click.option("--layer", metavar="NAME", help="Which layer.  [default: the last that still has positions]")
@click.option("--sequence", metavar="NAME", help="Which one, by its name in the FASTA file.  [default: the first]")
@click.option(
    "--unit",
    "units",
    type=int,
    multiple=True,
    metavar="N",
    help="Which unit, from 0; several times for several.  [default: the most active]",
)
@click.option("--start", type=click.IntRange(0), metavar="N", help="First position, 0-based.  [default: 0]")
@click.option(
    "--end", type=click.IntRange(1), metavar="N", help="Position after the last.  [default: the sequence's length]"
)
@parts.reading(parameters.unknown)
@parts.execution(parameters.memory)
@parts.model
def command(
    model: ModelFile,
    reading: Reading,
    execution: Execution,
    out: Path,
    layer: str | None,
    units: tuple[int, ...],
    **excerpt: Any,
) -> None:
    """Draw what the units of a hidden layer say along a sequence.

    MODEL is as for `genolift explain`. Each cell stands at the centre of the bases that it sees, as padding, strides,
    dilation and pools make it; the bases are underneath.
    """
    from genolift.pipeline.discovery.filters import ActivationsJob, Excerpt, draw_activations

    job = ActivationsJob(model, reading, out, layer, Excerpt(units=units or None, **excerpt), execution)
    click.echo(f"{out}: layer {draw_activations(job)}")
