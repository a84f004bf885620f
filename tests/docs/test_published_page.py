"""The page about the published comparison shows what its table holds."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))
import published  # noqa: E402

pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def table():
    return published.load()


def test_the_tables_are_current(table):
    page = published.PAGE.read_text(encoding="utf-8")
    assert published.with_tables(page, table) == page


def test_the_folder_is_small_and_can_be_merged_on():
    from genolift.pipeline.benchmark.comparing.merging import is_suite
    from genolift.pipeline.benchmark.comparing.tables import Tables

    assert is_suite(published.PUBLISHED)
    assert sum(file.stat().st_size for file in published.PUBLISHED.rglob("*") if file.is_file()) < 2_000_000
    held = Tables.read(published.PUBLISHED)
    asked = [
        name
        for one in json.loads((published.PUBLISHED / "run.json").read_text())["request"]["merged"]
        for name in one["suite"]
    ]
    assert set(held.results.simulation) == {one["name"] for one in asked}


def units(values):
    index = pd.MultiIndex.from_tuples([(name, "net", seed) for name, seed in values], names=published.UNIT)
    return pd.DataFrame({"a": list(values.values()), "b": 0.0}, index=index)


def test_differences_and_their_intervals_by_hand():
    values = {(f"s{k}", seed): 0.1 + 0.1 * k + 0.02 * seed for k in range(10) for seed in (0, 1)}
    told = published.difference(units(values), "a", "b")
    assert told.startswith("+0.560 (+0.3")
    assert told.endswith(")")
    few = units({("x", 0): 0.1, ("x", 1): 0.3, ("y", 0): 0.6, ("y", 1): 0.6})
    assert published.difference(few, "a", "b") == "+0.400"  # Two simulations say nothing of others.


def test_methods_are_compared_on_the_same_sequences():
    rows = [("kernel-shap", 10, 0.9), (published.MAIN, 60, 0.5), (f"{published.MAIN}-first-10", 10, 0.8)]
    table = pd.DataFrame(
        [{"metric": metric, "simulation": "x", "network": "n", "seed": 0, "method": name, "value": value, "each": 1.0,
          "sequences": count}
         for metric in published.MEASURES for name, count, value in [*rows, (published.USUAL, 60, 0.5)]]
    )  # fmt: skip
    found = published.of_methods(table)
    assert "| `kernel-shap` | 0.900 | 0.900 | +0.100 |" in found
    assert "first-10" not in found
    assert "+0.400" in published.of_methods(table[~table.method.str.contains("first")])  # as long as it was not run


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        means = rng.normal(0.1, 0.05, 10)
        drawn = units({(f"s{k}", seed): means[k] + rng.normal(0, 0.02) for k in range(10) for seed in range(3)})
        low, high = published.interval(drawn["a"], trial)
        held += low <= 0.1 <= high
    assert 0.85 <= held / 200 <= 0.98  # A bootstrap of 10 simulations is a little too narrow.
