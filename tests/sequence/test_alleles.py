"""Both alleles of a variant in their window."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slow_normal import slowly_normalised

from genolift.sequence.genome import Fasta
from genolift.sequence.normal import normalise
from genolift.sequence.variants import OK, Allele, Windows
from genolift.sequence.vcf import ABSENT, BASES, SYMBOLIC, Alternative, VcfRecord
from genolift.support.errors import InputError

CHR1 = "".join(random.Random(0).choices("ACGT", k=300))
ODD = "ACGTNNRYACGT" + "A" * 100
LENGTH = 20


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "genome.fa"
    path.write_text(f">chr1\n{CHR1}\n>odd\n{ODD}\n")
    return Fasta(path)


@pytest.mark.parametrize(
    ("ref", "alt", "kind"),
    [
        ("A", "G", "SNV"),
        ("ACT", "AGT", "SNV"),
        ("AC", "GT", "substitution of 2"),
        ("A", "ATTT", "insertion of 3"),
        ("cag", "cagcag", "insertion of 3"),
        ("CTAG", "C", "deletion of 3"),
        ("AA", "A", "deletion of 1"),
        ("ACG", "TTTTT", "replacement of 3 by 5"),
        ("ACG", "TG", "replacement of 2 by 1"),
    ],
)
def test_kinds_of_variants(ref, alt, kind):
    assert Allele(VcfRecord(1, "chr1", 5, ".", ref, ()), alt, LENGTH).kind == kind


def record(pos, ref, *alts, chrom="chr1"):
    kinds = [Alternative(alt, SYMBOLIC if alt.startswith("<") else ABSENT if alt == "." else BASES) for alt in alts]
    return VcfRecord(7, chrom, pos, ".", ref, tuple(kinds))


def only(windows, *arguments, **options):
    (allele,) = windows.alleles(record(*arguments, **options))
    return allele


def test_a_single_base(genome):
    ref = CHR1[99]
    alt = "A" if ref != "A" else "C"
    allele = only(Windows(genome, LENGTH), 100, ref, alt)
    assert allele.status == OK
    ((first, second),) = allele.pairs()
    assert first == CHR1[89:109]
    assert second == CHR1[89:99] + alt + CHR1[100:109]
    assert list(allele.starts) == [89]
    assert allele.name == f"chr1:100:{ref}>{alt}"


@given(
    pos=st.integers(40, 200),
    size=st.integers(1, 8),
    alt=st.text("ACGTacgt", min_size=1, max_size=8),
    shift=st.integers(-4, 4),
    length=st.sampled_from([20, 21, 30]),
)
def test_the_alternative_is_the_edited_genome_from_the_same_left_edge(genome, pos, size, alt, shift, length):
    ref = CHR1[pos - 1 : pos - 1 + size]
    if alt.upper() == ref:
        return
    allele = only(Windows(genome, length, [shift]), pos, ref, alt)
    place, before, after = slowly_normalised(pos - 1, ref, alt.upper(), CHR1)
    if max(len(before), len(after)) > length - length // 2 + shift:
        assert allele.status == "allele_too_long"
        return
    ((first, second),) = allele.pairs()
    start = place - length // 2 + shift
    edited = CHR1[: pos - 1] + alt.upper() + CHR1[pos - 1 + size :]
    assert first == CHR1[start : start + length]
    assert second == edited[start : start + length]
    assert len(first) == len(second) == length


def test_several_windows_and_several_alleles(genome):
    ref = CHR1[99]
    others = [base for base in "ACGT" if base != ref]
    alleles = Windows(genome, LENGTH, [-3, 0, 3, 0]).alleles(record(100, ref, *others, "<DEL>"))
    assert [allele.alt for allele in alleles] == [*others, "<DEL>"]
    assert [allele.status for allele in alleles] == [OK] * 3 + ["symbolic_allele"]
    for start, pair in zip(alleles[1].starts, alleles[1].pairs(), strict=True):
        edited = CHR1[:99] + others[1] + CHR1[100:]
        assert pair == (CHR1[start : start + LENGTH], edited[start : start + LENGTH])
    assert list(alleles[0].starts) == [86, 89, 92]  # the repeated shift counts once
    assert not alleles[3].starts


def test_windows_that_leave_the_chromosome_are_left_out_one_by_one(genome):
    ref = CHR1[10]
    alt = "A" if ref != "A" else "C"
    allele = only(Windows(genome, LENGTH, [-3, 0, 3]), 11, ref, alt)
    assert list(allele.starts) == [0, 3]
    assert only(Windows(genome, LENGTH), 5, CHR1[4], "N").status == "window_leaves_chromosome"
    assert only(Windows(genome, LENGTH), 296, CHR1[295], "N").status == "window_leaves_chromosome"
    # a deletion reaches further to the right than its reference's window
    assert only(Windows(genome, LENGTH), 291, CHR1[290], CHR1[290] + "A").status == OK
    assert only(Windows(genome, LENGTH), 291, CHR1[290:293], CHR1[290]).status == "window_leaves_chromosome"


@pytest.mark.parametrize(
    ("arguments", "status", "note"),
    [
        ((100, "<REF>", "A"), "ref_mismatch", f"the genome has {CHR1[99]}"),
        ((100, "OK", "."), "no_alternative", ""),
        ((100, "OK", "OK"), "same_alleles", "ALT is REF"),
        ((100, "R", "A"), "invalid_ref", "REF R is not written"),
        ((100, "OK", "R"), "invalid_alt", "ALT R is not written"),
        ((0, "OK", "<DEL>"), "outside_chromosome", "position 0 is before the first base, which is 1"),
        ((100, "OK", "-"), "invalid_alt", "- is no allele of VCF"),
        ((100, "<REF>", "OK"), "ref_mismatch", "which is ALT; REF and ALT may be exchanged"),
        ((301, "OK", "A"), "outside_chromosome", "300 bases"),
        ((100, "OK", "A" * 21), "allele_too_long", "21 bases"),
    ],
)
def test_what_cannot_be_scored_says_why(genome, arguments, status, note):
    pos, ref, alt = arguments
    here = CHR1[pos - 1] if 0 < pos <= 300 else "A"
    other = "A" if here != "A" else "C"
    ref = {"OK": here, "<REF>": other}.get(ref, ref)
    allele = only(Windows(genome, LENGTH), pos, ref, here.lower() if alt == "OK" else alt)
    assert allele.status == status
    assert note in allele.note
    assert not allele.starts


def test_unknown_chromosomes_say_what_the_genome_calls_them(genome):
    assert only(Windows(genome, LENGTH), 100, "A", "C", chrom="1").note == "the genome has no 1; it calls it 'chr1'"
    assert "it has chr1, odd" in only(Windows(genome, LENGTH), 100, "A", "C", chrom="X").note


def test_ambiguity_codes_of_the_genome_agree_with_the_base_that_vcf_writes_for_them(genome):
    windows = Windows(genome, 8)
    assert only(windows, 7, "A", "T", chrom="odd").status == OK  # R stands for A and G, of which A comes first
    assert only(windows, 7, "G", "T", chrom="odd").status == "ref_mismatch"
    assert only(windows, 5, "N", "T", chrom="odd").status == OK
    told = only(windows, 7, "N", "T", chrom="odd")  # as tools write it that know no other code
    assert (told.status, told.note) == (OK, "the genome has R where REF has N, both for an ambiguous base")
    assert told.pairs()[0][0][4] == "N"
    assert only(windows, 5, "A", "T", chrom="odd").status == "ref_mismatch"
    for pos, ref, word in [(5, "A", "hard-masked"), (7, "G", "ambiguous"), (9, "N", "any base")]:
        unclear = only(windows, pos, ref, "T", chrom="odd")
        assert word in unclear.note
        assert unclear.clues[0] == "undecided"
    assert "undecided" not in only(windows, 7, "C", "T", chrom="odd").clues


@pytest.mark.parametrize("shift", [11, -10, 500])
def test_shifts_keep_the_variant_inside(genome, shift):
    with pytest.raises(InputError, match=f"shift {shift} leaves the variant outside"):
        Windows(genome, LENGTH, [0, shift])


def test_alleles_in_another_background(genome):
    allele = only(Windows(genome, LENGTH, [-2, 2]), 100, CHR1[99:102], "ACGTA")
    background = "G" * len(allele.text)
    for (ref, alt), offset in zip(allele.pairs(background), (12, 8), strict=True):
        assert ref == "G" * offset + CHR1[99:102] + "G" * (17 - offset)
        assert alt == "G" * offset + "ACGTA" + "G" * (15 - offset)


@pytest.mark.parametrize(("max_n", "starts"), [(None, (0, 6, 8)), (0.2, (0, 6, 8)), (0.19, (6, 8)), (0.05, (8,))])
def test_windows_with_too_many_unknown_bases_are_left_out(genome, max_n, starts):
    """Of 20 bases 4, 2 and 0 are unknown."""
    assert only(Windows(genome, LENGTH, [-4, 2, 4], max_n), 15, "A", "C", chrom="odd").starts == starts


def test_an_allele_without_a_window_of_known_bases(genome):
    allele = only(Windows(genome, LENGTH, [-4], 0.1), 15, "A", "C", chrom="odd")
    assert (allele.status, allele.starts) == ("too_many_n", ())
    assert allele.note == "20 % of the window are N or another IUPAC code, more than 10 %"
    inserted = only(Windows(genome, LENGTH, [4], 0.1), 15, "A", "ANNNN", chrom="odd")  # the alternative alone
    assert inserted.status == "too_many_n"


REPEATS = "GATTACA" + "CAG" * 40 + "T" * 90 + "ACGTNNNNGC" + "AC" * 50
TOGETHER = st.text("ACG", min_size=0, max_size=3)


@given(data=st.data())
def test_every_spelling_of_a_change_is_one_normal_form(data):
    """Within repeats, at both ends, beside unknown bases: whatever is written, the slow search finds the same."""
    chromosome = data.draw(st.sampled_from([REPEATS, "A" * 30, "CACACACA", "TG"])).replace("N", "")
    place = data.draw(st.integers(0, len(chromosome) - 1))
    ref = chromosome[place : place + data.draw(st.integers(1, 7))]
    alt = data.draw(st.text("ACGT", min_size=1, max_size=7) | TOGETHER.map(lambda text: ref + text)) or "A"
    if alt == ref:
        return
    found = normalise(place, ref, alt, lambda start, end: chromosome[start:end])
    assert tuple(found) == slowly_normalised(place, ref, alt, chromosome)
    more = data.draw(st.integers(0, place))
    padded = normalise(
        place - more,
        chromosome[place - more : place] + ref,
        chromosome[place - more : place] + alt,
        lambda start, end: chromosome[start:end],
    )
    assert padded == found


def test_unknown_bases_end_a_shift():
    chromosome = "ACGTNNNNNGC"
    assert normalise(8, "NG", "N", lambda start, end: chromosome[start:end]) == (8, "NG", "N")


def test_windows_do_not_depend_on_how_a_variant_is_spelled(genome):
    """A deletion of one T of a stretch, written at its end, at its beginning, and with bases around it."""
    place = next(i for i in range(50, 250) if CHR1[i] == CHR1[i + 1] == CHR1[i + 2] and CHR1[i - 1] != CHR1[i])
    windows = Windows(genome, LENGTH, [-3, 0])
    base, before, behind = CHR1[place], CHR1[place - 1], CHR1[place + 3]
    spelled = [
        only(windows, place, before + base, before),
        only(windows, place + 2, base + base, base),
        only(windows, place + 3, base + behind, behind),
        only(windows, place, before + 3 * base + behind, before + 2 * base + behind),
    ]
    assert len({(allele.starts, tuple(allele.pairs()), allele.kind, allele.central) for allele in spelled}) == 1
    assert spelled[0].note == ""
    for allele in spelled[1:]:
        assert allele.note == (
            f"its normalised form, around which windows lie, is chr1:{place}:{before + base}>{before}"
        )
    assert spelled[0].starts == (place - 1 - 10 - 3, place - 1 - 10)
