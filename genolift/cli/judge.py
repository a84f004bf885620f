"""``genolift judge``: which explanations to trust, without known motifs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genolift.cli import machine, parameters, parts
from genolift.cli.speech import tell
from genolift.cli.targets import RecordedCommand, explained_target

if TYPE_CHECKING:
    from genolift.pipeline.common.execution import Execution
    from genolift.pipeline.judging.judge import Judged


class MetricNames(click.ParamType):
    """Names of metrics, separated by commas."""

    name = "metrics"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[str, ...]:
        """Return the names."""
        return value if isinstance(value, tuple) else tuple(name.strip() for name in value.split(","))


@click.command(
    cls=RecordedCommand,
    epilog=parameters.epilog(
        "genolift judge deeplift.zarr gradients.zarr --model model.keras --out judge.tsv",
        "genolift judge seed1.zarr seed2.zarr --model seed1.keras --model seed2.keras --metrics agreement --out a.tsv",
    ),
)
@click.argument("stores", type=parameters.path(), nargs=-1, required=True)
@click.option(
    "--model",
    "models",
    type=parameters.path(),
    multiple=True,
    required=True,
    metavar="M",
    help="The model that made the stores. Give it several times where several models made them.",
)
@click.option(
    "--fold",
    "folds",
    type=parameters.path(),
    multiple=True,
    metavar="FILE",
    help="A further model, where `genolift explain --fold` made the stores. May be given several times.",
)
@parts.together(*parts.ways_to_read)
@click.option("--out", required=True, type=parameters.path(), metavar="TABLE.tsv", help="The table to write.")
@click.option(
    "--metrics",
    type=MetricNames(),
    default="all",
    show_default=True,
    metavar="NAME,...",
    help="Which metrics, separated by commas; all are those that are defined for the stores.",
)
@click.option(
    "--sequences",
    type=click.IntRange(1),
    metavar="N",
    default=1000,
    show_default=True,
    help="Judge on at most N sequences, which are drawn at random.",
)
@explained_target()
@click.option(
    "--random-labels",
    type=parameters.path(),
    metavar="MODEL",
    help="A model of the same architecture that was trained on randomised labels, for the metric random-labels.",
)
@parameters.seed
@machine.as_json("the table and what is said of it")
@parts.execution(parameters.memory, parameters.force)
def command(
    stores: tuple[Path, ...],
    models: tuple[Path, ...],
    folds: tuple[Path, ...],
    out: Path,
    metrics: tuple[str, ...],
    sequences: int,
    target: str | None,
    random_labels: Path | None,
    seed: int,
    execution: Execution,
    as_json: bool,
    **reading: Any,
) -> None:
    """Say how far explanations can be trusted, by metrics that need no known motifs.

    STORES are what `genolift explain` wrote for the same sequences, by several methods or references, or for several
    models. The table has a row for each store and metric: the mean over sequences, and the ends of its interval of
    95 % (bootstrap over sequences). For two stores of the same model it has their difference in the column value, and
    the store that was subtracted in the column against; a sentence says which one is better. No metric is a proof. What
    each cannot tell stands in its row, and is printed with it.

    The metrics are deletion, insertion, sensitivity-n, mutagenesis, sufficiency, continuity, reverse-complement,
    robustness, smooth-mprt, efficient-mprt, random-labels, agreement, complexity and residual. smooth-mprt and
    efficient-mprt take 50 of the sequences.

    An interrupted run continues with the same command.
    """
    from genolift.pipeline.common.modelfile import ModelFile
    from genolift.pipeline.judging.judge import Judging, judge

    if folds and len(models) > 1:
        raise click.UsageError("--fold takes one --model; judge the stores of other models by another command")
    known = tuple(ModelFile(model, **reading, folds=folds) for model in models)
    relabelled = None if random_labels is None else ModelFile(random_labels, **reading)
    job = Judging(stores, known, out, metrics, sequences, target, relabelled, seed, execution)
    judged = judge(job)
    if as_json:
        machine.say(judged.record(out))
        return
    _show(judged)
    complete = " is already complete" if judged.was_there else ""
    click.echo(
        f"{out}{complete}: {len(stores)} store{'s' if len(stores) > 1 else ''}, {judged.sequences:,} sequences, "
        f"{judged.seconds:.1f} s"
    )


def _show(judged: Judged) -> None:
    """Print the means of each metric, what it cannot tell, and which store is better."""
    width = max((len(row["store"]) for one in judged.told.shown for row in one["rows"]), default=0)
    for one in judged.told.shown:
        click.echo(f"{one['metric']} ({one['better']} is better)")
        for row in one["rows"]:
            click.echo(f"  {row['store']:{width}}  {row['value']:>9}  {row['low']} to {row['high']}  n {row['n']:,}")
        click.echo(f"  {one['cannot_tell']}")
    for sentence in judged.told.sentences:
        click.echo(sentence)
    for reason in judged.told.reasons:
        tell(reason)
