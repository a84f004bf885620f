"""Tests of two models on the same sequences: closed forms, and simulations in which nothing differs."""

import numpy as np
import pytest
from scipy.stats import ttest_rel

from genolift.evaluate.discovery.paired import LargestDifferences, common_scale, paired_test, windowed
from genolift.support.errors import InputError


def within(p, level):
    """Assert that a share of at most ``level`` of p-values is below it, but for two standard errors."""
    assert np.mean(np.asarray(p) <= level) <= level + 2 * np.sqrt(level * (1 - level) / len(p)), np.mean(p <= level)


def test_the_scale_is_a_geometric_mean():
    scale = common_scale([1, 2, 4, 1, 2], [3, 6, 12, 3, 6])
    assert scale.first == pytest.approx(16 ** (1 / 5))
    assert scale.second / scale.first == pytest.approx(3)
    assert scale.error == pytest.approx(0, abs=1e-12)
    logs = np.log([1, 2, 4, 1, 2]) - np.log([1, 1, 2, 2, 3])
    assert common_scale([1, 2, 4, 1, 2], [1, 1, 2, 2, 3]).error == pytest.approx(logs.std(ddof=1) / np.sqrt(5))
    with pytest.raises(InputError, match="scales cannot be told"):
        common_scale([1, 0, 0, 0, 0, 1], [1, 1, 1, 1, 1, 1])


def test_without_an_error_of_the_scale_it_is_the_paired_t_test():
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 1, (2, 20))
    found, known = paired_test(a, b), ttest_rel(a, b)
    assert found.p == pytest.approx(known.pvalue)
    low, high = known.confidence_interval()
    assert (found.low, found.high) == pytest.approx((low, high))


def test_the_error_of_the_scale_by_hand():
    """The variance of the mean difference is 0.5²/5 · 5/4, and the mean 10 times 0.1 adds 1 to it."""
    a, b = np.array([10.5, 9.5, 10.5, 9.5, 10.0]), np.full(5, 10.0)
    variance = np.var(a, ddof=1) / 5 + (0.1 * 10) ** 2
    found = paired_test(a, b, 0.1)
    assert found.high - found.low == pytest.approx(2 * 2.7764451 * np.sqrt(variance), rel=1e-6)
    assert paired_test(a, a).p == 1
    assert paired_test(a + 1, a, 0).p == 0
    assert np.isnan(paired_test(a[:4], b[:4]).p)


@pytest.mark.parametrize("sequences", [10, 60])
def test_equal_models_in_other_units_are_not_told_apart(sequences):
    """The second model is the first in another unit. Its scale is estimated, and the test knows how well."""
    rng = np.random.default_rng(1)
    p, careless = [], []
    for _ in range(2000):
        unit = np.exp(rng.normal())
        nulls = rng.lognormal(0, 0.3, (2, 40))
        scale = common_scale(nulls[0], unit * nulls[1])
        a, b = rng.normal(5, 1, (2, sequences))
        a, b = a / scale.first, unit * b / scale.second
        p.append(paired_test(a, b, scale.error).p)
        careless.append(paired_test(a, b).p)
    within(np.array(p), 0.05)
    within(np.array(p), 0.2)
    assert np.mean(np.array(p) <= 0.05) > 0.02  # It is not careful to no end.
    assert np.mean(np.array(careless) <= 0.05) > 0.1  # Without the error it would tell them apart too often.


def test_windows_are_sums():
    values = np.arange(8.0).reshape(2, 4)
    np.testing.assert_array_equal(windowed(values, 3), [[3, 6], [15, 18]])


@pytest.mark.parametrize("shortest", [40, 15])
def test_sequences_like_the_null_do_not_stand_out(shortest):
    """Whatever their lengths are: the longer a sequence, the larger its largest difference by chance."""
    rng = np.random.default_rng(2)
    p = []
    for _ in range(40):
        lengths = rng.integers(shortest, 41, 50)
        values = rng.laplace(size=(50, 40)) * (np.arange(40) < lengths[:, None])
        judged = LargestDifferences(lengths, 10)
        for _ in range(2):
            judged.add(rng.laplace(size=(100, 40)), np.full(100, 40))
        largest = np.abs(windowed(values, 10))
        largest = np.where(np.arange(31) <= (lengths - 10)[:, None], largest, 0).max(1)
        p += judged.p_values(lengths, largest).tolist()
    within(np.array(p), 0.05)
    within(np.array(p), 0.5)
    assert np.mean(np.array(p) <= 0.5) > 0.45


def test_by_hand():
    judged = LargestDifferences(np.array([4]), 2)
    judged.add(np.array([[1.0, 1, 0, 0], [0, 0, -2, -3], [1, -1, 1, -1]]), np.array([4, 4, 4]))  # largest 2, 5, 0
    assert judged.p_values(np.array([4, 4, 4]), np.array([0.0, 2, 6])).tolist() == [1, 3 / 4, 1 / 4]
    with pytest.raises(InputError, match="as long as 9"):
        LargestDifferences(np.array([9]), 2).p_values(np.array([9]), np.array([1.0]))


def test_many_lengths_are_judged_by_parts_that_are_no_shorter():
    lengths = np.arange(100, 400)
    judged = LargestDifferences(lengths, 10)
    values = np.zeros((1, 400))
    values[0, 250:260] = 1
    judged.add(values, np.array([400]))
    p = judged.p_values(lengths, np.full(300, 5.0))
    assert set(p[lengths < 240].tolist()) == {0.5}
    assert set(p[lengths >= 260].tolist()) == {1.0}
