"""Variants in their sequence: windows of one length with the reference and with the alternative allele.

Both windows of a variant begin at the same base of the genome. Bases that an insertion pushes beyond the right end of
its window are left out, and a window with a deletion is filled up there from the genome.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from genolift.sequence import vcf
from genolift.sequence.alphabet import count_unknown
from genolift.sequence.genome import Fasta
from genolift.sequence.vcf import VcfRecord
from genolift.support.errors import InputError

OK = "ok"
REF_MISMATCH, UNKNOWN_CHROMOSOME = "ref_mismatch", "unknown_chromosome"
TOO_LONG, LEAVES = "allele_too_long", "window_leaves_chromosome"
OUTSIDE, SAME = "outside_chromosome", "same_alleles"
INVALID_REF, INVALID_ALT = "invalid_ref", "invalid_alt"
TOO_UNKNOWN = "too_many_n"
_WITHOUT_BASES = {
    vcf.ABSENT: "no_alternative",
    vcf.SYMBOLIC: "symbolic_allele",
    vcf.BREAKEND: "breakend",
    vcf.SPANNING: "spanning_deletion",
}
# Where a genome holds an ambiguity code, VCF has the alphabetically first of the bases it stands for (VCF 4.3, section
# 1.6.1).
_FIRST_BASE = str.maketrans("RYSWKMBDHV", "ACCAGACAAA")


@dataclass(frozen=True)
class Allele:
    """One alternative allele of a record, and the windows that it lies in.

    Attributes
    ----------
    record : VcfRecord
        The line of the VCF file.
    alt : str
        The allele as the file writes it.
    length : int
        Number of bases of a window.
    status : str
        ``OK``, or why the allele cannot be scored: one of this module's constants.
    note : str
        The details of the status in words; empty if there are none.
    starts : tuple of int
        The first base of each window (0-based); empty unless the status is ``OK``.
    origin : int
        The first base of ``text`` in the genome (0-based).
    text : str
        The genome as far as the windows of both alleles need it.
    """

    record: VcfRecord
    alt: str
    length: int
    status: str = OK
    note: str = ""
    starts: tuple[int, ...] = ()
    origin: int = 0
    text: str = ""

    @property
    def name(self) -> str:
        """The chromosome, position and both alleles, as ``chr1:14677:G>A``."""
        return f"{self.record.chrom}:{self.record.pos}:{self.record.ref}>{self.alt}"

    @property
    def kind(self) -> str:
        """The change of the sequence in words: ``SNV``, ``insertion of 3``, ``replacement of 2 by 4`` (bases)."""
        ref, alt = self.record.ref.upper(), self.alt.upper()
        left = _shared(ref, alt)
        right = _shared(ref[left:][::-1], alt[left:][::-1])
        before, after = len(ref) - left - right, len(alt) - left - right
        if before == after:
            return "SNV" if before == 1 else f"substitution of {before}"
        if not before or not after:
            return f"deletion of {before}" if before else f"insertion of {after}"
        return f"replacement of {before} by {after}"

    @property
    def central(self) -> int:
        """The index of the window whose middle is nearest to the variant."""
        middle = self.record.pos - 1 - self.length // 2
        return min(range(len(self.starts)), key=lambda i: abs(self.starts[i] - middle))

    def pairs(self, text: str | None = None) -> list[tuple[str, str]]:
        """Return each window with the reference and with the alternative allele.

        Parameters
        ----------
        text
            A sequence to use in the place of ``self.text``, of the same length. The default is the genome.

        Returns
        -------
        list of (str, str)
            For each of ``starts`` the window with the reference allele and the window with the alternative.
        """
        text = self.text if text is None else text
        place = self.record.pos - 1 - self.origin
        right = text[place + len(self.record.ref) :]
        lefts = [text[start - self.origin : place] for start in self.starts]
        ref, alt = (allele.upper() + right for allele in (self.record.ref, self.alt))
        return [((left + ref)[: self.length], (left + alt)[: self.length]) for left in lefts]


class Windows:
    """The windows of a genome in which the alleles of records are scored.

    Parameters
    ----------
    fasta
        The genome.
    length
        Number of bases of a window.
    shifts
        By how many bases each window is moved to the right. The first base of a variant lies at ``length // 2 - shift``
        of its window. The default is one window that is not moved.
    max_n
        The largest share of unknown bases (N and other IUPAC codes), from 0 to 1, that a window may hold with either
        allele. Windows with more are left out. The default ``None`` keeps all.

    Raises
    ------
    InputError
        If a shift leaves the variant outside its window.
    """

    def __init__(self, fasta: Fasta, length: int, shifts: Sequence[int] = (0,), max_n: float | None = None):
        self.fasta, self.length, self.shifts = fasta, length, tuple(dict.fromkeys(shifts))
        self.max_n = max_n
        self.chromosomes = set(fasta.names)
        for shift in self.shifts:
            if not 0 <= length // 2 - shift < length:
                raise InputError(f"shift {shift} leaves the variant outside its window of {length} bases")

    def alleles(self, record: VcfRecord) -> list[Allele]:
        """Return the alternative alleles of a record, whether they can be scored or not."""
        status, note = self._judge(record)
        return [self._allele(record, one, status, note) for one in record.alternatives]

    def _judge(self, record: VcfRecord) -> tuple[str, str]:
        """Return the status and note that a record has whatever its alternative alleles are."""
        if record.chrom not in self.chromosomes:
            return UNKNOWN_CHROMOSOME, f"the genome has no {record.chrom}{self.fasta.hint(record.chrom)}"
        if not _is_dna(record.ref):
            return INVALID_REF, f"REF {_short(record.ref)} is not written in A, C, G, T and N"
        size, end = self.fasta.length(record.chrom), record.pos - 1 + len(record.ref)
        if record.pos < 1 or end > size:
            return OUTSIDE, f"{record.chrom} has {size} bases"
        genome = self.fasta.fetch(record.chrom, record.pos - 1, end)
        if not _agree(genome, record.ref.upper()):
            return REF_MISMATCH, f"the genome has {_short(genome)}"
        return OK, ""

    def _allele(self, record: VcfRecord, one: vcf.Alternative, status: str, note: str) -> Allele:
        if status == OK and one.kind != vcf.BASES:
            status = _WITHOUT_BASES[one.kind]
        elif status == OK and not _is_dna(one.text):
            status, note = INVALID_ALT, f"ALT {_short(one.text)} is not written in A, C, G, T and N"
        elif status == OK and one.text.upper() == record.ref.upper():
            status, note = SAME, "ALT is REF"
        if status != OK:
            return Allele(record, one.text, self.length, status, note)
        shifts = [shift for shift in self.shifts if self._holds(shift, record.ref, one.text)]
        if not shifts:
            longest = max(len(record.ref), len(one.text))
            note = f"{longest} bases do not fit the window's right half; it has {self.length}"
            return Allele(record, one.text, self.length, TOO_LONG, note)
        size = self.fasta.length(record.chrom)
        spans = [self._span(record, one.text, shift) for shift in shifts]
        spans = [(start, end) for start, end in spans if start >= 0 and end <= size]
        if not spans:
            return Allele(record, one.text, self.length, LEAVES, f"{record.chrom} has {size} bases")
        starts = tuple(start for start, _ in spans)
        text = self.fasta.fetch(record.chrom, min(starts), max(end for _, end in spans))
        allele = Allele(record, one.text, self.length, starts=starts, origin=min(starts), text=text)
        return allele if self.max_n is None else _without_unknown(allele, self.max_n)

    def _holds(self, shift: int, ref: str, alt: str) -> bool:
        """Return whether both alleles lie wholly within a window."""
        return self.length // 2 - shift + max(len(ref), len(alt)) <= self.length

    def _span(self, record: VcfRecord, alt: str, shift: int) -> tuple[int, int]:
        """Return the start and end of the bases that the windows of both alleles need."""
        start = record.pos - 1 - self.length // 2 + shift
        return start, start + self.length + max(0, len(record.ref) - len(alt))


def _without_unknown(allele: Allele, most: float) -> Allele:
    """Return the allele without the windows whose share of unknown bases is larger than ``most``."""
    shares = [max(count_unknown(window) for window in pair) / allele.length for pair in allele.pairs()]
    starts = tuple(start for start, share in zip(allele.starts, shares, strict=True) if share <= most)
    if starts:
        return replace(allele, starts=starts)
    note = f"{100 * min(shares):.3g} % of the window are N or another IUPAC code, more than {100 * most:.3g} %"
    return Allele(allele.record, allele.alt, allele.length, TOO_UNKNOWN, note)


def _shared(one: str, other: str) -> int:
    """Return how many letters are the same at the beginning of two texts."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _is_dna(allele: str) -> bool:
    return not set(allele.upper()) - set("ACGTN")


def _agree(genome: str, ref: str) -> bool:
    """Return whether a reference allele is what the genome holds, with its ambiguity codes resolved or not."""
    return genome == ref or genome.translate(_FIRST_BASE) == ref


def _short(allele: str) -> str:
    return allele if len(allele) <= 20 else f"{allele[:17]}... ({len(allele)} bases)"
