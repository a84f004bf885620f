"""``genolift check``: what a model is, and what can be done with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genolift.cli import machine, parameters, parts
from genolift.cli.targets import TargetsCommand, targets_option

if TYPE_CHECKING:
    from genolift.pipeline.common.modelfile import ModelFile


@click.command(
    cls=TargetsCommand,
    epilog=parameters.epilog(
        "genolift check model.keras",
        "genolift check model.h5 --fasta sequences.fa.gz --target 0",
        "genolift check fold_0.keras --fold fold_1.keras --fold fold_2.keras",
        "genolift check saved_model/ --length 10001 --json > check.json",
    ),
)
@click.argument("model", type=parameters.path())
@click.option(
    "--fasta",
    type=parameters.path(),
    metavar="FILE.fa[.gz]",
    help="Also explain the first sequences of this file. Of longer records, such as chromosomes, windows are taken.",
)
@targets_option("What to explain, as for `genolift explain`.  [default: the likeliest target]")
@click.option(
    "--length",
    type=click.IntRange(1),
    metavar="N",
    help="The length of sequences, where the model takes any.  [default: that of the FASTA file, or the first of "
    "several that the model takes]",
)
@parameters.memory
@machine.as_json("the findings")
@parts.models
@click.pass_context
def command(
    context: click.Context,
    model: ModelFile,
    fasta: Path | None,
    targets: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Say what a model is, and what can be done with it: the command to begin with.

    It loads the model, traces it, and explains a random sequence by DeepLIFT. Then it says what the model takes and
    gives, which targets make sense, how far its layers see, which methods can take it and why others cannot, whether
    the contributions sum to the difference that they explain, what a thousand sequences cost in seconds and memory, and
    which command to give next. Nothing is written.

    MODEL is a .keras file, a Keras .h5, an architecture in JSON (with --weights), a SavedModel or a frozen graph.
    Each part is printed as soon as it is known. The exit code is 0 if DeepLIFT explains the model and its contributions
    sum to the difference, 1 if not, and 2 if the model or an option cannot be used.
    """
    from genolift.pipeline.checking.job import CheckJob, check_file

    job = CheckJob(model, fasta, targets, **given)
    if as_json:
        done = check_file(job)
        machine.say(done.record())
    else:
        done = check_file(job, found=lambda finding: click.echo(f"{finding.section()}\n"))
    context.exit(0 if done.ok else 1)
