"""Experiments on motifs as jobs: a model's file and a FASTA file in, a table and its picture out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from genolift.evaluate.experiments.confidence import NotFinite
from genolift.export.outputs import check_new
from genolift.methods.targets import parse_all
from genolift.pipeline.common.execution import Execution
from genolift.pipeline.common.lengths import check_lengths
from genolift.pipeline.common.modelfile import ModelFile, of_sequences
from genolift.pipeline.common.reading import Reading
from genolift.pipeline.common.recipe import Recipe
from genolift.pipeline.common.sides import check_rows
from genolift.pipeline.common.standard_input import spooled
from genolift.pipeline.keeping.places import check_file
from genolift.sequence.fasta import read_fasta
from genolift.sequence.files import check_regular, write_text
from genolift.simulate.motifs import Motif, MotifFile
from genolift.support.errors import InputError
from genolift.support.memory import parse_bytes

if TYPE_CHECKING:
    from genolift.evaluate.experiments.experiments import Experiment

_Subject = TypeVar("_Subject")


@dataclass(frozen=True)
class ExperimentJob:
    """What to experiment with.

    Parameters
    ----------
    model
        The model's file, and what reading it takes.
    reading
        The sequences, all of one length.
    recipe
        The targets, and the method whose importance is measured. Without a method the prediction is.
    out
        The table, NAME.tsv. The picture is NAME.png beside it.
    settings
        The settings of the experiment itself.
    execution
        The memory, and whether files that are there are replaced.
    """

    model: ModelFile
    reading: Reading
    recipe: Recipe
    out: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    execution: Execution = field(default_factory=Execution)

    @property
    def picture(self) -> Path:
        """The picture of the table."""
        return self.out.with_suffix(".png")


def run_experiment(job: ExperimentJob, experiment: Callable[..., Experiment], *subjects: Any) -> Experiment:
    """Run ``experiment(model, *subjects, X, target, ...)``; write its table and its picture, and return its result.

    All that can be is checked before the model is loaded.

    Parameters
    ----------
    job
        What to experiment with.
    experiment
        One of the functions of :mod:`genolift.evaluate.experiments.experiments`.
    subjects
        What it inserts or removes.

    Raises
    ------
    InputError, FileProblem, UnsupportedModel
        In one line, for whatever cannot be used.
    """
    _check_out(job)
    parse_bytes(job.execution.memory)
    options = job.recipe.keywords()
    job.model.check_exists()
    path = job.reading.sequences
    with spooled(path) as place:
        names, sequences = zip(*read_fasta(place(path)), strict=True)
    lengths = np.array([len(sequence) for sequence in sequences])
    model = job.model.load()
    length, beside = job.model.sequence_length(model), job.model.beside(model)
    check_lengths(of_sequences(model, beside), list(names), lengths, length, path)
    check_rows(beside, len(names), path)
    if (lengths != lengths[0]).any():
        other = int(np.flatnonzero(lengths != lengths[0])[0])
        raise InputError(
            f"{path}: {names[0]!r} is {lengths[0]} long and {names[other]!r} {lengths[other]}; an experiment needs "
            "sequences of one length"
        )
    try:
        result = experiment(
            model,
            *subjects,
            job.reading.encode(sequences),
            parse_all(job.recipe.targets),
            others=beside,
            method=job.recipe.method,
            seed=job.recipe.seed,
            memory=job.execution.memory,
            **options,
            **job.settings,
        )
    except NotFinite as problem:
        raise InputError(f"{path}, {names[problem.number]!r}: {problem.reason}") from None
    from genolift.plot.style import save_figure

    write_text(job.out, result.to_tsv())
    save_figure(result.plot(), job.picture)
    return result


def by_name(entries: Iterable[tuple[str, _Subject]]) -> dict[str, _Subject]:
    """Return named entries as a dict; raise :class:`InputError` where a name comes twice."""
    named: dict[str, _Subject] = {}
    for name, entry in entries:
        if name in named:
            raise InputError(f"{name!r} is given twice; give each a name of its own, as NAME={entry}")
        named[name] = entry
    return named


def motif(text: str, collection: Path | None, motif_format: str | None = None) -> tuple[str, str | Motif]:
    """Return a motif and its name from a text: AGATAAG, GATA=AGATAAG, or a name in a file of motifs."""
    name, equals, sequence = text.partition("=")
    if equals:
        return name, sequence
    if collection is not None:
        check_regular(collection)
        known = MotifFile.read(collection, motif_format)
        if text in known or text.upper().strip("ACGTN"):
            return text, known.get(text)
    return text, text


def stretch(text: str) -> tuple[str, tuple[int, int]]:
    """Return a stretch and its name from a text: 80-95 (95 not included), or motif=80-95."""
    name, equals, span = text.rpartition("=")
    first, dash, last = span.partition("-")
    if not (dash and first.isdigit() and last.isdigit()) or int(first) >= int(last):
        raise InputError(f"stretch {text!r} is not understood; write 80-95 or name=80-95 (0-based, 95 not included)")
    return (name if equals else span), (int(first), int(last))


def distances(text: str) -> list[int]:
    """Return distances from a text: 0-40, 0-40:2 (every second), or 0,5,10."""
    span, colon, every = text.partition(":")
    first, dash, last = span.partition("-")
    parts = [first, last, every if colon else "1"] if dash else span.split(",")
    if (colon and not dash) or not all(part.isdigit() for part in parts) or (dash and not int(parts[2])):
        raise InputError(f"distances {text!r} are not understood; write 0-40, 0-40:2 (every second) or 0,5,10")
    return list(range(int(first), int(last) + 1, int(parts[2]))) if dash else [int(part) for part in parts]


def _check_out(job: ExperimentJob) -> None:
    if job.out.suffix != ".tsv":
        raise InputError(f"{job.out}: the table's name ends in .tsv; its picture gets the same name with .png")
    for path in (job.out, job.picture):
        check_new(path, job.execution.force)
        check_file(path)
