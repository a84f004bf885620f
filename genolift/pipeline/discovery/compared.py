"""The job of ``genolift compare``: two models, folds, targets or conditions on the same sequences."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import false_discovery_control

from genolift.evaluate.discovery.filters import consensus
from genolift.evaluate.discovery.matching import match_matrices
from genolift.evaluate.discovery.paired import PairedTest, Scale, paired_test
from genolift.export.source import Scores
from genolift.pipeline.common.execution import Execution
from genolift.pipeline.common.known import known_motifs, tell_comparison
from genolift.pipeline.discovery.combined import Pair
from genolift.pipeline.discovery.differing import Regions, compare_regions
from genolift.pipeline.discovery.finding import Search
from genolift.pipeline.discovery.gathering import Gatherer
from genolift.pipeline.discovery.naming import FDR
from genolift.pipeline.discovery.shared_motifs import Motif, measure, shared_places
from genolift.pipeline.keeping.digest import digest_path
from genolift.pipeline.keeping.folder import Folder
from genolift.pipeline.keeping.resumable import read_json
from genolift.pipeline.keeping.versions import account, versions
from genolift.plot.compared import ComparedRegion, ShownMotif, compared_page
from genolift.plot.report import Table
from genolift.results.explanation import Explanation
from genolift.results.layout import ROOT
from genolift.sequence.alphabet import one_hot_codes

log = logging.getLogger("genolift")

MATCHES = ("null", "none")
_PICTURES, _AROUND = 6, 40


@dataclass(frozen=True)
class Comparison:
    """Two stores to compare.

    Parameters
    ----------
    first, second
        The stores, of the same sequences in the same order.
    out
        The directory to write into.
    target, second_target
        Which target, where several were explained; that of the second store is the same unless it is given.
    nulls
        Stores of the same shuffled sequences, scored like the first and like the second store. Without them the null is
        made of the scores themselves.
    match
        ``"null"`` divides the scores of each model by their size in its null, ``"none"`` leaves them as they are.
    width
        The width of the windows in which sequences are compared.
    gone
        A motif is gained or lost if its importance in one model is at most this share of that in the other.
    fdr
        The largest q-value of a difference.
    seed
        The seed of random draws.
    gatherer
        How patterns are gathered.
    motifs, motif_format
        A file of known motifs, and its format.
    execution
        Whether an earlier result gives way, and whether progress is shown.
    """

    first: Path
    second: Path
    out: Path
    target: str | None = None
    second_target: str | None = None
    nulls: tuple[Path, Path] | None = None
    match: str = "null"
    width: int = 10
    gone: float = 0.25
    fdr: float = 0.05
    seed: int = 0
    gatherer: Gatherer = field(default_factory=Gatherer)
    motifs: Path | None = None
    motif_format: str | None = None
    execution: Execution = field(default_factory=Execution)

    @property
    def targets(self) -> tuple[str | None, str | None]:
        """The targets of both stores."""
        return self.target, self.second_target if self.second_target is not None else self.target


@dataclass(frozen=True)
class Compared:
    """What was found: how many ``sequences`` there are, how many ``differ``, and a line about each motif."""

    sequences: int
    differ: int
    motifs: list[str]
    was_there: bool = False


def compare(job: Comparison) -> Compared:
    """Write motifs.tsv, regions.tsv and compare.html into ``job.out``; continue where an earlier run was stopped.

    Raises
    ------
    InputError, FileProblem
        In one line, for stores of different sequences, nulls that do not fit, and whatever else cannot be used.
    """
    began = time.perf_counter()
    motifs = None if job.motifs is None else known_motifs(job.motifs, job.motif_format)
    if motifs is not None:
        match_matrices([], motifs)  # says at once where the library is missing
    pair = _pair(job, job.first, job.second)
    null = None if job.nulls is None else _null_pair(job, pair)
    folder = Folder(job.out, _request(job, pair), versions(), job.execution.force)
    if folder.is_complete:
        folder.clear()
        run = read_json(folder.path / "run.json") or {}
        return Compared(len(pair), run.get("differ", 0), run.get("told", []), True)
    pair.check_same()
    if null is not None:
        null.check_same()
    if folder.begin():
        log.info("continuing in %s", folder.path)
    scale = Scale(1.0, 1.0, 0.0) if job.match == "none" else (null or pair).scale()
    log.info(
        "scores are divided by %.4g and %.4g, whose ratio is known to %.1f %%",
        *(scale.first, scale.second, 100 * scale.error),
    )
    found = []
    for which, (path, scores) in enumerate(((job.first, pair.first), (job.second, pair.second))):
        search = Search(path, None, None, job.fdr, job.seed, job.execution)
        found.append(job.gatherer.gather(search, scores, None, folder.work, f"store_{which}"))
    shared = measure(pair, scale, shared_places(found, job.gatherer))
    rows = _motif_rows(job, shared, scale, motifs)
    regions = compare_regions(pair, null, scale, job.width, job.seed)
    names = _write(job, folder.work, pair, scale, shared, rows, regions)
    told = [f"{row['name']}  {row['status']}" for row in rows]
    differ = int((regions.q <= job.fdr).sum())
    record = {"told": told, "differ": differ, "scales": scale._asdict()}
    folder.record(names, {**account(time.perf_counter() - began), **record})
    folder.publish()
    folder.clear()
    return Compared(len(pair), differ, told)


def _pair(job: Comparison, first: Path, second: Path) -> Pair:
    both = [
        Scores(Explanation.load(path), target, progress=job.execution.progress)
        for path, target in zip((first, second), job.targets, strict=True)
    ]
    for scores in both:
        scores.require("scores", "a comparison")
    return Pair(both[0], both[1], (str(first), str(second)))


def _null_pair(job: Comparison, pair: Pair) -> Pair:
    """Return the null; an error if a store of it was made in another way than the store whose null it is."""
    assert job.nulls is not None
    for path, null, target in zip((job.first, job.second), job.nulls, job.targets, strict=True):
        Search(path, target, null, execution=replace(job.execution, progress=False)).open()
    return _pair(job, *job.nulls)


def _request(job: Comparison, pair: Pair) -> dict[str, Any]:
    def digests(paths: Sequence[Path] | None) -> list[str] | None:
        return None if paths is None else [digest_path(path / ROOT) for path in paths]

    return {
        "stores": digests((job.first, job.second)),
        "targets": [str(one.explanation.target) for one in (pair.first, pair.second)],
        "nulls": digests(job.nulls),
        "match": job.match,
        "window": job.width,
        "gone": job.gone,
        "fdr": job.fdr,
        "seed": job.seed,
        **job.gatherer.describe(),
        "motifs": None if job.motifs is None else digest_path(job.motifs),
    }


# -- motifs -------------------------------------------------------------------------------------------------------


def _motif_rows(
    job: Comparison, shared: list[Motif], scale: Scale, known: dict[str, np.ndarray] | None
) -> list[dict[str, Any]]:
    """Return what is said of each motif: the unit of the test is a sequence, however many places it holds."""
    tests = [paired_test(*motif.by_sequence()[1:], scale.error) for motif in shared]
    p = np.array([test.p for test in tests])
    q = np.full(len(p), np.nan)
    some = np.isfinite(p)
    if some.any():
        q[some] = false_discovery_control(p[some])
    like: list[tuple[str, float]] = [("", np.nan)] * len(shared)
    if known is not None and shared:
        tell_comparison(len(shared), "motifs", len(known))
        matrices = [_probabilities(motif.frequencies) for motif in shared]
        matches = match_matrices(matrices, known)
        labels = list(known)
        like = [(labels[k], float(value)) for k, value in zip(matches.motif, matches.q, strict=True)]
    rows = []
    for motif, test, value, (label, close) in zip(shared, tests, q.tolist(), like, strict=True):
        named = label if label and close <= FDR else ""
        row: dict[str, Any] = {
            "motif": motif.name,
            "name": named or motif.name,
            "consensus": consensus(_probabilities(motif.frequencies)),
            "status": status(test, value, job.fdr, job.gone),
            "sequences": test.sequences,
            "places": len(motif.places),
            "members_a": motif.found[0],
            "members_b": motif.found[1],
            "a": test.first,
            "b": test.second,
            "difference": test.first - test.second,
            "low": test.low,
            "high": test.high,
            "p": test.p,
            "q": value,
        }
        if known is not None:
            row |= {"like": label, "like_q": close}
        rows.append(row)
    return rows


def status(test: PairedTest, q: float, fdr: float, gone: float) -> str:
    """Return what became of a motif from the first model to the second, in a word."""
    a, b = abs(test.first), abs(test.second)
    if not q <= fdr:
        return "not told apart"
    if b <= gone * a:
        return "lost"
    if a <= gone * b:
        return "gained"
    if test.first * test.second < 0:
        return "turned"
    return "stronger" if b > a else "weaker"


def _probabilities(frequencies: np.ndarray) -> np.ndarray:
    sums = frequencies.sum(1, keepdims=True)
    return np.where(sums > 0, frequencies / np.where(sums > 0, sums, 1), 0.25)


# -- files --------------------------------------------------------------------------------------------------------


def _write(
    job: Comparison,
    work: Path,
    pair: Pair,
    scale: Scale,
    shared: list[Motif],
    rows: list[dict[str, Any]],
    regions: Regions,
) -> list[str]:
    head = list(rows[0]) if rows else ["motif", "name", "status"]
    table = Table(head, [[_cell(value) for value in row.values()] for row in rows])
    lines = ["\t".join(row) + "\n" for row in [table.head, *table.rows]]
    (work / "motifs.tsv").write_text("".join(lines), encoding="utf-8")
    named = _motifs_in(job, shared, rows, regions)
    (work / "regions.tsv").write_text("".join(_region_lines(job, pair, regions, named)), encoding="utf-8")
    shown = [
        ShownMotif(row["name"], row["status"], row["consensus"], motif.matrices, (row["a"], row["b"]), row["q"])
        for motif, row in zip(shared, rows, strict=True)
    ]
    order = np.lexsort((-np.abs(regions.largest), regions.p))
    pictures = [_picture(job, pair, scale, regions, int(i)) for i in order[:_PICTURES] if regions.q[i] <= job.fdr]
    differ = int((regions.q <= job.fdr).sum())
    subtitle = f"a is {job.first.name}, b is {job.second.name}. {differ:,} of {len(pair):,} sequences differ."
    page = compared_page(f"{job.first.name} and {job.second.name}", subtitle, table, shown, pictures)
    (work / "compare.html").write_text(page, encoding="utf-8")
    return ["motifs.tsv", "regions.tsv", "compare.html"]


def _motifs_in(job: Comparison, shared: list[Motif], rows: list[dict[str, Any]], regions: Regions) -> list[list[str]]:
    """Return the motifs that overlap the most different window of each sequence."""
    found: list[list[str]] = [[] for _ in regions.p]
    for motif, row in zip(shared, rows, strict=True):
        places = motif.places
        start = regions.start[places.sequence]
        inside = (places.start < start + job.width) & (places.end > start)
        for i in np.unique(places.sequence[inside]).tolist():
            found[i].append(row["name"])
    return found


def _region_lines(job: Comparison, pair: Pair, regions: Regions, named: list[list[str]]) -> Iterator[str]:
    where = pair.first.regions
    head = ["sequence", *(["chrom", "start", "end"] if where is not None else []), "a", "b", "difference"]
    head += ["correlation", "window_start", "window_end", "window_difference", "p", "q"]
    head += ["null_p"] if regions.shuffled is not None else []
    head += ["motifs"]
    yield "\t".join(head) + "\n"
    for i in range(len(pair)):
        place = [] if where is None else [where.chroms[i], int(where.starts[i]), int(where.ends[i])]
        total = regions.totals[:, i]
        begin = int(regions.start[i])
        cells = [" ".join(pair.first.names[i].split()), *place, *total, total[0] - total[1], regions.correlation[i]]
        cells += [begin, begin + job.width, regions.largest[i], regions.p[i], regions.q[i]]
        cells += [] if regions.shuffled is None else [regions.shuffled[i]]
        cells += [" ".join(named[i])]
        yield "\t".join(map(_cell, cells)) + "\n"


def _picture(job: Comparison, pair: Pair, scale: Scale, regions: Regions, i: int) -> ComparedRegion:
    start, length = int(regions.start[i]), int(pair.first.lengths[i])
    first, last = max(0, start - _AROUND), min(length, start + job.width + _AROUND)
    rows = slice(i, i + 1)
    codes = one_hot_codes(pair.first.read(rows, "inputs")[0])[0, first:last]
    heights = []
    for scores, by in ((pair.first, scale.first), (pair.second, scale.second)):
        letters = np.zeros((last - first, 5))
        letters[np.arange(last - first), codes] = scores.read(rows, "scores")[0][0, first:last] / by
        heights.append(letters)
    return ComparedRegion(
        pair.first.names[i], (heights[0], heights[1]), first, (start, start + job.width), regions.q[i]
    )


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "NA" if np.isnan(value) else f"{value:.4g}"
    return str(value)
