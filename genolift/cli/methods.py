"""``genolift methods``: what methods there are, and what options one takes."""

import re
import textwrap

import click

from genolift.cli import parameters
from genolift.methods.registry import listing

_WIDTH = 100


@click.command(epilog=parameters.epilog("genolift methods", "genolift methods integrated-gradients"))
@click.argument("name", required=False, type=parameters.Method(), metavar="[NAME]")
def command(name):
    """List the methods there are, one line each: names for `genolift explain --method`.

    With NAME, the options that this one takes, one line each with what may be given and the default, and what they mean.
    """
    if name is None:
        width = max(map(len, listing()))
        for each, summary in listing().items():
            click.echo(f"{each:{width}}  {summary}")
        return
    from genolift.methods.common.options import options_of
    from genolift.methods.registry import method_class

    kind = method_class(name)
    options = options_of(kind).values()
    click.echo(f"{name}: {listing()[name]}\n")
    width = max(len(str(option)) for option in options)
    for option in options:
        click.echo(f"  --option {option!s:{width}}  {option.words}")
    for paragraph in _plain(kind.__doc__).split("\n\n"):
        click.echo("\n" + textwrap.fill(" ".join(paragraph.split()), _WIDTH))


def _plain(text: str) -> str:
    """A docstring without its markup."""
    return re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"\1", text).replace("``", "")
