"""``genolift methods``: what methods there are, and what options one takes."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any

import click

from genolift.cli import machine, parameters
from genolift.methods.registry import listing

if TYPE_CHECKING:
    from genolift.methods.common.options import Option

_WIDTH = 100


@click.command(epilog=parameters.epilog("genolift methods", "genolift methods integrated-gradients"))
@click.argument("name", required=False, type=parameters.MethodName(), metavar="[NAME]")
@machine.as_json("the list, or with NAME what the method takes and tells,")
def command(name: str | None, as_json: bool) -> None:
    """List the methods there are, one line each: names for `genolift explain --method`.

    With NAME, all options that this method takes, each with what may be given, its default and its meaning, and what
    the method tells.
    """
    if name is None and as_json:
        machine.say([{"name": each, "summary": summary} for each, summary in listing().items()])
        return
    if name is None:
        width = max(map(len, listing()))
        for each, summary in listing().items():
            click.echo(f"{each:{width}}  {summary}")
        return
    from genolift.methods.common.documented import description_of
    from genolift.methods.common.options import all_options_of
    from genolift.methods.registry import method_class

    kind: Any = method_class(name)
    if as_json:
        machine.say(
            {
                "name": name,
                "summary": listing()[name],
                "options": [_record(option) for option in all_options_of(kind).values()],
                "description": [_plain(paragraph) for paragraph in description_of(kind).split("\n\n")],
            }
        )
        return
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


def _record(option: Option) -> dict[str, Any]:
    """Return an option as a dict of texts, numbers and null; a default that JSON cannot hold is a text."""
    from genolift.methods.common.options import FLAGS

    default = option.default
    return {
        "name": option.name,
        "flag": f"--{option.name}" if option.name in FLAGS else None,
        "in_python_only": option.in_python_only and option.name not in FLAGS,
        "takes": option.words,
        "default": default if isinstance(default, bool | int | float | str | tuple | None) else str(default),
        "meaning": _plain(option.meaning),
    }


def _plain(text: str) -> str:
    """Return a paragraph of a docstring as one line, without its markup."""
    return " ".join(re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"\1", text).replace("``", "").split())


def _filled(text: str, indent: int = 0) -> str:
    """Return a paragraph of a docstring in lines, without its markup."""
    margin = " " * indent
    # Names of methods and rules have hyphens, and can be copied only where they are whole.
    return textwrap.fill(_plain(text), _WIDTH, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False)
