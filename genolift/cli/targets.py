"""``--target 0 1 2``: an option that takes all the targets which follow it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

import click

from genolift.methods.targets import describe, parse, parse_all
from genolift.support.errors import InputError

_TARGET = re.compile(r"-?\d+(,-?\d+)*|profile|logcounts|(profile|logcounts|sum):.*|\w+:\d+(,\d+)*")
_GIVEN = "genolift.arguments"


def spread(arguments: list[str]) -> list[str]:
    """Return the same arguments with ``--target`` written before each target."""
    spread_out, is_value, may_follow = [], False, False
    for argument in arguments:
        if is_value:
            is_value, may_follow = False, True
        elif argument == "--target":
            is_value, may_follow = True, False
        elif may_follow and _TARGET.fullmatch(argument):
            spread_out.append("--target")
        else:
            may_follow = False
        spread_out.append(argument)
    return spread_out


def command_line() -> str:
    """Return what was typed, for the current command's result."""
    context = click.get_current_context()
    return shlex.join([*context.command_path.split(), *context.meta[_GIVEN]])


class TargetText(click.ParamType):
    """A target as text. One that cannot be read is refused at once, before anything is loaded."""

    name = "target"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> str:
        """Return the text, or fail where it means no target."""
        parse(value)
        return value


class ExplainedTarget(click.ParamType):
    """One of the targets of a result, as it was typed for the command that made the result."""

    name = "target"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> str:
        """Return the text of the form in which results record the target."""
        try:
            recorded = describe(parse(value))
        except InputError:
            return value  # A recorded form itself, which is no text of the command line.
        return value if recorded == [value] else str(recorded)  # The name of a function is recorded as it is.


def explained_target(help: str = "Which target, where several were explained.") -> Callable[..., Any]:
    """Return the option ``--target`` of a command that reads a result."""
    return click.option("--target", type=ExplainedTarget(), metavar="T", help=help)


def explained_targets(help: str) -> Callable[..., Any]:
    """Return the option ``--target`` of a command of the class :class:`TargetsCommand` that reads a result."""
    return click.option("--target", "targets", multiple=True, type=ExplainedTarget(), metavar="T ...", help=help)


def targets_option(help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option ``--target`` of a command of the class :class:`TargetsCommand`."""
    return click.option(
        "--target", "targets", multiple=True, type=TargetText(), metavar="T ...", help=help, callback=_distinct
    )


def _distinct(context: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a target that is given twice, before anything is loaded."""
    parse_all(texts)
    return texts


class RecordedCommand(click.Command):
    """A command whose result keeps what was typed, see :func:`command_line`."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        """Keep what was typed, and read it."""
        context.meta[_GIVEN] = list(arguments)
        return super().parse_args(context, self.as_read(arguments))

    def as_read(self, arguments: list[str]) -> list[str]:
        """Return the arguments as click reads them."""
        return arguments


class TargetsCommand(RecordedCommand):
    """A command with an option ``--target`` that may be followed by several targets."""

    def as_read(self, arguments: list[str]) -> list[str]:
        """Return the arguments with ``--target`` before each target."""
        return spread(arguments)
