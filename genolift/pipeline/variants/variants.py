"""Score the variants of a VCF file: what a model says of the alternative allele, less what it says of the reference."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from genolift.methods import targets
from genolift.pipeline.common.journal import Journal
from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.common.places import check_apart, check_file
from genolift.pipeline.common.standard_input import spooled
from genolift.pipeline.common.versions import versions
from genolift.pipeline.scoring.scoring import Scored, Scoring, check_job, explain_source
from genolift.pipeline.variants.alleles import AlleleSource, Survey, alleles_of, blocks_of
from genolift.pipeline.variants.nulls import Null, draw_null
from genolift.sequence.alphabet import one_hot
from genolift.sequence.files import open_text
from genolift.sequence.genome import Fasta
from genolift.sequence.variants import OK, Allele, Windows
from genolift.support.errors import InputError
from genolift.support.memory import parse_bytes
from genolift.support.progress import bar
from genolift.support.threads import use_threads

log = logging.getLogger("genolift")

_BLOCK = 128  # alleles written at a time
MISSING = "NA"
COLUMNS = {
    "chrom": "chromosome, as the VCF file calls it",
    "pos": "position of the first base of REF, 1-based",
    "id": "as in the VCF file",
    "ref": "reference allele",
    "alt": "alternative allele; records with several have a row for each",
    "target": "what about the model's output is scored",
    "status": "ok, or why the allele was not scored",
    "n_windows": "windows averaged, each read on both strands",
    "pred_ref": "mean prediction with the reference allele",
    "pred_alt": "mean prediction with the alternative allele",
    "delta": "pred_alt - pred_ref",
    "scale": "of the three: logit (before the final sigmoid or softmax), output (as the model gives it), profile, log_counts",
    "js_distance": "Jensen-Shannon distance of the two profiles, base 2, the mean over windows and strands",
    "p_value": "share of null variants of the same kind whose |delta| is at least as large, (1 + count) / (1 + N)",
    "js_p_value": "the same for js_distance",
    "note": "the status in words",
}


@dataclass(frozen=True)
class VariantJob:
    """What to score and how, as the command line says it.

    ``width``: length of the windows, where the model takes any. ``shifts`` move windows to the right. ``null``: how many
    variants of shuffled background, for every kind, the p-values rest on, 0 for none. ``max_n``: largest share of unknown
    bases in a window. ``max_mismatch``: share of REF alleles that may contradict the genome. ``explain``: a store for
    contributions of both alleles, by ``method`` with its ``options`` and ``references``, made by ``workers`` or at a
    ``scheduler`` as in :class:`Scoring`, and kept with the ``command`` line.
    """

    model: ModelFile
    variants: Path
    fasta: Path
    out: Path
    targets: tuple[str, ...] = ()
    activation: str = "logit"
    width: int | None = None
    shifts: tuple[int, ...] = (0,)
    null: int = 0
    max_n: float | None = None
    max_mismatch: float = 0.25
    explain: Path | None = None
    method: str = "deeplift"
    references: str | None = None
    options: dict = field(default_factory=dict)
    seed: int = 0
    unknown: str = "uniform"
    memory: str | None = None
    force: bool = False
    workers: int | None = None
    scheduler: str | None = None
    threads: int | None = None
    command: str | None = None

    def scoring(self) -> Scoring:
        """The job that explains both alleles of every variant."""
        model = self.model
        return Scoring(
            model.path,
            self.variants,
            self.explain,
            weights=model.weights,
            layers_from=model.layers_from,
            unsafe=model.unsafe,
            layout=model.layout,
            method=self.method,
            targets=self.targets,
            references=self.references,
            options={"activation": self.activation, "rc_average": True, **self.options},  # what the table predicts
            seed=self.seed,
            unknown=self.unknown,
            memory=self.memory,
            force=self.force,
            workers=self.workers,
            scheduler=self.scheduler,
            threads=self.threads,
            command=self.command,
        )


@dataclass(frozen=True)
class ScoredVariants:
    """What :func:`score_variants` did: alleles in the table, by status; how many rows were made now; the seconds; and
    what was explained, if that was asked for."""

    counts: dict[str, int]
    scales: list[str]
    now: int
    seconds: float
    explained: Scored | None = None

    @property
    def alleles(self) -> int:
        return sum(self.counts.values())


def score_variants(job: VariantJob, progress: bool = True) -> ScoredVariants:
    """Write the table ``job.out`` and the record beside it; continue it if it was interrupted.

    The whole input is checked before anything is written. Raises :class:`InputError`, :class:`FileProblem` or
    :class:`UnsupportedModel` in one line for what cannot be used, for a VCF file of another assembly, and for a table
    made in another way. What is wrong with single records stands in their rows. ``job.variants`` or ``job.fasta`` may be
    ``-``, standard input.
    """
    began = time.perf_counter()
    _check(job)
    with spooled(job.variants, job.fasta) as (variants, fasta):
        return _score(replace(job, variants=variants, fasta=fasta), began, progress)


def _score(job: VariantJob, began: float, progress: bool) -> ScoredVariants:
    for path in (job.variants, job.fasta):
        open_text(path).close()
    model = job.model.load()
    windows = Windows(Fasta(job.fasta), _length(job, job.model.sequence_length(model)), job.shifts, job.max_n)
    predictor, labels = _predictor(job, model, windows.length)
    survey = Survey.of(job.variants, windows, job.max_mismatch, progress)
    journal = Journal(job.out, _request(job, survey, labels), versions(), job.force)
    survey.tell()
    explained, now = None, 0
    if job.explain is not None and survey.counts[OK]:  # first, because what is wrong with a store shows at once
        explained = explain_source(job.scoring(), AlleleSource(job.variants, windows), model, began, progress)
    if not journal.is_complete:
        table = _Table(predictor, labels, job.unknown, bool(job.null))
        now = _write(job, journal, windows, survey, table, progress)
        record = _record(table, survey, labels) | {"command_line": job.command}
        journal.publish("\t".join(table.columns), record | {"seconds": round(time.perf_counter() - began, 2)})
    return ScoredVariants(dict(survey.counts), predictor.scales, now, time.perf_counter() - began, explained)


def _record(table: _Table, survey: Survey, labels: list[str]) -> dict:
    """What stands beside the table: scales, what its columns mean, and how many alleles there were of each status."""
    return {
        "scale": dict(zip(labels, table.scales, strict=True)),
        "columns": {name: COLUMNS[name] for name in table.columns},
        "counts": {
            "records": survey.records,
            "alleles": dict(survey.counts),
            "kinds": dict(survey.kinds),
            "ref_mismatches": survey.mismatched,
        },
    }


def _check(job: VariantJob) -> None:
    """What can be found wrong without loading the model."""
    parse_bytes(job.memory)
    if job.null < 0:
        raise InputError(f"the number of null variants is at least 1, not {job.null}")
    if not 0 <= job.max_mismatch <= 1:
        raise InputError(
            f"the share of REF alleles that may contradict the genome is from 0 to 1, not {job.max_mismatch}"
        )
    check_file(job.out)
    for path in (job.out, Path(f"{job.out}.json")):
        check_apart(path, [job.variants, job.fasta, *job.model.files])
    if job.max_n is not None and not 0 <= job.max_n <= 1:
        raise InputError(f"the largest share of N is a number from 0 to 1, not {job.max_n}")
    job.model.check_exists()
    if job.explain is None:
        use_threads(job.threads)
    else:
        check_job(job.scoring())


def _length(job: VariantJob, fixed: int | None) -> int:
    if fixed is None and job.width is None:
        raise InputError(f"{job.model.path} takes sequences of any length; --width says how long windows should be")
    if fixed is not None and job.width not in (None, fixed):
        raise InputError(f"--width is for models of any length; {job.model.path} takes {fixed}")
    return fixed or job.width


def _predictor(job: VariantJob, model, length: int):
    """What predicts the targets, and what they are called; tried once, before anything is written."""
    from genolift.methods.prediction.predictor import Predictor

    chosen = [targets.parse(text) for text in job.targets]
    predictor = Predictor(model, chosen, job.activation, job.memory)
    predictor(np.full((1, length, 4), 0.25, np.float32))
    return predictor, list(job.targets) or ["0"]


def _request(job: VariantJob, survey: Survey, labels: list[str]) -> dict:
    """What tells this table from others; files are told apart by content, so that they may be moved."""
    return {
        "command": "variants",
        "model": job.model.describe(),
        "targets": labels,
        "activation": job.activation,
        "window": survey.length,
        "shifts": list(survey.shifts),
        "null": {"n": job.null, "of": "each kind", "seed": job.seed, "k": 2} if job.null else None,
        **({} if job.max_n is None else {"max_n": job.max_n}),
        "unknown": job.unknown,
        "variants": {"records": survey.records, "sha256": survey.digest},
    }


def _write(job: VariantJob, journal: Journal, windows: Windows, survey: Survey, table: _Table, progress: bool) -> int:
    """Write the blocks that are not there; returns the number of their alleles."""
    journal.begin()
    done, now = journal.done(), 0
    if job.null and survey.counts[OK]:
        table.nulls = _nulls(job, journal, windows, survey, table, progress)
    total = survey.counts.total()
    if done:
        log.info("continuing: %s of %s alleles are done", f"{min(len(done) * _BLOCK, total):,}", f"{total:,}")
    with bar(total, "scoring", "alleles", progress) as display:
        for k, block in enumerate(blocks_of(alleles_of(job.variants, windows), _BLOCK)):
            if k in done:
                display.initial += len(block)
            else:
                journal.write(k, table.rows(block))
                now += len(block)
            display.update(len(block))
    return now


def _nulls(job, journal: Journal, windows: Windows, survey: Survey, table: _Table, progress: bool) -> dict[str, Null]:
    """The null distributions by kind of variant, once computed kept with the unfinished table."""
    kept = journal.work / "null.npz"
    if not kept.exists():
        drawn = draw_null(alleles_of(job.variants, windows), survey.kinds, job.null, job.seed)
        kinds, found = [], []
        with bar(job.null * len(survey.kinds), "null", "variants", progress) as display:
            for block in blocks_of(drawn, _BLOCK):
                kinds += [kind for kind, _ in block]
                found.append(table.differences([pairs for _, pairs in block]))
                display.update(len(block))
        delta = np.concatenate([effect.alt - effect.ref for effect in found])
        distance = np.concatenate([effect.distance for effect in found])
        with journal.file(kept.name) as aside, open(aside, "wb") as out:
            np.savez(out, kind=np.array(kinds), delta=delta, distance=distance)
    with np.load(kept) as stored:
        of = {kind: stored["kind"] == kind for kind in survey.kinds}
        delta, distance = stored["delta"], stored["distance"]
    return {kind: Null(delta[rows], distance[rows]) for kind, rows in of.items()}


@dataclass(frozen=True)
class Effects:
    """Predictions (N, T) with either allele, and distances (N, T) of their profiles, NaN where there are none."""

    ref: np.ndarray
    alt: np.ndarray
    distance: np.ndarray


class _Table:
    """Makes rows of alleles."""

    def __init__(self, predictor, labels: list[str], unknown: str, has_null: bool):
        self._predictor, self._labels, self._unknown, self.scales = predictor, labels, unknown, predictor.scales
        self.nulls: dict[str, Null] = {}
        absent = set() if predictor.has_profiles else {"js_distance", "js_p_value"}
        absent |= set() if has_null else {"p_value", "js_p_value"}
        self.columns = [name for name in COLUMNS if name not in absent]

    def differences(self, windows: list[list[tuple[str, str]]]) -> Effects:
        """Means over each allele's windows, given as pairs of texts."""
        rows = [np.full(len(pairs), i) for i, pairs in enumerate(windows)]
        texts = [[pair[side] for pairs in windows for pair in pairs] for side in (0, 1)]
        which: dict[str, int] = {}  # alleles of one record share the reference's windows
        sides = [[which.setdefault(text, len(which)) for text in some] for some in texts]
        found = self._predictor(one_hot(list(which), self._unknown))
        mean = _mean_over(np.concatenate(rows), len(windows))
        ref, alt = (mean(found.values[side].astype(np.float64)) for side in sides)
        distance = np.full(ref.shape, np.nan)
        for t, profiles in enumerate(found.profiles):
            if profiles is not None:
                distance[:, t] = mean(_distance(profiles[sides[0]], profiles[sides[1]])[:, None])[:, 0]
        return Effects(ref, alt, distance)

    def rows(self, block: list[Allele]) -> list[str]:
        """A line per allele and target."""
        scored = [allele for allele in block if allele.status == OK]
        effects = self.differences([allele.pairs() for allele in scored]) if scored else None
        lines, i = [], 0
        for allele in block:
            is_scored = allele.status == OK
            null = self.nulls.get(allele.kind) if is_scored else None
            for t, label in enumerate(self._labels):
                cells = self._cells(effects, null, i, t) if is_scored else {}
                cells |= _described(allele, label, self.scales[t])
                lines.append("\t".join(cells.get(name, MISSING) for name in self.columns))
            i += is_scored
        return lines

    def _cells(self, effects: Effects, null: Null | None, i: int, t: int) -> dict[str, str]:
        ref, alt, distance = effects.ref[i, t], effects.alt[i, t], effects.distance[i, t]
        cells = {"pred_ref": _number(ref), "pred_alt": _number(alt), "delta": _number(alt - ref)}
        if not np.isnan(distance):
            cells["js_distance"] = _number(distance)
        if null is not None:
            cells["p_value"] = _number(null.p_value(alt - ref, t))
            if not np.isnan(distance):
                cells["js_p_value"] = _number(null.p_of_distance(distance, t))
        return cells


