"""Filters of a model's layer as motifs, and a layer's activations over a sequence: files in, files out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genolift.evaluate.discovery.filters import Filters, collect
from genolift.evaluate.discovery.matching import MotifMatches, match_matrices
from genolift.export.outputs import check_new, outputs
from genolift.methods.common.inputs import Inputs
from genolift.methods.hidden.activations import LayerReader, activations
from genolift.pipeline.common.drawing import check_picture
from genolift.pipeline.common.lengths import check_lengths, fitting
from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.common.places import check_writable
from genolift.pipeline.common.screening import Policy
from genolift.pipeline.common.sources import FastaSource, RegionSource, Source
from genolift.pipeline.common.standard_input import spooled
from genolift.pipeline.discovery.seqlets import known_motifs
from genolift.plot.style import save_figure
from genolift.sequence.alphabet import one_hot
from genolift.sequence.fasta import read_fasta
from genolift.support.errors import FileProblem, InputError
from genolift.support.memory import parse_bytes

log = logging.getLogger("genolift")

_BLOCK_BYTES, _LARGEST_BLOCK = 64e6, 1024
_FDR = 0.05  # the largest q of a match that a picture names


@dataclass(frozen=True)
class FiltersJob:
    """What to make motifs of, as the command line says it.

    ``out`` is a directory. ``motifs`` is a file of known ones; ``regions`` choose from ``sequences``; one of the two input
    files may be ``-``. The rest is as in :func:`genolift.evaluate.discovery.filters.filters` and :class:`Policy`.
    """

    model: ModelFile
    sequences: Path
    out: Path
    layer: str | None = None
    motifs: Path | None = None
    regions: Path | None = None
    threshold: float = 0.5
    weights: str = "sites"
    peaks: bool | None = None
    on_bad: str = "fail"
    unknown: str = "uniform"
    memory: str | None = None
    force: bool = False
    progress: bool = False

    @property
    def files(self) -> list[Path]:
        return [self.out / f"filters.{kind}" for kind in ("meme", "tsv", "png")]


@dataclass(frozen=True)
class Written:
    """What was found: the filters, how many of them look like which known motif (q at most 0.05)."""

    filters: Filters
    named: dict[str, int]


def write_filters(job: FiltersJob) -> Written:
    """Write filters.meme, filters.tsv and filters.png into ``job.out``.

    All that can be is checked before the sequences are read. Raises :class:`InputError`, :class:`FileProblem` or
    :class:`UnsupportedModel` in one line.
    """
    _check_places(job)
    motifs = None if job.motifs is None else known_motifs(job.motifs)
    if motifs is not None:
        match_matrices([], motifs)  # says at once where the library is missing
    with spooled(job.sequences, job.regions) as (sequences, regions):
        model = job.model.load()
        length = job.model.sequence_length(model)

        def made(least: int | None) -> Source:
            policy = Policy(job.on_bad, least=least)
            if regions is None:
                return FastaSource(sequences, length, policy)
            return RegionSource(sequences, regions, length, policy)

        source = fitting(model, length, job.on_bad, made, job.regions or job.sequences)
        source.screening.tell()
        reader = LayerReader(model, job.layer, job.memory, first=True)
        settings = (job.threshold, job.weights, job.peaks)
        found = collect(reader, lambda: _batches(job, source, reader), len(source), *settings, progress=job.progress)
    if not found.excited:
        raise InputError(
            f"no unit of layer {found.layer!r} is above 0 anywhere in {job.sequences}; give another --layer"
        )
    return _write(job, found, motifs)


def _check_places(job: FiltersJob) -> None:
    if job.out.exists() and not job.out.is_dir():
        raise FileProblem(f"{job.out} is a file; give the name of a directory")
    check_writable(job.out)
    if job.out.is_dir():
        for path in job.files:
            check_new(path, job.force)
    parse_bytes(job.memory)
    job.model.check_exists()


def _batches(job: FiltersJob, source: Source, reader: LayerReader) -> Iterator[Inputs]:
    """The sequences of one length at a time, block by block."""
    size = int(np.clip(_BLOCK_BYTES // (16 * source.lengths.max()), 1, _LARGEST_BLOCK))
    wanted = [(start, min(start + size, len(source))) for start in range(0, len(source), size)]
    for block in source.blocks(wanted):
        lengths = np.array([len(sequence) for sequence in block])
        for length in np.unique(lengths):
            some = [block[i] for i in np.flatnonzero(lengths == length)]
            yield reader.inputs(one_hot(some, job.unknown))


def _write(job: FiltersJob, found: Filters, motifs: dict[str, np.ndarray] | None) -> Written:
    matches: MotifMatches | None = None
    labels, like = [], {}
    if motifs is not None:
        log.info(
            "comparing %s filters with %s motifs; the first time, memelite compiles itself, which takes minutes",
            len(found.excited),
            len(motifs),
        )
        matches, labels = found.match(motifs), list(motifs)
        good = np.flatnonzero(matches.q <= _FDR)
        like = {found.excited[k].number: labels[matches.motif[k]] for k in good}
    job.out.mkdir(parents=True, exist_ok=True)
    with outputs(job.files, job.force) as (meme, tsv, picture):
        meme.write_text(found.to_meme(), encoding="utf-8")
        tsv.write_text(found.to_tsv(matches, labels), encoding="utf-8")
        save_figure(found.plot(names=like), picture)
    names, counts = np.unique(list(like.values()), return_counts=True)
    return Written(found, {str(names[i]): int(counts[i]) for i in np.argsort(-counts, kind="stable")})


@dataclass(frozen=True)
class ActivationsJob:
    """Which ``sequence`` (its name; default the first of ``sequences``) to draw which ``units`` of a ``layer`` over."""

    model: ModelFile
    sequences: Path
    out: Path
    layer: str | None = None
    sequence: str | None = None
    units: tuple[int, ...] | None = None
    start: int | None = None
    end: int | None = None
    unknown: str = "uniform"
    memory: str | None = None


def draw_activations(job: ActivationsJob) -> str:
    """Draw the picture ``job.out``; returns the layer's name."""
    check_picture(job.out)
    parse_bytes(job.memory)
    job.model.check_exists()
    name, text = _record(job)
    model = job.model.load()
    check_lengths(model, [name], np.array([len(text)]), job.model.sequence_length(model), job.sequences)
    found = activations(model, job.layer, one_hot([text], job.unknown), names=[name], memory=job.memory)
    save_figure(found.plot(0, units=job.units, start=job.start, end=job.end), job.out)
    return found.layer


def _record(job: ActivationsJob) -> tuple[str, str]:
    for name, text in read_fasta(job.sequences):
        if job.sequence in (None, name):
            return name, text
    raise InputError(f"{job.sequences} has no record {job.sequence!r}")
