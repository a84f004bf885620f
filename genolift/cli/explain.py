"""``genolift explain``: score sequences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from genolift.cli import machine, parameters, parts
from genolift.cli.targets import TargetsCommand, targets_option

if TYPE_CHECKING:
    from genolift.pipeline.common.execution import Execution
    from genolift.pipeline.common.modelfile import ModelFile
    from genolift.pipeline.common.reading import Reading
    from genolift.pipeline.common.recipe import Recipe
    from genolift.pipeline.scoring.resuming import Resumption
    from genolift.pipeline.scoring.scoring import Scoring


@click.command(
    cls=TargetsCommand,
    epilog=parameters.epilog(
        "genolift explain model.keras sequences.fa.gz --target 0 --out scores.zarr",
        "genolift explain model.keras genome.fa --regions peaks.narrowPeak --on-bad skip --target 0 --out scores.zarr",
        "genolift explain model.keras sequences.fa --target 0 1 2 --method integrated-gradients \\",
        "    --references background:0.3,0.2,0.2,0.3 --steps 20 --out scores.zarr",
        "genolift explain fold_0.keras sequences.fa --fold fold_1.keras --fold fold_2.keras --target 0 --out mean.zarr",
        "genolift explain bpnet.keras sequences.fa --also control=control.npz --also total=zeros --target 0 \\",
        "    --out scores.zarr",
    ),
)
@click.argument("model", type=parameters.path())
@click.argument("sequences", type=parameters.path(), metavar="SEQUENCES.fa[.gz]")
@click.option("--out", type=parameters.path(), help="The store to write, a directory.")
@parts.recipe(
    targets_option(
        "What to explain: 0, 3,1, counts:0, profile, logcounts, sum:bins=10-20,tracks=3; several give an axis of "
        "targets.  [default: the only output]",
    ),
    parameters.method("The method; `genolift methods` lists them."),
    parameters.method_options,
    click.option(
        "--rule", metavar="R", help="The rule of DeepLIFT: genomics, rescale, revealcancel.  [default: genomics]"
    ),
    click.option(
        "--references",
        metavar="R",
        help="What sequences are compared with: shuffled:20 (keeps dinucleotides), shuffled1:20, sampled:100 (random "
        "bases, the same for all), background:0.3,0.2,0.2,0.3, zeros.  [default: the method's own; shuffled:20 for "
        "deeplift]",
    ),
    click.option(
        "--fit-on",
        type=parameters.path(),
        metavar="FASTA",
        help="Sequences of the model's length that a fitted method (patternnet, pattern-attribution, sis) is fitted "
        "on, such as those that the model was trained on.",
    ),
    click.option("--rc-average", is_flag=True, help="Explain the mean over both strands of what the model says."),
    click.option(
        "--fallback",
        type=click.Choice(["integrated-gradients"]),
        help="For operations without a DeepLIFT rule: integrate their own gradient, and record what that leaves.",
    ),
    click.option(
        "--steps",
        type=click.IntRange(1),
        metavar="N",
        help="The number of steps: default 50 for integrated-gradients, 200 for mask.",
    ),
    click.option(
        "--activation",
        type=click.Choice(["logit", "keep"]),
        help="Whether to look through a final sigmoid or softmax.  [default: logit; for minimal-change, whose goals "
        "are values of the output, keep]",
    ),
    parameters.seed,
)
@parts.reading(
    click.option(
        "--regions",
        type=parameters.path(),
        metavar="BED",
        help="Score these regions of the FASTA file, at the model's length around their summit or middle: BED, "
        "narrowPeak, or the .var of an AnnData (.h5ad).",
    ),
    click.option(
        "--width",
        type=click.IntRange(1),
        metavar="N",
        help="How long regions become where the model takes any length.  [default: as they are]",
    ),
    parameters.summits,
    click.option(
        "--names",
        "select",
        type=parameters.path(),
        metavar="FILE",
        help="Score the records that this list names, one a line.",
    ),
    parameters.on_bad(
        "Records that cannot be scored (malformed lines, sequences that are empty, no DNA or named twice, unknown "
        "chromosomes, windows that leave theirs, a wrong length, too many N): stop at the first, leave them out, or "
        "pad with N what is too short and leave out the rest.",
    ),
    click.option(
        "--max-n", type=click.FloatRange(0, 1), metavar="SHARE", help="Largest share of N in a sequence.  [default: 1]"
    ),
    click.option("--report", type=parameters.path(), metavar="FILE.tsv", help="Write what became of every record."),
    parameters.unknown,
)
@click.option(
    "--diagnose",
    is_flag=True,
    help="Write nothing; print for the first sequence and reference every step's imbalance, which is rounding if "
    "float64 makes it vanish.",
)
@click.option(
    "--resume-check",
    is_flag=True,
    help="Write nothing; say whether this command would continue the store at --out, and how many of its blocks are "
    "done. It is an error if another result is there.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16"]),
    default="float32",
    show_default=True,
    help="The type of numbers on disk; float16 is lossy.",
)
@machine.as_json("the summary, or with --resume-check what it found")
@parts.execution(parameters.memory, *parameters.cluster, parameters.force)
@parts.models
def command(
    model: ModelFile,
    reading: Reading,
    recipe: Recipe,
    out: Path | None,
    dtype: str,
    execution: Execution,
    diagnose: bool,
    resume_check: bool,
    as_json: bool,
) -> None:
    """Score the sequences of a FASTA file, or regions of a genome, with a model.

    MODEL is a .keras file, a Keras .h5, an architecture in JSON (with --weights), a SavedModel or a frozen graph.
    Writes importance scores, one per base, with all that made them, into a Zarr directory, which `genolift plot`,
    `genolift report` and Python's genolift.Explanation.load read. One of the input files may be -, standard input.

    All input is checked before anything is written. What is left out is told, with line and reason, and kept in the
    result. An interrupted run continues with the same command, on one process, several or a cluster.
    """
    from genolift.pipeline.scoring.scoring import Scoring, score, steps_of_first

    if diagnose:
        if as_json:
            raise click.UsageError("--diagnose prints a table; leave out --json")
        click.echo(steps_of_first(model, reading, recipe, execution.memory))
        return
    if out is None:
        raise click.UsageError("Missing option '--out': where should the scores go?")
    job = Scoring(model, reading, recipe, out, dtype, execution)
    if resume_check:
        _tell_resumption(job, as_json)
        return
    done = score(job)
    if as_json:
        machine.say(done.record(out))
        return
    left_out = f", {done.left_out:,} records left out" if done.left_out else ""
    if not done.now:
        click.echo(f"{out} is already complete: {done.sequences:,} sequences{left_out}")
    else:
        click.echo(f"{out}: {done.sequences:,} sequences, {done.now:,} of them in {done.seconds:.1f} s{left_out}")


def _tell_resumption(job: Scoring, as_json: bool) -> None:
    from genolift.pipeline.scoring.resuming import check_resume

    found = check_resume(job)
    if as_json:
        machine.say(found.record(job.out))
    else:
        click.echo(_resumption(job, found))


def _resumption(job: Scoring, found: Resumption) -> str:
    if found.is_new:
        there = "is there and would be replaced" if job.execution.force and job.out.exists() else "is not there yet"
        return f"{job.out} {there}: this command would begin a store"
    if found.is_complete:
        return f"{job.out} is complete: {found.sequences:,} sequences; this command would change nothing"
    return (
        f"{job.out} would be continued: {found.done_blocks:,} of {found.blocks:,} blocks are done, "
        f"{found.done:,} of {found.sequences:,} sequences"
    )
