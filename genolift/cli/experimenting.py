"""What the commands for experiments on motifs share."""

from __future__ import annotations

import click

from genolift.cli import parameters
from genolift.cli.targets import targets_option

MOTIF_HELP = "A sequence, as AGATAAG (N leaves the base that is there), NAME=AGATAAG, or a name in --motifs."


def motifs_option(command):
    return click.option(
        "--motifs",
        type=parameters.path(),
        metavar="FILE",
        help="Motifs by name: MEME, JASPAR, TRANSFAC or HOMER; their consensus is written.",
    )(command)


def shuffles_option(command):
    return click.option(
        "--shuffles",
        type=click.IntRange(0),
        metavar="N",
        default=0,
        show_default=True,
        help="Take N dinucleotide shuffles of every sequence as backgrounds, instead of itself.",
    )(command)


def experiment_options(command):
    """Targets, measure, intervals and model, for the commands of experiments."""
    options = [
        click.option(
            "--out", required=True, type=parameters.path(), metavar="NAME.tsv", help="The table; NAME.png shows it."
        ),
        targets_option(
            "What is measured: 0, 3,1, counts:0, profile, sum:bins=10-20,tracks=3; several give a row each.  "
            "[default: the only output]",
        ),
        click.option(
            "--method",
            type=parameters.Method(),
            metavar="NAME",
            help="Measure the importance that this method gives to the edited stretch.  [default: the prediction]",
        ),
        parameters.method_options,
        click.option("--rule", metavar="R", help="DeepLIFT's, with --method deeplift.  [default: genomics]"),
        click.option("--references", metavar="R", help="With --method: as for `genolift explain`."),
        parameters.activation,
        click.option("--rc-average", is_flag=True, help="Take the mean over both strands of what the model says."),
        click.option(
            "--confidence",
            type=click.FloatRange(0, 1, min_open=True, max_open=True),
            default=0.95,
            show_default=True,
            help="Level of the intervals.",
        ),
        click.option(
            "--interval",
            type=click.Choice(["t", "bootstrap"]),
            default="t",
            show_default=True,
            help="Student's, or percentiles of resampled means.",
        ),
        parameters.seed,
        parameters.unknown,
        parameters.memory,
        parameters.model_options,
        click.option("--force", is_flag=True, help="Replace files that are there."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def job_of(model, sequences, given: dict, **settings):
    """The job of a command's shared options, and the experiment's own ``settings``; what is left of ``given`` is used up."""
    from genolift.pipeline.experiments.experiments import ExperimentJob

    file = parameters.model_file(model, given)
    flags = {name: given.pop(name) for name in ("rule", "activation")} | {"rc_average": given.pop("rc_average") or None}
    options = parameters.with_texts(flags, given.pop("texts"))
    settings |= {name: given.pop(name) for name in ("confidence", "interval")}
    return ExperimentJob(file, sequences, options=options, settings=settings, **given)


def tell(job, result) -> None:
    units, unit = result.effects.shape[1], "sequence" if result.kind == "ablate" else "background"
    told = f"{len(result.table):,} rows, means over {units:,} {unit}{'s' if units > 1 else ''}"
    click.echo(f"{job.out}: {told}; {job.picture} shows them")
