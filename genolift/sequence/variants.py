"""Variants in their sequence: windows of one length with the reference and with the alternative allele.

Both windows of a variant begin at the same base of the genome. They lie around the normal form of the variant, so that
it does not matter how a file spells it. Bases that an insertion pushes beyond the right end of
its window are left out, and a window with a deletion is filled up there from the genome.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from genolift.sequence import vcf
from genolift.sequence.alphabet import STANDS_FOR, count_unknown, reverse_complement
from genolift.sequence.genome import Fasta
from genolift.sequence.normal import Normal, normalise, shared_ends
from genolift.sequence.vcf import VcfRecord
from genolift.support.errors import InputError

OK = "ok"
REF_MISMATCH, UNKNOWN_CHROMOSOME = "ref_mismatch", "unknown_chromosome"
TOO_LONG, LEAVES = "allele_too_long", "window_leaves_chromosome"
OUTSIDE, SAME = "outside_chromosome", "same_alleles"
INVALID_REF, INVALID_ALT = "invalid_ref", "invalid_alt"
TOO_UNKNOWN = "too_many_n"
MALFORMED = "malformed_line"
_WITHOUT_BASES = {
    vcf.ABSENT: "no_alternative",
    vcf.SYMBOLIC: "symbolic_allele",
    vcf.BREAKEND: "breakend",
    vcf.SPANNING: "spanning_deletion",
}
# Where a genome holds an ambiguity code, VCF has the alphabetically first of the bases it stands for (VCF 4.3, section
# 1.6.1).
_FIRST_BASE = str.maketrans({code: bases[0] for code, bases in STANDS_FOR.items() if code != "N"})
# What a contradiction of REF and genome may come from, beside another assembly.
UNDECIDED, EXCHANGED, FROM_ZERO, OTHER_STRAND = "undecided", "exchanged", "counted from 0", "other strand"


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
    normal : Normal or None
        The normal form of the change, around which the windows lie; ``None`` unless the status is ``OK``.
    clues : tuple of str
        Where REF contradicts the genome, what that may come from: some of this module's constants.
    """

    record: VcfRecord
    alt: str
    length: int
    status: str = OK
    note: str = ""
    starts: tuple[int, ...] = ()
    origin: int = 0
    text: str = ""
    normal: Normal | None = None
    clues: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The chromosome, position and both alleles, as ``chr1:14677:G>A``."""
        return f"{self.record.chrom}:{self.record.pos}:{self.record.ref}>{self.alt}"

    @property
    def kind(self) -> str:
        """The change of the sequence in words: ``SNV``, ``insertion of 3``, ``replacement of 2 by 4`` (bases)."""
        ref, alt = self.record.ref.upper(), self.alt.upper()
        left, right = shared_ends(ref, alt)
        before, after = len(ref) - left - right, len(alt) - left - right
        if before == after:
            return "SNV" if before == 1 else f"substitution of {before}"
        if not before or not after:
            return f"deletion of {before}" if before else f"insertion of {after}"
        return f"replacement of {before} by {after}"

    @property
    def _change(self) -> Normal:
        return self.normal or Normal(self.record.pos - 1, self.record.ref.upper(), self.alt.upper())

    @property
    def written(self) -> tuple[int, int]:
        """The start and end of the bases of the reference in whose place :meth:`pairs` writes the alleles."""
        return self._change.start, self._change.start + len(self._change.ref)

    @property
    def changed(self) -> tuple[int, int]:
        """The start and end of the bases that the reference has and the alternative has not; empty for an insertion."""
        first, ref, alt = self._change
        left, right = shared_ends(ref, alt)
        return first + left, first + len(ref) - right

    @property
    def central(self) -> int:
        """The index of the window whose middle is nearest to the variant."""
        middle = self._change.start - self.length // 2
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
        first, ref, alt = self._change
        place = first - self.origin
        right = text[place + len(ref) :]
        lefts = [text[start - self.origin : place] for start in self.starts]
        ref, alt = ref + right, alt + right
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
        alleles = [self._allele(record, one, status, note) for one in record.alternatives]
        if status != REF_MISMATCH:
            return alleles
        clues = self._clues(record)
        return [replace(allele, clues=clues) for allele in alleles]

    def _clues(self, record: VcfRecord) -> tuple[str, ...]:
        """Return what a contradiction of REF and genome may come from."""
        ref, first = record.ref.upper(), record.pos - 1
        further = self.fasta.fetch(record.chrom, first, min(first + len(ref) + 1, self.fasta.length(record.chrom)))
        genome = further[: len(ref)]
        clues = {
            UNDECIDED: _may_agree(ref, genome),
            EXCHANGED: any(one.text.upper() == genome for one in record.alternatives),
            FROM_ZERO: further[1:] == ref,
            OTHER_STRAND: reverse_complement(ref) == genome,
        }
        return tuple(clue for clue, holds in clues.items() if holds)

    def _judge(self, record: VcfRecord) -> tuple[str, str]:
        """Return the status and note that a record has whatever its alternative alleles are."""
        if record.fault:
            return MALFORMED, record.fault
        if record.chrom not in self.chromosomes:
            return UNKNOWN_CHROMOSOME, f"the genome {self.fasta.absence(record.chrom, record.chrom)}"
        if not _is_dna(record.ref):
            return INVALID_REF, f"REF {_not_dna(record.ref)}"
        size, end = self.fasta.length(record.chrom), record.pos - 1 + len(record.ref)
        if record.pos == 0:
            return OUTSIDE, f"position 0 is before the first base, which is 1; {record.chrom} has {size} bases"
        if record.pos < 1 or end > size:
            return OUTSIDE, f"{record.chrom} has {size} bases"
        genome, ref = self.fasta.fetch(record.chrom, record.pos - 1, end), record.ref.upper()
        if genome == ref or genome.translate(_FIRST_BASE) == ref:
            return OK, ""
        told = f"the genome has {_short(genome)}"
        if all(base == found or (base == "N" and found not in "ACGT") for base, found in zip(ref, genome, strict=True)):
            return OK, f"{told} where REF has N, both for an ambiguous base"
        if _may_agree(ref, genome):
            why = "N may be any base, and the genome may be hard-masked" if "N" in genome else "that code is ambiguous"
            why = why if set(genome) - set("ACGT") else "N may be any base"
            return REF_MISMATCH, f"{told}; {why}, so that it cannot be told whether REF is right"
        if any(one.text.upper() == genome for one in record.alternatives):
            return REF_MISMATCH, f"{told}, which is ALT; REF and ALT may be exchanged"
        return REF_MISMATCH, told

    def _allele(self, record: VcfRecord, one: vcf.Alternative, status: str, note: str) -> Allele:
        if status == OK and one.kind != vcf.BASES:
            status = _WITHOUT_BASES[one.kind]
        elif status == OK and not _is_dna(one.text):
            status, note = INVALID_ALT, f"ALT {_not_dna(one.text)}"
        elif status == OK and one.text.upper() == record.ref.upper():
            status, note = SAME, "ALT is REF"
        if status != OK:
            return Allele(record, one.text, self.length, status, note)
        normal = self._normal(record, one.text)
        shifts = [shift for shift in self.shifts if self._holds(shift, normal)]
        if not shifts:
            longest = max(len(normal.ref), len(normal.alt))
            room = self.length - self.length // 2 + max(self.shifts)
            note = f"{longest} bases do not fit into the {room} of the window's right half"
            return Allele(record, one.text, self.length, TOO_LONG, note)
        size = self.fasta.length(record.chrom)
        spans = [self._span(normal, shift) for shift in shifts]
        inside = [(start, end) for start, end in spans if start >= 0 and end <= size]
        if not inside:
            return Allele(record, one.text, self.length, LEAVES, _leaves(record.chrom, size, *spans[0]))
        spans = inside
        starts = tuple(start for start, _ in spans)
        text = self.fasta.fetch(record.chrom, min(starts), max(end for _, end in spans))
        if (normal.start, len(normal.ref), len(normal.alt)) != (record.pos - 1, len(record.ref), len(one.text)):
            form = f"{record.chrom}:{normal.start + 1}:{_short(normal.ref)}>{_short(normal.alt)}"
            note = "; ".join(
                part for part in (note, f"its normalised form, around which windows lie, is {form}") if part
            )
        allele = Allele(
            record, one.text, self.length, note=note, starts=starts, origin=min(starts), text=text, normal=normal
        )
        return allele if self.max_n is None else _without_unknown(allele, self.max_n)

    def _normal(self, record: VcfRecord, alt: str) -> Normal:
        def fetch(start: int, end: int) -> str:
            return self.fasta.fetch(record.chrom, start, end)

        return normalise(record.pos - 1, record.ref.upper(), alt.upper(), fetch)

    def _holds(self, shift: int, change: Normal) -> bool:
        """Return whether both alleles lie wholly within a window."""
        return self.length // 2 - shift + max(len(change.ref), len(change.alt)) <= self.length

    def _span(self, change: Normal, shift: int) -> tuple[int, int]:
        """Return the start and end of the bases that the windows of both alleles need."""
        start = change.start - self.length // 2 + shift
        return start, start + self.length + max(0, len(change.ref) - len(change.alt))


def _leaves(chrom: str, size: int, start: int, end: int) -> str:
    """Return how far a window reaches beyond a chromosome, in words."""
    sides = {"beginning": -start, "end": end - size}
    beyond = " and ".join(f"{count} beyond its {side}" for side, count in sides.items() if count > 0)
    return f"{chrom} has {size} bases, and the window reaches {beyond}"


def _without_unknown(allele: Allele, most: float) -> Allele:
    """Return the allele without the windows whose share of unknown bases is larger than ``most``."""
    shares = [max(count_unknown(window) for window in pair) / allele.length for pair in allele.pairs()]
    starts = tuple(start for start, share in zip(allele.starts, shares, strict=True) if share <= most)
    if starts:
        return replace(allele, starts=starts)
    note = f"{100 * min(shares):.3g} % of the window are N or another IUPAC code, more than {100 * most:.3g} %"
    return Allele(allele.record, allele.alt, allele.length, TOO_UNKNOWN, note)


def _is_dna(allele: str) -> bool:
    return not set(allele.upper()) - set("ACGTN")


def _may_agree(ref: str, genome: str) -> bool:
    """Return whether a reference allele does not contradict the genome, given what ambiguity codes stand for."""
    return all(set(STANDS_FOR[base]) & set(STANDS_FOR[found]) for base, found in zip(ref, genome, strict=True))


def _not_dna(allele: str) -> str:
    """Return the reason why an allele is not DNA."""
    if allele in ("-", "I", "D"):
        return f"{allele} is no allele of VCF, which writes an insertion or a deletion with the base before it"
    return f"{_short(allele)} is not written in A, C, G, T and N"


def _short(allele: str) -> str:
    return allele if len(allele) <= 20 else f"{allele[:17]}... ({len(allele)} bases)"
