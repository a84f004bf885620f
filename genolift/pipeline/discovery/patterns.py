"""Patterns of a TF-MoDISco result, and their hits in a store as BED."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from genolift.evaluate.discovery.hits import ContributionPattern, find_hits
from genolift.evaluate.discovery.surrogates import moved
from genolift.export.bed import one_word, write_bed
from genolift.export.outputs import check_new, outputs
from genolift.pipeline.common.known import known_motifs
from genolift.pipeline.discovery.finding import Finder, Search, bed_score, find_significant
from genolift.pipeline.discovery.naming import name_patterns
from genolift.support.errors import FileProblem, InputError

log = logging.getLogger("genolift")

_GROUPS = ("pos_patterns", "neg_patterns")


@dataclass(frozen=True)
class PatternHits:
    """Hits to find.

    Parameters
    ----------
    search
        What is searched, and how findings are judged.
    patterns
        A TF-MoDISco result.
    out
        The BED file to write.
    similarity
        The smallest cosine of contributions and pattern.
    compete
        Whether overlapping places of different patterns compete, so that each base has one hit at most.
    motifs
        A file of known motifs that the patterns are compared with.
    motif_format
        The format of the known motifs; ``None`` recognises it by the content.
    """

    search: Search
    patterns: Path
    out: Path
    similarity: float = 0.7
    compete: bool = True
    motifs: Path | None = None
    motif_format: str | None = None


@dataclass(frozen=True)
class WrittenHits:
    """How many hits each pattern has, and which known motif it looks like, where one matches (``q`` ≤ 0.05)."""

    counts: dict[str, int]
    motifs: dict[str, str] = field(default_factory=dict)


def write_hits(job: PatternHits) -> WrittenHits:
    """Write the hits whose q-value, among those of the same pattern, is at most ``job.search.fdr``; return how many.

    The name is the pattern's. The columns after BED's six are ``sequence``, ``importance`` (the sum of contributions),
    ``similarity`` (the cosine with the contribution-weight matrix), ``p`` and ``q``. The statistic is the length of the
    contributions along the matrix, so that it takes both. With motifs, ``motif`` is the known motif that is most like
    the pattern, and ``motif_p`` and ``motif_q`` belong to the pattern.
    """
    check_new(job.out, job.search.execution.force)
    patterns = read_patterns(job.patterns)
    motifs = None if job.motifs is None else known_motifs(job.motifs, job.motif_format)
    scores, null_scores = job.search.open()
    for each in (scores, null_scores):
        if each is not None:
            each.require("contributions", "a search for patterns")
    named = None if motifs is None else name_patterns(patterns, motifs, job.patterns)
    finder = hit_finder(patterns, job.similarity, job.compete)
    hits, p, q = find_significant(job.search, finder, scores, null_scores)
    columns = {
        "name": np.array([patterns[i].name for i in hits.pattern], dtype=object),
        "score": bed_score(q),
        "sequence": np.array([one_word(scores.names[i]) for i in hits.sequence], dtype=object),
        "importance": hits.importance,
        "similarity": hits.similarity,
        "p": p,
        "q": q,
    }
    if named is not None:
        labels = np.array(named.labels, dtype=object)
        columns |= {"motif": labels[hits.pattern], "motif_p": named.p[hits.pattern], "motif_q": named.q[hits.pattern]}
    with outputs([job.out], job.search.execution.force) as (part,):
        write_bed(part, scores, hits.sequence, hits.start, hits.end, hits.strand, columns)
    counts = {pattern.name: int((hits.pattern == i).sum()) for i, pattern in enumerate(patterns)}
    return WrittenHits(counts, {} if named is None else named.good(patterns))


def hit_finder(patterns: list[ContributionPattern], similarity: float, compete: bool) -> Finder:
    """Return the search for hits of patterns."""
    return Finder(
        "contributions",
        lambda values, lengths, first: find_hits(values, lengths, patterns, similarity, first, compete),
        lambda hits: (hits.pattern, hits.strength),
        moved,
        "moved along their sequences",
    )


def read_patterns(path: Path) -> list[ContributionPattern]:
    """Return the contribution-weight matrices of all patterns, positive first.

    They are named such as ``pos_patterns.pattern_0``, and trimmed to where they contribute. The file holds, in the
    groups ``pos_patterns`` and ``neg_patterns``, a group per pattern with ``contrib_scores`` (width, 4). Where it is
    there, ``sequence`` (width, 4) gives the frequencies of the bases, and ``seqlets/n_seqlets`` how many seqlets there
    are.

    Raises
    ------
    FileProblem
        If the file cannot be read.
    InputError
        If it holds no patterns, or matrices that are none of contributions.
    """
    import h5py

    if not path.is_file():
        raise FileProblem(f"{path} is a directory, not a file" if path.is_dir() else f"{path} does not exist")
    try:
        with h5py.File(path) as file:
            groups = {group: _matrices(file[group]) for group in _GROUPS if group in file}
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        raise FileProblem(f"{path} is not a TF-MoDISco result, an HDF5 file as modisco-lite writes it") from None
    patterns: list[ContributionPattern] = []
    empty: list[str] = []
    for group, matrices in groups.items():
        for name in sorted(matrices, key=_number):
            (cwm, frequencies, seqlets), label = matrices[name], one_word(f"{group}.{name}")
            if cwm.ndim != 2 or cwm.shape[1] != 4:
                raise InputError(
                    f"{path}: contrib_scores of {label} have the shape {cwm.shape}, not (width, 4) as contributions"
                )
            if not np.isfinite(cwm).all():
                raise InputError(f"{path}: contrib_scores of {label} hold numbers that are not finite")
            if not cwm.any():
                empty.append(label)
                continue
            if frequencies is not None and (frequencies.shape != cwm.shape or not np.isfinite(frequencies).all()):
                raise InputError(f"{path}: sequence of {label} is no table of frequencies of the shape {cwm.shape}")
            patterns.append(ContributionPattern(label, cwm, frequencies, seqlets).trimmed())
    if empty and not patterns:
        raise InputError(
            f"{path}: contrib_scores of {', '.join(empty)} are zero everywhere, so that nothing can be like them, and "
            "there are no other patterns"
        )
    if empty:
        log.warning("%s: patterns that are zero everywhere are left out: %s", path, ", ".join(empty))
    if not patterns:
        raise InputError(f"{path} holds no patterns; a TF-MoDISco result has them in {' and '.join(_GROUPS)}")
    return patterns


def _matrices(group) -> dict[str, tuple[np.ndarray, np.ndarray | None, int | None]]:
    """Return the contributions, frequencies and number of seqlets of each pattern."""
    found = {}
    for name, pattern in group.items():
        frequencies = np.asarray(pattern["sequence"][:], float) if "sequence" in pattern else None
        count = int(np.ravel(pattern["seqlets/n_seqlets"][()])[0]) if "seqlets/n_seqlets" in pattern else None
        found[name] = np.asarray(pattern["contrib_scores"][:], float), frequencies, count
    return found


def _number(name: str) -> tuple[int, str]:
    """pattern_10 comes after pattern_9."""
    tail = name.rpartition("_")[2]
    return (int(tail) if tail.isdigit() else -1, name)
