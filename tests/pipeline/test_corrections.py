"""q-values of many variants."""

import math

import numpy as np
import pytest

from genolift.pipeline.variants.corrections import (
    Corrections,
    benjamini_hochberg,
    share_without_effect,
    storey,
    tell_resolution,
)
from genolift.pipeline.variants.nulls import Null


def slow_q(p):
    """By the definition: the smallest rate at which each would be among the discoveries."""
    m = len(p)
    rates = [min(m * t / sum(other <= t for other in p) for t in p if t >= one) for one in p]
    return np.minimum(1, rates)


def test_q_values_by_their_definition():
    p = np.random.default_rng(1).beta(0.4, 1, 60).round(2)
    np.testing.assert_allclose(benjamini_hochberg(p), slow_q(p))
    share = min(1, (1 + sum(p > 0.5)) / (0.5 * len(p)))
    assert share_without_effect(p) == pytest.approx(share)
    np.testing.assert_allclose(storey(p), share * slow_q(p))
    assert share < 1
    assert share_without_effect(np.full(9, 0.9)) == 1
    assert len(benjamini_hochberg(np.array([]))) == 0


def test_rows_get_the_q_values_of_their_own_target():
    columns = ["id", "target", "pred_ref", "p_value", "note"]
    p = {"0": [0.001, 0.4, 0.03, 0.9], "1": [0.2, 0.7, 0.01, 0.011]}
    rows = [f"v{i}\t{target}\t0.5\t{p[target][i]}\t." for i in range(4) for target in "01"]
    rows.insert(3, "bad\t0\tNA\tNA\twhy")
    ended = Corrections(columns, lambda: iter([row + "\n" for row in rows]))
    assert ended.columns == ["id", "target", "pred_ref", "p_value", "q_value", "q_storey", "note"]
    found = [line.rstrip("\n").split("\t") for line in ended.finished()]
    assert [row[:4] + row[6:] for row in found] == [row.split("\t") for row in rows]
    assert found[3][4:6] == ["NA", "NA"]
    for target in "01":
        mine = [row for row in found if row[1] == target and row[0] != "bad"]
        np.testing.assert_allclose([float(row[4]) for row in mine], slow_q(p[target]), rtol=1e-6)
        np.testing.assert_allclose([float(row[5]) for row in mine], storey(np.array(p[target])), rtol=1e-6)
    assert ended.told() == {"p_value": {target: share_without_effect(np.array(p[target])) for target in "01"}}


def test_too_few_null_variants_are_said(caplog):
    tell_resolution(5000, 1000)
    assert "no q-value is at most 0.05 unless 100 alleles share the smallest" in caplog.text
    assert "--null 99999 lets" in caplog.text
    caplog.clear()
    tell_resolution(5000, 99999)
    tell_resolution(10, 1000)
    assert not caplog.records
    n = 99999  # what was asked for is enough, and one less is not
    assert benjamini_hochberg(np.array([1 / (1 + n), *np.full(4999, 0.9)])).min() <= 0.05
    assert math.ceil(5000 / (0.05 * n)) == 2


def test_windows_that_are_not_as_active_as_those_of_the_null_are_said(caplog):
    columns = ["target", "pred_ref", "p_value"]
    rows = [f"0\t{value}\t0.5\n" for value in (0.7, 0.8, 0.9)]
    ended = Corrections(columns, lambda: iter(rows))
    ended.tell_activity("0", np.linspace(0, 1, 100))
    assert not caplog.records
    ended.tell_activity("0", np.array([0.1]))  # a single null variant says nothing
    assert not caplog.records
    ended.tell_activity("0", np.linspace(0, 0.1, 100))
    assert "the windows of variants predict 0.8 (the median), and 100 %" in caplog.text
    assert "p-values are then too small" in caplog.text


def test_percentiles_and_quantiles_count_the_null():
    null = Null(
        np.array([[-3.0], [1.0], [2.0], [-2.0]]), np.full((4, 1), np.nan), np.array([[4.0], [1.0], [2.0], [3.0]])
    )
    assert null.effect_percentile(-2.0, 0) == 25
    assert null.effect_percentile(9.0, 0) == 100
    assert null.active_quantile(3.0, 0) == 0.75
    assert null.active_quantile(0.5, 0) == 0


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_false_discoveries_are_as_many_as_promised(share):
    """400 simulated files of 500 variants, whose p-values come from the same 2,000 null variants, as in a table.

    The mean share of false discoveries at 0.05 may exceed 0.05 by no more than two standard errors. Storey's q-values
    find at least as much.
    """
    rng = np.random.default_rng(7)
    shares, powers = {"bh": [], "storey": []}, {"bh": [], "storey": []}
    for _ in range(400):
        real = rng.random(500) < share
        delta = rng.laplace(size=500) + real * rng.choice([-9, 9], 500)
        null = Null(rng.laplace(size=(2000, 1)), np.full((2000, 1), np.nan))
        p = np.array([null.p_value(value, 0) for value in delta])
        for name, of in (("bh", benjamini_hochberg), ("storey", storey)):
            found = of(p) <= 0.05
            shares[name].append((found & ~real).sum() / max(1, found.sum()))
            powers[name].append((found & real).sum() / max(1, real.sum()))
    for name, values in shares.items():
        assert np.mean(values) <= 0.05 + 2 * np.std(values) / np.sqrt(len(values)), name
    assert np.mean(powers["storey"]) >= np.mean(powers["bh"])
    if share:
        assert np.mean(powers["bh"]) > 0.8


def test_a_model_that_predicts_the_same_everywhere_is_as_active_as_its_null(caplog):
    """Ties count half; the table's text has float32's digits, and the null float64's."""
    value = np.float32(0.1)
    ended = Corrections(["target", "pred_ref", "p_value"], lambda: iter([f"0\t{value}\t1.0\n"] * 9))
    ended.tell_activity("0", np.full(100, np.float64(value)))
    assert not caplog.records
