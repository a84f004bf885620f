"""``genolift patterns``: TF-MoDISco's patterns with the names of known motifs."""

from __future__ import annotations

from pathlib import Path

import click

from genolift.cli import parameters


@click.command(
    epilog=parameters.epilog(
        "genolift patterns modisco.h5 --motifs jaspar.meme --out patterns",
        "genolift patterns modisco.h5 --out patterns",
    )
)
@click.argument("patterns", type=parameters.path(), metavar="H5")
@parameters.known_motifs
@parameters.motif_format
@click.option("--out", required=True, type=parameters.path(), metavar="DIR", help="The directory to write into.")
@parameters.replace
def command(patterns: Path, motifs: Path | None, motif_format: str | None, out: Path, force: bool) -> None:
    """Describe the patterns of a TF-MoDISco result, and name the known motifs that they look like.

    H5 is what `modisco motifs` wrote (modisco-lite). Writes patterns.tsv (a row per pattern: seqlets, width, consensus,
    bits of information, the sum of its contributions; with --motifs the best match, its strand, p and q), patterns.meme
    (the frequencies of the bases as motifs) and patterns.html (the table with logos of each pattern and of its match)
    into --out.

    Patterns are trimmed to where they contribute: ends with less than 0.3 of the largest position are cut. Their
    frequencies of bases are compared with the motifs, on either strand, by Tomtom, whose p-values are calibrated with
    patterns of the same width that have their positions in random order. A pattern is called by the name of a motif on
    the page where q is at most 0.05.
    """
    from genolift.pipeline.discovery.described import PatternsJob, write_patterns

    found = write_patterns(PatternsJob(patterns, out, motifs, motif_format, force))
    like = f", {sum(map(bool, found.values())):,} of them like a known motif" if motifs is not None else ""
    click.echo(f"{out}: {len(found):,} patterns{like}")
    for name, motif in found.items():
        click.echo(f"  {name}" + (f"  {motif}" if motif else ""))
