"""Scores along the genome, in genome order, and which region gives a base its value where regions overlap."""

from __future__ import annotations

import tempfile
import warnings
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from itertools import pairwise
from math import inf
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genolift.export.sizes import check_known
from genolift.export.source import Scores
from genolift.results.regions import RegionTable
from genolift.support.errors import GenoliftWarning, Undefined

_IN_MEMORY = 2**28


def owners(starts: npt.ArrayLike, ends: npt.ArrayLike) -> list[tuple[int, int, int]]:
    """Return which of several intervals each position belongs to.

    Of the intervals that cover a position, it belongs to the one whose middle is nearest. Two that overlap are
    therefore split midway between their middles. At equal distance the left one is taken, and of equal middles the
    first given.

    Parameters
    ----------
    starts, ends
        The intervals (0-based, half-open), (K,) whole numbers.

    Returns
    -------
    list of (int, int, int)
        Stretches from left to right: the number of the interval, start and end.
    """
    starts, ends = np.asarray(starts, dtype=np.int64), np.asarray(ends, dtype=np.int64)
    middles = (starts + ends).tolist()  # This is twice the middle, which is a whole number.
    entering, leaving = np.argsort(starts, kind="stable").tolist(), np.argsort(ends, kind="stable").tolist()
    first, last = starts.tolist(), ends.tolist()
    active: list[tuple[int, int]] = []
    stretches: list[tuple[int, int, int]] = []
    i = j = 0
    for a, b in pairwise(np.unique(np.concatenate([starts, ends])).tolist()):
        while j < len(leaving) and last[leaving[j]] <= a:
            del active[bisect_left(active, (middles[leaving[j]], leaving[j]))]
            j += 1
        while i < len(entering) and first[entering[i]] <= a:
            insort(active, (middles[entering[i]], entering[i]))
            i += 1
        for owner, start, end in _split(active, a, b):
            if stretches and stretches[-1][0] == owner and stretches[-1][2] == start:
                owner, start, _ = stretches.pop()
            stretches.append((owner, start, end))
    return stretches


def _split(active: list[tuple[int, int]], a: int, b: int) -> Iterator[tuple[int, int, int]]:
    """Yield the stretches of ``a`` to ``b`` by owner.

    Every active interval, which is given as twice its middle and its number, covers all of ``a`` to ``b``.
    """
    if not active:
        return
    here = 2 * a + 1
    right = bisect_left(active, (here, -1))
    place = right
    if right > 0 and (right == len(active) or here - active[right - 1][0] <= active[right][0] - here):
        place = bisect_left(active, (active[right - 1][0], -1))
    while a < b:
        middle, number = active[place]
        place = bisect_right(active, (middle, inf))
        end = b if place == len(active) else min(b, (middle + active[place][0] + 2) // 4)
        if end > a:
            yield number, a, end
            a = end


def tracks(
    scores: Scores, sizes: dict[str, int] | None, folder: Path, who: str, field: str = "scores"
) -> Iterator[tuple[str, int, np.ndarray]]:
    """Yield scores in genome order.

    Scores of the reverse strand are reversed into genome order. Scores beyond the ends of a chromosome are left out,
    with a warning. A store is read once, in its own order, whatever the order of its regions.

    Parameters
    ----------
    scores
        The scores, which must have regions.
    sizes
        The length of each chromosome, in the order in which they are wanted; with ``None`` they come by name, and
        nothing is known of their ends.
    folder
        A directory for a temporary file, which is made if the scores are many.
    who
        What needs the scores, as an error names it.
    field
        The field whose values are wanted: the scores themselves by default, or their spread over models.

    Yields
    ------
    (str, int, np.ndarray)
        The chromosome, the start and the values (float32) of a stretch. Stretches do not overlap.

    Raises
    ------
    InputError
        If the scores have no regions, or regions lie outside the chromosomes.
    """
    regions = scores.located(who)
    if field == "spread" and not scores.has(field):
        raise Undefined(f"{who} of the spread needs scores of several models, and these are of one")
    if sizes is not None:
        check_known(regions, sizes)
        beyond = sum(region.start < 0 or region.end > sizes[region.chrom] for region in regions)
        if beyond:
            warnings.warn(
                f"{beyond} regions reach over the end of their chromosome; what lies outside is not written (are the "
                "chromosome sizes of the same assembly?)",
                GenoliftWarning,
                2,
            )
    by_chromosome: dict[str, list[int]] = {}
    for i, region in enumerate(regions):
        by_chromosome.setdefault(region.chrom, []).append(i)
    values = _in_genome_order(scores, regions, folder, field)
    for chrom in sorted(by_chromosome) if sizes is None else sizes:
        rows = by_chromosome.get(chrom, [])
        limit = None if sizes is None else sizes[chrom]
        spans = [regions[i] for i in rows]
        for owner, start, end in owners([span.start for span in spans], [span.end for span in spans]):
            start, end = max(0, start), end if limit is None else min(end, limit)
            if start < end:
                offset = spans[owner].start
                yield chrom, start, np.array(values[rows[owner], start - offset : end - offset])


def _in_genome_order(scores: Scores, regions: RegionTable, folder: Path, field: str) -> np.ndarray:
    """Return all scores (N, L), with those of the reverse strand reversed. They are on disk if they are many."""
    shape = (len(scores), scores.width)
    if 4 * shape[0] * shape[1] <= _IN_MEMORY:
        values: np.ndarray = np.empty(shape, np.float32)
    else:
        with tempfile.TemporaryFile(dir=folder) as file:
            values = np.memmap(file, np.float32, "w+", shape=shape)
    for rows, block in scores.blocks(field):
        for i, one in zip(range(rows.start, rows.stop), block, strict=True):
            length = scores.lengths[i]
            one = one[:length]
            values[i, :length] = one[::-1] if regions[i].strand == "-" else one
    return values
