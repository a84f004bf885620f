"""``genolift filters``: what a layer's filters look for, as motifs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genolift.cli import parameters, parts

if TYPE_CHECKING:
    from genolift.pipeline.common.execution import Execution
    from genolift.pipeline.common.modelfile import ModelFile
    from genolift.pipeline.common.reading import Reading


@click.command(
    epilog=parameters.epilog(
        "genolift filters model.keras sequences.fa --out filters",
        "genolift filters model.keras genome.fa --regions peaks.narrowPeak --motifs jaspar.meme --out filters",
        "genolift filters model.keras sequences.fa --layer conv_3 --by-activation --out conv_3",
    )
)
@click.argument("model", type=parameters.path())
@click.argument("sequences", type=parameters.path(), metavar="SEQUENCES.fa[.gz]")
@click.option("--out", required=True, type=parameters.path(), metavar="DIR", help="The directory to write into.")
@click.option("--layer", metavar="NAME", help="Which layer.  [default: the first convolution]")
@parameters.known_motifs
@parameters.motif_format
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="SHARE",
    default=0.5,
    show_default=True,
    help="Of a filter's largest activation, from which a stretch is one of its sites.",
)
@click.option(
    "--by-activation", is_flag=True, help="Weigh sites by their activation, instead of counting all the same."
)
@click.option(
    "--peaks/--all-sites",
    default=None,
    help="Whether only peaks are sites, none other being larger within half a site.  [default: behind the first "
    "convolution]",
)
@parts.reading(
    click.option("--regions", type=parameters.path(), metavar="BED", help="Take these regions of the FASTA file."),
    parameters.summits,
    parameters.on_bad(
        "Records that the model cannot take: stop at the first, leave them out, or pad with N what is too short."
    ),
    parameters.unknown,
)
@parts.execution(parameters.memory, parameters.replace)
@parts.model
def command(
    model: ModelFile,
    reading: Reading,
    execution: Execution,
    out: Path,
    motifs: Path | None,
    motif_format: str | None,
    by_activation: bool,
    **sites: Any,
) -> None:
    """Make a motif of every filter of a layer, from the stretches of sequence that excite it.

    MODEL is as for `genolift explain`. Writes filters.meme (motifs), filters.tsv (a row per filter: sites, bits of
    information, consensus, largest activation, share of the sequences with a site; with --motifs the best match, its
    strand, p and q) and filters.png (logos) into --out.

    A stretch is a site where the filter is at least --threshold times as active as anywhere in the data. Behind the
    first convolution a site is as long as what a unit sees. Sequences are read on the strand that is given. Bases that
    are unknown or beyond an end are not counted, and a pseudo-count of 1 is added by the composition of the sequences,
    against which information is measured. They are read twice, and never all in memory.
    """
    from genolift.pipeline.discovery.filters import FiltersJob, Sites, write_filters

    weights = "activation" if by_activation else "sites"
    job = FiltersJob(model, reading, out, Sites(weights=weights, **sites), motifs, execution, motif_format)
    written = write_filters(job)
    filters = written.filters
    told = f"{len(filters.excited):,} of {len(filters):,} filters of layer {filters.layer} have sites"
    click.echo(f"{out}: {told} in {filters.sequences:,} sequences")
    parameters.tell_commonest(written.named)
