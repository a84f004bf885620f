"""``genolift influence``: which training sequences taught a prediction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genolift.cli import parameters, parts
from genolift.influence.catalog import DEFAULT, METHODS

if TYPE_CHECKING:
    from genolift.pipeline.common.execution import Execution


# Only Keras 3 models have what influence needs, so the ways to read others are left out.
_READ = (*parts.ways_to_read[:2], parts.ways_to_read[-1])


@click.command(
    epilog=parameters.epilog(
        "genolift influence model.keras data queries.fa --target 0 --out taught",
        "genolift influence model.keras training.fa queries.fa --labels labels.tsv --method neighbours --out near",
        "genolift influence model.keras data queries.fa --target 0 --method tracin --checkpoints kept --out traced",
        "genolift influence model.keras data queries.fa --target 0 --motifs JASPAR.meme --out taught",
        "genolift influence model.keras data --suspects --out labels-to-check",
    )
)
@click.argument("model", type=parameters.path())
@click.argument("training", type=parameters.path(), metavar="TRAINING.fa[.gz]")
@click.argument("queries", type=parameters.path(), metavar="[QUERIES.fa[.gz]]", required=False)
@click.option("--out", required=True, type=parameters.path(), metavar="DIR", help="The directory to write into.")
@click.option(
    "--labels",
    type=parameters.path(),
    metavar="TABLE.tsv",
    help="The labels of TRAINING: columns name, one for each output of MODEL, and perhaps split, of which the split "
    "train is taken.  [default: dataset.tsv beside TRAINING]",
)
@click.option(
    "--method",
    type=click.Choice(list(METHODS)),
    default=DEFAULT,
    show_default=True,
    help="How influence is computed; docs/how-to/influence.md compares the methods.",
)
@click.option("--target", metavar="TASK", help="Whose logit is measured: a task's name or number.  [default: the only]")
@click.option(
    "--query-labels",
    type=parameters.path(),
    metavar="TABLE.tsv",
    help="Labels of QUERIES, as --labels. Their loss is then measured in the place of a logit.",
)
@click.option(
    "--suspects", is_flag=True, help="Write suspects.tsv too: training sequences whose labels should be looked at."
)
@click.option(
    "--top",
    type=click.IntRange(1),
    metavar="K",
    default=10,
    show_default=True,
    help="Put the K training sequences into the table that raise each query most, and the K that lower it most.",
)
@click.option(
    "--pictures", type=click.IntRange(0), metavar="N", default=3, show_default=True, help="Draw the first N queries."
)
@click.option(
    "--motifs",
    type=parameters.path(),
    metavar="FILE",
    help="Known motifs (MEME, JASPAR, TRANSFAC or HOMER format) that shared motifs are compared with. Pictures and "
    "shared.tsv then bear their names.",
)
@parameters.motif_format
@click.option(
    "--damping",
    type=click.FloatRange(0),
    metavar="λ",
    help="What is added to the eigenvalues of the curvature, for methods with one.  [default: a tenth of their mean, "
    "and ten times their mean for gauss-newton]",
)
@click.option(
    "--l2",
    type=click.FloatRange(0, min_open=True),
    metavar="λ",
    help="The penalty with which representer trains the last layer again.  [default: 0.001]",
)
@click.option(
    "--checkpoints",
    type=parameters.path(),
    metavar="DIR",
    help="What `genolift train --checkpoints DIR` kept, for tracin.",
)
@click.option(
    "--iterations",
    type=click.IntRange(1),
    metavar="N",
    help="Passes over TRAINING at most, for gauss-newton.  [default: 100]",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="The residual at which gauss-newton has solved a query, as a share of its gradient.  [default: 0.001]",
)
@click.option(
    "--draws",
    type=click.IntRange(1),
    metavar="N",
    help="How often ek-fac draws labels for each training sequence.  [default: 1]",
)
@parameters.seed
@parts.execution(parameters.memory, parameters.force)
@parts.together(*_READ)
def command(
    model: Path,
    training: Path,
    queries: Path | None,
    out: Path,
    labels: Path | None,
    method: str,
    target: str | None,
    query_labels: Path | None,
    suspects: bool,
    top: int,
    pictures: int,
    motifs: Path | None,
    motif_format: str | None,
    seed: int,
    execution: Execution,
    weights: Path | None,
    layers_from: Path | None,
    unsafe: bool,
    **options: Any,
) -> None:
    """Say which training sequences taught a network its predictions for some queries.

    MODEL is a Keras 3 model that ends in a dense layer. TRAINING is a data set that `genolift simulate` left, or a
    FASTA file with a table of labels. It is read several times and never held in memory.

    The influence of a training sequence is the predicted difference that it makes: the logit of the query with it in
    the training set, less the logit without it. influence.tsv has the sequences with the largest influence on each
    query, and scores.npz has all. queryN.png shows them. queryN-shared.png shows the query beside those that moved it
    most, as logos of DeepLIFT's importance. Motifs that both have are marked in one colour, and listed in shared.tsv.

    An interrupted run continues with the same command.
    """
    from genolift.pipeline.common.modelfile import ModelFile
    from genolift.pipeline.influence.job import InfluenceJob, find_influence

    given = {name: value for name, value in options.items() if value is not None}
    job = InfluenceJob(
        ModelFile(model, weights, layers_from, unsafe),
        training,
        out,
        queries=queries,
        labels=labels,
        query_labels=query_labels,
        method=method,
        options=given,
        target=target,
        top=top,
        pictures=pictures,
        suspects=suspects,
        motifs=motifs,
        motif_format=motif_format,
        seed=seed,
        execution=execution,
    )
    found = find_influence(job)
    if found.was_there:
        click.echo(f"{out} is already complete")
        return
    click.echo(f"{out}: {found.training:,} training sequences, {found.queries:,} queries, by {method}")
    click.echo(f"  {', '.join(found.files)}")
