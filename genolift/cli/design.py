"""``genolift design``: the fewest edits that bring a prediction to a goal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genolift.cli import parameters, parts
from genolift.cli.targets import TargetsCommand, targets_option

if TYPE_CHECKING:
    from genolift.pipeline.common.execution import Execution
    from genolift.pipeline.common.modelfile import ModelFile
    from genolift.pipeline.common.reading import Reading


class Numbers(click.ParamType):
    """Two numbers with a comma between."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        """Return both, or fail."""
        try:
            low, high = (float(part) for part in value.split(",")) if isinstance(value, str) else value
        except ValueError:
            self.fail(f"{value} is not understood; write two numbers, as 0.4,0.6", param, context)
        return low, high


def _joined(by: str) -> Any:
    def callback(context: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> str | None:
        return by.join(texts) or None

    return callback


def _asked(**given: Any) -> dict[str, Any]:
    return given


@click.command(
    cls=TargetsCommand,
    epilog=parameters.epilog(
        "genolift design model.keras sequences.fa --target 0 --to 0.9 --out designs.zarr",
        "genolift design model.keras sequences.fa --target 0 --above 0.9 --hold 1:0.1 --keep promoters.bed \\",
        "    --forbid BsaI --forbid AATAAA --gc 0.4,0.6 --solutions 3 --out designs.zarr",
        "genolift design model.keras sequences.fa --target 2 --below 0.1 --indels --algorithm beam --width 16 \\",
        "    --out losses.zarr",
    ),
)
@click.argument("model", type=parameters.path())
@click.argument("sequences", type=parameters.path(), metavar="SEQUENCES.fa[.gz]")
@click.option(
    "--out",
    type=parameters.path(),
    required=True,
    metavar="NAME.zarr",
    help="The store to write. NAME.tsv, NAME.edits.tsv and NAME.fa beside it hold the solutions, their edits and the "
    "designed sequences.",
)
@targets_option(
    "What to bring to the goal: 0, 3,1, counts:0, logcounts, sum:bins=10-20,tracks=3; each of several has designs of "
    "its own.  [default: the only output]",
)
@parts.part(
    "asked",
    _asked,
    click.option(
        "--to", type=float, metavar="V", help="The value to reach, from whichever side the prediction is now."
    ),
    click.option("--above", type=float, metavar="V", help="The value that the prediction must be at least."),
    click.option(
        "--below",
        type=float,
        metavar="V",
        help="The value that the prediction must be at most.  [default without a goal: lose half of what the "
        "prediction has beyond shuffles of the sequence]",
    ),
    click.option("--within", type=float, metavar="D", help="How far from --to the prediction may end."),
    click.option(
        "--hold",
        multiple=True,
        metavar="T:D",
        callback=_joined(";"),
        help="A target that must stay, and how far it may move, as 1:0.1. May be given several times.",
    ),
    click.option(
        "--keep",
        type=click.Path(),
        metavar="BED",
        help="Stretches that stay as they are, by the names of the sequences.",
    ),
    click.option("--only", type=click.Path(), metavar="BED", help="Stretches that may be edited; the rest stays."),
    click.option(
        "--forbid",
        multiple=True,
        metavar="MOTIF",
        callback=_joined(","),
        help="A motif that must not occur on either strand, as CANNTG, or a restriction enzyme, as BsaI. May be given "
        "several times.",
    ),
    click.option("--gc", type=Numbers(), metavar="LOW,HIGH", help="Limits of the share of G and C, as 0.4,0.6."),
    click.option(
        "--existing",
        type=click.Choice(["refuse", "keep"]),
        help="What becomes of forbidden motifs, and of a G+C content beyond its limits, that a sequence has from the "
        "start: an error, or they may stay.  [default: refuse]",
    ),
    click.option(
        "--algorithm",
        metavar="NAME",
        help="The search; `genolift methods minimal-change` lists them.  [default: thorough]",
    ),
    click.option(
        "--width", type=click.IntRange(1), metavar="N", help="How many drafts a population keeps.  [default: 8]"
    ),
    click.option("--most", type=click.IntRange(1), metavar="N", help="The largest number of edits.  [default: 30]"),
    click.option(
        "--solutions",
        type=click.IntRange(1),
        metavar="N",
        help="How many solutions to find, of which no two edit the same position.  [default: 1]",
    ),
    click.option("--indels", is_flag=True, help="Insert and delete bases, too. The length stays; one side moves."),
    click.option(
        "--moves", type=click.Choice(["right", "left"]), help="The side of an indel that moves.  [default: right]"
    ),
    click.option("--rc-average", is_flag=True, help="Design for the mean over both strands of what the model says."),
    click.option(
        "--activation",
        type=click.Choice(["keep", "logit"]),
        default="keep",
        show_default=True,
        help="Whether goals are on the scale of the model's output, or look through a final sigmoid or softmax.",
    ),
)
@click.option(
    "--motifs",
    type=parameters.path(),
    metavar="FILE",
    help="Motifs in the format of MEME, JASPAR, TRANSFAC or HOMER; NAME.motifs.tsv says which of them each design "
    "makes and breaks.",
)
@parameters.motif_format
@parameters.seed
@parts.reading(
    click.option(
        "--names",
        "select",
        type=parameters.path(),
        metavar="FILE",
        help="Design the records that this list names, one a line.",
    ),
    parameters.on_bad(
        "Records that cannot be used: stop at the first, leave them out, or pad with N what is too short and leave out "
        "the rest."
    ),
    parameters.unknown,
)
@parts.execution(parameters.memory, *parameters.cluster, parameters.force)
@parts.model
def command(
    model: ModelFile,
    reading: Reading,
    targets: tuple[str, ...],
    asked: dict[str, Any],
    motifs: Path | None,
    motif_format: str | None,
    seed: int,
    out: Path,
    execution: Execution,
) -> None:
    """Find the fewest edits of sequences that bring what a model predicts to a goal.

    The search predicts every substitution (with --indels every insertion and deletion, too) of each sequence, goes on
    from the best, and then tries to do with fewer. Edits that are not needed are undone, and the designs are predicted
    once more: what is written are those predictions, never the search's.

    at_least is the number of edits that is needed for certain: with --algorithm exhaustive every single edit and every
    pair is tried, so that the smallest number is known where it is at most 3. A goal that is not reached is no error:
    its row says no, and holds the nearest design. An interrupted run continues with the same command.
    """
    from genolift.pipeline.common.recipe import Recipe
    from genolift.pipeline.designing.designing import EDITS, FASTA, MOTIFS, TABLE, beside, design
    from genolift.pipeline.scoring.scoring import Scoring

    given = {name: value for name, value in asked.items() if value not in (None, False)}
    recipe = Recipe("minimal-change", targets, options=given, seed=seed)
    done = design(Scoring(model, reading, recipe, out, execution=execution), motifs, motif_format)
    mean = f", with {done.edits:.1f} edits on average" if done.reached else ""
    complete = "" if done.scored.now else " is already complete"
    click.echo(f"{out}{complete}: {done.reached:,} of {done.solutions:,} solutions reach the goal{mean}")
    if motifs is not None:
        click.echo(f"  motifs that are made and broken {beside(out, MOTIFS)}")
    click.echo(f"  solutions {beside(out, TABLE)}, edits {beside(out, EDITS)}, sequences {beside(out, FASTA)}")
