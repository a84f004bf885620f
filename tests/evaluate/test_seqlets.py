"""Stretches of high importance, and how they and other findings are judged by a null."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from genolift.evaluate.discovery.seqlets import LEVEL, BackgroundScale, find_stretches
from genolift.evaluate.discovery.significance import NullFindings, q_values


def by_hand(scores, lengths, threshold, gap, width):
    """Stretches of each row and sign, base by base."""
    found = []
    for i, (row, length) in enumerate(zip(scores, lengths, strict=True)):
        for sign in (1, -1):
            start = last = None
            for j in [*np.flatnonzero(sign * row[:length] > threshold), None]:
                if start is not None and (j is None or j - last - 1 > gap):
                    if last + 1 - start >= width:
                        found.append((i, start, last + 1, row[start : last + 1].sum()))
                    start = None
                if j is not None:
                    start, last = j if start is None else start, j
    return sorted(found, key=lambda one: one[:2])


@given(
    arrays(np.float32, (3, 12), elements=st.sampled_from([-2, -1.5, -0.5, 0, 0.25, 1.5, 3])),
    st.lists(st.integers(1, 12), min_size=3, max_size=3),
    st.integers(0, 3),
    st.integers(1, 4),
)
def test_stretches(scores, lengths, gap, width):
    found = find_stretches(scores, lengths, 1.0, gap, width, first=5)
    want = by_hand(scores, lengths, 1.0, gap, width)
    columns = zip(found.sequence.tolist(), found.start.tolist(), found.end.tolist(), strict=True)
    assert sorted(columns) == sorted((i + 5, a, b) for i, a, b, _ in want)
    assert found.sequence.tolist() == sorted(found.sequence.tolist())
    np.testing.assert_allclose(sorted(found.importance), sorted(one[3] for one in want), atol=1e-6)


def test_a_stretch_in_plain_sight():
    scores = np.zeros((1, 20))
    scores[0, 4:12] = [2, 3, 0, -1, 2, 0.5, 2, 0]  # two low bases inside, as many as may be
    scores[0, 16:19] = -2
    found = find_stretches(scores, [20], 1.0)
    assert list(zip(found.start, found.end, found.importance, strict=True)) == [(4, 11, 8.5), (16, 19, -6.0)]


@pytest.mark.parametrize("share", [0, 0.1, 0.3])
def test_the_threshold_is_the_backgrounds(share):
    rng = np.random.default_rng(0)
    noise = rng.laplace(scale=0.02, size=(200, 500))
    outside = BackgroundScale()
    for row in noise:
        row[: int(share * len(row))] += 5
        outside.add(row)
    # The median of all is a higher quantile of the noise, but no more than that.
    median = -0.02 * np.log(1 - 0.5 / (1 - share))
    assert outside.threshold == pytest.approx(median / np.log(2) * np.log(1 / LEVEL), rel=0.02)


def test_zeros_are_data():
    """A share of LEVEL of all scores, with the zeros, lies outside; with fewer that are not zero, all of them do."""
    empty, few, half = BackgroundScale(), BackgroundScale(), BackgroundScale()
    empty.add(np.zeros((3, 4)))
    assert empty.threshold == 0
    assert len(find_stretches(np.zeros((3, 9)), [9, 9, 9], empty.threshold)) == 0
    sites = np.zeros((10, 300))
    sites[:, 40:49] = 2
    few.add(sites)
    assert few.threshold == 0
    assert len(find_stretches(sites, [300] * 10, few.threshold)) == 10
    noise = np.random.default_rng(1).laplace(size=(100, 1000))
    noise[:, ::2] = 0
    half.add(noise)
    assert np.mean(np.abs(noise) > half.threshold) == pytest.approx(LEVEL, rel=0.1)


def test_p_values_count_the_null_per_base():
    null = NullFindings()
    null.add(60, np.array([1, 1, -1]), np.array([2.0, 5.0, 9.0]))
    null.add(39, np.array([1]), np.array([3.0]))
    assert len(null) == 4
    p = null.p_values(np.array([1, 1, 1, -1, -1, 2]), np.array([1.0, 3.0, 6.0, 9.0, 9.5, 1.0]))
    np.testing.assert_allclose(p, np.array([4, 3, 1, 2, 1, 1]) / 100)


@given(st.lists(st.floats(1e-6, 1), min_size=1, max_size=20), st.integers(0, 100))
def test_q_values_are_benjamini_and_hochbergs(p, more):
    from scipy.stats import false_discovery_control

    p, kinds = np.array(p), np.arange(len(p)) % 2
    q = q_values(kinds, p, len(p) + more)
    for kind in set(kinds.tolist()):
        mine = p[kinds == kind]
        whole = np.concatenate([mine, np.ones(len(p) + more - len(mine))])
        np.testing.assert_allclose(q[kinds == kind], false_discovery_control(whole)[: len(mine)], rtol=1e-9)
    assert not len(q_values(np.zeros(0, int), np.zeros(0)))


def smooth_noise(rng, n, length=200):
    """Noise whose neighbours are alike, as scores of convolutions are."""
    noise = rng.laplace(size=(n, length + 4))
    return sum(noise[:, i : i + length] for i in range(5)) / 50


def judged(scores, null_scores):
    background, null = BackgroundScale(), NullFindings()
    background.add(null_scores)
    kinds = lambda found: np.sign(found.importance).astype(int)  # noqa: E731
    search = lambda rows: find_stretches(rows, np.full(len(rows), rows.shape[1]), background.threshold)  # noqa: E731
    there = search(null_scores)
    null.add(null_scores.size, kinds(there), np.abs(there.importance))
    found = search(scores)
    return found, q_values(kinds(found), null.p_values(kinds(found), np.abs(found.importance)), scores.size)


def test_little_is_found_where_nothing_is():
    rng = np.random.default_rng(3)
    false = [(judged(smooth_noise(rng, 20), smooth_noise(rng, 20))[1] <= 0.1).any() for _ in range(200)]
    assert np.mean(false) < 0.2 + 0.05  # two families, positive and negative, at 0.1 each


def test_what_is_there_is_found():
    rng = np.random.default_rng(4)
    scores, truth = smooth_noise(rng, 100), np.zeros((100, 200), bool)
    for i, start in enumerate(rng.integers(0, 190, 100)):
        scores[i, start : start + 8] += rng.choice([-1, 1]) * rng.uniform(0.2, 0.6, 8)
        truth[i, start : start + 8] = True
    found, q = judged(scores, smooth_noise(rng, 100))
    found = found.where(q <= 0.05)
    right = [truth[i, a:b].any() for i, a, b in zip(found.sequence, found.start, found.end, strict=True)]
    assert np.mean(right) > 0.9
    assert np.sum(right) > 90