def _described(allele: Allele, label: str, scale: str) -> dict[str, str]:
    record = allele.record
    told = {"chrom": record.chrom, "pos": str(record.pos), "id": record.id, "ref": record.ref, "alt": allele.alt}
    told |= {"target": label, "status": allele.status, "n_windows": str(len(allele.starts)), "scale": scale}
    return told | {"note": allele.note or "."}


def _mean_over(rows: np.ndarray, count: int) -> Callable[[np.ndarray], np.ndarray]:
    """A function from one value per window (W, ...) to their means per allele (count, ...)."""
    sizes = np.bincount(rows, minlength=count)[:, None]

    def mean(values: np.ndarray) -> np.ndarray:
        sums = np.zeros((count, values.shape[1]))
        np.add.at(sums, rows, values)
        return sums / sizes

    return mean


def _distance(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    from genolift.methods.prediction.predictor import profile_distance

    return profile_distance(p, q)


def _number(value: float) -> str:
    """The shortest text that gives the same float32 again."""
    return str(np.float32(value))


def count_by_status(counts: dict[str, int]) -> str:
    """Statuses and their numbers in words, what was scored first."""
    rest = Counter({status: count for status, count in counts.items() if status != OK}).most_common()
    return ", ".join([f"{counts.get(OK, 0):,} scored", *(f"{count:,} {status}" for status, count in rest)])
