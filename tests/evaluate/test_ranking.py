"""Ranks of methods, by hand and by simulation."""

import numpy as np
import pandas as pd
import pytest

from genolift.evaluate.truth.ranking import rank
from genolift.support.errors import InputError


def test_by_hand():
    values = pd.DataFrame({"a": [3.0, 3, 3, 1], "b": [2.0, 2, 3, 2], "c": [1.0, 1, 1, 0]})
    found = rank(values)
    np.testing.assert_allclose(found.ranks[["a", "b", "c"]], [(1 + 1 + 1.5 + 2) / 4, (2 + 2 + 1.5 + 1) / 4, 3])
    # Demšar's table 5: q for three methods at 0.05 is 2.343.
    assert found.difference == pytest.approx(2.343 * np.sqrt(3 * 4 / (6 * 4)), rel=1e-3)
    assert found.groups() == [(0, 2)]


def test_demsars_example():
    """Four classifiers on fourteen data sets: CD = 2.569 sqrt(4 * 5 / (6 * 14)) = 1.25."""
    rng = np.random.default_rng(0)
    assert rank(pd.DataFrame(rng.normal(size=(14, 4)))).difference == pytest.approx(1.25, abs=0.005)


def test_groups_are_the_largest_runs():
    values = pd.DataFrame({f"m{k}": -k + 0.01 * np.random.default_rng(k).normal(size=40) for k in range(5)})
    found = rank(values)
    assert list(found.ranks) == [1, 2, 3, 4, 5]
    assert found.difference < 1
    assert found.groups() == []
    few = rank(values[:4])
    assert few.groups() == [
        (0, int(few.difference)),
        *[(k, k + int(few.difference)) for k in range(1, 5 - int(few.difference))],
    ]


def test_what_is_missing():
    values = pd.DataFrame({"a": [1.0, 2, 3], "b": [2.0, np.nan, 4], "c": [np.nan, np.nan, 1]}, index=["x", "y", "z"])
    found = rank(values)
    assert list(found.ranks.index) == ["b", "a"]
    assert found.simulations == ["x", "z"]
    with pytest.raises(InputError, match="two methods with values in the same two simulations; there are 2 and 1"):
        rank(values[:2])


def test_equal_methods_differ_no_more_than_one_time_in_twenty():
    """In 400 tables without any difference, the best and the worst rank differ by more than the critical difference."""
    rng = np.random.default_rng(3)
    found = [rank(pd.DataFrame(rng.normal(size=(17, 10)))) for _ in range(400)]
    share = np.mean([np.ptp(one.ranks) > one.difference for one in found])
    assert abs(share - 0.05) < 2.6 * np.sqrt(0.05 * 0.95 / 400)
