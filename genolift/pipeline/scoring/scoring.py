"""Score the sequences of a file with a model, block by block, into a store that can be continued."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from genolift.methods import targets
from genolift.pipeline.common.explaining import Explaining, Recipe, Task
from genolift.pipeline.common.lengths import fitting
from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.common.places import check_apart, check_file, check_writable
from genolift.pipeline.common.screening import REPORTED, Policy
from genolift.pipeline.common.sources import FastaSource, NamesSource, RegionSource, Source
from genolift.pipeline.common.standard_input import CALLED, DASH, spooled
from genolift.pipeline.common.versions import versions
from genolift.results.explanation import Explanation
from genolift.results.kinds import LayerExplanation
from genolift.results.layout import read_header
from genolift.results.reading import read_provenance
from genolift.results.store import StoreWriter
from genolift.sequence.alphabet import one_hot
from genolift.sequence.files import open_text, write_text
from genolift.support.errors import FileProblem, InputError
from genolift.support.memory import give_back, parse_bytes
from genolift.support.progress import bar
from genolift.support.threads import threads, use_threads

log = logging.getLogger("genolift")

_BLOCK_BYTES, _LARGEST_BLOCK = 64e6, 256
# Fields as long as a sequence: raw contributions, hypothetical and multipliers, four numbers each per position and
# target, and the standard error.
_NUMBERS_PER_POSITION = 13


@dataclass(frozen=True)
class Scoring:
    """What to score and how, as the command line says it.

    ``targets`` and ``references`` are texts; ``options`` are the method's own (``rule``, ``steps``, ``activation``).
    ``fit_on`` is a FASTA file that the method is fitted on.
    Without ``references`` the method's default is taken; ``seed`` seeds the method and its shuffles. ``regions`` or
    ``select`` (a list of names) choose from ``sequences``; each of the three may be ``-``, standard input. ``width`` is
    how long regions become where the model takes any length. ``on_bad`` and ``max_n``: see
    :class:`genolift.pipeline.common.screening.Policy`. ``report``: where to write what became of every record.
    ``workers``: that many processes on this machine; ``scheduler``: the address of a Dask scheduler, whose workers see the
    same files. ``threads``: of TensorFlow, in each process. ``command``: the command line, to be kept with the result.
    """

    model: Path
    sequences: Path
    out: Path | None
    regions: Path | None = None
    select: Path | None = None
    width: int | None = None
    on_bad: str = "fail"
    max_n: float | None = None
    report: Path | None = None
    weights: Path | None = None
    layers_from: Path | None = None
    unsafe: bool = False
    layout: str | None = None
    method: str = "deeplift"
    targets: tuple[str, ...] = ()
    references: str | None = None
    options: dict = field(default_factory=dict)
    fit_on: Path | None = None
    seed: int = 0
    unknown: str = "uniform"
    memory: str | None = None
    dtype: str | None = None
    force: bool = False
    workers: int | None = None
    scheduler: str | None = None
    threads: int | None = None
    command: str | None = None

    @property
    def recipe(self) -> Recipe:
        fit_on = None if self.fit_on is None else self.fit_on.absolute()
        asked = (self.method, self.targets, self.references, self.options, self.seed, self.memory)
        return Recipe(*asked, fit_on, self.unknown)

    @property
    def on_cluster(self) -> bool:
        return self.workers is not None or self.scheduler is not None

    @property
    def model_file(self) -> ModelFile:
        return ModelFile(self.model, self.weights, self.layers_from, self.unsafe, self.layout)


@dataclass(frozen=True)
class Scored:
    """What :func:`score` did: sequences in the store, how many of them now, the seconds that took, and how many records
    of the input are not among them."""

    sequences: int
    now: int
    seconds: float
    left_out: int = 0


def score(job: Scoring, progress: bool = True) -> Scored:
    """Explain every sequence and write the store ``job.out``; continue it if it was interrupted.

    Everything is checked before anything is written. Raises :class:`InputError`, :class:`FileProblem` or
    :class:`UnsupportedModel` in one line for whatever cannot be used, and for a store made in another way.
    """
    began = time.perf_counter()
    check_job(job)
    with spooled(job.sequences, job.regions, job.select) as (sequences, regions, select):
        here = replace(job, sequences=sequences, regions=regions, select=select)
        for path in (sequences, regions, select, job.fit_on):
            if path is not None and not path.is_fifo():
                open_text(path).close()
        model = job.model_file.load()
        length = job.model_file.sequence_length(model)
        source = fitting(model, length, job.on_bad, lambda least: _source(here, length, least), _listed(job))
        source.screening.path = CALLED if _listed(job) == DASH else _listed(job)
        source.screening.tell()
        give_back()  # what reading a long list took
        scored = explain_source(job, source, model, began, progress)
        if job.report is not None:
            write_text(job.report, source.screening.table(source.places, source.names))
    return scored


def explain_source(job: Scoring, source: Source, model, began: float, progress: bool = True) -> Scored:
    """Explain what ``source`` gives, whatever it is, into ``job.out``."""
    explaining = Explaining(job.recipe.make(model), job.unknown, _trials(source))
    # Shows what only running can show, before anything is written.
    tried = None if _is_complete(job) else explaining.settle()
    with StoreWriter(
        job.out,
        _provenance(job, source, explaining.method),
        len(source),
        block=_block_size(source, len(job.targets), tried),
        one_hot=not issubclass(explaining.method.result_type, LayerExplanation),
        dtype=job.dtype,
        force=job.force,
        type_name=explaining.method.result_type.__name__,
    ) as writer:
        if tried is not None:
            writer.prepare(tried)
        give_back()  # what the record of a million regions took
        _tell_unknown(job, source)
        now = _write(job, writer, source, explaining, progress)
    return Scored(len(source), now, time.perf_counter() - began, len(source.screening.refused))


def check_job(job: Scoring) -> None:
    """What can be found wrong without reading the input or loading the model; TensorFlow is given its threads."""
    read_header(job.out)
    check_writable(job.out)
    if job.report is not None:
        _check_report(job)
    parse_bytes(job.memory)
    if job.on_cluster:
        from genolift.pipeline.scoring.cluster import check_cluster

        check_cluster(job.workers, job.scheduler)
    Policy(job.on_bad, job.max_n)
    if job.regions is not None and job.select is not None:
        raise InputError("either regions or names choose what is scored, not both")
    job.model_file.check_exists()
    use_threads(job.threads or _threads_of(job))
    job.recipe.keywords()  # loads TensorFlow, whose threads cannot be chosen any more


def _check_report(job: Scoring) -> None:
    """Only an earlier report is written over, unless with ``force``, and never what is read."""
    check_file(job.report)
    check_apart(job.report, [job.sequences, job.regions, job.select, *job.model_file.files])
    if job.report.exists() and not job.force:
        try:
            with open_text(job.report) as there:
                first = there.readline()
        except (UnicodeDecodeError, EOFError, OSError):
            first = ""
        if not first.rstrip().endswith(REPORTED):
            raise FileProblem(
                f"{job.report} is there already, and no report of genolift's; give another path, or --force"
            )


def _listed(job: Scoring) -> Path:
    """The file whose records are those that are scored or not."""
    return job.regions or job.select or job.sequences


def _source(job: Scoring, length: int | None, least: int | None = None) -> Source:
    policy = Policy(job.on_bad, job.max_n, least)
    if job.width is not None and (job.regions is None or length is not None):
        why = "regions of a FASTA file" if job.regions is None else f"models of any length; this one takes {length}"
        raise InputError(f"--width is for {why}")
    if job.regions is not None:
        return RegionSource(job.sequences, job.regions, length or job.width, policy)
    if job.select is not None:
        return NamesSource(job.sequences, job.select, length, policy)
    return FastaSource(job.sequences, length, policy)


def steps_of_first(job: Scoring) -> str:
    """A table of every step's imbalance for the first sequence and its first reference, see ``genolift.diagnose``."""
    import pandas as pd

    model = job.model_file.load()
    method = job.recipe.make(model)
    if not getattr(method, "sums", False):
        raise InputError(f"{job.method} does not promise to sum to f(x) − f(reference); diagnose deeplift instead")
    with spooled(job.sequences, job.regions, job.select) as (sequences, regions, select):
        here = replace(job, sequences=sequences, regions=regions, select=select)
        source = _source(here, job.model_file.sequence_length(model))
        ((sequence,),) = source.blocks([(0, 1)])
    table = pd.DataFrame(method.diagnose(one_hot([sequence], job.unknown)))
    return table.to_string(index=False, float_format=lambda number: f"{number:.2e}")


