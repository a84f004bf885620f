"""Score the variants of a VCF file: what a model says of the alternative allele, less what it says of the reference."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from genolift.methods.targets import parse_all
from genolift.pipeline.common.sides import check_rows
from genolift.pipeline.keeping.digest import digest_path
from genolift.pipeline.keeping.journal import Journal
from genolift.pipeline.keeping.resumable import read_json
from genolift.pipeline.keeping.versions import versions
from genolift.pipeline.scoring.scoring import explain_source
from genolift.pipeline.variants.alleles import AlleleSource, Survey
from genolift.pipeline.variants.blocks import computing, make_nulls, write_rows
from genolift.pipeline.variants.corrections import NOT_FINITE, Corrections
from genolift.pipeline.variants.effects import Comparison
from genolift.pipeline.variants.job import ScoredVariants, VariantJob, check
from genolift.pipeline.variants.overlaps import Features
from genolift.pipeline.variants.table import COLUMNS, VariantTable
from genolift.sequence.genome import Fasta
from genolift.sequence.variants import OK, Windows
from genolift.support.errors import InputError, Remedy, setting
from genolift.support.threads import threads


def score_variants(job: VariantJob) -> ScoredVariants:
    """Write the table and the record beside it; continue it if it was interrupted.

    The whole input is checked before anything is written. What is wrong with single records stands in their rows.

    Raises
    ------
    InputError, FileProblem, UnsupportedModel
        In one line, for what cannot be used, for a VCF file of another assembly, and for a table made in another way.
    """
    began = time.perf_counter()
    check(job)
    with job.reading.at_hand() as here:
        return _score(replace(job, reading=here), began)


def _score(job: VariantJob, began: float) -> ScoredVariants:
    reading, progress = job.reading, job.execution.progress
    model = job.model.load()
    beside = job.model.beside(model)
    if beside is not None:
        beside.check_other_strand()
        if beside.rows is not None and reading.null_variants is not None:
            raise InputError(
                f"input {beside.by_record[0][1]!r} is given for the records of {reading.variants}, and the null "
                "variants of a file have no rows",
                Remedy.naming("give a number or zeros, or {}", setting("null")),
            )
    length = reading.length(job.model, job.model.sequence_length(model))
    windows = Windows(Fasta(reading.fasta, progress), length, reading.shifts, reading.max_n)
    comparison = _comparison(job)
    predictors = comparison.predictors(model)
    tried: Any = np.full((1, length, 4), 0.25, np.float32)
    for predictor in predictors:  # Whatever is wrong shows before anything is written.
        predictor(tried if beside is None else beside.joined(tried, np.zeros(1, np.int64)))
    labels, scales = list(comparison.targets) or ["0"], predictor.scales
    features = {name: Features.read(path, windows.chromosomes) for name, path in reading.overlaps}
    survey = Survey.of(reading.variants, windows, reading.max_mismatch, progress, reading.on_bad)
    check_rows(beside, survey.records, reading.variants)
    if reading.null_variants is not None:
        null = Survey.of(reading.null_variants, windows, reading.max_mismatch, progress, reading.on_bad)
        survey.compare(null, reading.null_variants)
    journal = Journal(job.table.out, _request(job, survey, labels), versions(), job.execution.force)
    survey.tell()
    if comparison.has_null and not journal.is_complete:
        survey.tell_null(job.table.null)
    explained, now = None, 0
    scoring = job.scoring()
    if scoring is not None and survey.counts[OK]:  # first, because what is wrong with a store shows at once
        source = AlleleSource(reading.variants, windows, reading.on_bad)
        source.numbers = survey.numbers(source.places)
        explained = explain_source(scoring, source, model, began)
    if not journal.is_complete:
        table = VariantTable(
            reading.variants,
            labels,
            scales,
            predictor.has_profiles,
            comparison.has_null,
            reading.on_bad,
            features,
            len(predictors),
        )
        comparing = comparison.comparing(model, predictors)
        journal.begin()
        with computing(job.execution, comparison, comparing) as compute:
            if comparison.has_null and survey.counts[OK]:
                table.nulls = make_nulls(job, journal, windows, survey, table, compute)
            now = write_rows(job, journal, windows, survey, table, compute)
        ended = Corrections(table.columns, journal.lines)
        _tell_activity(table, labels, ended, comparing.tested_scales)
        counts = _counts(survey, ended.lost)
        record = _record(table, survey, labels, ended, counts) | {"command_line": job.execution.command}
        record |= {"seconds": round(time.perf_counter() - began, 2)}
        journal.publish("\t".join(ended.columns), record, ended.finished())
    else:
        counts = (read_json(journal.record_path) or {})["counts"]["alleles"]
    return ScoredVariants(counts, scales, now, time.perf_counter() - began, explained)


def _comparison(job: VariantJob) -> Comparison:
    """Return what every process needs to compare alleles."""
    parse_all(job.recipe.targets)
    file = job.model.absolute()
    return Comparison(
        file,
        file.describe(),
        versions(),
        threads(),
        job.execution.memory,
        tuple(job.recipe.targets),
        job.table.activation,
        bool(job.table.null or job.reading.null_variants),
        job.reading.unknown,
        job.table.align_profiles,
    )


def _counts(survey: Survey, lost: int) -> dict[str, int]:
    """Return the number of alleles by status, where those that lack the row of a target are not scored."""
    counts = dict(survey.counts)
    return counts | {OK: counts[OK] - lost, NOT_FINITE: lost} if lost else counts


def _tell_activity(table: VariantTable, labels: list[str], ended: Corrections, scales: list[str]) -> None:
    for t, (label, scale) in enumerate(zip(labels, scales, strict=True)):
        if scale == "output" and table.nulls:
            ended.tell_activity(label, np.concatenate([null.activity[:, t] for null in table.nulls.values()]))


def _record(
    table: VariantTable, survey: Survey, labels: list[str], ended: Corrections, counts: dict[str, int]
) -> dict[str, Any]:
    """Return what stands beside the table: scales, the columns' meanings, and how many alleles had each status."""
    return {
        "scale": dict(zip(labels, table.scales, strict=True)),
        "columns": {
            name: COLUMNS.get(name, "names of the features of its file that the changed bases overlap, . for none")
            for name in ended.columns
        },
        **({"share_without_effect": ended.told()} if ended.tested else {}),
        "counts": {
            "records": survey.records,
            "alleles": counts,
            "kinds": dict(survey.kinds),
            "ref_mismatches": survey.mismatched,
        },
    }


def _request(job: VariantJob, survey: Survey, labels: list[str]) -> dict:
    """Return what tells this table from others; files are told apart by content, so that they may be moved."""
    null, max_n, flank = job.table.null, job.reading.max_n, job.table.null_flank
    drawn = {"n": null, "of": "each kind", "seed": job.recipe.seed, "k": 2}
    drawn |= {} if flank is None else {"flank": flank}
    overlaps = {name: digest_path(path) for name, path in job.reading.overlaps}
    return {
        "command": "variants",
        "model": job.model.describe(),
        "targets": labels,
        "activation": job.table.activation,
        "window": survey.length,
        "shifts": list(survey.shifts),
        "null": drawn if null else survey.null_request,
        **({} if max_n is None else {"max_n": max_n}),
        **({"overlaps": overlaps} if overlaps else {}),
        **({"align_profiles": True} if job.table.align_profiles else {}),
        "unknown": job.reading.unknown,
        "variants": {"records": survey.records, "sha256": survey.digest},
    }
