"""What stretches of a BED file hold of the importance of a store, as a table."""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from genolift.export.outputs import check_new, outputs, text_file
from genolift.export.source import Scores
from genolift.pipeline.discovery.finding import Search
from genolift.pipeline.discovery.stretches import STATUSES, Placed, Stretches, note, place
from genolift.pipeline.keeping.places import check_apart
from genolift.sequence.alphabet import UNKNOWN, one_hot_codes
from genolift.support.errors import GenoliftError, GenoliftWarning
from genolift.support.seeds import stream

log = logging.getLogger("genolift")

COLUMNS = ("chrom", "start", "end", "name", "strand", "line", "status", "sequence")
NUMBERS = ("sum", "mean", "max", "min", "share", "null_percentile")
MISSING = "NA"


@dataclass(frozen=True)
class Summary:
    """Stretches to summarize.

    Parameters
    ----------
    search
        The store with its target, a store for the null, and the seed. Its ``fdr`` is not used.
    regions
        The BED file of the stretches.
    out
        The table to write.
    coordinates
        Whether the stretches are in coordinates of the ``"genome"`` or of the ``"sequence"``; ``"auto"`` takes the
        genome where regions of one were scored.
    draws
        How many random stretches of each length the null has.
    """

    search: Search
    regions: Path
    out: Path
    coordinates: str = "auto"
    draws: int = 1000


@dataclass
class Sites:
    """Places in the sequences of a store, (M,) each, and what the scores there sum to."""

    sequence: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def __post_init__(self):
        self._order = np.argsort(self.sequence, kind="stable")
        self._sorted = self.sequence[self._order]
        self.total = np.zeros(len(self.sequence))

    def within(self, rows: slice) -> np.ndarray:
        """Return the numbers of the places in some of the sequences."""
        first, last = np.searchsorted(self._sorted, [rows.start, rows.stop])
        return self._order[first:last]

    def add(self, rows: slice, sums: np.ndarray) -> None:
        """Take the totals of the places in these sequences, whose cumulative sums (n, L + 1) are given."""
        here = self.within(rows)
        row = self.sequence[here] - rows.start
        self.total[here] = sums[row, self.end[here]] - sums[row, self.start[here]]


def write_summary(job: Summary) -> dict[str, int]:
    """Write a row for each stretch and sequence that holds it, and one for each stretch that none holds.

    Returns
    -------
    dict
        How many stretches there are of each status that occurs.
    """
    check_new(job.out, job.search.execution.force)
    check_apart(job.out, [job.regions])
    scores, null_scores = job.search.open()
    stretches = Stretches.read(job.regions)
    try:
        placed = place(stretches, scores, job.coordinates)
    except GenoliftError as problem:
        raise type(problem)(f"{job.regions}: {problem.message}", problem.remedy) from None
    lengths = np.unique(placed.end - placed.start)
    null = draw_null(null_scores or scores, lengths, job.draws, job.search.seed)
    log.info(
        "null_percentile is among %s stretches of the same length at random places of %s",
        f"{job.draws:,}",
        job.search.null or job.search.scores,
    )
    if null_scores is not None:
        for rows, block in null_scores.blocks("scores", label="measuring the null"):
            null.add(rows, cumulative(block))
    numbers = _measure(scores, placed, None if null_scores is not None else null)
    numbers["null_percentile"] = _percentiles(numbers["sum"], placed.end - placed.start, null, lengths)
    if (none := int(np.isnan(numbers["null_percentile"]).sum())) > 0:
        warnings.warn(
            f"{none:,} stretches are longer than every sequence of {job.search.null}, so that they have no percentile",
            GenoliftWarning,
            2,
        )
    counts = Counter(STATUSES[code] for code in placed.status.tolist())
    _tell(job, stretches, placed, counts)
    with outputs([job.out], job.search.execution.force) as (part,), text_file(part) as file:
        file.write("\t".join([*COLUMNS, *NUMBERS, "note"]) + "\n")
        file.writelines("\t".join(cells) + "\n" for cells in _rows(stretches, placed, scores, numbers))
    return {status: counts[status] for status in STATUSES if counts[status]}


def draw_null(scores: Scores, lengths: np.ndarray, draws: int, seed: int) -> Sites:
    """Return random places: ``draws`` of each length, in the order of lengths.

    Every place of a length is equally likely, in whichever sequence it is. The draw of a length depends on the seed and
    the length alone. What was padded with N is left out. Where no sequence is long enough, places are empty and in
    sequence −1.
    """
    low, high = _extent(scores)
    sequences, starts = [], []
    for length in lengths.tolist():
        free = np.maximum(0, high - low - length + 1)
        ends = np.cumsum(free)
        if not len(ends) or not ends[-1]:
            sequences.append(np.full(draws, -1))
            starts.append(np.zeros(draws, np.int64))
            continue
        picked = stream(seed, "summarize", length).integers(0, ends[-1], draws)
        sequence = np.searchsorted(ends, picked, "right")
        sequences.append(sequence)
        starts.append(low[sequence] + picked - (ends - free)[sequence])
    sequence, start = (np.concatenate([np.zeros(0, np.int64), *some]) for some in (sequences, starts))
    return Sites(sequence, start, start + np.where(sequence < 0, 0, np.repeat(lengths, draws)))


