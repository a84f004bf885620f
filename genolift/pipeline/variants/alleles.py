"""The alleles of a VCF file one after another: surveyed before anything is scored, and as sequences to explain."""

from __future__ import annotations

import logging
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from genolift.pipeline.common.screening import Policy, Screening
from genolift.pipeline.common.sources import StreamedSource
from genolift.pipeline.keeping.digest import RecordDigest
from genolift.pipeline.variants.corrections import tell_resolution
from genolift.results.regions import RegionTable
from genolift.sequence.variants import (
    EXCHANGED,
    FROM_ZERO,
    INVALID_REF,
    MALFORMED,
    OK,
    OTHER_STRAND,
    OUTSIDE,
    REF_MISMATCH,
    UNDECIDED,
    UNKNOWN_CHROMOSOME,
    Allele,
    Windows,
)
from genolift.sequence.vcf import OnBad, read_vcf
from genolift.support.errors import InputError, Remedy, setting
from genolift.support.progress import bar
from genolift.support.texts import Words

log = logging.getLogger("genolift")

_Item = TypeVar("_Item")

# A share means nothing among few: below so many contradictions no file is turned down, and not before so many records.
_FEW, _EARLY = 5, 100
# One base is another by chance in a quarter of the cases, so that a cause must hold for most of the contradictions.
_MOST = 0.8
_CAUSES = {
    EXCHANGED: "ALT is what the genome has, so that REF and ALT look exchanged (such as effect and other allele); "
    "exchange them, as bcftools norm --check-ref s does",
    FROM_ZERO: "the genome has REF one base further on, so that positions look counted from 0; add 1 to each",
    OTHER_STRAND: "the genome has the complement of REF, so that alleles look written on the other strand; write both "
    "alleles as the forward strand has them",
}


def alleles_of(path: Path, windows: Windows, on_bad: OnBad = "fail") -> Iterator[Allele]:
    """Yield every alternative allele of a VCF file in its order, whether it can be scored or not."""
    for record in read_vcf(path, on_bad):
        yield from windows.alleles(record)


@dataclass
class Survey:
    """What a VCF file holds, seen through a genome, for windows of a ``length`` and their ``shifts``.

    ``counts`` are alleles by status, and ``kinds`` those that can be scored by their kind. Of all ``records``, which
    stand in ``lines``, so many could be ``compared`` with the genome, and of these so many have a REF that is
    ``mismatched``, for which there are ``clues``. ``digest`` is of all that will be scored. ``null`` are the null
    variants of a file by their kind, and ``null_request`` tells that file from others.
    """

    length: int
    shifts: tuple[int, ...]
    counts: Counter = field(default_factory=Counter)
    kinds: Counter = field(default_factory=Counter)
    records: int = 0
    compared: int = 0
    mismatched: int = 0
    clues: Counter = field(default_factory=Counter)
    digest: str = ""
    lines: array[int] = field(default_factory=lambda: array("q"))
    null: Counter | None = None
    null_request: dict | None = None

    @classmethod
    def of(
        cls, path: Path, windows: Windows, max_mismatch: float, progress: bool = False, on_bad: OnBad = "fail"
    ) -> Survey:
        """Read the whole file.

        Raises
        ------
        InputError
            For a malformed line; if a larger share than ``max_mismatch`` of the REF alleles contradicts the genome,
            which then is another assembly; and if no record lies on a chromosome of the genome.
        """
        survey, digest, example = cls(windows.length, windows.shifts), RecordDigest(), ""
        with bar(None, "reading variants", "records", progress) as display:
            for record in read_vcf(path, on_bad):
                alleles = windows.alleles(record)
                survey._add(alleles, digest)
                if alleles[0].status == REF_MISMATCH and UNDECIDED not in alleles[0].clues:
                    example = example or f"line {record.line} has REF {record.ref}, {alleles[0].note}"
                    if survey.compared >= _EARLY:
                        survey._check(path, max_mismatch, example, so_far=True)
                display.update(1)
        survey._check(path, max_mismatch, example)
        if survey.counts.keys() == {MALFORMED}:
            raise InputError(f"{path}, line {record.line}: {record.fault} (and no other line can be read)")
        if survey.counts.keys() == {UNKNOWN_CHROMOSOME}:
            raise InputError(
                f"{path}: no record lies on a chromosome of the genome; line {record.line}: {alleles[0].note}"
            )
        survey.digest = digest.hexdigest()
        return survey

    def _add(self, alleles: list[Allele], digest: RecordDigest) -> None:
        self.records += 1
        self.lines.append(alleles[0].record.line)
        judged = {allele.status for allele in alleles}
        clues = alleles[0].clues
        # Where the genome has N, or REF has, nobody knows whether they contradict each other.
        if not judged & {UNKNOWN_CHROMOSOME, OUTSIDE, INVALID_REF, MALFORMED} and UNDECIDED not in clues:
            self.compared += 1
            self.mismatched += REF_MISMATCH in judged
            self.clues.update(clues)
        for allele in alleles:
            self.counts[allele.status] += 1
            if allele.status == OK:
                self.kinds[allele.kind] += 1
            what = (allele.record.id, allele.name, allele.status, *map(str, allele.starts))
            digest.add("\0".join(what), allele.text)

    def _check(self, path, max_mismatch: float, example: str, so_far: bool = False) -> None:
        if self.mismatched < _FEW or self.mismatched <= max_mismatch * self.compared:
            return
        among = f"the first {self.compared:,}" if so_far else f"{self.compared:,}"
        raise InputError(
            f"{path}: the REF of {self.mismatched:,} of {among} records contradicts the genome, more than "
            f"{max_mismatch:.0%}; {example}; {self._cause()}",
            Remedy.naming("{} says how many may", setting("max_mismatch")),
        )

    def _cause(self) -> str:
        """Return what most of the contradictions may come from."""
        for clue, words in _CAUSES.items():
            if self.clues[clue] >= _MOST * self.mismatched:
                return f"in {self.clues[clue]:,} of them {words}"
        return "is the VCF file of another assembly (hg19 for hg38)?"

    def numbers(self, lines: np.ndarray) -> np.ndarray:
        """Return the numbers of the records in some lines, from 0 on."""
        return np.searchsorted(np.frombuffer(self.lines, np.int64), lines)

    def compare(self, null: Survey, path: Path) -> None:
        """Take the variants of another file as null variants; raise :class:`InputError` if none is of a kind here."""
        if self.kinds and not self.kinds.keys() & null.kinds.keys():
            kinds = ", ".join(sorted(self.kinds)[:3])
            raise InputError(f"{path} has no null variants of the kinds that are scored ({kinds})")
        self.null, self.null_request = null.kinds, {"records": null.records, "sha256": null.digest}

    def tell_null(self, n: int) -> None:
        """Warn of kinds without null variants, and where ``n`` of them, or those of a file, are too few."""
        if self.null is None:
            tell_resolution(self.counts[OK], n)
            return
        absent = {kind: count for kind, count in self.kinds.items() if not self.null[kind]}
        if absent:
            some = ", ".join(sorted(absent)[:3]) + (", ..." if len(absent) > 3 else "")
            log.warning("%s alleles get no p-value: no null variant is of their kind (%s)", sum(absent.values()), some)
        judged = self.counts[OK] - sum(absent.values())
        if judged:
            fewest = min(self.null[kind] for kind in self.kinds if kind not in absent)
            tell_resolution(judged, fewest, drawn=False)

    def tell(self) -> None:
        """Say on standard error what will not be scored."""
        total, scored = self.counts.total(), self.counts[OK]
        if scored < total:
            reasons = ", ".join(f"{count:,} {status}" for status, count in self.counts.most_common() if status != OK)
            log.info("%s of %s alleles are not scored: %s", f"{total - scored:,}", f"{total:,}", reasons)


