"""What is asked of a job on variants: the model, what is read, the table to write, and what cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from genolift.pipeline.common.execution import Execution
from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.common.reading import Reading
from genolift.pipeline.common.recipe import Recipe
from genolift.pipeline.common.screening import Policy
from genolift.pipeline.common.standard_input import spooled
from genolift.pipeline.keeping.places import check_apart, check_file
from genolift.pipeline.scoring.scoring import Scored, Scoring, check_job
from genolift.pipeline.variants.overlaps import check_overlaps
from genolift.pipeline.variants.table import COLUMNS
from genolift.sequence.files import open_text
from genolift.sequence.vcf import OnBad
from genolift.support.errors import InputError, Remedy, setting
from genolift.support.memory import parse_bytes
from genolift.support.threads import use_threads

LEAST_FLANK = 5  # Fewer bases have hardly any shuffles.


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
        Whether a malformed line, or a prediction that is not finite, stops the job, ``fail``, or becomes a row that
        says why, ``skip``.
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
    null_flank
        How many bases on either side of the variants are shuffled for the null. ``None`` is the whole of the windows.
    align_profiles
        Whether profiles are compared base by base of the genome where an allele moves them.
    """

    out: Path
    activation: str = "logit"
    null: int = 0
    null_flank: int | None = None
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

    def record(self, out: Path, store: Path | None) -> dict[str, Any]:
        """Return what was done as dicts, lists, texts and numbers: with the table, and the store of explanations."""
        return {
            "out": out,
            "already_complete": not self.now,
            "alleles": self.alleles,
            "scored_now": self.now,
            "status": self.counts,
            "scales": list(dict.fromkeys(self.scales)),
            "seconds": self.seconds,
            "explained": None if self.explained is None or store is None else self.explained.record(store),
        }


def check(job: VariantJob) -> None:
    """Raise for what can be found wrong without loading the model."""
    parse_bytes(job.execution.memory)
    if job.table.null < 0:
        raise InputError(f"the number of null variants is at least 1, not {job.table.null}")
    if job.table.null and job.reading.null_variants is not None:
        raise InputError(
            "null variants are drawn, or they are those of a file",
            Remedy.naming("give {} or {}, not both", setting("null"), setting("null_variants")),
        )
    if job.table.null_flank is not None and (job.table.null_flank < LEAST_FLANK or not job.table.null):
        raise InputError(
            f"the bases that are shuffled on either side of a variant are at least {LEAST_FLANK}, and are those of the "
            "null variants that are drawn",
            Remedy.naming("give {} too", setting("null")),
        )
    check_file(job.table.out)
    for path in job.table.files:
        check_apart(path, [*job.reading.files, *job.model.files])
    job.reading.check()
    job.model.check_exists()
    if job.execution.on_cluster:
        from genolift.pipeline.scoring.cluster import check_cluster

        check_cluster(job.execution.workers, job.execution.scheduler)
    scoring = job.scoring()
    if scoring is None:
        use_threads(job.execution.threads)
    else:
        check_job(scoring)
