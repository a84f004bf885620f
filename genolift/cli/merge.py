"""``genolift merge``: several stores as one, or several parts of a comparison."""

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
        "genolift merge shard1.zarr shard2.zarr shard3.zarr --out scores.zarr",
        "genolift merge chr*.zarr --on-repeated skip --out genome.zarr",
        "genolift merge seed0 seed1 seed2 --out suite",
    ),
)
@click.argument("stores", type=parameters.path(), nargs=-1, required=True)
@click.option("--out", required=True, type=parameters.path(), help="The store to write, a directory.")
@click.option(
    "--on-repeated",
    type=click.Choice(["fail", "skip", "rename"]),
    default="fail",
    show_default=True,
    help="What becomes of a region or a name that was there before: refuse it, keep only the first, or keep all and "
    "number the names.",
)
@parts.execution(parameters.force)
def command(stores: tuple[Path, ...], out: Path, on_repeated: str, execution: Execution) -> None:
    """Put stores of different sequences together as one, such as the chromosomes of a genome.

    STORES are what `genolift explain` wrote, by the same method with the same options, on the same model and target.
    Any difference is refused, and the first is named. Their sequences stand one after the other, in the order in which
    the stores are given. The stores themselves stay as they are.

    Two sequences are the same if they have the same region and strand, or, without genome coordinates, the same name.
    The same sequence with other bases is always refused.

    Everything is checked before anything is written. Stores are read block by block, so they may be larger than memory.
    An interrupted run continues with the same command.

    STORES can also be directories that `genolift benchmark` left of a comparison in parts: other training seeds
    (--first-seed), simulations, networks or methods. Their tables are put together, and the page is written anew.
    """
    from genolift.pipeline.benchmark.comparing.merging import is_suite, merge_suites

    if any(is_suite(path) for path in stores):
        was_there = merge_suites(stores, out, execution.force)
        parts = "one part" if len(stores) == 1 else f"{len(stores):,} parts"
        click.echo(f"{out} is already complete" if was_there else f"{out}: a comparison from {parts}")
        return
    from genolift.pipeline.stores.merge import Merging, merge

    done = merge(Merging(stores, out, on_repeated, execution))
    parameters.tell_gathered(out, done.sequences, done.now, f"of {len(stores):,} stores")
