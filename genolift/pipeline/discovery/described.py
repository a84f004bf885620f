"""Patterns as a table, a file of motifs and a page, with names of known motifs: those of a TF-MoDISco result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from genolift.evaluate.discovery.filters import consensus, information
from genolift.evaluate.discovery.hits import ContributionPattern
from genolift.export.outputs import check_new, outputs
from genolift.pipeline.common.known import known_motifs
from genolift.pipeline.discovery.naming import FDR, NamedPatterns, name_patterns, probabilities
from genolift.pipeline.discovery.patterns import read_patterns
from genolift.pipeline.keeping.places import check_directory
from genolift.plot.page import Table
from genolift.plot.patterns import ShownPattern, patterns_page
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
    told = f"{len(patterns):,} patterns of TF-MoDISco."
    found = describe(patterns, job.patterns, motifs, "" if job.motifs is None else job.motifs.name)
    page = found.page(f"Patterns of {job.patterns.name}", told, job.progress)
    job.out.mkdir(parents=True, exist_ok=True)
    with outputs(job.files, job.force) as (tsv, meme, html):
        tsv.write_text(found.tsv, encoding="utf-8")
        meme.write_text(found.meme, encoding="utf-8")
        html.write_text(page, encoding="utf-8")
    return found.names


@dataclass(frozen=True, eq=False)
class Description:
    """What is said of patterns, wherever they come from.

    Attributes
    ----------
    patterns : list of ContributionPattern
        The patterns, trimmed.
    matrices : list of np.ndarray
        The probabilities of their bases, (width, 4) each.
    named : NamedPatterns or None
        The known motifs that are most like them.
    motifs : dict or None
        The known motifs.
    source : str
        The name of the file of known motifs.
    more : dict
        Further columns of the table by their names, with a cell for each pattern.
    examples : list
        For each pattern some members that are drawn, as texts and heights of letters (width, 4).
    """

    patterns: list[ContributionPattern]
    matrices: list[np.ndarray]
    named: NamedPatterns | None
    motifs: Mapping[str, np.ndarray] | None
    source: str
    more: Mapping[str, Sequence[str]] = field(default_factory=dict)
    examples: Sequence[Sequence[tuple[str, np.ndarray]]] = ()

    @property
    def names(self) -> dict[str, str]:
        """By the name of each pattern, the known motif that it looks like; an empty text for none."""
        good = {} if self.named is None else self.named.good(self.patterns)
        return {pattern.name: good.get(pattern.name, "") for pattern in self.patterns}

    @property
    def table(self) -> Table:
        """A row for each pattern."""
        head = ["pattern", "seqlets", "width", "consensus", "information", "importance", *self.more]
        head += ["motif", "strand", "p", "q"] if self.named is not None else []
        rows = []
        for i, (pattern, matrix) in enumerate(zip(self.patterns, self.matrices, strict=True)):
            bits = float(information(matrix, _EVEN).sum())
            seqlets = "" if pattern.seqlets is None else str(pattern.seqlets)
            row = [pattern.name, seqlets, str(len(matrix)), consensus(matrix)]
            row += [f"{bits:.4g}", f"{pattern.cwm.sum():.4g}", *(cells[i] for cells in self.more.values())]
            if (named := self.named) is not None:
                row += [named.labels[i], str(named.strand[i]), f"{named.p[i]:.3g}", f"{named.q[i]:.3g}"]
            rows.append(row)
        return Table(head, rows)

    @property
    def tsv(self) -> str:
        """The table as text."""
        table = self.table
        return "".join("\t".join(row) + "\n" for row in [table.head, *table.rows])

    @property
    def meme(self) -> str:
        """The frequencies of the bases as motifs."""
        pairs = zip(self.patterns, self.matrices, strict=True)
        return meme_text([(Motif(one.name, matrix), one.seqlets or 1) for one, matrix in pairs], [1 / 4] * len(BASES))

    def page(self, title: str, told: str, progress: bool) -> str:
        """Return the table with logos of each pattern, of its match and of its examples, as HTML."""
        shown = []
        for i, (pattern, matrix) in enumerate(zip(self.patterns, self.matrices, strict=True)):
            one = ShownPattern(pattern.name, pattern.cwm, matrix, examples=self.examples[i] if self.examples else ())
            if self.named is not None and self.motifs is not None:
                one = _with_name(one, self.named, i, self.motifs)
            shown.append(one)
        if self.motifs is not None:
            told += f" They were compared with {len(self.motifs):,} motifs of {self.source}."
        return patterns_page(title, told, self.table, shown, progress)


def describe(
    patterns: list[ContributionPattern],
    path: Path,
    motifs: Mapping[str, np.ndarray] | None,
    source: str,
    more: Mapping[str, Sequence[str]] | None = None,
    examples: Sequence[Sequence[tuple[str, np.ndarray]]] = (),
) -> Description:
    """Return what is said of patterns from ``path``, compared with known motifs where these are given."""
    matrices = [probabilities(pattern, path) for pattern in patterns]
    named = None if motifs is None or not patterns else name_patterns(patterns, motifs, path)
    return Description(patterns, matrices, named, motifs, source, more or {}, examples)


def _with_name(one: ShownPattern, named: NamedPatterns, i: int, motifs: Mapping[str, np.ndarray]) -> ShownPattern:
    """Return a pattern with what is said of its match, and with the motif itself where it is like the pattern."""
    label, back = named.labels[i], named.strand[i] == "-"
    told = f"The most similar known motif is {label}{' on the other strand' if back else ''} "
    told += f"(p = {named.p[i]:.2g}, q = {named.q[i]:.2g})"
    if named.q[i] > FDR:
        return replace(one, told=f"{told}. It is not similar enough to give the pattern its name.")
    matrix = motifs[label]
    return replace(one, motif=label, matrix=matrix[::-1, ::-1] if back else matrix, told=f"{told}.")
