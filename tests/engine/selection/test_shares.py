"""The shares of the elements of a maximum, against the enumeration of all orders in which the elements can change."""

import numpy as np
import pytest
from maxima import enumerated

from genolift.engine.selection import shapley, shares
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def ends(size, kind, seed):
    """Elements at both ends: numbers that are all different, few different ones, or a constant reference."""
    rng = np.random.default_rng(seed)
    x, r = (rng.integers(0, 4, size).astype(float) if kind == "ties" else rng.normal(size=size) for _ in range(2))
    return x, np.full(size, rng.normal()) if kind == "constant" else r


def of_window(rule, x, r, precision=tf.float64):
    return rule(tf.constant(x, precision), tf.constant(r, precision), tf.ones([1], precision), -1).numpy()


@pytest.fixture(params=["by network", "by pairs", "by ranks"])
def form(request, monkeypatch):
    """Each way to order the elements, for windows of every size."""
    monkeypatch.setattr(shapley, "_SORTED", 7 if request.param == "by network" else 0)
    monkeypatch.setattr(shapley, "_COMPARED", 0 if request.param == "by ranks" else 7)
    monkeypatch.setattr(shapley.Kernel, "compiling", False)
    shapley._kernel.cache_clear()
    yield request.param
    shapley._kernel.cache_clear()


@pytest.mark.parametrize("size", range(1, 8))
@pytest.mark.usefixtures("form")
def test_shapley_is_the_average_over_all_orders(size):
    for kind in ("different", "ties", "constant"):
        for seed in range(2 if size == 7 else 6):
            x, r = ends(size, kind, seed)
            found = of_window(shapley.shapley, x, r)
            np.testing.assert_allclose(found * (x - r), enumerated(x, r), atol=1e-12)
            assert (found >= 0).all()
            assert (found <= 1 + 1e-12).all()


@pytest.mark.parametrize("size", [2, 4, 6])
@pytest.mark.usefixtures("form")
def test_an_element_that_does_not_change_has_the_limit_of_one_that_hardly_does(size):
    seen = set()
    for seed in range(12):
        x, r = ends(size, "different", seed)
        r[0] = x[0] = x[0] + seed % 3  # Now at the floor, now above all others, now below it.
        for small in (1e-7, -1e-7):
            moved = x + small * (np.arange(size) == 0)
            limit = enumerated(moved, r)[0] / small
            np.testing.assert_allclose(of_window(shapley.shapley, x, r)[0], limit, atol=1e-6)
        seen.add(round(limit, 3))
    assert len(seen) > 2


@pytest.mark.usefixtures("form")
def test_elements_that_all_stay_the_same_share_alike():
    for rule in (shapley.shapley, shares.rise_and_fall, shares.winner):
        np.testing.assert_allclose(of_window(rule, np.ones(5), np.ones(5)), 0.2)


@pytest.mark.parametrize("size", [40, 2000])
def test_many_elements_sum_to_the_difference_and_are_all_bounded(size):
    for seed, kind in enumerate(["different", "constant", "ties"]):
        x, r = ends(size, kind, seed)
        found = of_window(shapley.shapley, x, r, tf.float32)
        np.testing.assert_allclose((found * (x - r)).sum(), x.max() - r.max(), atol=1e-5)
        assert found.min() >= 0
        assert found.max() <= 1 + 1e-5


@pytest.mark.parametrize("compiling", [False, True])
@pytest.mark.parametrize("largest", [0, 6])
def test_float32_is_exact_however_little_elements_change(monkeypatch, compiling, largest):
    """Contributions are taken from sorted differences, so no small difference of large numbers is lost."""
    monkeypatch.setattr(shapley, "_SORTED", largest)
    monkeypatch.setattr(shapley.Kernel, "compiling", compiling)
    monkeypatch.setattr("genolift.engine.operations.kernels.WORTH_COMPILING", 1)
    rng = np.random.default_rng(0)
    r = rng.normal(100, 1, (50, 4)).astype(np.float32)
    x = np.nextafter(r, np.float32(1000)) * rng.choice([1, 1.01], r.shape).astype(np.float32)
    found = shapley.shapley(tf.constant(x), tf.constant(r), tf.ones([1, 1]), -1).numpy()
    exact = np.array([enumerated(*one) for one in zip(x.astype(float), r.astype(float), strict=True)])
    np.testing.assert_allclose(found * (x.astype(float) - r), exact, rtol=1e-5, atol=1e-12)


def test_rise_and_fall_sums_and_is_bounded_and_the_winner_takes_all():
    for seed in range(20):
        x, r = ends(4, ["different", "ties", "constant"][seed % 3], seed)
        found = of_window(shares.rise_and_fall, x, r)
        np.testing.assert_allclose((found * (x - r)).sum(), x.max() - r.max(), atol=1e-12)
        assert (found >= 0).all()
        assert (found <= 1).all()
        taken = of_window(shares.winner, x, r)
        np.testing.assert_allclose(taken, (x == x.max()) / (x == x.max()).sum())
