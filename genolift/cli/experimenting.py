"""What the commands for experiments on motifs share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from genolift.cli import parameters, parts
from genolift.cli.targets import targets_option

if TYPE_CHECKING:
    from genolift.evaluate.experiments.experiments import Experiment
    from genolift.pipeline.experiments.experiments import ExperimentJob

MOTIF_HELP = "A sequence, as AGATAAG (N leaves the base that is there), NAME=AGATAAG, or a name in --motifs."

motifs_option = click.option(
    "--motifs",
    type=parameters.path(),
    metavar="FILE",
    help="Motifs by name: MEME, JASPAR, TRANSFAC or HOMER; their consensus is written.",
)
shuffles_option = click.option(
    "--shuffles",
    type=click.IntRange(0),
    metavar="N",
    default=0,
    show_default=True,
    help="Take N dinucleotide shuffles of every sequence as backgrounds, instead of itself.",
)
#: Targets, measure, intervals and model, for the commands of experiments.
experiment_options = parts.together(
    click.option(
        "--out", required=True, type=parameters.path(), metavar="NAME.tsv", help="The table; NAME.png shows it."
    ),
    parts.recipe(
        targets_option(
            "What is measured: 0, 3,1, counts:0, profile, sum:bins=10-20,tracks=3; several give a row each.  "
            "[default: the only output]",
        ),
        parameters.method(
            "Measure the importance that this method gives to the edited stretch.  [default: the prediction]", None
        ),
        parameters.method_options,
        click.option("--rule", metavar="R", help="The rule of DeepLIFT, with --method deeplift.  [default: genomics]"),
        click.option("--references", metavar="R", help="With --method: as for `genolift explain`."),
        parameters.activation,
        click.option("--rc-average", is_flag=True, help="Take the mean over both strands of what the model says."),
        parameters.seed,
    ),
    parts.part(
        "settings",
        dict,
        click.option(
            "--confidence",
            type=click.FloatRange(0, 1, min_open=True, max_open=True),
            default=0.95,
            show_default=True,
            help="The level of the intervals.",
        ),
        click.option(
            "--interval",
            type=click.Choice(["t", "bootstrap"]),
            default="t",
            show_default=True,
            help="Student's, or the bootstrap-t, which follows skewed effects and needs 30 sequences or more.",
        ),
    ),
    parts.reading(parameters.unknown),
    parts.execution(parameters.memory, parameters.replace),
    parts.models,
)


def job_of(shared: dict[str, Any], **settings: Any) -> ExperimentJob:
    """Return the job that the shared options make, with the settings of the experiment itself."""
    from genolift.pipeline.experiments.experiments import ExperimentJob

    return ExperimentJob(**{**shared, "settings": shared["settings"] | settings})


def tell(job: ExperimentJob, result: Experiment) -> None:
    """Say what was written."""
    units, unit = result.effects.shape[1], "sequence" if result.kind == "ablate" else "background"
    told = f"{len(result.table):,} rows, means over {units:,} {unit}{'s' if units > 1 else ''}"
    click.echo(f"{job.out}: {told}; {job.picture} shows them")
