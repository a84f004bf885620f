"""``genolift variants``: score the variants of a VCF file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genolift.cli import machine, parameters, parts
from genolift.cli.targets import TargetsCommand, targets_option

if TYPE_CHECKING:
    from genolift.pipeline.common.execution import Execution
    from genolift.pipeline.common.modelfile import ModelFile
    from genolift.pipeline.common.recipe import Recipe
    from genolift.pipeline.variants.job import EffectTable, VariantReading


class Shifts(click.ParamType):
    """Whole numbers, separated by commas."""

    name = "shifts"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[int, ...]:
        """Return the numbers."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not understood; write whole numbers with commas between, as -50,0,50")


class Overlap(click.ParamType):
    """The name of a column, and a file of features."""

    name = "overlap"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[str, Path]:
        """Return both."""
        if isinstance(value, tuple):
            return value
        name, equals, path = value.partition("=")
        if not (equals and path):
            self.fail(f"{value!r} is not understood; write the name of a column and a file, as genes=genes.gtf")
        return name, Path(path)


def _reading(**given: Any) -> VariantReading:
    from genolift.pipeline.variants.job import VariantReading

    return VariantReading(**given)


def _table(null: int | None, **given: Any) -> EffectTable:
    from genolift.pipeline.variants.job import EffectTable

    return EffectTable(null=null or 0, **given)


@click.command(
    cls=TargetsCommand,
    epilog=parameters.epilog(
        "genolift variants model.keras variants.vcf.gz --fasta hg38.fa --target 0 --out variants.tsv",
        "genolift variants model.keras variants.vcf --fasta hg38.fa --target profile counts:0 --shifts -50,0,50 \\",
        "    --null 10000 --explain alleles.zarr --out variants.tsv",
        "genolift variants fold_0.keras variants.vcf --fasta hg38.fa --fold fold_1.keras --fold fold_2.keras \\",
        "    --target 0 --out variants.tsv",
    ),
)
@click.argument("model", type=parameters.path())
@click.argument("variants", type=parameters.path(), metavar="VARIANTS.vcf[.gz]")
@parts.part(
    "table",
    _table,
    click.option("--out", required=True, type=parameters.path(), metavar="TABLE.tsv", help="The table to write."),
    parameters.activation,
    click.option(
        "--align-profiles",
        is_flag=True,
        help="Compare the profiles of insertions and deletions base by base of the genome. A profile then has a "
        "position for each base in the middle of its window.",
    ),
    click.option(
        "--null",
        type=click.IntRange(1),
        default=None,
        metavar="N",
        help="Add p-values and false discovery rates: for every kind of variant (SNVs, insertions of 3 bases, ...) "
        "against N of that kind, the file's own in dinucleotide shuffles of their windows.",
    ),
    click.option(
        "--null-flank",
        type=click.IntRange(5),
        default=None,
        metavar="N",
        help="With --null: shuffle N bases on either side of the variant alone, so that the windows stay as active as "
        "they are.  [default: the whole window]",
    ),
)
@parts.part(
    "reading",
    _reading,
    click.option(
        "--fasta", required=True, type=parameters.path(), metavar="GENOME.fa", help="The genome they refer to."
    ),
    click.option(
        "--shifts",
        type=Shifts(),
        default=(0,),
        metavar="N,...",
        help="Average over several windows, moved to the right by so many bases.  [default: 0]",
    ),
    click.option(
        "--width",
        type=click.IntRange(1),
        metavar="N",
        help="The length of the windows, where the model takes any length.",
    ),
    click.option(
        "--max-n",
        type=click.FloatRange(0, 1),
        metavar="SHARE",
        help="Largest share of N in a window; others are not averaged.  [default: 1]",
    ),
    click.option(
        "--max-mismatch",
        type=click.FloatRange(0, 1),
        default=0.25,
        show_default=True,
        metavar="SHARE",
        help="Stop if more of the REF alleles contradict the genome: the file is of another assembly.",
    ),
    click.option(
        "--on-bad",
        type=click.Choice(["fail", "skip"]),
        default="fail",
        show_default=True,
        help="Malformed lines, and predictions that are NaN or infinite: stop at the first, or give each a row that "
        "says why.",
    ),
    click.option(
        "--null-variants",
        type=parameters.path(),
        metavar="VCF",
        help="In place of --null: compare with these variants, such as common ones, each with those of its kind.",
    ),
    click.option(
        "--overlap",
        "overlaps",
        type=Overlap(),
        multiple=True,
        metavar="NAME=FILE",
        help="Add the column NAME: what each variant overlaps in a BED, GFF3 or GTF file, such as genes or hits.",
    ),
    parameters.unknown,
    arguments=("variants",),
)
@click.option(
    "--explain",
    type=parameters.path(),
    metavar="STORE",
    help="Also explain both alleles of every variant, into a store.",
)
@parts.recipe(
    targets_option(
        "What to predict: 0, 3,1, counts:0, profile, logcounts, sum:bins=10-20,tracks=3; several give a row each.  "
        "[default: the only output]",
    ),
    parameters.method("The method, with --explain; `genolift methods` lists them."),
    parameters.method_options,
    click.option("--rule", metavar="R", help="The rule of DeepLIFT, with --explain.  [default: genomics]"),
    click.option("--references", metavar="R", help="With --explain: as for `genolift explain`."),
    parameters.seed,
)
@machine.as_json("what was done, and how many alleles have which status")
@parts.execution(parameters.memory, *parameters.cluster, parameters.force)
@parts.models
def command(
    model: ModelFile,
    reading: VariantReading,
    table: EffectTable,
    explain: Path | None,
    recipe: Recipe,
    execution: Execution,
    as_json: bool,
) -> None:
    """Score the variants of a VCF file: what the model says of the alternative allele, less that of the reference.

    Each allele is put into a window of the model's length around the variant, which begins at the same base for both.
    The window lies around the normalised variant (as short and as far to the left as can be), however it is written.
    What a deletion leaves free at the right is filled from the genome. Predictions are means over both strands. The
    table has a row for every record, alternative allele and target; what cannot be scored has a row that says why. What
    its columns mean, and how it was made, stands beside it in TABLE.tsv.json.

    All input is checked before anything is written. An interrupted run continues with the same command.
    """
    from genolift.pipeline.variants.alleles import count_by_status
    from genolift.pipeline.variants.job import VariantJob
    from genolift.pipeline.variants.variants import score_variants

    if explain is None and (recipe.method != "deeplift" or recipe.references or recipe.options):
        raise click.UsageError("--method, --option, --rule and --references say how to explain; give --explain too")
    out = table.out
    done = score_variants(VariantJob(model, reading, recipe, table, explain, execution))
    if as_json:
        machine.say(done.record(out, explain))
        return
    told = f"{done.alleles:,} alleles ({count_by_status(done.counts)})"
    if not done.now:
        click.echo(f"{out} is already complete: {told}")
    else:
        click.echo(f"{out}: {told}, scale {', '.join(dict.fromkeys(done.scales))}, {done.seconds:.1f} s")
    if done.explained is not None:
        complete = "" if done.explained.now else " is already complete"
        click.echo(f"{explain}{complete}: {done.explained.sequences:,} sequences, both alleles of each variant")
    elif explain is not None:
        click.echo(f"{explain} is not written: no variant could be scored")
