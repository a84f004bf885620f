"""``genolift info``: what stores are."""

from __future__ import annotations

from pathlib import Path

import click

from genolift.cli import machine, parameters
from genolift.cli.speech import tell


@click.command(epilog=parameters.epilog("genolift info scores.zarr", "genolift info shards/*.zarr --json"))
@click.argument("stores", type=parameters.path(), nargs=-1, required=True)
@machine.as_json("a list with an object for each store")
@click.pass_context
def command(context: click.Context, stores: tuple[Path, ...], as_json: bool) -> None:
    """Say what stores are: what made them, what they hold, and whether they are complete.

    STORES are what `genolift explain` wrote, also while it is writing. For each it says the method and its references,
    the target, the digest of the model, the number and the lengths of the sequences, their chromosomes, the fields with
    type and shape, the residuals, the size on disk, the versions and the command. Nothing is written, and no model is
    needed.

    The exit code is 2 if one of them is no store, or damaged. The others are described all the same.
    """
    from genolift.pipeline.stores.info import describe_store, section
    from genolift.support.errors import GenoliftError

    found, failed = [], False
    for store in stores:
        try:
            found.append(describe_store(store))
        except GenoliftError as problem:
            failed = True
            found.append({"store": str(store), "error": problem.for_command_line()})
        if as_json:
            continue
        if "error" in found[-1]:
            tell(f"error: {found[-1]['error']}")
        else:
            click.echo(("\n" if len(found) > 1 else "") + section(found[-1]))
    if as_json:
        machine.say(found)
    context.exit(2 if failed else 0)
