"""Parts of jobs as parameters: a command takes the options of a part, and is called with the part that they make.

An option has the name of the part's field. A new option of `genolift explain` is therefore its declaration in
:mod:`genolift.cli.explain` and a field of the class that uses it, such as
:class:`genolift.pipeline.common.reading.Reading`. An option of a method needs the declaration only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import wraps
from typing import Any

import click
from click.core import ParameterSource

from genolift.cli import parameters
from genolift.cli.parameters import Decorator
from genolift.cli.targets import RecordedCommand, command_line, explained_target
from genolift.support.errors import InputError


def part(name: str, make: Callable[..., Any], *options: Decorator, arguments: tuple[str, ...] = ()) -> Decorator:
    """Return what adds the options of a part to a command, and gives the command the part in their place.

    Parameters
    ----------
    name
        The command's parameter.
    make
        Makes the part of the options' values, by their names. It imports what it makes, so that ``--help`` need not.
    options
        The options, in the order in which ``--help`` shows them.
    arguments
        Further parameters of the command, declared elsewhere, that belong to the part.
    """
    taken = [*arguments, *_names(options)]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def with_part(**given: Any) -> Any:
            made = make(**{option: given.pop(option) for option in taken})
            return command(**{name: made}, **given)

        return together(*options)(with_part)

    return decorate


def together(*options: Decorator) -> Decorator:
    """Return what adds several options, which ``--help`` shows in this order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _names(options: tuple[Decorator, ...]) -> list[str]:
    """Return the names under which click hands the options to a command."""

    def bare() -> None: ...

    return [parameter.name for parameter in getattr(together(*options)(bare), "__click_params__", [])]


# -- the parts ----------------------------------------------------------------------------------------------------


class AlsoInput(click.ParamType):
    """The name of an input, and a number or a file."""

    name = "also"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        """Return both."""
        from genolift.pipeline.common.sides import read_text

        if isinstance(value, tuple):
            return value
        try:
            return read_text(value)
        except InputError as problem:
            self.fail(problem.for_command_line(), param, context)


def _model(model: Any, **given: Any) -> Any:
    from genolift.pipeline.common.modelfile import ModelFile

    return ModelFile(model, **given)


#: How a model is read, for commands that make its part themselves.
ways_to_read = (
    click.option(
        "--weights", type=parameters.path(), help="The weights' file, where MODEL is an architecture in JSON."
    ),
    click.option(
        "--layers-from", type=parameters.path(), metavar="MODULE.py", help="A Python file with custom layers."
    ),
    click.option(
        "--layout",
        metavar="AXES",
        help="How the model takes DNA, if not as (N, length, 4): NCL or channels-first for (N, 4, length), N1LC for "
        "(N, 1, length, 4); other channels after a colon, as NLC:AGCT or NLC:ACGTN.",
    ),
    click.option("--signature", metavar="NAME", help="The signature of a SavedModel to call.  [default: its only one]"),
    click.option(
        "--graph-input",
        multiple=True,
        metavar="NAME",
        help="The placeholder that is the input of a frozen graph.  [default: the one that its output depends on]",
    ),
    click.option(
        "--graph-output",
        multiple=True,
        metavar="NAME",
        help="The operation that is the output of a frozen graph. May be given several times.  [default: the only one "
        "that nothing reads]",
    ),
    click.option(
        "--unsafe", is_flag=True, help="Allow Lambda layers, which are code that runs: only for files you trust."
    ),
)
model = part("model", _model, *ways_to_read, arguments=("model",))
#: The same for commands that take several models.
models = part(
    "model",
    _model,
    click.option(
        "--fold",
        "folds",
        type=parameters.path(),
        multiple=True,
        metavar="FILE",
        help="Another model of the same inputs and outputs, such as another fold of a cross-validation; with "
        "--weights, its weights. May be given several times. Results are means over MODEL and all folds, with the "
        "spread of these.",
    ),
    click.option(
        "--input",
        metavar="NAME",
        help="The input that is the sequence, where several have the shape of DNA.  [default: the only one]",
    ),
    click.option(
        "--also",
        type=AlsoInput(),
        multiple=True,
        metavar="NAME=VALUE",
        help="Another input of the model: a file .npz or .npy with a row for each record in their order, a number, or "
        "zeros. It is held as it is. Must be given for each of them.",
    ),
    *ways_to_read,
    arguments=("model",),
)


def _reading(**given: Any) -> Any:
    from genolift.pipeline.common.reading import Reading

    return Reading(**given)


def reading(*options: Decorator) -> Decorator:
    """Return what gives a command its ``reading``: the argument ``sequences``, and the fields of these options."""
    return part("reading", _reading, *options, arguments=("sequences",))


def _recipe(texts: tuple[str, ...] = (), **given: Any) -> Any:
    from genolift.pipeline.common.recipe import Recipe

    own = {field.name for field in fields(Recipe)}
    flags = {name: None if value is False else value for name, value in given.items() if name not in own}
    about = {name: value for name, value in given.items() if name in own}
    return Recipe(**about, options=_with_texts(flags, texts))


def recipe(*options: Decorator) -> Decorator:
    """Return what gives a command its ``recipe``; options that are no fields of it are options of the method."""
    return part("recipe", _recipe, *options)


def _with_texts(flags: Mapping[str, Any], texts: tuple[str, ...]) -> dict[str, Any]:
    """Return a method's options: flags that are given, and what ``--option`` says."""
    said: dict[str, Any] = {}
    for text in texts:
        name, equals, value = (piece.strip() for piece in text.partition("="))
        if not (name and equals):
            raise click.UsageError(f"--option {text} is not understood; write NAME=VALUE, as steps=20")
        source = click.get_current_context().get_parameter_source(name)
        if name in said or (name in flags and source is ParameterSource.COMMANDLINE):
            raise click.UsageError(f"the option {name} is given twice")
        said[name] = value
    return {name: value for name, value in flags.items() if value is not None} | said


def _execution(**given: Any) -> Any:
    from genolift.pipeline.common.execution import Execution

    keeps_command = isinstance(click.get_current_context().command, RecordedCommand)
    return Execution(**given, command=command_line() if keeps_command else None)


def execution(*options: Decorator) -> Decorator:
    """Return what gives a command its ``execution``: the fields of these options, and the command line."""
    return part("execution", _execution, *options)


def _search(force: bool, **given: Any) -> Any:
    from genolift.pipeline.discovery.finding import Search

    return Search(**given, execution=_execution(force=force))


search = part(
    "search",
    _search,
    explained_target(),
    click.option(
        "--null",
        type=parameters.path(),
        metavar="STORE",
        help="Scores of shuffled sequences, made alike.  [default: a null made of the scores themselves]",
    ),
    click.option("--fdr", type=click.FloatRange(0, 1), default=0.05, show_default=True, help="The largest q to write."),
    parameters.seed,
    parameters.replace,
    arguments=("scores",),
)
