"""Patterns of a TF-MoDISco result, and their hits in a store as BED."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genolift.evaluate.discovery.hits import ContributionPattern, find_hits
from genolift.evaluate.discovery.surrogates import moved
from genolift.export.bed import one_word, write_bed
from genolift.export.outputs import check_new, outputs
from genolift.pipeline.discovery.finding import Finder, Search, bed_score, find_significant
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
    """

    search: Search
    patterns: Path
    out: Path
    similarity: float = 0.7
    compete: bool = True


def write_hits(job: PatternHits) -> dict[str, int]:
    """Write the hits whose q-value, among those of the same pattern, is at most ``job.search.fdr``; return how many.

    The name is the pattern's. The columns after BED's six are ``sequence``, ``importance`` (the sum of contributions),
    ``similarity`` (the cosine with the contribution-weight matrix), ``p`` and ``q``. The statistic is the length of the
    contributions along the matrix, so that it takes both.
    """
    check_new(job.out, job.search.execution.force)
    patterns = read_patterns(job.patterns)
    scores, null_scores = job.search.open()
    for each in (scores, null_scores):
        if each is not None:
            each.require("contributions", "a search for patterns")

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
    with outputs([job.out], job.search.execution.force) as (part,):
        write_bed(part, scores, hits.sequence, hits.start, hits.end, hits.strand, columns)
    return {pattern.name: int((hits.pattern == i).sum()) for i, pattern in enumerate(patterns)}


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
    groups ``pos_patterns`` and ``neg_patterns``, a group per pattern with ``contrib_scores`` (width, 4).

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
            cwm, label = matrices[name], one_word(f"{group}.{name}")
            if cwm.ndim != 2 or cwm.shape[1] != 4:
                raise InputError(
                    f"{path}: contrib_scores of {label} have the shape {cwm.shape}, not (width, 4) as contributions"
                )
            if not np.isfinite(cwm).all():
                raise InputError(f"{path}: contrib_scores of {label} hold numbers that are not finite")
            if not cwm.any():
                empty.append(label)
                continue
            patterns.append(ContributionPattern(label, cwm).trimmed())
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


def _matrices(group) -> dict[str, np.ndarray]:
    return {name: np.asarray(group[name]["contrib_scores"][:], float) for name in group}


def _number(name: str) -> tuple[int, str]:
    """pattern_10 comes after pattern_9."""
    tail = name.rpartition("_")[2]
    return (int(tail) if tail.isdigit() else -1, name)
