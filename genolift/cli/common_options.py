"""The options that every command has: ``--quiet`` and ``--verbose``."""

from __future__ import annotations

import click

from genolift.cli.speech import Loudness, listen

_KEY = "genolift.loudness"


def _hear(context: click.Context, param: click.Parameter, given: bool) -> None:
    """Say more or less from here on. The options may stand before or after the name of the command."""
    if not given:
        return
    loudness = Loudness[str(param.name).upper()]
    if context.meta.setdefault(_KEY, loudness) is not loudness:
        raise click.UsageError("--quiet and --verbose contradict each other; give one of them")
    if not context.resilient_parsing:
        listen(loudness)


def _flag(*names: str, help: str) -> click.Option:
    # They come first, so that they hold for what is said of the other options.
    return click.Option(names, is_flag=True, expose_value=False, is_eager=True, callback=_hear, help=help)


LOUDNESS = (
    _flag(
        "-q",
        "--quiet",
        help="Say only warnings and errors on standard error: no notes, no progress.",
    ),
    _flag(
        "-v",
        "--verbose",
        help="Say more on standard error: every warning, those of other packages too, what TensorFlow says at its "
        "start, and where in the code an error arose.",
    ),
)


def with_common_options(command: click.Command) -> click.Command:
    """Return the command, which takes the options of all commands too."""
    command.params.extend(option for option in LOUDNESS if option not in command.params)
    return command
