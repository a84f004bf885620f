"""Score the variants of a VCF file: what a model says of the alternative allele, less what it says of the reference."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genolift.methods import targets
from genolift.pipeline.common.execution import Execution
from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.common.reading import Reading
from genolift.pipeline.common.recipe import Recipe
from genolift.pipeline.common.screening import Policy
from genolift.pipeline.common.standard_input import spooled
from genolift.pipeline.keeping.digest import digest_path
from genolift.pipeline.keeping.journal import Journal
from genolift.pipeline.keeping.places import check_apart, check_file
from genolift.pipeline.keeping.versions import versions
from genolift.pipeline.scoring.scoring import Scored, Scoring, check_job, explain_source
from genolift.pipeline.variants.alleles import AlleleSource, Survey, alleles_of, blocks_of
from genolift.pipeline.variants.corrections import Corrections
from genolift.pipeline.variants.nulls import Null, draw_null
from genolift.pipeline.variants.overlaps import Features, check_overlaps
from genolift.pipeline.variants.table import COLUMNS, VariantTable
from genolift.sequence.files import open_text
from genolift.sequence.genome import Fasta
from genolift.sequence.variants import OK, Windows
from genolift.sequence.vcf import OnBad
from genolift.support.errors import InputError, Remedy, setting
from genolift.support.memory import parse_bytes
from genolift.support.progress import bar
from genolift.support.threads import use_threads

if TYPE_CHECKING:
    from genolift.methods.prediction.predictor import Predictor

log = logging.getLogger("genolift")

_BLOCK = 128  # alleles written at a time


@dataclass(frozen=True)
class VariantReading:
    """The variants that are scored. One of the files may be ``-``, standard input, and all may be pipes.

    Parameters
    ----------
    variants, fasta
        A VCF file, and the genome that it refers to.
    width
        The length of the windows, where the model takes any length.
    shifts
        Windows are averaged that are moved to the right by so many bases.
    max_n
        The largest share of unknown bases in a window.
    max_mismatch
        The share of REF alleles that may contradict the genome.
    unknown
        How N and other IUPAC codes are encoded, ``uniform`` or ``zero``.
    on_bad
        Whether a malformed line stops the job, ``fail``, or becomes a row that says why, ``skip``.
    overlaps
        Columns of the names of features that the variants overlap: the column's name, and a BED, GFF3 or GTF file.
    null_variants
        A VCF file of variants, such as common ones, that others are compared with in the place of shuffles.
    """

    variants: Path
    fasta: Path
    width: int | None = None
    shifts: tuple[int, ...] = (0,)
    max_n: float | None = None
    max_mismatch: float = 0.25
    unknown: str = "uniform"
    on_bad: OnBad = "fail"
    overlaps: tuple[tuple[str, Path], ...] = ()
    null_variants: Path | None = None

    @property
    def files(self) -> list[Path]:
        """The files that are read."""
        paths = [self.variants, self.fasta, self.null_variants, *(path for _, path in self.overlaps)]
        return [path for path in paths if path is not None]

    def check(self) -> None:
        """Raise :class:`InputError` for shares that cannot be."""
        Policy(max_n=self.max_n)
        check_overlaps(self.overlaps, COLUMNS)
        if not 0 <= self.max_mismatch <= 1:
            raise InputError(
                f"the share of REF alleles that may contradict the genome is from 0 to 1, not {self.max_mismatch}"
            )

    @contextmanager
    def at_hand(self) -> Iterator[VariantReading]:
        """Yield the same with copies of standard input and pipes in their place, after each file was opened once."""
        with spooled(*self.files) as place:
            null = place(self.null_variants)
            overlaps = tuple((name, place(path)) for name, path in self.overlaps)
            variants, fasta = place(self.variants), place(self.fasta)
            here = replace(self, variants=variants, fasta=fasta, null_variants=null, overlaps=overlaps)
            for path in here.files:
                open_text(path).close()
            yield here

    def length(self, file: ModelFile, fixed: int | None) -> int:
        """Return how long windows are for a model that takes sequences of ``fixed`` bases, or any."""
        if fixed is None and self.width is None:
            say = Remedy.naming("{} says how long windows should be", setting("width"))
            raise InputError(f"{file.path} takes sequences of any length", say)
        if fixed is not None and self.width not in (None, fixed):
            leave = Remedy.naming("{} is for models of any length", setting("width"))
            raise InputError(f"{file.path} takes {fixed} bases", leave)
        return fixed or self.width or 0


@dataclass(frozen=True)
class EffectTable:
    """The table of effects.

    Parameters
    ----------
    out
        The table to write. Its record stands beside it.
    activation
        ``logit`` looks through a final sigmoid or softmax, ``keep`` takes what the model gives.
    null
        The number of null variants of every kind on which p-values rest, 0 for none.
    align_profiles
        Whether profiles are compared base by base of the genome where an allele moves them.
    """

    out: Path
    activation: str = "logit"
    null: int = 0
    align_profiles: bool = False

    @property
    def files(self) -> list[Path]:
        """The table and its record."""
        return [self.out, Path(f"{self.out}.json")]


@dataclass(frozen=True)
class VariantJob:
    """What to score and how.

    Parameters
    ----------
    model
        The model's file, and what reading it takes.
    reading
        The variants and their genome.
    recipe
        The targets that the table predicts, and the method that explains them, if anything is explained.
    table
        The table to write.
    explain
        A store for contributions of both alleles of every variant.
    execution
        Who does the work, and how.
    """

    model: ModelFile
    reading: VariantReading
    recipe: Recipe
    table: EffectTable
    explain: Path | None = None
    execution: Execution = field(default_factory=Execution)

    def scoring(self) -> Scoring | None:
        """Return the job that explains both alleles of every variant, if that was asked for."""
        if self.explain is None:
            return None
        # What is explained is what the table predicts.
        options = {"activation": self.table.activation, "rc_average": True, **self.recipe.options}
        reading = Reading(self.reading.variants, unknown=self.reading.unknown)
        return Scoring(
            self.model, reading, replace(self.recipe, options=options), self.explain, execution=self.execution
        )


@dataclass(frozen=True)
class ScoredVariants:
    """What :func:`score_variants` did.

    ``counts`` are the alleles in the table by their status. ``now`` is for how many of them rows were made by this
    call, in so many ``seconds``. ``explained`` tells of the store, if one was asked for.
    """

    counts: dict[str, int]
    scales: list[str]
    now: int
    seconds: float
    explained: Scored | None = None

    @property
    def alleles(self) -> int:
        """The number of alleles in the table."""
        return sum(self.counts.values())


def score_variants(job: VariantJob) -> ScoredVariants:
    """Write the table and the record beside it; continue it if it was interrupted.

    The whole input is checked before anything is written. What is wrong with single records stands in their rows.

    Raises
    ------
    InputError, FileProblem, UnsupportedModel
        In one line, for what cannot be used, for a VCF file of another assembly, and for a table made in another way.
    """
    began = time.perf_counter()
    _check(job)
    with job.reading.at_hand() as here:
        return _score(replace(job, reading=here), began)


def _score(job: VariantJob, began: float) -> ScoredVariants:
    reading, progress = job.reading, job.execution.progress
    model = job.model.load()
    length = reading.length(job.model, job.model.sequence_length(model))
    windows = Windows(Fasta(reading.fasta, progress), length, reading.shifts, reading.max_n)
    predictor, labels = _predictor(job, model, windows.length)
    features = {name: Features.read(path, windows.chromosomes) for name, path in reading.overlaps}
    survey = Survey.of(reading.variants, windows, reading.max_mismatch, progress, reading.on_bad)
    if reading.null_variants is not None:
        null = Survey.of(reading.null_variants, windows, reading.max_mismatch, progress, reading.on_bad)
        survey.compare(null, reading.null_variants)
    has_null = bool(job.table.null or reading.null_variants)
    journal = Journal(job.table.out, _request(job, survey, labels), versions(), job.execution.force)
    survey.tell()
    if has_null and not journal.is_complete:
        survey.tell_null(job.table.null)
    explained, now = None, 0
    scoring = job.scoring()
    if scoring is not None and survey.counts[OK]:  # first, because what is wrong with a store shows at once
        explained = explain_source(scoring, AlleleSource(reading.variants, windows, reading.on_bad), model, began)
    if not journal.is_complete:
        linked = _linked(job, model, predictor) if has_null else None
        table = VariantTable(predictor, labels, reading.unknown, has_null, linked, features, job.table.align_profiles)
        now = _write(job, journal, windows, survey, table)
        ended = Corrections(table.columns, journal.lines)
        _tell_activity(table, labels, ended, linked)
        record = _record(table, survey, labels, ended) | {"command_line": job.execution.command}
        record |= {"seconds": round(time.perf_counter() - began, 2)}
        journal.publish("\t".join(ended.columns), record, ended.finished())
    return ScoredVariants(dict(survey.counts), predictor.scales, now, time.perf_counter() - began, explained)


def _linked(job: VariantJob, model: Any, predictor: Predictor) -> Predictor | None:
    """Return what predicts logits, where the table holds what a sigmoid or softmax makes of them."""
    from genolift.methods.prediction.predictor import Predictor

    if job.table.activation != "keep":
        return None
    logits = Predictor(model, [targets.parse(text) for text in job.recipe.targets], "logit", job.execution.memory)
    return logits if logits.scales != predictor.scales else None


def _tell_activity(table: VariantTable, labels: list[str], ended: Corrections, linked: Predictor | None) -> None:
    scales = table.scales if linked is None else linked.scales
    for t, (label, scale) in enumerate(zip(labels, scales, strict=True)):
        if scale == "output" and table.nulls:
            ended.tell_activity(label, np.concatenate([null.activity[:, t] for null in table.nulls.values()]))


def _record(table: VariantTable, survey: Survey, labels: list[str], ended: Corrections) -> dict:
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
            "alleles": dict(survey.counts),
            "kinds": dict(survey.kinds),
            "ref_mismatches": survey.mismatched,
        },
    }


def _check(job: VariantJob) -> None:
    """Raise for what can be found wrong without loading the model."""
    parse_bytes(job.execution.memory)
    if job.table.null < 0:
        raise InputError(f"the number of null variants is at least 1, not {job.table.null}")
    if job.table.null and job.reading.null_variants is not None:
        raise InputError(
            "null variants are drawn, or they are those of a file",
            Remedy.naming("give {} or {}, not both", setting("null"), setting("null_variants")),
        )
    check_file(job.table.out)
    for path in job.table.files:
        check_apart(path, [*job.reading.files, *job.model.files])
    job.reading.check()
    job.model.check_exists()
    scoring = job.scoring()
    if scoring is None:
        use_threads(job.execution.threads)
    else:
        check_job(scoring)


def _predictor(job: VariantJob, model: Any, length: int) -> tuple[Predictor, list[str]]:
    """Return what predicts the targets, and what they are called, after trying it before anything is written."""
    from genolift.methods.prediction.predictor import Predictor  # loads TensorFlow; most mistakes are found without

    chosen = [targets.parse(text) for text in job.recipe.targets]
    predictor = Predictor(model, chosen, job.table.activation, job.execution.memory)
    predictor(np.full((1, length, 4), 0.25, np.float32))
    return predictor, list(job.recipe.targets) or ["0"]


def _request(job: VariantJob, survey: Survey, labels: list[str]) -> dict:
    """Return what tells this table from others; files are told apart by content, so that they may be moved."""
    null, max_n = job.table.null, job.reading.max_n
    overlaps = {name: digest_path(path) for name, path in job.reading.overlaps}
    return {
        "command": "variants",
        "model": job.model.describe(),
        "targets": labels,
        "activation": job.table.activation,
        "window": survey.length,
        "shifts": list(survey.shifts),
        "null": {"n": null, "of": "each kind", "seed": job.recipe.seed, "k": 2} if null else survey.null_request,
        **({} if max_n is None else {"max_n": max_n}),
        **({"overlaps": overlaps} if overlaps else {}),
        **({"align_profiles": True} if job.table.align_profiles else {}),
        "unknown": job.reading.unknown,
        "variants": {"records": survey.records, "sha256": survey.digest},
    }


def _write(job: VariantJob, journal: Journal, windows: Windows, survey: Survey, table: VariantTable) -> int:
    """Write the blocks that are not there; return the number of their alleles."""
    journal.begin()
    done, now = journal.done(), 0
    if (job.table.null or job.reading.null_variants) and survey.counts[OK]:
        table.nulls = _nulls(job, journal, windows, survey, table)
    total = survey.counts.total()
    if done:
        log.info("continuing: %s of %s alleles are done", f"{min(len(done) * _BLOCK, total):,}", f"{total:,}")
    with bar(total, "scoring", "alleles", job.execution.progress) as display:
        for k, block in enumerate(blocks_of(alleles_of(job.reading.variants, windows, job.reading.on_bad), _BLOCK)):
            if k in done:
                display.initial += len(block)
            else:
                journal.write(k, table.rows(block))
                now += len(block)
            display.update(len(block))
    return now


def _nulls(job: VariantJob, journal: Journal, windows: Windows, survey: Survey, table: VariantTable) -> dict[str, Null]:
    """Return the null distributions by kind of variant; once computed they are kept with the unfinished table."""
    kept = journal.work / "null.npz"
    if not kept.exists():
        drawn, total = _drawn(job, windows, survey)
        kinds, effects = [], []
        with bar(total, "null", "variants", job.execution.progress) as display:
            for block in blocks_of(drawn, _BLOCK):
                kinds += [kind for kind, _ in block]
                effects.append(table.differences([pairs for _, pairs in block], [kind for kind, _ in block]))
                display.update(len(block))
        delta, distance, activity = (
            np.concatenate([getattr(effect, name) for effect in effects]) for name in ("tested", "distance", "ref")
        )
        with journal.file(kept.name) as aside, open(aside, "wb") as out:
            np.savez(out, kind=np.array(kinds), delta=delta, distance=distance, activity=activity)
    with np.load(kept) as stored:
        of = {kind: stored["kind"] == kind for kind in survey.kinds}
        delta, distance, activity = stored["delta"], stored["distance"], stored["activity"]
    return {kind: Null(delta[rows], distance[rows], activity[rows]) for kind, rows in of.items() if rows.any()}


def _drawn(job: VariantJob, windows: Windows, survey: Survey) -> tuple[Iterator[tuple[str, list]], int]:
    """Return the null variants, each with its kind and windows, and how many there are."""
    reading, null = job.reading, job.table.null
    if reading.null_variants is None:
        alleles = alleles_of(reading.variants, windows, reading.on_bad)
        return draw_null(alleles, survey.kinds, null, job.recipe.seed), null * len(survey.kinds)
    found = (
        (allele.kind, allele.pairs())
        for allele in alleles_of(reading.null_variants, windows, reading.on_bad)
        if allele.status == OK and allele.kind in survey.kinds
    )
    return found, sum((survey.null or Counter())[kind] for kind in survey.kinds)