def _is_complete(job: Scoring) -> bool:
    if read_header(job.out) is None or job.force:
        return False
    found = read_provenance(job.out)
    return found["done"] == found["n"]


def _threads_of(job: Scoring) -> int | None:
    """How many threads made what there is of an unfinished store, so that the rest is made alike."""
    header = None if job.force else read_header(job.out)
    if header is None or _is_complete(job):
        return None
    return header["provenance"].get("threads")


def _trials(source: Source) -> list[list[str]]:
    return [[source.longest], [source.shortest] * 2] if len(source) > 1 else [[source.longest]]


def _write(job: Scoring, writer: StoreWriter, source: Source, explaining: Explaining, progress: bool) -> int:
    """Explain the blocks that are not done; returns the number of sequences in them."""
    done_blocks = writer.done_blocks
    pending = [k for k in range(len(writer.blocks)) if k not in done_blocks]
    wanted = [writer.blocks[k] for k in pending]
    now = sum(stop - start for start, stop in wanted)
    done = len(source) - now
    if done and now:
        log.info("continuing: %s of %s sequences are done", f"{done:,}", f"{len(source):,}")
    with bar(len(source), "explaining", "sequences", show=progress and now > 0) as display:
        display.initial = display.n = done
        blocks = zip(pending, source.blocks(wanted), strict=True)
        if not now:
            return now
        for size in (
            _on_cluster(job, writer, explaining, blocks) if job.on_cluster else _here(writer, explaining, blocks)
        ):
            display.update(size)
    return now


