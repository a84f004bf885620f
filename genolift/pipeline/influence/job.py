"""Influence from files into a directory: which training sequences taught the predictions for some queries."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genolift.evaluate.discovery.matching import match_motifs
from genolift.influence.catalog import DEFAULT, check_options
from genolift.influence.influence import Influence
from genolift.influence.influences import Influences
from genolift.influence.steps import Steps
from genolift.pipeline.common.execution import Execution
from genolift.pipeline.common.known import known_motifs
from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.common.reading import Reading
from genolift.pipeline.common.sources import Source
from genolift.pipeline.common.standard_input import spooled
from genolift.pipeline.influence.labels import FileSet, labels_for, places_of, read_labels
from genolift.pipeline.influence.pictures import SHARED, Drawn, draw
from genolift.pipeline.keeping.digest import digest_path
from genolift.pipeline.keeping.folder import Folder
from genolift.pipeline.keeping.places import check_directory
from genolift.pipeline.keeping.versions import account, versions
from genolift.support.errors import InputError
from genolift.support.memory import parse_bytes

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("genolift")

TABLE, SCORES, SUSPECTS = "influence.tsv", "scores.npz", "suspects.tsv"


@dataclass(frozen=True)
class InfluenceJob:
    """What to find out.

    Parameters
    ----------
    model
        The model's file, and what reading it takes.
    training
        The training sequences: the directory of a data set, or a FASTA file.
    out
        The directory to write into.
    queries
        A FASTA file of the sequences whose predictions are looked at.
    labels
        The table of labels; ``None`` is ``dataset.tsv`` beside the training sequences.
    query_labels
        A table of labels of the queries, whose loss is then measured in the place of a logit.
    method
        The method of influence.
    options
        Its options.
    target
        The task whose logit is measured, by name or number.
    top
        How many training sequences of each effect the table has for each query.
    pictures
        How many queries are drawn.
    suspects
        Whether training sequences are ranked by how unlike others their labels are.
    motifs, motif_format
        A file of known motifs that shared motifs are compared with, and its format.
    seed
        The seed of everything that is drawn at random.
    execution
        The memory, whether an earlier result gives way, and whether progress is shown.
    """

    model: ModelFile
    training: Path
    out: Path
    queries: Path | None = None
    labels: Path | None = None
    query_labels: Path | None = None
    method: str = DEFAULT
    options: Mapping[str, Any] = field(default_factory=dict)
    target: str | None = None
    top: int = 10
    pictures: int = 3
    suspects: bool = False
    motifs: Path | None = None
    motif_format: str | None = None
    seed: int = 0
    execution: Execution = field(default_factory=Execution)


@dataclass(frozen=True)
class Found:
    """What was found, in numbers.

    Attributes
    ----------
    training, queries : int
        How many sequences there are.
    files : list of str
        The files that were written.
    was_there : bool
        Whether all of it was there already.
    """

    training: int
    queries: int
    files: list[str]
    was_there: bool


def find_influence(job: InfluenceJob) -> Found:
    """Write the influence of all training sequences into ``job.out``, or what is left of it.

    Raises
    ------
    InputError, FileProblem, UnsupportedModel
        In one line, for whatever cannot be used.
    """
    began = time.perf_counter()
    _check(job)
    motifs = None if job.motifs is None else known_motifs(job.motifs, job.motif_format)
    if motifs is not None:
        match_motifs([], motifs)  # It says at once where the library is missing.
    fasta, table = places_of(job.training, job.labels)
    with spooled(fasta, job.queries) as place:
        model = job.model.load()
        length = job.model.sequence_length(model, alone=True)
        labels = read_labels(table)
        reading = Reading(place(fasta))
        source = reading.source(length)
        data = FileSet(reading, source, labels)
        queries = None if job.queries is None else Reading(place(job.queries)).source(length)
        request = {
            "model": job.model.describe(),
            "training": source.digest,
            "labels": digest_path(table),
            "queries": None if queries is None else queries.digest,
            "query_labels": None if job.query_labels is None else digest_path(job.query_labels),
            "method": job.method,
            "options": {name: _told(value) for name, value in job.options.items()},
            "target": job.target,
            "top": job.top,
            "pictures": job.pictures,
            "suspects": job.suspects,
            "motifs": None if job.motifs is None else digest_path(job.motifs),
            "motif_format": job.motif_format,
            "seed": job.seed,
        }
        # Everything that can be refused is refused before a directory is made.
        influence = Influence(
            model,
            data,
            method=job.method,
            target=job.target if queries is not None and job.query_labels is None else (job.target or 0),
            seed=job.seed,
            memory=job.execution.memory,
            steps=(steps := Steps(None, job.execution.progress)),
            **job.options,
        )
        asked = None if queries is None else _asked(job, queries, data)
        folder = Folder(job.out, request, versions("scipy"), job.execution.force)
        if folder.is_complete:
            folder.clear()
            return Found(len(data), 0 if queries is None else len(queries), [], True)
        if folder.begin():
            log.info("continuing in %s", folder.path)
        steps.use(folder.work)
        found = None if asked is None else influence(*asked)
        suspects = influence.suspects() if job.suspects else None
        drawn = None
        if found is not None and asked is not None:
            drawn = draw(model, influence, found, asked[0], job.pictures, motifs)
        names = _write(folder.work, job, found, suspects, drawn)
        told = {"measured": None if found is None else found.method}
        folder.record(names, {**account(time.perf_counter() - began), **told})
        folder.publish()
        folder.clear()
    return Found(len(data), 0 if queries is None else len(queries), names, False)


def _check(job: InfluenceJob) -> None:
    """Raise for what is wrong before anything is read."""
    check_options(job.method, dict(job.options))
    parse_bytes(job.execution.memory)
    check_directory(job.out)
    job.model.check_exists()
    if job.model.folds:
        raise InputError("influence is of one model; give one")
    if job.queries is None and not job.suspects:
        raise InputError("there is nothing to find; give a FASTA file of queries, or --suspects")
    if job.motifs is not None and (job.queries is None or job.pictures < 1):
        raise InputError(
            "motifs name what drawn queries share with training sequences; give queries and pictures of at least 1, or "
            "leave out motifs"
        )
    if job.top < 1 or job.pictures < 0:
        raise InputError("the table has at least one training sequence for each query, and no fewer than 0 pictures")


def _asked(job: InfluenceJob, queries: Source, data: FileSet) -> tuple[list[str], np.ndarray | None, list[str]]:
    """Return the queries as texts, their labels if there are any, and their names."""
    names = list(queries.names)
    (texts,) = queries.blocks([(0, len(queries))])
    labels = None
    if job.query_labels is not None:
        labels = labels_for(read_labels(job.query_labels), names, data.tasks, job.queries or Path())
    if queries.mixed:
        raise InputError(f"{job.queries}: the queries differ in length; influence needs queries of one length")
    return texts, labels, names


def _told(value: Any) -> Any:
    """Return an option as the request tells it: files and directories by their content."""
    return digest_path(value) if isinstance(value, Path) else value


def _write(
    work: Path, job: InfluenceJob, found: Influences | None, suspects: pd.DataFrame | None, drawn: Drawn | None
) -> list[str]:
    """Write tables and pictures into the work directory, and return their names."""
    names = []
    if found is not None:
        (work / TABLE).write_text(found.to_tsv(job.top), encoding="utf-8")
        with (work / SCORES).open("wb") as handle:
            arrays = {"scores": found.scores, "queries": np.array(found.queries), "values": found.values}
            np.savez(handle, training=np.array(list(found.training)), **arrays)  # type: ignore[arg-type]
        names += [TABLE, SCORES]
    if suspects is not None:
        (work / SUSPECTS).write_text(suspects.to_csv(sep="\t", index=False, float_format="%.6g"), encoding="utf-8")
        names.append(SUSPECTS)
    if drawn is not None:
        names += drawn.save(work)
        if drawn.table is not None:
            (work / SHARED).write_text(drawn.table.to_csv(sep="\t", index=False, float_format="%.4g"), encoding="utf-8")
            names.append(SHARED)
    return names
