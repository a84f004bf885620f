"""Null data that are made of the scores themselves."""

import numpy as np
import pytest

from genolift.evaluate.discovery.significance import scale_excess, scale_lack
from genolift.evaluate.discovery.surrogates import SignDependence, moved, resampled_noise, sieve, unpredicted


def smooth(rng, n=40, length=300):
    noise = rng.normal(size=(n, length + 4))
    return sum(noise[:, i : i + length] for i in range(5))


def correlation(x, lag=1):
    return np.mean(x[:, lag:] * x[:, :-lag]) / np.mean(x * x)


def test_correlations_are_those_of_the_scores():
    rng = np.random.default_rng(0)
    x, dependence, parts = smooth(rng), SignDependence(), SignDependence()
    dependence.add(x, [300] * 40)
    np.testing.assert_allclose(dependence.correlations[:5], [0.8, 0.6, 0.4, 0.2, 0], atol=0.06)
    parts.add(x[:10], [300] * 10)
    parts.add(x[10:], [300] * 30)
    np.testing.assert_allclose(parts.correlations, dependence.correlations)
    x[:, 100:108] += 100  # a motif in every sequence
    with_motifs = SignDependence()
    with_motifs.add(x, [300] * 40)
    np.testing.assert_allclose(with_motifs.correlations[:5], [0.8, 0.6, 0.4, 0.2, 0], atol=0.1)


@pytest.mark.parametrize("length", [11, 40])
def test_short_sequences_are_no_less_alike(length):
    """Signs about the median of few scores differ more often than not, by 1 in 40 of 40, which is no dependence."""
    dependence = SignDependence()
    n = 120_000 // length
    dependence.add(np.random.default_rng(4).laplace(size=(n, length)), [length] * n)
    assert abs(dependence.correlations.mean()) < 0.01
    np.testing.assert_allclose(dependence.correlations, 0, atol=0.05)


def test_noise_has_the_tails_and_the_likeness_of_the_scores():
    rng = np.random.default_rng(5)
    x = smooth(rng, 80)
    dependence = SignDependence()
    dependence.add(x, [300] * 80)
    coefficients = dependence.coefficients()
    without = np.zeros(x.shape, bool)
    without[:, 100:108] = True
    x[:, 100:108] += 1000  # left out
    left = unpredicted(x, [300] * 80, coefficients, without)
    assert len(left) == 80 * (300 - 10 - 8)
    plain = unpredicted(x[:, :100], [100] * 80, coefficients)
    assert plain.std() < 0.6 * x[:, :100].std()
    made = resampled_noise(plain, 100, 200, coefficients, np.random.default_rng(0))
    assert made.shape == (100, 200)
    assert correlation(made) == pytest.approx(correlation(x[:, :100]), abs=0.05)
    assert made.std() == pytest.approx(x[:, :100].std(), rel=0.1)
    spikes = resampled_noise(np.array([0.0] * 99 + [50.0]), 200, 100, np.zeros(10), np.random.default_rng(0))
    assert np.mean(spikes == 50) == pytest.approx(0.01, abs=0.003)


def test_a_null_is_made_as_large_as_the_data():
    assert scale_lack([2.0, 4.0, 6.0], [3.0, 1.0, 2.0]).tolist() == [2, 2, 2]
    assert scale_lack([1.0, 1.0], [3.0, 0.5]).tolist() == [1, 2]
    assert scale_lack([0.0, 0.0], [3.0]).tolist() == [1]
    assert scale_lack([1.0], [0.0, 0.0]).tolist() == [1, 1]


def test_what_lies_beyond_the_end_does_not_count():
    rng = np.random.default_rng(1)
    x = np.pad(smooth(rng, 20, 100), ((0, 0), (0, 50)))
    padded, plain = SignDependence(), SignDependence()
    padded.add(x, [100] * 20)
    plain.add(x[:, :100], [100] * 20)
    np.testing.assert_allclose(padded.correlations, plain.correlations)


def test_surrogates_are_like_the_scores_and_hold_no_motif():
    rng = np.random.default_rng(2)
    x = smooth(rng)
    dependence = SignDependence()
    dependence.add(x, [300] * 40)
    drawn = sieve(x, [300] * 40, dependence.coefficients(), 3, seed=5)
    assert drawn.shape == (120, 300)
    assert correlation(drawn) == pytest.approx(correlation(x), abs=0.05)
    assert drawn.std() == pytest.approx(x.std(), rel=0.05)
    assert np.abs(drawn[::3] - x).max() > 1
    np.testing.assert_array_equal(sieve(x[7:8], [300], dependence.coefficients(), 3, seed=5), drawn[21:24])
    assert not np.array_equal(sieve(x[7:8], [300], dependence.coefficients(), 3, seed=6), drawn[21:24])


def test_without_correlation_positions_are_shuffled():
    x = np.random.default_rng(3).normal(size=(4, 12))
    lengths = [12, 7, 1, 0]
    drawn = sieve(x, lengths, np.zeros(10), 2).reshape(4, 2, 12)
    for row, length in enumerate(lengths):
        for one in drawn[row]:
            np.testing.assert_allclose(np.sort(one[:length]), np.sort(x[row, :length]), atol=1e-12)
            assert not one[length:].any()


def test_heights_move_and_bases_stay():
    rng = np.random.default_rng(4)
    bases, heights = rng.integers(0, 4, (3, 20)), rng.normal(size=(3, 20))
    lengths = [20, 13, 20]
    x = (np.eye(4)[bases] * heights[..., None]).astype(np.float32)
    for row, length in enumerate(lengths):
        x[row, length:] = 0
    drawn = moved(x, lengths, 4, seed=1).reshape(3, 4, 20, 4)
    for row, length in enumerate(lengths):
        for one in drawn[row]:
            np.testing.assert_array_equal(np.abs(one[:length]).argmax(-1), bases[row, :length])
            assert not one[length:].any()
            turned = [np.roll(heights[row, :length], by) for by in range(1, length)]
            assert np.abs(np.array(turned) - one[:length].sum(-1)).max(1).min() < 1e-6
    np.testing.assert_array_equal(moved(x[1:2], [13], 4, seed=1), drawn[1])


def test_scales_are_compared_rank_by_rank():
    rng = np.random.default_rng(5)
    scales = rng.lognormal(size=400)
    np.testing.assert_allclose(scale_excess(scales, rng.permutation(scales)), 1, rtol=1e-9)
    assert np.median(scale_excess(scales, rng.lognormal(size=200))) < 1.1
    twice = scale_excess(np.concatenate([scales[:200], 3 * scales[200:]]), np.full(50, np.median(scales)))
    assert twice.min() == 1
    excess = scale_excess(3 * scales, scales)
    np.testing.assert_allclose(excess, 3, rtol=0.05)
    assert (scale_excess([0.0, 1.0], [0.0, 0.0]) == 1).all()
    np.testing.assert_allclose(scale_excess([2.0, 2.0], [0.0, 1.0]), 2)
