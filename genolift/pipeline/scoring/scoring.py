"""Score the sequences of a file with a model, block by block, into a store that can be continued."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from genolift.methods import targets
from genolift.pipeline.common.execution import Execution
from genolift.pipeline.common.explaining import Explaining, Task, names_for
from genolift.pipeline.common.modelfile import ModelFile, of_sequences
from genolift.pipeline.common.reading import Reading
from genolift.pipeline.common.recipe import Recipe, members_of
from genolift.pipeline.common.screening import REPORTED
from genolift.pipeline.common.sides import check_rows
from genolift.pipeline.common.sources import Source
from genolift.pipeline.keeping.places import check_apart, check_file, check_writable
from genolift.pipeline.keeping.versions import versions
from genolift.results.explanation import Explanation
from genolift.results.kinds import LayerExplanation
from genolift.results.layout import read_header
from genolift.results.provenance import encode
from genolift.results.reading import read_provenance
from genolift.results.store import StoreWriter
from genolift.sequence.files import check_regular, open_text, write_text
from genolift.support.errors import FORCE, FileProblem, InputError, Remedy
from genolift.support.memory import give_back, parse_bytes
from genolift.support.progress import bar
from genolift.support.threads import threads, use_threads

log = logging.getLogger("genolift")

_BLOCK_BYTES, _LARGEST_BLOCK = 64e6, 256
_SLOW = 2  # seconds for a block
# Fields as long as a sequence: raw contributions, hypothetical and multipliers, four numbers each per position and
# target, and the standard error.
_NUMBERS_PER_POSITION = 13


@dataclass(frozen=True)
class Scoring:
    """What to score and how.

    Parameters
    ----------
    model
        The model's file, and what reading it takes.
    reading
        The sequences, and what becomes of those that cannot be scored.
    recipe
        The method and what it explains.
    out
        The store to write.
    dtype
        The numbers on disk, ``float32`` or ``float16``.
    execution
        Who does the work, and how.
    """

    model: ModelFile
    reading: Reading
    recipe: Recipe
    out: Path
    dtype: str | None = None
    execution: Execution = field(default_factory=Execution)


@dataclass(frozen=True)
class Scored:
    """What :func:`score` did.

    ``sequences`` are in the store, ``now`` of them were scored by this call, in so many ``seconds``. ``left_out``
    records of the input are not among them.
    """

    sequences: int
    now: int
    seconds: float
    left_out: int = 0

    def record(self, out: Path) -> dict[str, Any]:
        """Return what was done as a dict of texts and numbers, with the store."""
        return {
            "out": out,
            "already_complete": not self.now,
            "sequences": self.sequences,
            "explained_now": self.now,
            "left_out": self.left_out,
            "seconds": self.seconds,
        }


def score(job: Scoring) -> Scored:
    """Explain every sequence and write the store ``job.out``; continue it if it was interrupted.

    Everything is checked before anything is written.

    Raises
    ------
    InputError, FileProblem, UnsupportedModel
        In one line, for whatever cannot be used, and for a store that was made in another way.
    """
    began = time.perf_counter()
    check_job(job)
    with job.reading.at_hand() as here:
        if job.recipe.fit_on is not None:
            check_regular(job.recipe.fit_on)
            open_text(job.recipe.fit_on).close()
        model = job.model.load()
        length, beside = job.model.sequence_length(model), job.model.beside(model)
        source = here.source_for(of_sequences(model, beside), length)
        check_rows(beside, source.screening.read, job.reading.listing)
        job.reading.tell(source)
        give_back()  # what reading a long list took
        scored = explain_source(job, source, model, began, asked(job, source, length))
        if job.reading.report is not None:
            write_text(job.reading.report, source.screening.table(source.places, source.names))
    return scored


def explain_source(
    job: Scoring, source: Source, model: Any, began: float, asked: dict[str, Any] | None = None
) -> Scored:
    """Explain what ``source`` gives, whatever it is, into ``job.out``; keep what was ``asked`` with the result."""
    unknown, execution = job.reading.unknown, job.execution
    beside = job.model.beside(model)
    method = job.recipe.make(model, unknown, execution.memory, beside)
    explaining = Explaining(method, unknown, _trials(source), beside, names_for(method, source))
    # Shows what only running can show, before anything is written.
    tried = None if _is_complete(job) else explaining.settle()
    with StoreWriter(
        job.out,
        made_of(job, source, explaining.method.describe(), targets.describe(explaining.method.target), threads())
        | ({} if asked is None else {"asked": asked}),
        len(source),
        block=_block_size(source, len(job.recipe.targets), tried, members_of(explaining.method)[0].kept_after),
        one_hot=not issubclass(explaining.method.result_type, LayerExplanation),
        dtype=job.dtype,
        force=execution.force,
        type_name=explaining.method.result_type.__name__,
    ) as writer:
        if tried is not None:
            writer.prepare(tried)
        give_back()  # what the record of a million regions took
        _tell_unknown(unknown, source)
        now = _write(job, writer, source, explaining)
    return Scored(len(source), now, time.perf_counter() - began, len(source.screening.refused))


def check_places(job: Scoring) -> None:
    """Raise for what is wrong with paths and options, without reading the input or loading TensorFlow."""
    read_header(job.out)
    check_writable(job.out)
    _check_report(job)
    parse_bytes(job.execution.memory)
    job.reading.check()
    job.model.check_exists()


def check_job(job: Scoring) -> None:
    """Raise for what can be found wrong without reading the input or loading the model; give TensorFlow its threads."""
    check_places(job)
    if job.execution.on_cluster:
        from genolift.pipeline.scoring.cluster import check_cluster

        check_cluster(job.execution.workers, job.execution.scheduler)
    use_threads(job.execution.threads or threads_of(job))
    job.recipe.keywords()  # loads TensorFlow, whose threads cannot be chosen any more


def _check_report(job: Scoring) -> None:
    """Only an earlier report is written over, unless with ``force``, and never what is read."""
    report = job.reading.report
    if report is None:
        return
    check_file(report)
    check_apart(report, [*job.reading.files, *job.model.files])
    if report.exists() and not job.execution.force:
        try:
            with open_text(report) as there:
                first = there.readline()
        except (UnicodeDecodeError, EOFError, OSError):
            first = ""
        if not first.rstrip().endswith(REPORTED):
            replaced = Remedy.naming("give another path, or {} to replace it", FORCE)
            raise FileProblem(f"{report} is there already, and no report of genolift's", replaced)


def steps_of_first(file: ModelFile, reading: Reading, recipe: Recipe, memory: str | None = None) -> str:
    """Return a table of every step's imbalance for the first sequence and reference, see :func:`genolift.diagnose`.

    There is a table for each fold.
    """
    import pandas as pd

    model = file.load()
    beside = file.beside(model)
    methods = members_of(recipe.make(model, reading.unknown, memory, beside))
    if not getattr(methods[0], "sums", False):
        raise InputError(f"{recipe.method} does not promise to sum to f(x) − f(reference); diagnose deeplift instead")
    with reading.at_hand() as here:
        source = here.source(file.sequence_length(model))
        check_rows(beside, source.screening.read, reading.listing)
        (block,) = source.blocks([(0, 1)])
    encoded, tables = reading.encode(block), []
    X: Any = encoded if beside is None else beside.joined(encoded, source.numbers[:1])
    for one, method in zip(file.each, methods, strict=True):
        table = pd.DataFrame(method.diagnose(X)).to_string(index=False, float_format=lambda number: f"{number:.2e}")
        tables.append(f"{one.called}\n{table}" if file.folds else table)
    return "\n\n".join(tables)


def _is_complete(job: Scoring) -> bool:
    if read_header(job.out) is None or job.execution.force:
        return False
    provenance = read_provenance(job.out)
    return provenance["done"] == provenance["n"]


def threads_of(job: Scoring) -> int | None:
    """How many threads made what there is of an unfinished store, so that the rest is made alike."""
    header = None if job.execution.force else read_header(job.out)
    if header is None or _is_complete(job):
        return None
    return header["provenance"].get("threads")


def _trials(source: Source) -> list[list[str]]:
    return [[source.longest], [source.shortest] * 2] if len(source) > 1 else [[source.longest]]


def _write(job: Scoring, writer: StoreWriter, source: Source, explaining: Explaining) -> int:
    """Explain the blocks that are not done; return the number of sequences in them."""
    done_blocks = writer.done_blocks
    pending = [k for k in range(len(writer.blocks)) if k not in done_blocks]
    wanted = [writer.blocks[k] for k in pending]
    now = sum(stop - start for start, stop in wanted)
    done = len(source) - now
    if done and now:
        log.info("continuing: %s of %s sequences are done", f"{done:,}", f"{len(source):,}")
    doing = members_of(explaining.method)[0].doing
    with bar(len(source), doing, "sequences", show=job.execution.progress and now > 0) as display:
        display.initial = display.n = done
        numbers = [source.numbers[start:stop] for start, stop in wanted]
        blocks = zip(pending, source.blocks(wanted), numbers, strict=True)
        if not now:
            return now
        by_others = job.execution.on_cluster
        for size in _on_cluster(job, writer, explaining, blocks) if by_others else _here(writer, explaining, blocks):
            display.update(size)
    return now


def _here(
    writer: StoreWriter, explaining: Explaining, blocks: Iterator[tuple[int, list[str], np.ndarray]]
) -> Iterator[int]:
    """Explain and write the blocks in this process, and yield the size of each that is written.

    The next block is read, and the one before written, while one is being explained. Of a slow block the user hears at
    once that it is done, which costs little then.
    """
    with ThreadPoolExecutor(1, "reading") as reader, ThreadPoolExecutor(1, "writing") as writing:
        coming = reader.submit(next, blocks, None)
        written: Future | None = None
        while (block := coming.result()) is not None:
            coming = reader.submit(next, blocks, None)
            number, sequences, records = block
            before = time.perf_counter()
            explanation = explaining(sequences, records)
            if written is not None:
                yield written.result()
            written = writing.submit(_written, writer, number, explanation)
            if time.perf_counter() - before > _SLOW:
                yield written.result()
                written = None
        if written is not None:
            yield written.result()


def _written(writer: StoreWriter, number: int, explanation) -> int:
    writer.write(number, explanation)
    return len(explanation)


def _on_cluster(job: Scoring, writer: StoreWriter, explaining: Explaining, blocks) -> Iterator[int]:
    from genolift.pipeline.scoring.cluster import explain_on_cluster

    file, execution = job.model.absolute(), job.execution
    task = Task(
        job.recipe.absolute(),
        file,
        file.describe(),
        versions(),
        explaining.unknown,
        tuple(tuple(trial) for trial in explaining.trials),
        threads(),
        execution.memory,
        explaining.names,
    )
    return explain_on_cluster(task, writer.ticket, blocks, execution.workers, execution.scheduler)


def asked(job: Scoring, source: Source, length: int | None) -> dict[str, Any]:
    """Return what tells, without the model, that another job asks for the same work.

    Parameters
    ----------
    job
        The job.
    source
        Its sequences.
    length
        The length of sequences that the model declares.
    """
    recipe = {one.name: getattr(job.recipe, one.name) for one in fields(job.recipe)}
    recipe["fit_on"] = None if job.recipe.fit_on is None else str(job.recipe.fit_on)
    return encode({"recipe": recipe, "length": length, "least": source.screening.policy.least})


def made_of(job: Scoring, source: Source, method: dict[str, Any], target: Any, threads: int | None) -> dict[str, Any]:
    """Return what tells this result from others; files are told apart by content, so that they may be moved.

    Parameters
    ----------
    job, source
        The job and its sequences.
    method, target
        The method and the target, as results record them.
    threads
        The number of threads that it is computed with.
    """
    told = {
        "method": method,
        "target": target,
        "model": job.model.describe(),
        "sequences": {"sha256": source.digest, "unknown": source.unknown, "encoding": job.reading.unknown},
        "records": source.screening.record(),
        "names": source.names,
        "regions": source.regions,
        "versions": versions(),
        "threads": threads,
    }
    if job.execution.command is not None:
        told["command"] = job.execution.command
    if source.chrom_sizes is not None:
        told["chrom_sizes"] = [list(one) for one in source.chrom_sizes.items()]
    if source.mixed:
        told["lengths"] = source.lengths
    return told


def _block_size(source: Source, targets: int, tried: Explanation | None, most: int) -> int:
    """Sequences per block: a power of two, so that few batch shapes occur, within a bound on memory."""
    row = 4 * _NUMBERS_PER_POSITION * max(1, targets) * int(source.lengths.max())
    if tried is not None:  # some methods have large fields of their own
        row = max(row, tried.row_bytes)
    fitting = int(np.clip(_BLOCK_BYTES // row, 1, min(most, _LARGEST_BLOCK)))
    return 1 << (fitting.bit_length() - 1)


def _tell_unknown(unknown: str, source: Source) -> None:
    total = int(source.lengths.sum())
    encoding = "1/4 for each base" if unknown == "uniform" else "all zeros"
    if source.unknown:
        log.info(
            "%s of %s bases are N or another IUPAC code (%.2g %%); they are encoded as %s",
            f"{source.unknown:,}",
            f"{total:,}",
            100 * source.unknown / total,
            encoding,
        )
