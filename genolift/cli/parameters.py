"""Parameters that several commands share, one by one; see :mod:`genolift.cli.parts` for what they make together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from genolift.methods.registry import listing, no_method
from genolift.support.files import check_no_address

#: What adds a parameter to a command.
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class _Path(click.Path):
    """A path of this machine."""

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        """Return the path; raise :class:`FileProblem` for an address on a network."""
        check_no_address(value)
        return super().convert(value, param, context)


def path(**options: Any) -> click.Path:
    """Return the type of a path; whether it is there is for the job to say, in its own words."""
    return _Path(path_type=Path, **options)


class MethodName(click.ParamType):
    """The name of a method."""

    name = "method"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> str:
        """Return the name, or fail with those that are like it."""
        return value if value in listing() else self.fail(no_method(value), param, context)

    def shell_complete(self, context: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the methods that begin so."""
        return [CompletionItem(name) for name in listing() if name.startswith(incomplete)]


# -- what is explained, and how -----------------------------------------------------------------------------------

activation = click.option(
    "--activation",
    type=click.Choice(["logit", "keep"]),
    default="logit",
    show_default=True,
    help="Whether to look through a final sigmoid or softmax.",
)
method_options = click.option(
    "--option",
    "texts",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the method, as steps=20; `genolift methods NAME` lists them. May be given several times.",
)
seed = click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="N",
    default=0,
    show_default=True,
    help="The seed of shuffles and other draws.",
)


def method(help: str, default: str | None = "deeplift") -> Decorator:
    """Return the option for an explanation method."""
    shown = default is not None
    return click.option("--method", type=MethodName(), default=default, show_default=shown, metavar="NAME", help=help)


# -- what is read -------------------------------------------------------------------------------------------------

unknown = click.option(
    "--unknown",
    type=click.Choice(["uniform", "zero"]),
    default="uniform",
    show_default=True,
    help="How N and other IUPAC codes are encoded: 1/4 for each base, or nothing.",
)
motif_format = click.option(
    "--motif-format",
    type=click.Choice(["meme", "jaspar", "transfac", "homer"]),
    help="The format of --motifs. jaspar has a row per base, homer a row per position.  [default: by the content]",
)
summits = click.option(
    "--summits",
    default="auto",
    show_default=True,
    metavar="COLUMN",
    help="Which column of --regions holds summits, as offsets from the start: its number, none, or auto, which is "
    "column 10 of narrowPeak.",
)
known_motifs = click.option(
    "--motifs",
    type=path(),
    metavar="FILE",
    help="Known motifs to compare with: MEME, JASPAR, TRANSFAC or HOMER format.",
)


def on_bad(help: str) -> Decorator:
    """Return the option for what becomes of records that cannot be used."""
    choice = click.Choice(["fail", "skip", "pad"])
    return click.option("--on-bad", type=choice, default="fail", show_default=True, help=help)


# -- how it is done -----------------------------------------------------------------------------------------------

memory = click.option(
    "--memory", metavar="SIZE", help="The memory for the network's activations, such as 4GB.  [default: 1GB]"
)
force = click.option("--force", is_flag=True, help="Start afresh: replace an earlier result of genolift's.")
replace = click.option("--force", is_flag=True, help="Replace files that are there.")
cluster = (
    click.option(
        "--workers", type=click.IntRange(1), metavar="N", help="Share the work among N processes of this machine."
    ),
    click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Share the work among the workers of a Dask cluster, as tcp://host:8786; they must see the same files.",
    ),
    click.option(
        "--threads",
        type=click.IntRange(1),
        metavar="N",
        help="The threads of TensorFlow in each process; another number may round otherwise.  "
        "[default: as many as processors]",
    ),
)


# -- what is said -------------------------------------------------------------------------------------------------


def epilog(*examples: str) -> str:
    """Return examples as they are typed, to stand below a command's options."""
    return "\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples)


def tell_commonest(counts: Mapping[str, int]) -> None:
    """Print the twenty first of names that are in order of their counts."""
    for name, count in list(counts.items())[:20]:
        click.echo(f"  {count:6,}  {name}")


def tell_gathered(out: Path, sequences: int, now: int, source: str) -> None:
    """Print what became of a store that is made of other stores."""
    if now:
        click.echo(f"{out}: {sequences:,} sequences {source}")
    else:
        click.echo(f"{out} is already complete: {sequences:,} sequences {source}")
