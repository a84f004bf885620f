"""``genolift hits``: where TF-MoDISco's patterns are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from genolift.cli import parameters, parts

if TYPE_CHECKING:
    from genolift.pipeline.discovery.finding import Search


@click.command(
    epilog=parameters.epilog(
        "genolift hits scores.zarr --patterns modisco.h5 --null null.zarr --out hits.bed",
        "genolift hits scores.zarr --patterns modisco.h5 --motifs jaspar.meme --out hits.bed",
    )
)
@click.argument("scores", type=parameters.path())
@click.option(
    "--patterns",
    required=True,
    type=parameters.path(),
    metavar="H5",
    help="What `modisco motifs` wrote (modisco-lite).",
)
@click.option("--out", required=True, type=parameters.path(), help="The BED file.")
@parts.search
@click.option(
    "--similarity",
    type=click.FloatRange(0, 1),
    default=0.7,
    show_default=True,
    help="The smallest cosine of contributions and pattern.",
)
@click.option("--all", "everything", is_flag=True, help="Keep hits of different patterns that overlap, too.")
@parameters.known_motifs
@parameters.motif_format
def command(
    search: Search,
    out: Path,
    patterns: Path,
    similarity: float,
    everything: bool,
    motifs: Path | None,
    motif_format: str | None,
) -> None:
    """Find where contributions look like the patterns of a TF-MoDISco result.

    SCORES is what `genolift explain` wrote, with hypothetical scores. Writes BED, in genome coordinates where regions
    of a genome were scored: six columns, of which the name is the pattern's, then sequence, importance (the sum of
    contributions), similarity, p and q; with --motifs the known motif that is most like the pattern, its p and q.

    Places that overlap compete: the strongest is a hit, then the strongest of those that do not overlap it, and so on.
    A base is thus explained by one hit at most. With --all only places of the same pattern compete.

    p and q judge the length of the contributions along the pattern's contribution-weight matrix, by what the same
    search finds in the null, as in `genolift seqlets`; q is of each pattern by itself. Without --null, the heights of
    the contributions are moved along their sequence, so that they lie on other bases. This assumes that a pattern is
    told from others by its bases.
    """
    from genolift.pipeline.discovery.patterns import PatternHits, write_hits

    written = write_hits(PatternHits(search, patterns, out, similarity, not everything, motifs, motif_format))
    click.echo(f"{out}: {sum(written.counts.values()):,} hits")
    for name, count in written.counts.items():
        like = f"  {written.motifs[name]}" if name in written.motifs else ""
        click.echo(f"  {count:6,}  {name}{like}")