def _extent(scores: Scores) -> tuple[np.ndarray, np.ndarray]:
    """Return where the bases of each sequence begin and end, without the N that it was padded with."""
    low, high = np.zeros(len(scores), np.int64), np.array(scores.lengths, np.int64)
    if not scores.explanation.provenance.get("records", {}).get("padded"):
        return low, high
    for rows, block in scores.blocks("inputs", label="looking for padding"):
        place = np.arange(block.shape[1])
        known = (one_hot_codes(block) < UNKNOWN) & (place < high[rows][:, None])
        low[rows] = known.argmax(1)
        high[rows] = np.where(known.any(1), np.where(known, place, 0).max(1) + 1, 0)
    return low, high


def cumulative(block: np.ndarray) -> np.ndarray:
    """Return the sums of the first 0 to L scores, (n, L + 1) float64."""
    sums = np.zeros((len(block), block.shape[1] + 1))
    np.cumsum(block, axis=1, dtype=np.float64, out=sums[:, 1:])
    return sums


def _measure(scores: Scores, placed: Placed, null: Sites | None) -> dict[str, np.ndarray]:
    """Return the numbers of the placed stretches, and measure the null where it lies in the same scores."""
    sites = Sites(placed.sequence, placed.start, placed.end)
    size = len(placed.stretch)
    numbers = {name: np.zeros(size) for name in ("max", "min", "share")}
    for rows, block in scores.blocks("scores", label="summarizing"):
        sums = cumulative(block)
        sites.add(rows, sums)
        if null is not None:
            null.add(rows, sums)
        here = sites.within(rows)
        if not len(here):
            continue
        row, start, end = placed.sequence[here] - rows.start, placed.start[here], placed.end[here]
        # reduceat takes pairs of bounds of one flat array, in which the last bound may not be its length.
        flat = np.append(block.reshape(-1), block.dtype.type(0))
        bounds = (row[:, None] * block.shape[1] + np.stack([start, end], 1)).reshape(-1)
        numbers["max"][here] = np.maximum.reduceat(flat, bounds)[::2]
        numbers["min"][here] = np.minimum.reduceat(flat, bounds)[::2]
        absolute = cumulative(np.abs(block))
        with np.errstate(invalid="ignore"):  # Where a sequence has no importance at all, there is no share.
            numbers["share"][here] = (absolute[row, end] - absolute[row, start]) / absolute[row, -1]
    return {"sum": sites.total, "mean": sites.total / np.maximum(1, placed.end - placed.start), **numbers}


def _percentiles(sums: np.ndarray, length: np.ndarray, null: Sites, lengths: np.ndarray) -> np.ndarray:
    """Return the percentage of null stretches of the same length that sum to less; of those that sum to as much, half.

    It is NaN where there are none.
    """
    percentiles = np.full(len(sums), np.nan)
    draws = len(null.total) // max(1, len(lengths))
    order = np.argsort(length, kind="stable")
    bounds = [*np.searchsorted(length[order], lengths, "left").tolist(), len(order)]
    for i, (first, last) in enumerate(pairwise(bounds)):
        part = slice(i * draws, (i + 1) * draws)
        if null.sequence[part.start] < 0:
            continue
        values, here = np.sort(null.total[part]), order[first:last]
        below, up_to = (np.searchsorted(values, sums[here], side) for side in ("left", "right"))
        percentiles[here] = 50 * (below + up_to) / draws
    return percentiles


def _tell(job: Summary, stretches: Stretches, placed: Placed, counts: Counter[str]) -> None:
    """Warn of stretches that have no numbers, and name the first."""
    lost = len(stretches) - counts["ok"]
    if not lost:
        return
    i = int((placed.status != 0).argmax())
    warnings.warn(
        f"{lost:,} of {len(stretches):,} stretches have no numbers; the first is line "
        f"{stretches.lines[i]}: {note(stretches, placed, i)}. The columns status and note of {job.out} say why",
        GenoliftWarning,
        2,
    )


def _rows(
    stretches: Stretches, placed: Placed, scores: Scores, numbers: dict[str, np.ndarray]
) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each row, in the order of the file."""
    first = np.searchsorted(placed.stretch, np.arange(len(stretches) + 1))
    nothing = (MISSING,) * (1 + len(NUMBERS))
    for i in range(len(stretches)):
        where = (stretches.starts[i], stretches.ends[i])
        status = STATUSES[placed.status[i]]
        start, end = (MISSING if i in stretches.malformed else str(bound) for bound in where)
        place_of = (stretches.chroms[i], start, end, _cell(stretches.names[i]), stretches.strands[i])
        head = (*place_of, str(stretches.lines[i]), status)
        if status != "ok":
            yield *head, *nothing, _cell(note(stretches, placed, i))
        for j in range(first[i], first[i + 1]):
            yield *head, _cell(scores.names[placed.sequence[j]]), *(_number(numbers[name][j]) for name in NUMBERS), ""


def _number(value: float) -> str:
    return MISSING if np.isnan(value) else f"{value:.6g}"


def _cell(text: str) -> str:
    """Return a text without what separates cells."""
    return " ".join(text.split())