class AlleleSource(StreamedSource):
    """Both alleles of every variant that can be scored, in its most central window, as sequences to explain.

    They are called ``chr1:14677:G>A:ref`` and ``chr1:14677:G>A:alt``, a repeated variant ``chr1:14677:G>A#2:ref``.
    Their coordinates are those of the reference's window.
    """

    def __init__(self, path: Path, windows: Windows, on_bad: OnBad = "fail"):
        self.windows, self._on_bad = windows, on_bad
        where = (Words(), array("q"))
        self._noted: tuple[Words, array[int]] | None = where  # by the first reading alone
        super().__init__(path, Screening(Policy("skip"), path))
        self._noted = None
        chroms, starts = where[0], np.array(where[1], np.int64)
        self.chrom_sizes = windows.fasta.sizes
        self.regions = RegionTable(chroms, starts, starts + windows.length, Words.of(["+"], np.zeros(len(chroms))))

    def records(self, screening: Screening) -> Iterator[tuple[int, str, str]]:
        """Yield the windows with the reference and with the alternative allele of each variant that can be scored."""
        seen: Counter = Counter()
        for allele in alleles_of(self.path, self.windows, self._on_bad):
            place = allele.record.line
            screening.read += 1
            if allele.status != OK:
                screening.refuse(place, allele.name, allele.note or allele.status)
                continue
            seen[allele.name] += 1
            name = allele.name if seen[allele.name] == 1 else f"{allele.name}#{seen[allele.name]}"
            for what, window in zip(("ref", "alt"), allele.pairs()[allele.central], strict=True):
                if self._noted is not None:
                    self._noted[0].append(allele.record.chrom)
                    self._noted[1].append(allele.starts[allele.central])
                yield place, f"{name}:{what}", window


def blocks_of(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Yield items in lists of ``size``, the last one shorter."""
    remaining = iter(items)
    while block := list(islice(remaining, size)):
        yield block


def count_by_status(counts: Mapping[str, int]) -> str:
    """Return statuses and their numbers in words, what was scored first."""
    rest = Counter({status: count for status, count in counts.items() if status != OK}).most_common()
    return ", ".join([f"{counts.get(OK, 0):,} scored", *(f"{count:,} {status}" for status, count in rest)])
