"""Experiments on motifs as jobs: a model's file and a FASTA file in, a table and its picture out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from genolift.methods.targets import parse_all
from genolift.pipeline.common.explaining import keywords
from genolift.pipeline.common.lengths import check_lengths
from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.common.places import check_file
from genolift.sequence.alphabet import one_hot
from genolift.sequence.fasta import read_fasta
from genolift.sequence.files import write_text
from genolift.simulate.motifs import Motif, read_motifs
from genolift.support.errors import FileProblem, InputError
from genolift.support.memory import parse_bytes

_FLAGS = {"rule", "references"}


@dataclass(frozen=True)
class ExperimentJob:
    """What to experiment with, as the command line says it.

    ``out`` is the table, NAME.tsv; the picture is NAME.png beside it. ``targets`` and ``references`` are texts;
    ``options`` are those of the explanation ``method`` that measures, ``settings`` those of the experiment.
    """

    model: ModelFile
    sequences: Path
    out: Path
    targets: tuple[str, ...] = ()
    method: str | None = None
    references: str | None = None
    options: dict = field(default_factory=dict)
    settings: dict = field(default_factory=dict)
    seed: int = 0
    unknown: str = "uniform"
    memory: str | None = None
    force: bool = False

    @property
    def picture(self) -> Path:
        return self.out.with_suffix(".png")


def run_experiment(job: ExperimentJob, experiment: Callable, *subjects):
    """Run ``experiment(model, *subjects, X, target, ...)`` of :mod:`genolift.evaluate.experiments.experiments`; returns its result.

    All that can be is checked before the model is loaded. Raises :class:`InputError` or :class:`FileProblem` in one line.
    """
    _check_out(job)
    parse_bytes(job.memory)
    options = _method_options(job)
    job.model.check_exists()
    names, sequences = zip(*read_fasta(job.sequences), strict=True)
    lengths = np.array([len(sequence) for sequence in sequences])
    model = job.model.load()
    check_lengths(model, list(names), lengths, job.model.sequence_length(model), job.sequences)
    if (lengths != lengths[0]).any():
        other = int(np.flatnonzero(lengths != lengths[0])[0])
        raise InputError(
            f"{job.sequences}: {names[0]!r} is {lengths[0]} long and {names[other]!r} {lengths[other]}; an experiment needs "
            "sequences of one length"
        )
    result = experiment(
        model,
        *subjects,
        one_hot(list(sequences), job.unknown),
        parse_all(job.targets),
        method=job.method,
        seed=job.seed,
        memory=job.memory,
        **options,
        **job.settings,
    )
    from genolift.plot.style import save_figure

    write_text(job.out, result.to_tsv())
    save_figure(result.plot(), job.picture)
    return result


def by_name(entries: list[tuple]) -> dict:
    """Named entries as a dict; :class:`InputError` where a name comes twice."""
    found: dict = {}
    for name, entry in entries:
        if name in found:
            raise InputError(f"{name!r} is given twice; give each a name of its own, as NAME={entry}")
        found[name] = entry
    return found


def motif(text: str, collection: Path | None) -> tuple[str, str | Motif]:
    """A motif as the command line writes it, with its name: AGATAAG, GATA=AGATAAG, or a name in a file of motifs."""
    name, equals, sequence = text.partition("=")
    if equals:
        return name, sequence
    if collection is not None:
        known = read_motifs(collection)
        if text in known:
            return text, known[text]
        if text.upper().strip("ACGTN"):
            raise InputError(f"{collection} holds no motif {text!r}; it has {', '.join(list(known)[:8])}")
    return text, text


def stretch(text: str) -> tuple[str, tuple[int, int]]:
    """A stretch as the command line writes it, with its name: 80-95 (95 not included), or motif=80-95."""
    name, equals, span = text.rpartition("=")
    first, dash, last = span.partition("-")
    if not (dash and first.isdigit() and last.isdigit()) or int(first) >= int(last):
        raise InputError(f"stretch {text!r} is not understood; write 80-95 or name=80-95 (0-based, 95 not included)")
    return (name if equals else span), (int(first), int(last))


def distances(text: str) -> list[int]:
    """Distances as the command line writes them: 0-40, 0-40:2 (every second), or 0,5,10."""
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
        check_file(path)
        if path.exists() and not job.force:
            raise FileProblem(f"{path} is there already; give another name, or --force to replace it")


def _method_options(job: ExperimentJob) -> dict:
    if job.method:
        return keywords(job.method, job.options, job.references, job.seed)
    given = {name: value for name, value in job.options.items() if value is not None}
    for name in [*(given.keys() - {"activation", "rc_average"}), *(["references"] if job.references else [])]:
        raise InputError(f"--{name} needs a --method" if name in _FLAGS else f"--option {name} needs a --method")
    return given