def _here(writer: StoreWriter, explaining: Explaining, blocks: Iterator[tuple[int, list[str]]]) -> Iterator[int]:
    """Explain and write the blocks in this process; yields the size of each that is written.

    The next block is read, and the one before written, while one is being explained.
    """
    with ThreadPoolExecutor(1, "reading") as reader, ThreadPoolExecutor(1, "writing") as writing:
        coming = reader.submit(next, blocks, None)
        written: Future | None = None
        while (block := coming.result()) is not None:
            coming = reader.submit(next, blocks, None)
            number, sequences = block
            explanation = explaining(sequences)
            if written is not None:
                yield written.result()
            written = writing.submit(_written, writer, number, explanation)
        if written is not None:
            yield written.result()


def _written(writer: StoreWriter, number: int, explanation) -> int:
    writer.write(number, explanation)
    return len(explanation)


def _on_cluster(job: Scoring, writer: StoreWriter, explaining: Explaining, blocks) -> Iterator[int]:
    from genolift.pipeline.scoring.cluster import explain_on_cluster

    file = job.model_file.absolute()
    trials = tuple(tuple(trial) for trial in explaining.trials)
    task = Task(job.recipe, file, file.describe(), versions(), job.unknown, trials, threads())
    return explain_on_cluster(task, writer.ticket, blocks, job.workers, job.scheduler)


def _provenance(job: Scoring, source: Source, method) -> dict:
    """What tells this result from others; files are told apart by content, so that they may be moved."""
    told = {
        "method": method.describe(),
        "target": targets.describe(method.target),
        "model": job.model_file.describe(),
        "sequences": {"sha256": source.digest, "unknown": source.unknown, "encoding": job.unknown},
        "records": source.screening.record(),
        "names": source.names,
        "regions": source.regions,
        "versions": versions(),
        "threads": threads(),
    }
    if job.command is not None:
        told["command"] = job.command
    if source.chrom_sizes is not None:
        told["chrom_sizes"] = [list(one) for one in source.chrom_sizes.items()]
    if source.mixed:
        told["lengths"] = source.lengths
    return told


def _block_size(source: Source, targets: int, tried: Explanation | None) -> int:
    """Sequences per block: a power of two, so that few batch shapes occur, within a bound on memory."""
    row = 4 * _NUMBERS_PER_POSITION * max(1, targets) * int(source.lengths.max())
    if tried is not None:  # some methods have large fields of their own
        row = max(row, tried.row_bytes)
    fitting = int(np.clip(_BLOCK_BYTES // row, 1, _LARGEST_BLOCK))
    return 1 << (fitting.bit_length() - 1)


def _tell_unknown(job: Scoring, source: Source) -> None:
    total = int(source.lengths.sum())
    encoding = "1/4 for each base" if job.unknown == "uniform" else "all zeros"
    if source.unknown:
        log.info(
            "%s of %s bases are N or another IUPAC code (%.2g %%); they are encoded as %s",
            f"{source.unknown:,}",
            f"{total:,}",
            100 * source.unknown / total,
            encoding,
        )
