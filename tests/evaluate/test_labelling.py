"""The motifs under strong stretches: they are found where they were put, and chance finds none."""

import itertools

import numpy as np
import pytest

from genolift.evaluate.discovery.labelling import CHANCE, _tail, label_stretches
from genolift.simulate.motifs import Motif

WIDTH, FLANK = 10, 20
RNG = np.random.default_rng(0)
EVEN = np.full(4, 0.25)


def sharp(text):
    return 0.91 * np.eye(4)[["ACGT".index(base) for base in text]] + 0.09 / 4


MOTIFS = {
    "gata": sharp("AGATAAG"),
    "ebox": sharp("CAGCTGTT"),
    "other": sharp("GGGCGGGG"),
    "wide": sharp("ACGTTGCATGCATTGACCAG"),
}
DECOYS = {f"decoy{i}": RNG.dirichlet([0.3] * 4, 9) for i in range(200)}


def drawn(count):
    return RNG.integers(0, 4, (count, 2 * FLANK + WIDTH))


def put(windows, rows, text, at):
    windows[rows, FLANK + at : FLANK + at + len(text)] = ["ACGT".index(base) for base in text]


def named(labels, motifs):
    names = [*motifs, ""]
    return np.array([names[i] for i in labels.motif])


def test_motifs_are_named_where_they_stand_among_many_others():
    windows = drawn(300)
    put(windows, slice(0, 100), "AGATAAG", 2)
    put(windows, slice(100, 150), "AACAGCTG", 1)  # CAGCTGTT on the other strand
    motifs = MOTIFS | DECOYS
    labels = label_stretches(windows, WIDTH, motifs, EVEN)
    names = named(labels, motifs)
    assert (names[:100] == "gata").mean() > 0.9
    assert (names[100:150] == "ebox").mean() > 0.9
    assert (names[150:] != "").mean() < 0.05
    mine = np.flatnonzero(names[:100] == "gata")
    assert (labels.start[mine] == 2).mean() > 0.9
    assert set(labels.strand[np.flatnonzero(names[100:150] == "ebox") + 100]) == {"-"}
    assert (labels.p[labels.motif >= 0] <= CHANCE).all()
    assert np.isnan(labels.p[labels.motif < 0]).all()


def test_chance_names_nothing():
    motifs = MOTIFS | DECOYS
    wrong = [(label_stretches(drawn(200), WIDTH, motifs, EVEN).motif >= 0).any() for _ in range(20)]
    assert np.sum(wrong) <= 4  # One in twenty is expected, and more than four come once in 400 times.


def test_one_of_motifs_that_are_alike_names_all():
    windows = drawn(200)
    put(windows, slice(0, 120), "AGATAAG", 2)
    motifs = {f"gata{i}": 0.9 * sharp("AGATAAG") + 0.1 * RNG.dirichlet([1] * 4, 7) for i in range(8)}
    names = named(label_stretches(windows, WIDTH, motifs, EVEN), motifs)
    assert len(set(names) - {""}) == 1


def test_overlapping_stretches_are_no_further_evidence():
    windows = np.repeat(drawn(1), 6, axis=0)
    put(windows, slice(0, 6), "AGATAAG", 2)
    motifs = MOTIFS | DECOYS
    once = np.arange(6) == 0
    assert (label_stretches(windows, WIDTH, motifs, EVEN, judged=once).motif == -1).all()
    assert set(named(label_stretches(windows, WIDTH, {"gata": MOTIFS["gata"]}, EVEN, judged=once), ["gata"])) == {
        "gata"
    }


def test_matches_do_not_hang_over_the_end_of_a_sequence_and_hold_no_unknown_base():
    windows = drawn(50)
    put(windows, slice(0, 50), "AGATAAG", 5)
    windows[:, FLANK + 9 :] = 4
    assert (label_stretches(windows, WIDTH, {"gata": MOTIFS["gata"]}, EVEN).motif == -1).all()
    windows = np.full((50, 2 * FLANK + WIDTH), 4)
    assert (label_stretches(windows, WIDTH, MOTIFS, EVEN).motif == -1).all()
    assert len(label_stretches(windows[:0], WIDTH, MOTIFS, EVEN).motif) == 0
    assert (label_stretches(windows, WIDTH, {}, EVEN).motif == -1).all()


def test_the_chance_of_a_sum_is_that_of_all_words():
    background = np.array([0.3, 0.2, 0.2, 0.3])
    odds = np.round(Motif("m", RNG.dirichlet([0.5] * 4, 5)).log_odds(background) / 0.02).astype(int)
    low, tail = _tail(odds, background)
    sums, chances = [], []
    for word in itertools.product(range(4), repeat=5):
        sums.append(sum(odds[k, base] for k, base in enumerate(word)))
        chances.append(np.prod(background[list(word)]))
    for value in RNG.choice(sums, 20):
        assert tail[value - low] == pytest.approx(np.sum(np.array(chances)[np.array(sums) >= value]))
    assert tail[0] == pytest.approx(1)
