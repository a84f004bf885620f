"""Hits of contribution-weight matrices."""

import numpy as np
import pytest

from genolift.evaluate.discovery.hits import ContributionPattern, find_hits
from genolift.sequence.alphabet import reverse_complement

RNG = np.random.default_rng(0)
CWM = np.zeros((6, 4))
CWM[np.arange(6), [2, 0, 3, 0, 0, 2]] = [1.0, 2, 3, 2, 1, 0.5]  # GATAAG


def noise(n=4, length=40, scale=0.01):
    bases = np.eye(4)[RNG.integers(0, 4, (n, length))]
    return bases * RNG.normal(scale=scale, size=(n, length, 1))


def test_an_instance_on_either_strand():
    x = noise()
    x[1, 5:11] = 0.5 * CWM
    x[2, 34:40] = 2 * reverse_complement(CWM)
    x[3, 10:16] = -CWM
    found = find_hits(x, [40] * 4, [ContributionPattern("gata", CWM)], first=7)
    strong = found.where(found.strength > 0.3)
    assert list(zip(*strong[:5], strict=True)) == [(8, 0, 5, 11, "+"), (9, 0, 34, 40, "-")]
    np.testing.assert_allclose(strong.importance, [0.5 * CWM.sum(), 2 * CWM.sum()], rtol=1e-5)
    np.testing.assert_allclose(strong.similarity, [1, 1], rtol=1e-6)
    np.testing.assert_allclose(strong.strength, np.array([0.5, 2]) * np.linalg.norm(CWM), rtol=1e-5)


def test_every_place_by_hand():
    """Similarity and strength at every place, by loops, and hits as the strongest of what overlaps."""
    x = noise(6, 60, scale=1.0)
    patterns = [
        ContributionPattern("a", CWM),
        ContributionPattern("b", -RNG.normal(size=(3, 4))),
        ContributionPattern("c", RNG.normal(size=(9, 4))),
    ]
    lengths = [60, 60, 60, 60, 41, 8]
    found = find_hits(x, lengths, patterns, similarity=0.02, compete=False)
    every = []
    for number, pattern in enumerate(patterns):
        width = len(pattern.cwm)
        for row, length in enumerate(lengths):
            here = {}
            for start in range(length - width + 1):
                window = x[row, start : start + width]
                along = [(window * one).sum() / np.linalg.norm(one) for one in (pattern.cwm, pattern.cwm[::-1, ::-1])]
                if max(along) / np.linalg.norm(window) >= 0.02:
                    here[start] = max(along)
            every += [(strength, row, start, start + width, number) for start, strength in here.items()]
            want = sorted(start for _, _, start, _, _ in greedy(every[-len(here) :] if here else []))
            mine = (found.pattern == number) & (found.sequence == row)
            assert found.start[mine].tolist() == want
            np.testing.assert_allclose(found.strength[mine], [here[a] for a in want], rtol=1e-5)
            assert (found.end[mine] - found.start[mine] == width).all()
    assert len(found) > 50
    competing = find_hits(x, lengths, patterns, similarity=0.02)
    places = list(zip(*(c.tolist() for c in (competing.sequence, competing.start, competing.pattern)), strict=True))
    assert places == sorted((row, start, number) for _, row, start, _, number in greedy(every))
    assert set(competing.pattern.tolist()) == {0, 1, 2}


def greedy(places):
    """Take the strongest, then the strongest of those that do not overlap it, and so on."""
    kept = []
    for place in sorted(places, key=lambda one: -one[0]):
        if all(place[1] != other[1] or place[3] <= other[2] or other[3] <= place[2] for other in kept):
            kept.append(place)
    return kept


def test_an_array_of_sites_is_found_whole():
    """A chain in which each place beats the next: what a dropped place beats is kept."""
    x = np.zeros((1, 132, 4))
    heights = 1 + 0.02 * np.arange(22)
    for i, height in enumerate(heights):
        x[0, 6 * i : 6 * i + 6] = height * CWM
    found = find_hits(x, [132], [ContributionPattern("gata", CWM)], similarity=0.3)
    assert found.start.tolist() == [6 * i for i in range(22)]
    chain = np.zeros((1, 24, 4))
    chain[0, 2:22, 0] = [1, 2, 3, 3, 2, 2, 3, 4, 4, 3, 3, 4, 5, 5, 4, 4, 5, 6, 6, 5]
    flat = ContributionPattern("flat", np.eye(4)[[0] * 6])
    found = find_hits(chain, [24], [flat], similarity=0.5)
    ends = found.end.tolist()
    assert all(a >= b for a, b in zip(found.start.tolist()[1:], ends, strict=False))
    assert (found.end - found.start).sum() >= 18  # three sites of six; today's rule kept the last one only


def test_related_patterns_compete_for_a_place():
    other = CWM.copy()
    other[0] = other[0, [2, 1, 0, 3]]  # AATAAG, whose cosine with GATAAG is 0.95
    x = np.zeros((2, 40, 4))
    x[0, 10:16], x[1, 20:26] = CWM, 1.5 * other
    patterns = [ContributionPattern("gata", CWM), ContributionPattern("aata", other)]
    found = find_hits(x, [40, 40], patterns)
    assert list(zip(*(c.tolist() for c in found[:3]), strict=True)) == [(0, 0, 10), (1, 1, 20)]
    assert len(find_hits(x, [40, 40], patterns, compete=False)) == 4


def test_hits_do_not_depend_on_blocks(monkeypatch):
    x = noise(9, 30, scale=1.0)
    patterns = [ContributionPattern("a", CWM), ContributionPattern("b", RNG.normal(size=(4, 4)))]
    whole = find_hits(x, [30] * 9, patterns, 0.4)
    monkeypatch.setattr("genolift.evaluate.discovery.hits._BLOCK_BYTES", 1)
    for a, b in zip(whole, find_hits(x, [30] * 9, patterns, 0.4), strict=True):
        np.testing.assert_array_equal(a, b) if a.dtype.kind != "f" else np.testing.assert_allclose(a, b, rtol=1e-5)


def test_equals_that_overlap_are_one_hit():
    x = np.zeros((1, 12, 4))
    x[0, :, 0] = 1
    found = find_hits(x, [12], [ContributionPattern("a", np.eye(4)[[0, 0, 0, 0]])])
    assert (np.diff(found.start) >= 4).all()
    assert found.start[0] == 0


def test_a_pattern_wider_than_the_sequence():
    found = find_hits(noise(2, 4, 1.0), [4, 4], [ContributionPattern("a", CWM)], similarity=0)
    assert len(found) == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_trimming(sign):
    cwm = np.concatenate([0.02 * np.ones((5, 4)), sign * CWM, 0.05 * np.ones((3, 4))])
    trimmed = ContributionPattern("x", cwm).trimmed()
    np.testing.assert_array_equal(trimmed.cwm, sign * CWM[:5])  # the last base has less than 0.3 of the largest


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_hits_do_not_depend_on_the_unit_of_scores(scale):
    """Their squares have no place in float32."""
    x = noise(3, 60, scale=0.3)
    x[1, 20:26] += CWM
    patterns = [ContributionPattern("gata", CWM)]
    found, scaled = find_hits(x, [60] * 3, patterns, 0.3), find_hits(x * scale, [60] * 3, patterns, 0.3)
    assert len(found) > 5
    assert found.start.tolist() == scaled.start.tolist()
    np.testing.assert_allclose(found.similarity, scaled.similarity, rtol=1e-4)
