"""``genolift export``: files for other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from genolift.cli import parameters
from genolift.cli.targets import TargetsCommand, explained_targets
from genolift.export.registry import listing, own_options

_ALL = "all"


def _of_formats(function: Callable) -> Callable:
    """Add the options that formats declare; what differs between two options of one name is for the format to check."""
    for name, takers in reversed(own_options().items()):
        one = next(iter(takers))
        alike = len(takers) == 1
        function = click.option(
            f"--{name.replace('_', '-')}",
            type=click.Choice(one.choices) if alike and one.choices else None,
            metavar="FILE" if alike and one.is_path else None,
            help="\n".join(f"For {' and '.join(formats)}: {option.help}" for option, formats in takers.items()),
        )(function)
    return function


@click.command(
    cls=TargetsCommand,
    epilog=parameters.epilog(
        "genolift export scores.zarr --to modisco --out peaks",
        "genolift export scores.zarr --to modisco --target all --out peaks",
        "genolift export scores.zarr --to bigwig --chrom-sizes hg38.chrom.sizes --target 0 --out peaks.bw",
        "genolift export scores.zarr --to tsv --out peaks.tsv.gz",
    )
    + "\n\n\b\nFormats:\n"
    + "\n".join(f"  {name:10}  {summary}" for name, summary in listing().items()),
)
@click.argument("scores", type=parameters.path())
@click.option("--to", required=True, type=click.Choice(list(listing())), metavar="FORMAT", help="Which one; see below.")
@click.option("--out", required=True, type=parameters.path(), help="The file; of a pair, what both names begin with.")
@explained_targets(
    "Which one, where several were explained, as it was asked for. Several, or all, get files of their own, with the "
    "target in their names."
)
@_of_formats
@parameters.replace
def command(scores: Path, to: str, out: Path, targets: tuple[str, ...], force: bool, **options: Any) -> None:
    """Write scores in the formats that other programs read.

    SCORES is what `genolift explain` wrote; it is read block by block. Files appear whole or not at all.
    """
    from genolift.export import export

    if _ALL in targets and len(targets) > 1:
        raise click.UsageError("--target all means every target; give no other beside it")
    one = targets[0] if len(targets) == 1 and targets[0] != _ALL else None
    several = None if one is not None or not targets else _ALL if _ALL in targets else list(targets)
    paths = export(scores, to, out, target=one, targets=several, force=force, progress=True, **options)
    for path in paths:
        click.echo(f"{path}")
