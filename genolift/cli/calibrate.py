"""``genolift calibrate``: which method and references to take for a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from genolift.cli import parameters, parts

if TYPE_CHECKING:
    from genolift.pipeline.common.execution import Execution
    from genolift.pipeline.common.modelfile import ModelFile
    from genolift.pipeline.common.reading import Reading


@click.command(
    epilog=parameters.epilog(
        "genolift calibrate model.keras genome.fa --regions peaks.bed --motifs jaspar.meme --target 0 --out best.tsv",
        "genolift calibrate model.keras peaks.fa --motifs jaspar.meme --methods deeplift@zeros \\",
        "    --methods deeplift@shuffled:10 --methods ism --out best.tsv",
    )
)
@click.argument("model", type=parameters.path())
@click.argument("sequences", type=parameters.path(), metavar="SEQUENCES.fa[.gz]")
@click.option(
    "--motifs",
    required=True,
    type=parameters.path(),
    metavar="FILE",
    help="Motifs that may matter: MEME, JASPAR, TRANSFAC or HOMER format.",
)
@parameters.motif_format
@click.option("--target", metavar="T", help="What is explained, as for `genolift explain`; one target.")
@click.option(
    "--methods",
    multiple=True,
    metavar="NAME",
    help="A method to compare, once for each; @ says what sequences are compared with, as in deeplift@shuffled:5.  "
    "[default: DeepLIFT, integrated gradients, gradients and mutagenesis, with several references]",
)
@click.option(
    "--planted",
    type=click.IntRange(1),
    metavar="N",
    default=6,
    show_default=True,
    help="Plant so many of the motifs at most: those to which the model responds most.",
)
@click.option(
    "--sequences-planted",
    "number",
    type=click.IntRange(8),
    metavar="N",
    default=200,
    show_default=True,
    help="Plant them into shuffles of so many sequences.",
)
@parameters.activation
@parameters.seed
@parts.reading(
    click.option("--regions", type=parameters.path(), metavar="FILE", help="BED or narrowPeak: windows of SEQUENCES."),
    click.option(
        "--width",
        type=click.IntRange(1),
        metavar="N",
        help="The width of the windows, where the model takes any length.",
    ),
    parameters.unknown,
    parameters.on_bad("What becomes of regions that leave their chromosome and of other records that cannot be used."),
)
@parts.execution(parameters.memory, parameters.replace)
@click.option("--out", required=True, type=parameters.path(), metavar="NAME.tsv", help="The table.")
@parts.model
def command(
    model: ModelFile,
    reading: Reading,
    execution: Execution,
    methods: tuple[str, ...],
    number: int,
    **given: Any,
) -> None:
    """Find the method and the references that suit a model.

    First each motif is written into shuffles of the sequences, which tells to which of them this model responds. Then
    these are planted into other shuffles, at known places, alone and together, strong and weak. How much each planted
    motif matters is measured on the model itself: motifs are filled with shuffles of their own bases, in all
    combinations. Last, every method explains the sequences, and its scores are compared with that.

    The table has a row for each method and measure. The recommendation is printed: the method that agrees best, those
    that cannot be told from it, and which of them is cheapest. docs/how-to/simulations.md explains the measures.
    """
    from genolift.pipeline.benchmark.calibrating import METHODS, Calibration, calibrate

    job = Calibration(model, reading, methods=methods or METHODS, sequences=number, execution=execution, **given)
    done = calibrate(job)
    planted = ", ".join(f"{one.motif} ({one.effect:+.3g})" for one in done.planted)
    click.echo(f"planted, with what each does in the middle of a sequence: {planted}")
    for name, reason in done.refused.items():
        click.echo(f"left out: {name}: {reason}")
    click.echo(f"{done.sentence}\n{job.out} has all measures")
