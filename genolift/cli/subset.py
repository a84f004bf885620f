"""``genolift subset``: a part of a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from genolift.cli import parameters, parts
from genolift.cli.targets import RecordedCommand

if TYPE_CHECKING:
    from genolift.pipeline.common.execution import Execution


@click.command(
    cls=RecordedCommand,
    epilog=parameters.epilog(
        "genolift subset scores.zarr --regions peaks.bed --out peaks.zarr",
        "genolift subset scores.zarr --names list.txt --out some.zarr",
    ),
)
@click.argument("store", type=parameters.path())
@click.option(
    "--regions",
    type=parameters.path(),
    metavar="BED",
    help="Take the sequences whose region overlaps a line of this file in at least one base.",
)
@click.option("--names", type=parameters.path(), metavar="FILE", help="Take the sequences that this list names.")
@click.option("--out", required=True, type=parameters.path(), help="The store to write, a directory.")
@click.option(
    "--on-bad",
    type=click.Choice(["fail", "skip"]),
    default="fail",
    show_default=True,
    help="Malformed lines, and names that the store has not: stop at the first, or leave them out.",
)
@parts.execution(parameters.force)
def command(
    store: Path, regions: Path | None, names: Path | None, out: Path, on_bad: str, execution: Execution
) -> None:
    """Take some of the sequences of a store, by regions of the genome or by names, as a store of their own.

    STORE is what `genolift explain` wrote. The sequences keep the order that they have there. A region of --regions
    that overlaps none of them does not matter; how many there are is said. The file of regions or names may be -,
    standard input.

    The store is read block by block. An interrupted run continues with the same command.
    """
    from genolift.pipeline.stores.subset import Subset, subset

    done = subset(Subset(store, out, regions, names, on_bad, execution))
    parameters.tell_gathered(out, done.sequences, done.now, f"of {store}")
