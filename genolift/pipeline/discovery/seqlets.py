"""Seqlets of a store as BED: where importance stands out, and which known motif that looks like."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from genolift.evaluate.discovery.matching import match_motifs
from genolift.evaluate.discovery.seqlets import BackgroundScale, ScoredStretches, find_stretches
from genolift.evaluate.discovery.surrogates import SignDependence, background_noise, sieve
from genolift.export.bed import one_word, write_bed
from genolift.export.outputs import check_new, outputs
from genolift.export.source import Scores
from genolift.pipeline.common.known import commonest, known_motifs, tell_comparison
from genolift.pipeline.discovery.finding import Finder, Search, bed_score, find_significant
from genolift.sequence.alphabet import letters, one_hot_codes
from genolift.support.seeds import stream


@dataclass(frozen=True)
class Seqlets:
    """Seqlets to find.

    Parameters
    ----------
    search
        What is searched, and how findings are judged.
    out
        The BED file to write.
    gap, width
        How stretches are found: see :mod:`genolift.evaluate.discovery.seqlets`.
    motifs
        A file of known motifs to compare them with.
    """

    search: Search
    out: Path
    gap: int = 2
    width: int = 3
    motifs: Path | None = None
    motif_format: str | None = None


@dataclass(frozen=True)
class WrittenSeqlets:
    """How many seqlets were written, by sign, and how many of them by motif, where one matches (``q`` ≤ the FDR)."""

    positive: int
    negative: int
    motifs: dict[str, int] = field(default_factory=dict)


def write_seqlets(job: Seqlets) -> WrittenSeqlets:
    """Write the stretches whose q-value is at most ``job.search.fdr``.

    The columns after BED's six are ``sequence``, ``importance`` (the sum of scores), ``p``, ``q`` and, with motifs,
    ``motif`` (the best one), ``motif_p`` and ``motif_q``. The strand is the motif's, without motifs a point.
    """
    check_new(job.out, job.search.execution.force)
    motifs = None if job.motifs is None else known_motifs(job.motifs, job.motif_format)
    scores, null_scores = job.search.open()
    finder = seqlet_finder(null_scores or scores, job.gap, job.width)
    seqlets, p, q = find_significant(job.search, finder, scores, null_scores)
    columns = {
        "name": np.array([f"seqlet_{i}" for i in range(1, len(seqlets) + 1)], dtype=object),
        "score": bed_score(q),
        "sequence": np.array([one_word(scores.names[i]) for i in seqlets.sequence], dtype=object),
        "importance": seqlets.importance,
        "p": p,
        "q": q,
    }
    strand, named = np.full(len(seqlets), "."), {}
    if motifs is not None:
        tell_comparison(len(seqlets), "seqlets", len(motifs))
        best = match_motifs(_texts(scores, seqlets), motifs)
        labels = np.array(list(motifs), dtype=object)[best.motif]
        strand = best.strand
        columns |= {"motif": labels, "motif_p": best.p, "motif_q": best.q}
        named = commonest(labels[best.q <= job.search.fdr].astype(str))
    with outputs([job.out], job.search.execution.force) as (part,):
        write_bed(part, scores, seqlets.sequence, seqlets.start, seqlets.end, strand, columns)
    positive = int((seqlets.importance > 0).sum())
    return WrittenSeqlets(positive, len(seqlets) - positive, named)


def seqlet_finder(background: Scores, gap: int, width: int, noise: bool = False) -> Finder:
    """Return the search for seqlets, whose threshold is that of the background of these scores.

    The null that is made of the scores themselves keeps all of them, in another order. With ``noise`` it is noise as
    large as their background instead, so that it finds whatever stands out of that. It is more, and some of it chance.
    """
    measured, dependence = _background(background)
    threshold, coefficients = measured.threshold, dependence.coefficients()

    def reordered(values: np.ndarray, lengths: np.ndarray, draws: int, seed: int) -> np.ndarray:
        return sieve(values, lengths, coefficients, draws, seed)

    def noisy(values: np.ndarray, lengths: np.ndarray, draws: int, seed: int) -> np.ndarray:
        rng = stream(seed, "background noise", np.ascontiguousarray(values).tobytes())
        return background_noise(lengths, values.shape[1], measured.median, coefficients, draws, rng)

    return Finder(
        "scores",
        lambda values, lengths, first: find_stretches(values, lengths, threshold, gap, width, first),
        lambda seqlets: (np.sign(seqlets.importance).astype(int), np.abs(seqlets.importance)),
        noisy if noise else reordered,
        f"with {'noise of ' if noise else ''}their correlation of {dependence.correlations[0]:.2f} between neighbours",
    )


def _background(scores: Scores) -> tuple[BackgroundScale, SignDependence]:
    """Return the scale of the background, and how alike its neighbours are."""
    background, dependence = BackgroundScale(), SignDependence()
    for rows, block in scores.blocks("scores", label="measuring"):
        background.add(block[np.arange(scores.width) < scores.lengths[rows][:, None]])
        dependence.add(block, scores.lengths[rows])
    return background, dependence


def _texts(scores: Scores, stretches: ScoredStretches) -> list[str]:
    """Return the sequence of each stretch; stretches come by sequence, so that each block of inputs is read once."""
    texts: list[str] = []
    for rows, x in scores.blocks("inputs", label="reading"):
        first, last = np.searchsorted(stretches.sequence, [rows.start, rows.stop])
        if last > first:
            codes = one_hot_codes(x)
            for i in range(first, last):
                sequence = codes[stretches.sequence[i] - rows.start]
                texts.append(letters(sequence[stretches.start[i] : stretches.end[i]]))
    return texts
