"""Filters of a model's layer as motifs, and a layer's activations over a sequence: files in, files out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from genolift.evaluate.discovery.filters import Filters, collect
from genolift.evaluate.discovery.matching import MotifMatches, match_matrices
from genolift.export.outputs import check_new, outputs
from genolift.methods.common.inputs import Inputs
from genolift.methods.hidden.activations import LayerReader, activations
from genolift.pipeline.common.drawing import check_picture
from genolift.pipeline.common.execution import Execution
from genolift.pipeline.common.known import commonest, known_motifs, tell_comparison
from genolift.pipeline.common.lengths import check_lengths
from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.common.reading import Reading
from genolift.pipeline.common.sources import Source
from genolift.pipeline.keeping.places import check_directory
from genolift.plot.style import save_figure
from genolift.sequence.fasta import read_fasta
from genolift.support.errors import InputError, Remedy, Setting
from genolift.support.memory import parse_bytes

_BLOCK_BYTES, _LARGEST_BLOCK = 64e6, 1024
_FDR = 0.05  # the largest q of a match that a picture names


@dataclass(frozen=True)
class Sites:
    """Which stretches are sites of which filters, see :func:`genolift.evaluate.discovery.filters.filters`.

    Parameters
    ----------
    layer
        The layer of the filters. ``None`` is the first convolution.
    threshold
        The share of a filter's largest activation from which a stretch is one of its sites.
    weights
        ``sites`` counts all sites the same, ``activation`` weighs them by their activation.
    peaks
        Whether only peaks are sites. ``None`` means: behind the first convolution.
    """

    layer: str | None = None
    threshold: float = 0.5
    weights: str = "sites"
    peaks: bool | None = None


@dataclass(frozen=True)
class FiltersJob:
    """What to make motifs of.

    Parameters
    ----------
    model
        The model's file, and what reading it takes.
    reading
        The sequences.
    out
        The directory to write into.
    sites
        The layer, and what counts as a site of its filters.
    motifs
        A file of known motifs to compare with.
    execution
        The memory, whether files that are there are replaced, and whether progress is shown.
    motif_format
        The format of the known motifs; ``None`` recognises it by the content.
    """

    model: ModelFile
    reading: Reading
    out: Path
    sites: Sites = field(default_factory=Sites)
    motifs: Path | None = None
    execution: Execution = field(default_factory=Execution)
    motif_format: str | None = None

    @property
    def files(self) -> list[Path]:
        """The files that are written."""
        return [self.out / f"filters.{kind}" for kind in ("meme", "tsv", "png")]


@dataclass(frozen=True)
class WrittenFilters:
    """What was found: the filters, how many of them look like which known motif (q at most 0.05)."""

    filters: Filters
    named: dict[str, int]


def write_filters(job: FiltersJob) -> WrittenFilters:
    """Write filters.meme, filters.tsv and filters.png into ``job.out``.

    All that can be is checked before the sequences are read. Raises :class:`InputError`, :class:`FileProblem` or
    :class:`UnsupportedModel` in one line.
    """
    _check_places(job)
    motifs = None if job.motifs is None else known_motifs(job.motifs, job.motif_format)
    if motifs is not None:
        match_matrices([], motifs)  # says at once where the library is missing
    sites = job.sites
    with job.reading.at_hand() as here:
        model = job.model.load()
        source = here.source_for(model, job.model.sequence_length(model, alone=True))
        job.reading.tell(source)
        reader = LayerReader(model, sites.layer, job.execution.memory, first=True)
        filters = collect(
            reader,
            lambda: _batches(here, source, reader),
            len(source),
            *(sites.threshold, sites.weights, sites.peaks),
            progress=job.execution.progress,
        )
    if not filters.excited:
        another = Remedy.naming("give another {}", Setting("layer", "--layer"))
        raise InputError(f"no unit of layer {filters.layer!r} is above 0 anywhere in {job.reading.sequences}", another)
    return _write(job, filters, motifs)


def _check_places(job: FiltersJob) -> None:
    check_directory(job.out)
    if job.out.is_dir():
        for path in job.files:
            check_new(path, job.execution.force)
    parse_bytes(job.execution.memory)
    job.model.check_exists()


def _batches(reading: Reading, source: Source, reader: LayerReader) -> Iterator[Inputs]:
    """Yield the sequences of one length at a time, block by block."""
    size = int(np.clip(_BLOCK_BYTES // (16 * source.lengths.max()), 1, _LARGEST_BLOCK))
    wanted = [(start, min(start + size, len(source))) for start in range(0, len(source), size)]
    for block in source.blocks(wanted):
        lengths = np.array([len(sequence) for sequence in block])
        for length in np.unique(lengths):
            some = [block[i] for i in np.flatnonzero(lengths == length)]
            yield reader.inputs(reading.encode(some))


def _write(job: FiltersJob, filters: Filters, motifs: dict[str, np.ndarray] | None) -> WrittenFilters:
    matches: MotifMatches | None = None
    labels: list[str] = []
    like: dict[int, str] = {}
    if motifs is not None:
        tell_comparison(len(filters.excited), "filters", len(motifs))
        matches, labels = filters.match(motifs), list(motifs)
        good = np.flatnonzero(matches.q <= _FDR)
        like = {filters.excited[k].number: labels[matches.motif[k]] for k in good}
    job.out.mkdir(parents=True, exist_ok=True)
    with outputs(job.files, job.execution.force) as (meme, tsv, picture):
        meme.write_text(filters.to_meme(), encoding="utf-8")
        tsv.write_text(filters.to_tsv(matches, labels), encoding="utf-8")
        save_figure(filters.plot(names=like), picture)
    return WrittenFilters(filters, commonest(like.values()))


@dataclass(frozen=True)
class Excerpt:
    """What is drawn of a layer's activations.

    Parameters
    ----------
    sequence
        The name of a sequence. ``None`` is the first.
    units
        Which units, from 0. ``None`` are the most active.
    start, end
        The part of the sequence (0-based, half-open). ``None`` are its ends.
    """

    sequence: str | None = None
    units: tuple[int, ...] | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class ActivationsJob:
    """What to draw of a layer's activations over a sequence.

    Parameters
    ----------
    model
        The model's file, and what reading it takes.
    reading
        The sequences, of which one is drawn.
    out
        The picture.
    layer
        The layer. ``None`` is the last that still has positions.
    excerpt
        The sequence and the units.
    execution
        The memory.
    """

    model: ModelFile
    reading: Reading
    out: Path
    layer: str | None = None
    excerpt: Excerpt = field(default_factory=Excerpt)
    execution: Execution = field(default_factory=Execution)


def draw_activations(job: ActivationsJob) -> str:
    """Draw the picture ``job.out``, and return the layer's name."""
    check_picture(job.out)
    memory, part = job.execution.memory, job.excerpt
    parse_bytes(memory)
    job.model.check_exists()
    name, text = _record(job)
    model = job.model.load()
    path = job.reading.sequences
    check_lengths(model, [name], np.array([len(text)]), job.model.sequence_length(model, alone=True), path)
    seen = activations(model, job.layer, job.reading.encode([text]), names=[name], memory=memory)
    save_figure(seen.plot(0, units=part.units, start=part.start, end=part.end), job.out)
    return seen.layer


def _record(job: ActivationsJob) -> tuple[str, str]:
    path, wanted = job.reading.sequences, job.excerpt.sequence
    for name, text in read_fasta(path):
        if wanted in (None, name):
            return name, text
    raise InputError(f"{path} has no record {wanted!r}")
