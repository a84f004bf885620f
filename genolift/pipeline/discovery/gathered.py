"""The job of ``genolift patterns`` on a store: the patterns of its targets as files and a page."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import false_discovery_control

from genolift.evaluate.discovery.alignment import Windows, align
from genolift.evaluate.discovery.hits import ContributionPattern
from genolift.evaluate.discovery.matching import match_matrices
from genolift.evaluate.discovery.members import GatheredPattern
from genolift.export.bed import one_word, write_bed
from genolift.export.hdf5 import hdf5_file
from genolift.export.source import Scores
from genolift.methods.targets import text_of
from genolift.pipeline.common.known import known_motifs
from genolift.pipeline.discovery.described import Description, describe
from genolift.pipeline.discovery.finding import Search
from genolift.pipeline.discovery.gathering import Gathered, Gatherer
from genolift.pipeline.keeping.digest import digest_path
from genolift.pipeline.keeping.folder import Folder
from genolift.pipeline.keeping.versions import account, versions
from genolift.results.explanation import Explanation
from genolift.results.layout import ROOT
from genolift.sequence.alphabet import one_hot_codes
from genolift.support.errors import InputError

log = logging.getLogger("genolift")

_EXAMPLES = (1.0, 0.75, 0.5, 0.25)  # Which members are drawn: those at these quantiles of importance.
_AROUND = 10  # With so many bases to either side.


@dataclass(frozen=True)
class GatherJob:
    """Patterns to gather from a store.

    Parameters
    ----------
    search
        The store, a store for the null, the largest q-value of seqlets, and the seed. Its target is not used.
    out
        The directory to write into.
    targets
        Which of the targets that were explained, as texts; none for all of them.
    gatherer
        How patterns are gathered.
    motifs
        A file of known motifs to compare them with.
    motif_format
        The format of the known motifs; ``None`` recognises it by the content.
    """

    search: Search
    out: Path
    targets: tuple[str, ...] = ()
    gatherer: Gatherer = field(default_factory=Gatherer)
    motifs: Path | None = None
    motif_format: str | None = None


@dataclass(frozen=True)
class WrittenPatterns:
    """What was found: each pattern with its members and the motif that it looks like; whether it was there already."""

    counts: dict[str, int]
    motifs: dict[str, str]
    was_there: bool = False


@dataclass(frozen=True, eq=False)
class _Target:
    """A target with its patterns; ``label`` stands before their names where there are several targets."""

    scores: Scores
    gathered: Gathered
    label: str

    def name(self, one: GatheredPattern) -> str:
        return f"{self.label}.{one.name}" if self.label else one.name


def gather_patterns(job: GatherJob) -> WrittenPatterns:
    """Write patterns.tsv, .meme, .html, .bed and .h5 into ``job.out``; continue where an earlier run was stopped.

    Raises
    ------
    InputError, FileProblem
        In one line, for a store, a null or motifs that cannot be used, or a directory with other things in it.
    """
    began = time.perf_counter()
    motifs = None if job.motifs is None else known_motifs(job.motifs, job.motif_format)
    if motifs is not None:
        match_matrices([], motifs)  # says at once where the library is missing
    targets = _targets(job)
    searches = [replace(job.search, target=target) for target in targets]
    opened = [search.open() for search in searches]
    for scores, null in opened:
        scores.require("scores", "a search for patterns")
        if null is not None:
            null.require("scores", "a search for patterns")
            if set(null.lengths.tolist()) != set(scores.lengths.tolist()):
                raise InputError(
                    f"the sequences of {job.search.null} have other lengths than those of {job.search.scores}, so that "
                    "patterns cannot be as common in both; score shuffles of these same sequences"
                )
    folder = Folder(job.out, _request(job, targets), versions("scikit-learn"), job.search.execution.force)
    if folder.is_complete:
        folder.clear()
        return _told(folder)
    if folder.begin():
        log.info("continuing in %s", folder.path)
    found = []
    for number, (search, (scores, null)) in enumerate(zip(searches, opened, strict=True)):
        gathered = job.gatherer.gather(search, scores, null, folder.work, f"target_{number}")
        label = one_word(text_of(scores.explanation.target)) if len(targets) > 1 else ""
        found.append(_Target(scores, gathered, label))
    description = _describe(job, found, motifs)
    files = _write(job, folder.work, found, description)
    named = description.names
    counts = {one.name: int(one.seqlets or 0) for one in description.patterns}
    folder.record(files, {**account(time.perf_counter() - began), "seqlets": counts, "motifs": named})
    folder.publish()
    folder.clear()
    return WrittenPatterns(counts, named)


def _told(folder: Folder) -> WrittenPatterns:
    from genolift.pipeline.keeping.folder import RUN
    from genolift.pipeline.keeping.resumable import read_json

    run = read_json(folder.path / RUN) or {}
    return WrittenPatterns(run.get("seqlets", {}), run.get("motifs", {}), True)


def _targets(job: GatherJob) -> list[Any]:
    """Return the targets: those asked for, or all that were explained; ``None`` for the only one."""
    if job.targets:
        return list(dict.fromkeys(job.targets))
    explanation = Explanation.load(job.search.scores)
    if not explanation.target_axis:
        return [None]
    given = explanation.target if isinstance(explanation.target, list) else None
    return list(range(explanation.target_count)) if given is None else list(given)


def _request(job: GatherJob, targets: Sequence[Any]) -> dict[str, Any]:
    search = job.search
    return {
        "scores": digest_path(search.scores / ROOT),
        "null": None if search.null is None else digest_path(search.null / ROOT),
        "targets": [str(target) for target in targets],
        "fdr": search.fdr,
        "seed": search.seed,
        **job.gatherer.describe(),
        "motifs": None if job.motifs is None else digest_path(job.motifs),
    }


def _describe(job: GatherJob, found: list[_Target], motifs: dict[str, np.ndarray] | None) -> Description:
    every = [(target, one) for target in found for one in target.gathered.patterns]
    patterns: list[ContributionPattern] = [replace(one.trimmed, name=target.name(one)) for target, one in every]
    names = [one.name for one in patterns]
    more: dict[str, list[str]] = {"target": [text_of(target.scores.explanation.target) for target, _ in every]}
    more["sequences"] = [str(one.sequences) for _, one in every]
    more["sd"] = [f"{one.members.importance.std(ddof=1):.4g}" for _, one in every]
    others: list[list[str]] = [[] for _ in every]
    for i, j in alike([one for _, one in every], job.gatherer):
        others[i].append(names[j])
        others[j].append(names[i])
    more["alike"] = [" ".join(some) for some in others]
    if job.search.null is not None:
        more |= _occurrences([one for _, one in every])
    examples = [_examples(target.scores, one) for target, one in every]
    source = "" if job.motifs is None else job.motifs.name
    return describe(patterns, job.search.scores, motifs, source, more, examples)


def _occurrences(patterns: list[GatheredPattern]) -> dict[str, list[str]]:
    """Return the columns that compare how many sequences hold each pattern with how many of the null do."""
    some = [one.occurrence for one in patterns if one.occurrence is not None]
    p = np.array([one.p for one in some])
    return {
        "share": [f"{one.found / max(1, one.all):.4g}" for one in some],
        "null_share": [f"{one.null_found / max(1, one.null_all):.4g}" for one in some],
        "null_p": [f"{value:.3g}" for value in p],
        "null_q": [f"{value:.3g}" for value in (false_discovery_control(p) if len(p) else p)],
    }


def alike(patterns: Sequence[GatheredPattern], gatherer: Gatherer) -> list[tuple[int, int]]:
    """Return which pairs of patterns are alike whatever their signs and targets are, by the frequencies of bases."""
    if not patterns:
        return []
    tracks = np.stack([one.bases for one in patterns])
    found = align(gatherer.shape.centre([tracks]), Windows(tracks, None, tracks)).similarity
    likeness = (found + found.T) / 2
    return [(i, j) for i, j in combinations(range(len(patterns)), 2) if likeness[i, j] >= gatherer.alike]


def _examples(scores: Scores, one: GatheredPattern) -> list[tuple[str, np.ndarray]]:
    """Return some members of a pattern with their surroundings, from the strongest to weak ones."""
    members = one.members
    order = np.argsort(np.abs(members.importance), kind="stable")
    picked = dict.fromkeys(int(order[round(share * (len(order) - 1))]) for share in _EXAMPLES)
    return [_example(scores, one, i) for i in picked]


def _example(scores: Scores, one: GatheredPattern, i: int) -> tuple[str, np.ndarray]:
    members = one.members
    row, start, end, turned = (
        int(members.sequence[i]),
        int(members.start[i]),
        int(members.end[i]),
        bool(members.turned[i]),
    )
    length = int(scores.lengths[row])
    values = np.asarray(scores.field("scores")[row : row + 1])[0, :length]
    codes = one_hot_codes(np.asarray(scores.field("inputs")[row : row + 1]))[0, :length]
    places = np.arange(start - _AROUND, end + _AROUND)
    inside = (places >= 0) & (places < length)
    heights = np.zeros((len(places), 5))
    heights[np.flatnonzero(inside), codes[places[inside]]] = values[places[inside]]
    letters = heights[:, :4]
    strand = "-" if turned else "+"
    told = f"{scores.names[row]}:{max(0, start)}-{min(length, end)} ({strand})   {members.importance[i]:.3g}"
    return told, letters[::-1, ::-1] if turned else letters


def _write(job: GatherJob, work: Path, found: list[_Target], description: Description) -> list[str]:
    """Write all files into ``work``, and return their names."""
    total = sum(target.gathered.seqlets for target in found)
    several = f" of {len(found)} targets" if len(found) > 1 else ""
    told = f"{len(description.patterns):,} patterns among {total:,} seqlets{several}."
    page = description.page(f"Patterns of {job.search.scores.name}", told, job.search.execution.progress)
    (work / "patterns.tsv").write_text(description.tsv, encoding="utf-8")
    (work / "patterns.meme").write_text(description.meme, encoding="utf-8")
    (work / "patterns.html").write_text(page, encoding="utf-8")
    files = ["patterns.tsv", "patterns.meme", "patterns.html"]
    for number, target in enumerate(found):
        suffix = f"_{number}" if len(found) > 1 else ""
        _write_members(work / f"patterns{suffix}.bed", target)
        _write_hdf5(work / f"patterns{suffix}.h5", target)
        files += [f"patterns{suffix}.bed", f"patterns{suffix}.h5"]
    return files


def _write_members(path: Path, target: _Target) -> None:
    """Write all members as BED."""
    scores, patterns = target.scores, target.gathered.patterns
    if not patterns:
        path.write_text("", encoding="utf-8")
        return
    columns = [np.concatenate(column) for column in zip(*(one.members for one in patterns), strict=True)]
    sequence, _, start, end, turned, importance, similarity = columns
    names = np.concatenate([np.full(len(one.members), one.name, dtype=object) for one in patterns])
    write_bed(
        path,
        scores,
        sequence,
        np.maximum(0, start),
        np.minimum(scores.lengths[sequence], end),
        np.where(turned, "-", "+"),
        {
            "name": names,
            "score": np.clip(1000 * similarity, 0, 1000).round().astype(int),
            "sequence": np.array([one_word(scores.names[i]) for i in sequence], dtype=object),
            "importance": importance,
            "similarity": similarity,
        },
    )


def _write_hdf5(path: Path, target: _Target) -> None:
    """Write the patterns in the form of a TF-MoDISco result, as modisco-lite has it."""
    with hdf5_file(path) as file:
        for one in target.gathered.patterns:
            group = file.create_group(one.name.replace(".", "/"))
            group["sequence"], group["contrib_scores"] = one.frequencies, one.contributions
            if one.hypothetical is not None:
                group["hypothetical_contribs"] = one.hypothetical
            seqlets = group.create_group("seqlets")
            seqlets["n_seqlets"] = np.array([len(one.members)])
            seqlets["example_idx"], seqlets["is_revcomp"] = one.members.sequence, one.members.turned
            seqlets["start"], seqlets["end"] = one.members.start, one.members.end
