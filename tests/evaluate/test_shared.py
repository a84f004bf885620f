"""Motifs that two sequences share: found where they are, and by chance no more often than p says."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from genolift.evaluate.discovery import shared
from genolift.evaluate.discovery.shared import Explained, compare_all, shared_motifs

MOTIF = np.array([1, 3, 2, 0, 3, 0, 0, 2])  # CTGATAAG


def sequence(rng, name, *planted):
    """A sequence with stretches of importance: (start, codes, sign)."""
    codes, scores = rng.integers(0, 4, 100), rng.laplace(0, 0.01, 100)
    for start, motif, sign in planted:
        codes[start : start + len(motif)] = motif
        scores[start : start + len(motif)] = sign * rng.uniform(0.7, 1.3, len(motif))
        scores[[start - 1, start + len(motif)]] = -sign * 0.01  # Where the stretch ends.
    return Explained(name, codes, scores)


def test_a_motif_is_found_in_both_orientations_and_by_sign():
    rng = np.random.default_rng(0)
    first = sequence(rng, "first", (20, MOTIF, 1), (60, rng.integers(0, 4, 8), 1))
    others = [
        sequence(rng, "same", (70, MOTIF, 1)),
        sequence(rng, "turned", (5, 3 - MOTIF[::-1], 1)),
        sequence(rng, "against", (40, MOTIF, -1)),
        sequence(rng, "none", (40, rng.integers(0, 4, 8), 1)),
    ]
    found = shared_motifs(first, others)
    assert [(one.number, one.start, one.end, one.other_start, one.other_end, one.strand) for one in found] == [
        (0, 20, 28, 70, 78, "+"),
        (1, 20, 28, 5, 13, "-"),
    ]
    assert all(one.bases == "CTGATAAG" and one.q <= 0.05 and 0.7 < one.similarity <= 1 for one in found)
    assert found == shared_motifs(first, others)


def test_only_the_part_that_both_have_is_marked():
    rng = np.random.default_rng(1)
    first = sequence(rng, "first", (20, np.concatenate([[0, 0], MOTIF]), 1))
    (one,) = shared_motifs(first, [sequence(rng, "other", (50, np.concatenate([MOTIF, [2, 1]]), 1))])
    assert (one.start, one.end, one.other_start, one.other_end, one.bases) == (22, 30, 50, 58, "CTGATAAG")


@pytest.mark.parametrize("likes", [(0.25, 0.25, 0.25, 0.25), (0.5, 0.1, 0.3, 0.1)])
def test_chance_is_no_likelier_than_p(likes, monkeypatch):
    """Stretches of random bases, also where the network likes some bases: a share of at most p has a p so small."""
    monkeypatch.setattr(shared, "_DRAWS", 199)
    rng = np.random.default_rng(2)
    ps, mistaken = [], 0
    for run in range(60):
        every = [
            sequence(rng, f"{run}-{k}", *((start, rng.choice(4, 8, p=likes), 1) for start in (10, 40, 70)))
            for k in range(4)
        ]
        found = compare_all(every[0], every[1:])
        ps += [one.p for one in found if one.similarity > 0]
        mistaken += min(false_discovery_control([one.p for one in found])) <= 0.05
    # 1,600 pairs, some of which share a stretch: 0.02 is three standard errors of what is below 0.05 and 0.2.
    assert len(ps) > 1500
    assert (np.array(ps) <= 0.05).mean() < 0.07
    assert (np.array(ps) <= 0.2).mean() < 0.23
    assert mistaken <= 9  # the 99.9th percentile of 60 tries at 0.05


def test_several_sequences_have_one_false_discovery_rate():
    """What is one of twenty comparisons of all sequences is not one of the few of its own sequence."""
    one = shared.Shared(0, 0, 8, 0, 8, "+", "ACGTACGT", 0.9, 0.004, 1.0)
    rest = [one._replace(p=0.5, start=20 * k, end=20 * k + 8) for k in range(1, 20)]
    alone, others = shared.significant([[one], rest])
    assert (alone, others) == ([], [])
    ((found,), _) = shared.significant([[one], rest[:4]])
    assert found.q == pytest.approx(0.02)
    assert shared.significant([[], []]) == [[], []]


def test_without_stretches_nothing_is_shared():
    flat = Explained("flat", np.zeros(50, int), np.zeros(50))
    assert shared_motifs(flat, [flat]) == []
