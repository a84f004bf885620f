"""``genolift dream``: sequences that a target, a unit or a filter answers to most strongly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genolift.cli import parameters, parts
from genolift.cli.targets import RecordedCommand, TargetText

if TYPE_CHECKING:
    from genolift.pipeline.common.execution import Execution
    from genolift.pipeline.common.modelfile import ModelFile


@click.command(
    cls=RecordedCommand,
    epilog=parameters.epilog(
        "genolift dream model.keras --target 0 --out dream",
        "genolift dream model.keras --target 0 --real peaks.fa --expert markov --motifs jaspar.meme --out dream",
        "genolift dream model.keras --layer conv1 --unit 3 --out filter_3",
        "genolift dream model.keras --target 0 --real peaks.fa --generator vae.keras --out dream",
        "genolift dream model.keras --target 0 --real peaks.fa --expert density.keras --weight 0.5 --out dream",
    ),
)
@click.argument("model", type=parameters.path())
@click.option("--out", required=True, type=parameters.path(), metavar="DIR", help="The directory to write into.")
@click.option(
    "--target",
    type=TargetText(),
    metavar="T",
    help="What is maximised: 0, 3,1, counts:0, profile, logcounts, sum:bins=10-20,tracks=3.  [default: the only "
    "output]",
)
@click.option("--layer", metavar="NAME", help="Maximise a unit of this hidden layer in the place of a target.")
@click.option("--unit", type=click.IntRange(0), metavar="N", help="Which unit, or filter, of --layer, from 0.")
@click.option(
    "--over",
    default="max",
    show_default=True,
    metavar="max|mean|ROW",
    help="Of a unit with a value at each row of its layer: the largest, the mean, or that at one row, from 0.",
)
@click.option(
    "--length", type=click.IntRange(1), metavar="N", help="The length of the sequences, where the model takes any."
)
@click.option(
    "--real",
    type=parameters.path(),
    metavar="SEQUENCES.fa[.gz]",
    help="Real sequences: half of them fit the expert, and the others judge how real the dreams are.",
)
@click.option(
    "--expert",
    metavar="markov|FILE.keras",
    help="Add log p(x): markov fits a Markov chain to half of --real; or a density that `genolift train --generator "
    "autoregressive` left.",
)
@click.option(
    "--order",
    type=click.IntRange(0),
    metavar="K",
    help="The order of the Markov chain.  [default: the largest up to 5 that --real suffices for]",
)
@click.option(
    "--weight",
    type=click.FloatRange(0),
    metavar="W",
    default=1.0,
    show_default=True,
    help="The factor of log p(x). With 1 and a logit, the objective is the logarithm of a posterior.",
)
@click.option(
    "--typical",
    is_flag=True,
    help="Keep log p(x) at what it is for real sequences, instead of making it as large as can be.",
)
@click.option(
    "--generator",
    type=parameters.path(),
    metavar="FILE.keras",
    help="Search the codes of this generator, which `genolift train --generator vae` left.",
)
@click.option(
    "--penalty",
    type=click.Choice(["l2", "entropy", "none"]),
    default="entropy",
    show_default=True,
    help="What a relaxed sequence is penalised for: the squares of its free numbers, or the entropy of its positions. "
    "With --generator it is the length of a code, and the entropy unless none is said.",
)
@click.option(
    "--strength",
    type=click.FloatRange(0),
    metavar="S",
    help="The factor of the penalty.  [default: 0.1 for entropy, 0.0001 for l2, 0.1 for codes]",
)
@click.option("--starts", type=click.IntRange(1), metavar="N", default=16, show_default=True, help="So many starts.")
@click.option("--steps", type=click.IntRange(1), metavar="N", default=500, show_default=True, help="Steps of Adam.")
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    metavar="R",
    default=0.1,
    show_default=True,
    help="The learning rate at the beginning. It falls to nothing along a cosine.",
)
@click.option(
    "--growth",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    default=0.6,
    show_default=True,
    help="The share of the steps over which the factors of log p(x) and of the penalty grow from nothing to full size.",
)
@parameters.activation
@click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="N",
    default=0,
    show_default=True,
    help="The seed of the starts, and of the division of --real.",
)
@click.option(
    "--motifs",
    type=parameters.path(),
    metavar="FILE",
    help="Known motifs to look for in the dreams: MEME, JASPAR, TRANSFAC or HOMER format.",
)
@parameters.motif_format
@parts.execution(parameters.memory, parameters.force)
@parts.model
def command(
    model: ModelFile,
    execution: Execution,
    out: Path,
    target: str | None,
    layer: str | None,
    unit: int | None,
    over: str,
    real: Path | None,
    expert: str | None,
    order: int | None,
    generator: Path | None,
    motifs: Path | None,
    motif_format: str | None,
    **search: Any,
) -> None:
    """Find sequences that a target, a hidden unit or a filter answers to most strongly (activation maximisation).

    MODEL is as for `genolift explain`. Many starts climb at once. Each position of a sequence is a distribution over
    the bases, which is made a single base at the end; how much of the prediction that costs is written down. Without an
    expert, what is found maximises the target and need not look like any real sequence. --expert and --generator keep
    it plausible.

    Leaves dreams.tsv (a row for each start, the best first), dreams.fa, best.png (the relaxed optimum as a logo, and
    the sequence), starts.png (all starts), dreams.npz (the relaxed optima, the course of the search, the distances),
    run.json, and with --motifs motifs.tsv (their strong matches). An interrupted run continues with the same command.
    """
    if (layer is None) != (unit is None):
        raise click.UsageError("--layer and --unit belong together: which unit of which layer?")
    if order is not None and expert != "markov":
        raise click.UsageError("--order is for --expert markov")
    from genolift.dreaming.units import Unit
    from genolift.pipeline.dreaming.job import DreamJob, Experts, run_dream

    row = int(over) if over.isdigit() else over
    hidden = None if layer is None or unit is None else Unit(layer, unit, row)
    experts = Experts(real, expert, order, generator)
    job = DreamJob(model, out, target, hidden, experts, search, motifs, motif_format, execution)
    told, was_there = run_dream(job)
    if was_there:
        click.echo(f"{out} is already complete")
        return
    best = told["best"]
    click.echo(f"{out}: the best of {search['starts']} starts is {best['start']:.0f}, at {best['discrete']:.4g}")
    click.echo(f"  relaxed {best['relaxed']:.4g}; discretising lost {best['lost']:.3g}")
    if "realism_p" in best:
        click.echo(
            f"  log p per base {best['realism']:.3f}, more than {best['realism_percentile']:.0f} % of real sequences "
            f"have (p = {best['realism_p']:.2g})"
        )
    for name, count in told["motifs_in_best"].items():
        click.echo(f"  {name}: {count} strong {'match' if count == 1 else 'matches'}")
