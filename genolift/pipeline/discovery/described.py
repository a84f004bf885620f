"""The patterns of a TF-MoDISco result as a table, a file of motifs and a page, with names of known motifs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from genolift.evaluate.discovery.filters import consensus, information
from genolift.evaluate.discovery.hits import ContributionPattern
from genolift.export.outputs import check_new, outputs
from genolift.pipeline.discovery.known import known_motifs
from genolift.pipeline.discovery.naming import FDR, NamedPatterns, name_patterns, probabilities
from genolift.pipeline.discovery.patterns import read_patterns
from genolift.pipeline.keeping.places import check_directory
from genolift.plot.patterns import ShownPattern, patterns_page
from genolift.plot.report import Table
from genolift.sequence.alphabet import BASES
from genolift.simulate.motifs import Motif, meme_text

_EVEN = np.full(4, 0.25)


@dataclass(frozen=True)
class PatternsJob:
    """Patterns to describe.

    Parameters
    ----------
    patterns
        A TF-MoDISco result.
    out
        The directory to write into.
    motifs
        A file of known motifs to compare them with.
    motif_format
        The format of the known motifs; ``None`` recognises it by the content.
    force
        Whether files that are there are replaced.
    progress
        Whether progress is shown.
    """

    patterns: Path
    out: Path
    motifs: Path | None = None
    motif_format: str | None = None
    force: bool = False
    progress: bool = True

    @property
    def files(self) -> list[Path]:
        """The files that are written."""
        return [self.out / f"patterns.{kind}" for kind in ("tsv", "meme", "html")]


def write_patterns(job: PatternsJob) -> dict[str, str]:
    """Write patterns.tsv, patterns.meme and patterns.html into ``job.out``.

    Returns
    -------
    dict
        By the name of each pattern, the known motif that it looks like (q ≤ 0.05); an empty text for none.
    """
    check_directory(job.out)
    if job.out.is_dir():
        for path in job.files:
            check_new(path, job.force)
    motifs = None if job.motifs is None else known_motifs(job.motifs, job.motif_format)
    patterns = read_patterns(job.patterns)
    matrices = [probabilities(pattern, job.patterns) for pattern in patterns]
    named = None if motifs is None else name_patterns(patterns, motifs, job.patterns)
    table = _table(patterns, matrices, named)
    shown = []
    for i, (pattern, matrix) in enumerate(zip(patterns, matrices, strict=True)):
        one = ShownPattern(pattern.name, pattern.cwm, matrix)
        shown.append(one if named is None or motifs is None else _with_name(one, named, i, motifs))
    told = f"{len(patterns):,} patterns of TF-MoDISco."
    if motifs is not None and job.motifs is not None:
        told += f" They were compared with {len(motifs):,} motifs of {job.motifs.name}."
    page = patterns_page(f"Patterns of {job.patterns.name}", told, table, shown, job.progress)
    job.out.mkdir(parents=True, exist_ok=True)
    with outputs(job.files, job.force) as (tsv, meme, html):
        tsv.write_text("".join("\t".join(row) + "\n" for row in [table.head, *table.rows]), encoding="utf-8")
        meme.write_text(_meme(patterns, matrices), encoding="utf-8")
        html.write_text(page, encoding="utf-8")
    good = {} if named is None else named.good(patterns)
    return {pattern.name: good.get(pattern.name, "") for pattern in patterns}


def _with_name(one: ShownPattern, named: NamedPatterns, i: int, motifs: Mapping[str, np.ndarray]) -> ShownPattern:
    """Return a pattern with what is said of its match, and with the motif itself where it is like the pattern."""
    label, back = named.labels[i], named.strand[i] == "-"
    told = f"The most similar known motif is {label}{' on the other strand' if back else ''} "
    told += f"(p = {named.p[i]:.2g}, q = {named.q[i]:.2g})"
    if named.q[i] > FDR:
        return replace(one, told=f"{told}. It is not similar enough to give the pattern its name.")
    matrix = motifs[label]
    return replace(one, motif=label, matrix=matrix[::-1, ::-1] if back else matrix, told=f"{told}.")


def _table(patterns: list[ContributionPattern], matrices: list[np.ndarray], named: NamedPatterns | None) -> Table:
    head = ["pattern", "seqlets", "width", "consensus", "information", "importance"]
    head += ["motif", "strand", "p", "q"] if named is not None else []
    rows = []
    for i, (pattern, matrix) in enumerate(zip(patterns, matrices, strict=True)):
        bits = float(information(matrix, _EVEN).sum())
        seqlets = "" if pattern.seqlets is None else str(pattern.seqlets)
        row = [pattern.name, seqlets, str(len(matrix)), consensus(matrix)]
        row += [f"{bits:.4g}", f"{pattern.cwm.sum():.4g}"]
        if named is not None:
            row += [named.labels[i], str(named.strand[i]), f"{named.p[i]:.3g}", f"{named.q[i]:.3g}"]
        rows.append(row)
    return Table(head, rows)


def _meme(patterns: list[ContributionPattern], matrices: list[np.ndarray]) -> str:
    motifs = [(Motif(one.name, matrix), one.seqlets or 1) for one, matrix in zip(patterns, matrices, strict=True)]
    return meme_text(motifs, [1 / len(BASES)] * len(BASES))
