"""``genolift methods``: what methods there are."""

import click

from genolift.cli import parameters


@click.command(epilog=parameters.epilog("genolift methods"))
def command():
    """List the methods there are, one line each: names for `genolift explain --method`."""
    from genolift.methods.registry import listing

    methods = listing()
    width = max(map(len, methods))
    for name, summary in methods.items():
        click.echo(f"{name:{width}}  {summary}")
