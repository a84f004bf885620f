"""``--target 0 1 2``: an option that takes all the targets which follow it."""

import re

import click

_TARGET = re.compile(r"-?\d+(,-?\d+)*|profile|logcounts|(profile|logcounts|sum):.*|\w+:\d+(,\d+)*")


def spread(arguments: list[str]) -> list[str]:
    """The same arguments with ``--target`` written before each target."""
    found, is_value, may_follow = [], False, False
    for argument in arguments:
        if is_value:
            is_value, may_follow = False, True
        elif argument == "--target":
            is_value, may_follow = True, False
        elif may_follow and _TARGET.fullmatch(argument):
            found.append("--target")
        else:
            may_follow = False
        found.append(argument)
    return found


class TargetsCommand(click.Command):
    """A command with an option ``--target`` that may be followed by several targets."""

    def parse_args(self, context, arguments):
        return super().parse_args(context, spread(arguments))
