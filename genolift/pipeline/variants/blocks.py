"""The blocks of a table of variants and of its null: computed here or by workers, and kept until all are there."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np

from genolift.pipeline.common.execution import Execution
from genolift.pipeline.keeping.journal import Journal
from genolift.pipeline.variants.alleles import Survey, alleles_of, blocks_of
from genolift.pipeline.variants.effects import Comparing, Comparison, Effects, Item, compare_block
from genolift.pipeline.variants.job import VariantJob
from genolift.pipeline.variants.nulls import Null, draw_null
from genolift.pipeline.variants.table import VariantTable
from genolift.sequence.variants import OK, Allele, Windows
from genolift.support.errors import InputError, Remedy, setting
from genolift.support.progress import bar

log = logging.getLogger("genolift")

_BLOCK = 128  # alleles that are computed and written at a time
_FIELDS = ("delta", "distance", "activity")  # of null variants

#: Computes numbered blocks, and yields of each its number and its effects, in any order.
Computing: TypeAlias = Callable[[Iterable[tuple[int, list[Item]]]], Generator[tuple[int, Effects], None, None]]


@contextmanager
def computing(execution: Execution, comparison: Comparison, here: Comparing) -> Iterator[Computing]:
    """Yield what computes blocks: this process, or workers, which are started once for all that follows."""
    if not execution.on_cluster:
        yield lambda blocks: ((number, here(items)) for number, items in blocks)
        return
    from genolift.pipeline.scoring.cluster import team

    with team(comparison, execution.workers, execution.scheduler) as spread:

        def by_others(blocks: Iterable[tuple[int, list[Item]]]) -> Generator[tuple[int, Effects], None, None]:
            with closing(spread(compare_block, comparison, blocks)) as done:
                for number, _, effects in done:
                    yield number, effects

        yield by_others


def write_rows(
    job: VariantJob, journal: Journal, windows: Windows, survey: Survey, table: VariantTable, compute: Computing
) -> int:
    """Write the blocks of rows that are not there; return the number of their alleles."""
    done, total, now = journal.done(), survey.counts.total(), 0
    if done:
        log.info("continuing: %s of %s alleles are done", f"{min(len(done) * _BLOCK, total):,}", f"{total:,}")
    waiting: dict[int, list[Allele]] = {}

    def wanted() -> Iterator[tuple[int, list[Item]]]:
        for k, block in enumerate(blocks_of(alleles_of(job.reading.variants, windows, job.reading.on_bad), _BLOCK)):
            if k in done:
                display.initial += len(block)
                display.update(len(block))
                continue
            scored = [_item(allele, survey) for allele in block if allele.status == OK]
            if scored:
                waiting[k] = block
                yield k, scored
            else:
                write(k, block, None)

    def write(k: int, block: list[Allele], effects: Effects | None) -> None:
        nonlocal now
        journal.write(k, table.rows(block, effects))
        now += len(block)
        display.update(len(block))

    with (
        bar(total, "scoring", "alleles", job.execution.progress) as display,
        closing(compute(wanted())) as computed,
    ):
        for k, effects in computed:
            write(k, waiting.pop(k), effects)
    return now


def make_nulls(
    job: VariantJob, journal: Journal, windows: Windows, survey: Survey, table: VariantTable, compute: Computing
) -> dict[str, Null]:
    """Return the null distributions by kind of variant; their blocks are kept with the unfinished table.

    Raises
    ------
    InputError
        If the model predicts what is not finite for null variants, unless such records are to be skipped.
    """
    drawn, total = _drawn(job, windows, survey)
    kinds: list[str] = []
    sizes: dict[int, int] = {}
    count = 0

    def wanted() -> Iterator[tuple[int, list[Item]]]:
        nonlocal count
        for k, block in enumerate(blocks_of(drawn, _BLOCK)):
            kinds.extend(kind for kind, *_ in block)
            count = k + 1
            if (journal.work / _null_name(k)).exists():
                display.initial += len(block)
                display.update(len(block))
                continue
            sizes[k] = len(block)
            yield k, block

    with (
        bar(total, "null", "variants", job.execution.progress) as display,
        closing(compute(wanted())) as computed,
    ):
        for k, effects in computed:
            with journal.file(_null_name(k)) as aside, open(aside, "wb") as out:
                np.savez(out, delta=effects.tested, distance=effects.distance, activity=effects.ref)
            display.update(sizes.pop(k))
    parts = [_load(journal.work / _null_name(k)) for k in range(count)]
    delta, distance, activity = (np.concatenate([part[name] for part in parts]) for name in _FIELDS)
    _check_finite(job, windows, survey, delta, activity)
    of = {kind: np.array(kinds) == kind for kind in survey.kinds}
    return {kind: Null(delta[rows], distance[rows], activity[rows]) for kind, rows in of.items() if rows.any()}


def _null_name(k: int) -> str:
    return f"null-{k:08d}.npz"


def _load(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as stored:
        return {name: stored[name] for name in _FIELDS}


def _check_finite(job: VariantJob, windows: Windows, survey: Survey, delta: np.ndarray, activity: np.ndarray) -> None:
    """Refuse null variants whose effect is not finite, or say that they count as larger than any."""
    bad = np.flatnonzero(~(np.isfinite(delta) & np.isfinite(activity)).all(axis=1))
    if not len(bad):
        return
    path = job.reading.null_variants
    told = f"for {len(bad):,} of {len(delta):,} null variants the model predicts what is not finite (NaN or infinity)"
    if path is not None:
        first = next(islice(_of_file(job, path, windows, survey), int(bad[0]), None))
        told += f"; the first is line {first.record.line} of {path}"
    if job.reading.on_bad == "fail":
        skip = Remedy.naming("{} counts them as larger than every effect", setting("on_bad", "skip"))
        raise InputError(told, skip)
    log.warning("%s; they count as larger than every effect, so that no p-value is too small", told)


def _drawn(job: VariantJob, windows: Windows, survey: Survey) -> tuple[Iterator[Item], int]:
    """Return the null variants, each with its kind and windows, and how many there are."""
    reading, null = job.reading, job.table.null
    if reading.null_variants is None:
        alleles = alleles_of(reading.variants, windows, reading.on_bad)
        drawn = draw_null(alleles, survey.kinds, null, job.recipe.seed, job.table.null_flank)
        items = ((kind, pairs, int(survey.numbers(np.array(line)))) for kind, pairs, line in drawn)
        return items, null * len(survey.kinds)
    found = _of_file(job, reading.null_variants, windows, survey)
    return (
        ((allele.kind, allele.pairs(), 0) for allele in found),  # They have no row of their own.
        sum((survey.null or Counter())[kind] for kind in survey.kinds),
    )


def _item(allele: Allele, survey: Survey) -> Item:
    return allele.kind, allele.pairs(), int(survey.numbers(np.array(allele.record.line)))


def _of_file(job: VariantJob, path: Path, windows: Windows, survey: Survey) -> Iterator[Allele]:
    """Yield the null variants of a file."""
    for allele in alleles_of(path, windows, job.reading.on_bad):
        if allele.status == OK and allele.kind in survey.kinds:
            yield allele
