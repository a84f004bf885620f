"""``genolift report``: an HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from genolift.cli import parameters
from genolift.cli.targets import explained_target


@click.command(
    epilog=parameters.epilog(
        "genolift report scores.zarr --out report.html",
        "genolift report deeplift.zarr ism.zarr --annotations data/embeddings.bed --out report.html",
        "genolift report peaks.zarr --motifs jaspar.meme --out report.html",
        "genolift report peaks.zarr --annotations hits.bed --genome-view --out report.html",
        "genolift report variants.tsv --out report.html",
        "genolift report variants.tsv alleles.zarr --motifs jaspar.meme --out report.html",
        "genolift report benchmark --out report.html",
        "genolift report patterns --title 'Patterns of GATA1' --out report.html",
    )
)
@click.argument("source", type=parameters.path(), nargs=-1, required=True)
@click.option("--out", required=True, type=parameters.path(), help="The page, an HTML file.")
@explained_target("Which one to show, where several were explained.  [default: all]")
@click.option(
    "--annotations",
    type=parameters.path(),
    metavar="BED",
    help="What to mark in the sequences: embedded motifs, hits, peaks. The first column is a sequence's name, or a "
    "chromosome where the store knows its regions.",
)
@click.option(
    "--motifs",
    type=parameters.path(),
    metavar="FILE",
    help="Known motifs: MEME, JASPAR, TRANSFAC or HOMER format. The page about stores names those under the strongest "
    "stretches; the page about variants and their alleles says which strong matches each variant makes or breaks.",
)
@parameters.motif_format
@click.option(
    "--genome-view",
    is_flag=True,
    help="Show the chosen sequence of a store in a genome browser, too (igv.js, which adds 1.5 MB to the page).",
)
@click.option("--title", metavar="TEXT", help="The title of the page.  [default: the name of SOURCE]")
def command(
    source: tuple[Path, ...],
    out: Path,
    target: str | None,
    annotations: Path | None,
    motifs: Path | None,
    motif_format: str | None,
    genome_view: bool,
    title: str | None,
) -> None:
    """Gather scores, variants, patterns or a benchmark on one HTML page.

    SOURCE is what `genolift explain` or `genolift benchmark` wrote, or several stores of the same sequences, such as of
    two methods; or the table of `genolift variants`, alone or with the store of its --explain; or the directory of
    `genolift patterns`, `genolift compare` or `genolift digits`, whose page is written to --out as it is.

    The page about stores lists all sequences in a table that can be sorted and searched. Choosing one shows its logo
    for every target and store, which can be zoomed, and a click on a base shows what the other bases would be worth.
    With --motifs, the table says which motif stands under the strongest ten bases of each sequence, the logo marks it,
    and another table counts them. A name says what the bases resemble, and not which factor binds there. Motifs are
    named only where they match more stretches than chance explains, so that a few sequences and a large database may
    give no names.

    The page opens from disk and fetches nothing. Where it would be larger than 15 MB, the scores are written into a
    directory beside it, which has to stay there.

    The page about variants lists their effects, the strongest of either sign first. With the store of --explain,
    choosing one shows both alleles, aligned over an insertion or a deletion.
    """
    if motif_format is not None and motifs is None:
        raise click.UsageError("--motif-format is of the file --motifs, which is missing")
    if any(one.is_file() for one in source):
        from genolift.pipeline.variants.page import write_page as write_page_of_variants

        if annotations is not None:
            raise click.UsageError("--annotations marks the sequences of stores, and not variants")
        if genome_view:
            raise click.UsageError("--genome-view shows the sequences of stores, and not variants")
        first, *beside = write_page_of_variants(source, out, target, title, motifs, motif_format)
    else:
        from genolift.pipeline.common.drawing import write_page
        from genolift.plot.web.page import PageOptions

        shown = PageOptions(target, title, annotations, genome=genome_view)
        first, *beside = write_page(source, out, shown, motifs, motif_format)
    click.echo(f"{first}" + (f" and {len(beside):,} files in {beside[0].parent}" if beside else ""))
