"""Seqlets of a store as BED: where importance stands out, and which known motif that looks like."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from genolift.evaluate.discovery.matching import match_motifs
from genolift.evaluate.discovery.seqlets import BackgroundScale, ScoredStretches, find_stretches
from genolift.export.bed import one_word, write_bed
from genolift.export.outputs import check_new, outputs
from genolift.export.source import Scores
from genolift.pipeline.discovery.finding import Finder, Search, bed_score, find_significant
from genolift.sequence.alphabet import letters, one_hot_codes
from genolift.simulate.motifs import read_motifs

log = logging.getLogger("genolift")


@dataclass(frozen=True)
class Seqlets:
    """How stretches are found: see :mod:`genolift.evaluate.discovery.seqlets`; ``motifs`` is a file of known ones."""

    search: Search
    gap: int = 2
    width: int = 3
    motifs: Path | None = None


@dataclass(frozen=True)
class Written:
    """How many seqlets were written, by sign, and how many of them by motif, where one matches (``q`` ≤ the FDR)."""

    positive: int
    negative: int
    motifs: dict[str, int] = field(default_factory=dict)


def write_seqlets(job: Seqlets) -> Written:
    """Write the stretches whose q-value is at most ``job.search.fdr``.

    The columns after BED's six are ``sequence``, ``importance`` (the sum of scores), ``p``, ``q`` and, with motifs,
    ``motif`` (the best one), ``motif_p`` and ``motif_q``. The strand is the motif's, without motifs a point.
    """
    check_new(job.search.out, job.search.force)
    motifs = None if job.motifs is None else known_motifs(job.motifs)
    scores, null_scores = job.search.open()
    threshold = _threshold(null_scores or scores)

    def find(values, lengths, first):
        return find_stretches(values, lengths, threshold, job.gap, job.width, first)

    finder = Finder("scores", find, lambda found: (np.sign(found.importance).astype(int), np.abs(found.importance)))
    found, p, q = find_significant(job.search, finder, scores, null_scores)
    columns = {
        "name": np.array([f"seqlet_{i}" for i in range(1, len(found) + 1)], dtype=object),
        "score": bed_score(q),
        "sequence": np.array([one_word(scores.names[i]) for i in found.sequence], dtype=object),
        "importance": found.importance,
        "p": p,
        "q": q,
    }
    strand, named = np.full(len(found), "."), {}
    if motifs is not None:
        log.info(
            "comparing %s seqlets with %s motifs; the first time, memelite compiles itself, which takes minutes",
            len(found),
            len(motifs),
        )
        best = match_motifs(_texts(scores, found), motifs)
        labels = np.array(list(motifs), dtype=object)[best.motif]
        strand = best.strand
        columns |= {"motif": labels, "motif_p": best.p, "motif_q": best.q}
        good, counts = np.unique(labels[best.q <= job.search.fdr].astype(str), return_counts=True)
        named = {good[i]: int(counts[i]) for i in np.argsort(-counts, kind="stable")}
    with outputs([job.search.out], job.search.force) as (part,):
        write_bed(part, scores, found.sequence, found.start, found.end, strand, columns)
    positive = int((found.importance > 0).sum())
    return Written(positive, len(found) - positive, named)


def known_motifs(path: Path) -> dict[str, np.ndarray]:
    """Motifs (width, 4) of a file by accession and name, as one word; the same matrix in succession is one motif."""
    motifs: list[tuple[str, np.ndarray]] = []
    for name, motif in read_motifs(path).items():
        if motifs and np.array_equal(motifs[-1][1], motif.matrix):
            name = f"{motifs.pop()[0]}_{name}"
        motifs.append((one_word(name), motif.matrix))
    return dict(motifs)


def _threshold(scores: Scores) -> float:
    background = BackgroundScale()
    for rows, block in scores.blocks("scores", label="measuring"):
        background.add(block[np.arange(scores.width) < scores.lengths[rows][:, None]])
    return background.threshold


def _texts(scores: Scores, found: ScoredStretches) -> list[str]:
    """The sequence of each stretch; stretches come by sequence, so that each block of inputs is read once."""
    texts: list[str] = []
    for rows, x in scores.blocks("inputs", label="reading"):
        first, last = np.searchsorted(found.sequence, [rows.start, rows.stop])
        codes = one_hot_codes(x) if last > first else None
        for i in range(first, last):
            texts.append(letters(codes[found.sequence[i] - rows.start, found.start[i] : found.end[i]]))
    return texts
