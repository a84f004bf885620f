"""Parameters that several commands share."""

from pathlib import Path

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from genolift.methods.registry import listing, no_method

OUT_HELP = "Where the result goes."
force = click.option("--force", is_flag=True, help="Start afresh: replace an earlier result of genolift's.")

activation = click.option(
    "--activation",
    type=click.Choice(["logit", "keep"]),
    default="logit",
    show_default=True,
    help="Whether to look through a final sigmoid or softmax.",
)
unknown = click.option(
    "--unknown",
    type=click.Choice(["uniform", "zero"]),
    default="uniform",
    show_default=True,
    help="How N and other IUPAC codes are encoded: 1/4 for each base, or nothing.",
)
memory = click.option("--memory", metavar="SIZE", help="For the network's activations, as 4GB.  [default: 1GB]")
seed = click.option(
    "--seed", type=click.IntRange(0), metavar="N", default=0, show_default=True, help="Of shuffles and other draws."
)


def path(**options):
    """A path as ``pathlib.Path``; whether it is there is for the job to say, in its own words."""
    return click.Path(path_type=Path, **options)


class Method(click.ParamType):
    """The name of a method."""

    name = "method"

    def convert(self, value, param, context):
        return value if value in listing() else self.fail(no_method(value), param, context)

    def shell_complete(self, context, param, incomplete):
        return [CompletionItem(name) for name in listing() if name.startswith(incomplete)]


def method(help: str):
    """Which explanation method."""
    return click.option("--method", type=Method(), default="deeplift", show_default=True, metavar="NAME", help=help)


method_options = click.option(
    "--option",
    "texts",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the method, as steps=20; `genolift methods NAME` lists them. May be given several times.",
)


def with_texts(flags: dict, texts: tuple[str, ...]) -> dict:
    """A method's options: ``flags`` that are not None, and what ``--option`` says."""
    found: dict = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals):
            raise click.UsageError(f"--option {text} is not understood; write NAME=VALUE, as steps=20")
        source = click.get_current_context().get_parameter_source(name)
        if name in found or (name in flags and source is ParameterSource.COMMANDLINE):
            raise click.UsageError(f"the option {name} is given twice")
        found[name] = value
    return {name: value for name, value in flags.items() if value is not None} | found


def epilog(*examples: str) -> str:
    """Examples as they are typed, below a command's options."""
    return "\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples)


def model_options(command):
    """What reading a model's file may take."""
    options = [
        click.option("--weights", type=path(), help="The weights' file, where MODEL is an architecture in JSON."),
        click.option("--layers-from", type=path(), metavar="MODULE.py", help="Python file with custom layers."),
        click.option(
            "--layout",
            metavar="AXES",
            help="How the model takes DNA, if not as (N, length, 4): NCL or channels-first for (N, 4, length), N1LC for "
            "(N, 1, length, 4); other channels after a colon, as NLC:AGCT or NLC:ACGTN.",
        ),
        click.option(
            "--unsafe", is_flag=True, help="Allow Lambda layers, which are code that runs: only for files you trust."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def model_file(model: Path, given: dict):
    """The model as :func:`model_options` say to read it; these are taken out of what is ``given``."""
    from genolift.pipeline.common.modelfile import ModelFile

    return ModelFile(model, *[given.pop(name) for name in ("weights", "layers_from", "unsafe", "layout")])


def on_bad(help: str):
    """What becomes of records that cannot be used."""
    choice = click.Choice(["fail", "skip", "pad"])
    return click.option("--on-bad", type=choice, default="fail", show_default=True, help=help)


known_motifs = click.option(
    "--motifs",
    type=path(),
    metavar="FILE",
    help="Known motifs to compare with: MEME, JASPAR, TRANSFAC or HOMER format.",
)


def tell_commonest(counts: dict[str, int]) -> None:
    """The twenty first of names that are in order of their counts."""
    for name, count in list(counts.items())[:20]:
        click.echo(f"  {count:6,}  {name}")


def cluster_options(command):
    """Who does the work."""
    options = [
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
            help="Of TensorFlow, in each process; another number may round otherwise.  [default: as many as processors]",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def search_options(command):
    """What searching a store takes."""
    options = [
        click.option("--target", metavar="T", help="Which one, where several were explained."),
        click.option(
            "--null",
            type=path(),
            metavar="STORE",
            help="Scores of shuffled sequences, made alike.  [default: the scores' own positions, shuffled]",
        ),
        click.option(
            "--fdr", type=click.FloatRange(0, 1), default=0.05, show_default=True, help="The largest q to write."
        ),
        seed,
        click.option("--force", is_flag=True, help="Replace files that are there."),
    ]
    for option in reversed(options):
        command = option(command)
    return command
