"""Null variants and what they are compared with."""

import random
from collections import Counter

import numpy as np
import pytest

from genolift.pipeline.variants.nulls import Null, draw_null
from genolift.sequence.alphabet import one_hot
from genolift.sequence.genome import Fasta
from genolift.sequence.variants import Windows
from genolift.sequence.vcf import BASES, SYMBOLIC, Alternative, VcfRecord
from genolift.support.errors import InputError

CHR1 = "".join(random.Random(1).choices("ACGT", k=400))
LENGTH = 40


@pytest.fixture(scope="module")
def alleles(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "genome.fa"
    path.write_text(f">chr1\n{CHR1}\n")
    windows = Windows(Fasta(path), LENGTH, [-4, 0, 4])
    found = []
    # Behind an A the insertion could move to the left.
    places = [next(p for p in range(pos, pos + 40) if CHR1[p - 1] != "A") for pos in range(60, 340, 40)]
    for i, pos in enumerate(places):
        kind = Alternative("<DEL>", SYMBOLIC) if i == 2 else Alternative(CHR1[pos - 1] + "GATTACA", BASES)
        found += windows.alleles(VcfRecord(i, "chr1", pos, ".", CHR1[pos - 1], (kind,)))
    return found


def pairs_of(text):
    return sorted(text[i : i + 2] for i in range(len(text) - 1))


def test_p_values_count_what_is_at_least_as_large():
    null = Null(np.array([[-3.0], [1.0], [2.0], [-2.0]]), np.array([[0.1], [0.2], [np.nan], [0.3]]))
    assert null.p_value(-2.0, 0) == 4 / 5  # 3, 2 and 2
    assert null.p_value(2.5, 0) == 2 / 5
    assert null.p_value(4.0, 0) == 1 / 5
    assert null.p_value(0.0, 0) == 1.0


def test_null_variants_are_alleles_of_the_file_in_shuffled_sequence(alleles):
    scored = [allele for allele in alleles if allele.starts]
    drawn = [windows for _, windows, _ in draw_null(alleles, {"insertion of 7": len(scored)}, 30, seed=1)]
    assert len(drawn) == 30
    for windows in drawn:
        assert len(windows) == 3
        ref, alt = windows[1]
        assert len(ref) == len(alt) == LENGTH
        assert alt[LENGTH // 2 : LENGTH // 2 + 8] == ref[LENGTH // 2] + "GATTACA"
        assert alt[: LENGTH // 2] == ref[: LENGTH // 2]
        assert alt[LENGTH // 2 + 8 :] == ref[LENGTH // 2 + 1 : -7]
        assert ref not in CHR1
        # one background for all windows of a variant: each is the next one moved
        assert windows[0][0][8:] == windows[2][0][:-8]
    assert len({windows[1][0] for windows in drawn}) == 30


def test_every_kind_has_as_many_null_variants_of_its_own(alleles):
    ref = CHR1[199]
    snv, deletion = (
        alleles[0].__class__(
            VcfRecord(9, "chr1", 200, ".", before, ()), after, LENGTH, starts=(180,), origin=180, text=text
        )
        for before, after, text in (
            (ref, "ACGT"["ACGT".index(ref) - 1], CHR1[180:220]),
            (CHR1[199:202], ref, CHR1[180:222]),
        )
    )
    mixed = [snv, *alleles, deletion]
    counts = Counter(allele.kind for allele in mixed if allele.starts)
    assert counts == {"SNV": 1, "insertion of 7": 6, "deletion of 2": 1}
    drawn = list(draw_null(mixed, counts, 12, seed=1))
    assert Counter(kind for kind, *_ in drawn) == dict.fromkeys(counts, 12)
    for kind, ((before, after), *_), _ in drawn:
        if kind == "SNV":
            assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
    # the other kinds change nothing about the draws of one
    alone = [windows for kind, windows, _ in draw_null(alleles, {"insertion of 7": 6}, 12, seed=1)]
    assert [windows for kind, windows, _ in drawn if kind == "insertion of 7"] == alone


def test_draws_depend_on_the_seed_alone(alleles):
    scored = [allele for allele in alleles if allele.starts]
    counts = {"insertion of 7": len(scored)}
    first, again, other = (list(draw_null(alleles, counts, 20, seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_backgrounds_keep_their_dinucleotides(alleles):
    allele = alleles[0]
    ((_, windows, _),) = draw_null([allele], {allele.kind: 1}, 1, seed=3)
    whole = windows[0][0] + windows[1][0][-4:] + windows[2][0][-4:]
    assert len(whole) == len(allele.text)
    changed = [i for i, (a, b) in enumerate(zip(whole, allele.text, strict=True)) if a != b]
    assert len(changed) > 10
    # the variant's own base was put into the shuffle: at most two pairs differ on either side
    ours, theirs = pairs_of(whole), pairs_of(allele.text)
    assert len(set(ours) ^ set(theirs)) <= 4
    assert sum(abs(ours.count(pair) - theirs.count(pair)) for pair in set(ours + theirs)) <= 8


def test_repeated_records_and_alleles_of_one_place_have_shuffles_of_their_own(alleles):
    """Ten copies of a record, and the three alternatives of a base, share their sequence but no background."""
    copies = [alleles[0]] * 10
    drawn = [windows for _, windows, _ in draw_null(copies, {alleles[0].kind: 10}, 200, seed=1)]
    assert len({windows[1] for windows in drawn}) == 200
    others = [
        alleles[0].__class__(
            VcfRecord(9, "chr1", 200, ".", CHR1[199], ()), alt, LENGTH, starts=(180,), origin=180, text=CHR1[180:220]
        )
        for alt in "ACGT".replace(CHR1[199], "")
    ]
    drawn = [windows for _, windows, _ in draw_null(others, {"SNV": 3}, 150, seed=1)]
    assert len({windows[0][0] for windows in drawn}) == 150
    # A record that does not repeat has the draws that it has alone.
    ((_, first, _), *_) = draw_null(copies, {alleles[0].kind: 10}, 200, seed=1)
    ((_, alone, _),) = draw_null(copies[:1], {alleles[0].kind: 1}, 1, seed=1)
    assert first == alone


def test_what_is_not_finite_has_no_p_value_and_makes_none_smaller():
    null = Null(np.array([[1.0], [np.nan], [2.0], [-np.inf]]), np.array([[0.1], [np.nan], [0.2], [0.3]]))
    assert null.p_value(3.0, 0) == 3 / 5  # both that are not finite count as larger
    assert null.p_of_distance(0.25, 0) == 3 / 5
    assert null.effect_percentile(9.0, 0) == 50
    for value in (np.nan, np.inf, -np.inf):
        for of in (null.p_value, null.p_of_distance, null.effect_percentile, null.active_quantile):
            with pytest.raises(InputError, match="no place among null variants"):
                of(value, 0)


def test_a_flank_is_shuffled_alone_where_that_is_asked_for(alleles):
    n = 40
    counts = {"insertion of 7": sum(1 for allele in alleles if allele.starts)}
    drawn = list(draw_null(alleles, counts, n, seed=1, flank=8))
    assert len(drawn) == n
    assert len({windows[1] for _, windows, _ in drawn}) == n
    for _, windows, _ in drawn:
        ref, alt = windows[1]
        middle = LENGTH // 2
        # 8 bases on either side of the base before the insertion, and nothing else
        assert ref[: middle - 8] in CHR1
        assert ref[middle + 9 :] in CHR1
        assert ref not in CHR1
        assert alt[: middle + 8] == ref[: middle + 1] + "GATTACA"
    assert drawn != list(draw_null(alleles, counts, n, seed=1))


@pytest.mark.slow
def test_p_values_are_even_in_active_windows_whose_flanks_are_shuffled(tmp_path):
    """Counts that a motif raises 50-fold, and variants 20 bases beside it: P(p <= 0.05) is 0.05 in 30 files of 200.

    With shuffles of the whole window it is above 0.8. Variants inside the motif are found in either case.
    """
    found = {None: [], 10: []}
    power = {None: [], 10: []}
    for repeat in range(30):
        rng = np.random.default_rng(repeat)
        weights = rng.normal(scale=0.1, size=(LENGTH * 2, 4))
        texts = ["".join(rng.choice(list("ACGT"), 200)) for _ in range(220)]
        texts = [text[:80] + "GATAAG" + text[86:] for text in texts]
        chromosome = "".join(texts)
        path = tmp_path / f"{repeat}.fa"
        path.write_text(f">c\n{chromosome}\n")
        windows = Windows(Fasta(path), LENGTH * 2)
        places = [200 * i + (82 if i >= 200 else 105) for i in range(220)]
        records = [
            VcfRecord(
                i, "c", at + 1, ".", chromosome[at], (Alternative("ACGT"["ACGT".index(chromosome[at]) - 1], BASES),)
            )
            for i, at in enumerate(places)
        ]
        scored = [allele for record in records for allele in windows.alleles(record)]

        def delta(pairs, weights=weights):
            sums = [np.einsum("nlb,lb->n", one_hot(some), weights) for some in zip(*pairs, strict=True)]
            has = [np.array(["GATAAG" in text for text in some]) for some in zip(*pairs, strict=True)]
            ref, alt = (np.exp(4 * there + total) for there, total in zip(has, sums, strict=True))
            return alt - ref

        effects = delta([allele.pairs()[0] for allele in scored])
        for flank in found:
            drawn = [pairs[0] for _, pairs, _ in draw_null(scored, {"SNV": 220}, 1000, repeat, flank)]
            null = Null(delta(drawn)[:, None], np.full((1000, 1), np.nan))
            p = np.array([null.p_value(effect, 0) for effect in effects])
            found[flank].append(np.mean(p[:200] <= 0.05))
            power[flank].append(np.mean(p[200:] <= 0.05))
    error = np.std(found[10]) / np.sqrt(30)
    assert abs(np.mean(found[10]) - 0.05) <= 2 * error + 0.005  # 20 of 220 null variants have alleles of the motif
    assert np.mean(found[None]) > 0.8
    assert np.mean(power[10]) > 0.5
