"""``genolift export``: files for other programs."""

import click

from genolift.cli import parameters
from genolift.export.registry import FORMATS


@click.command(
    epilog=parameters.epilog(
        "genolift export scores.zarr --to modisco --out peaks",
        "genolift export scores.zarr --to bigwig --chrom-sizes hg38.chrom.sizes --target 0 --out peaks.bw",
        "genolift export scores.zarr --to tsv --out peaks.tsv.gz",
    )
    + "\n\n\b\nFormats:\n"
    + "\n".join(f"  {name:10}  {summary}" for name, summary in FORMATS.items())
)
@click.argument("scores", type=parameters.path())
@click.option("--to", required=True, type=click.Choice(list(FORMATS)), metavar="FORMAT", help="Which one; see below.")
@click.option("--out", required=True, type=parameters.path(), help="The file; of a pair, what both names begin with.")
@click.option(
    "--target", metavar="T", help="Which one, where several were explained, as it was asked for or by its place."
)
@click.option(
    "--form",
    type=click.Choice(["npz", "h5"]),
    help="For modisco: a pair of .npz or one .h5.  [default: by the suffix of --out]",
)
@click.option(
    "--chrom-sizes",
    type=parameters.path(),
    metavar="FILE",
    help="For bigwig and bedgraph: chromosomes and lengths, a FASTA index (.fai), or the genome's FASTA file.",
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
def command(scores, to, out, target, form, chrom_sizes, force):
    """Write scores in the formats that other programs read.

    SCORES is what `genolift explain` wrote; it is read block by block. Files appear whole or not at all.
    """
    from genolift.export import export

    paths = export(scores, to, out, target=target, form=form, chrom_sizes=chrom_sizes, force=force, progress=True)
    for path in paths:
        click.echo(f"{path}")
