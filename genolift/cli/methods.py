"""``genolift methods``: what methods there are, and what options one takes."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any

import click

from genolift.cli import parameters
from genolift.methods.registry import listing

if TYPE_CHECKING:
    from genolift.methods.common.options import Option

_WIDTH = 100


@click.command(epilog=parameters.epilog("genolift methods", "genolift methods integrated-gradients"))
@click.argument("name", required=False, type=parameters.MethodName(), metavar="[NAME]")
def command(name: str | None) -> None:
    """List the methods there are, one line each: names for `genolift explain --method`.

    With NAME, all options that this method takes, each with what may be given, its default and its meaning, and what
    the method tells.
    """
    if name is None:
        width = max(map(len, listing()))
        for each, summary in listing().items():
            click.echo(f"{each:{width}}  {summary}")
        return
    from genolift.methods.common.documented import description_of
    from genolift.methods.common.options import all_options_of
    from genolift.methods.registry import method_class

    kind: Any = method_class(name)
    click.echo(f"{name}: {listing()[name]}\n")
    for option in all_options_of(kind).values():
        click.echo(f"  {_how(option)}")
        click.echo(_filled(option.meaning, indent=6))
    for paragraph in description_of(kind).split("\n\n"):
        click.echo("\n" + _filled(paragraph))


def _how(option: Option) -> str:
    """Say how an option is given, and what may be written."""
    from genolift.methods.common.options import FLAGS

    if option.name in FLAGS:
        return f"--{option.name}"
    if option.in_python_only:
        return f"{option}  in Python only"
    return f"--option {option}  {option.words}"


def _filled(text: str, indent: int = 0) -> str:
    """Return a paragraph of a docstring, without its markup."""
    plain = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"\1", text).replace("``", "")
    margin = " " * indent
    text = " ".join(plain.split())
    # Names of methods and rules have hyphens, and can be copied only where they are whole.
    return textwrap.fill(text, _WIDTH, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False)
