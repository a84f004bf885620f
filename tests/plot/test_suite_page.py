"""The page of a suite, from tables that are made up."""

import re

import numpy as np
import pandas as pd

from genolift.plot.report import write_report
from genolift.plot.suites.page import Coverage, by_method, ranking, write_suite_page

METHODS = {"good": 0.9, "middling": 0.5, "bad": 0.1}  # ranks need several simulations


def tables(folder, simulations=("one", "two", "three")):
    rows = []
    for simulation in simulations:
        for seed in (0, 1):
            for method, value in METHODS.items():
                for truth in ("label", "network"):
                    for metric in ("spearman", "auroc", "sign", "mass"):
                        rows.append((simulation, "net", seed, method, "", "task", truth, metric,
                                     value + 0.01 * seed + 0.02 * (truth == "label"), 0.0, 1.0, 10, 50, 2.0))  # fmt: skip
    keys = ["simulation", "network", "seed", "method", "references"]
    columns = [*keys, "task", "truth", "metric", "value", "low", "high", "n", "sequences", "seconds"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "results.csv", index=False)
    refused = [("one", "net", 0, "cam", "", "cam is for <b>global</b> averages")]
    pd.DataFrame(refused, columns=[*keys, "reason"]).to_csv(folder / "refused.csv", index=False)
    trained = [(simulation, "net", 0, "task", "auroc", 0.93) for simulation in simulations]
    pd.DataFrame(trained, columns=["simulation", "network", "seed", "task", "metric", "value"]).to_csv(
        folder / "networks.csv", index=False)  # fmt: skip
    (folder / "failures.json").write_text('{"failures": []}')


def test_tables_of_means(tmp_path):
    tables(tmp_path)
    results = pd.read_csv(tmp_path / "results.csv")
    found = by_method(results, "auroc")
    assert list(found.index) == list(METHODS)
    np.testing.assert_allclose(found["two"], [0.905, 0.505, 0.105])
    np.testing.assert_allclose(by_method(results, "auroc", "label")["two"], [0.925, 0.525, 0.125])
    assert list(ranking(results).ranks.index) == ["good", "middling", "bad"]


def test_the_page(tmp_path):
    tables(tmp_path)
    write_suite_page(tmp_path, "A <title>")
    page = (tmp_path / "index.html").read_text()
    assert "A &lt;title&gt;" in page
    assert "cam is for &lt;b&gt;global&lt;/b&gt; averages" in page
    assert "<script" not in page
    assert page.count("data:image/png") == 2 + 8  # ranks and costs; four measures against both truths
    assert "0.905" in page
    assert "0.930" in page
    write_report(tmp_path, tmp_path / "sent.html")
    assert (tmp_path / "sent.html").read_text() == page


def test_methods_are_compared_with_those_that_explained_the_same(tmp_path):
    """A method that explained the first ten sequences alone, or one network alone, is the best of nothing but these."""
    tables(tmp_path)
    results = pd.read_csv(tmp_path / "results.csv")
    good = results[results.method == "good"]
    quick = good.assign(method="quick", value=good.value - 0.015, seconds=0.5)
    slow = good.assign(method="slow", value=0.99, sequences=10, seconds=4000.0)
    near = good.assign(method="near-first-10", value=0.98, sequences=10)
    both = pd.concat([results, quick, slow, near])
    both = pd.concat([both, both.assign(network="other"), good.assign(method="picky", network="other", value=1.0)])
    both.to_csv(tmp_path / "results.csv", index=False)
    assert list(ranking(pd.read_csv(tmp_path / "results.csv")).ranks.index) == ["good", "quick", "middling", "bad"]
    write_suite_page(tmp_path, "x")
    page = (tmp_path / "index.html").read_text()
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>.*?</tr>", page, re.DOTALL)]
    assert ["one", "50", "Good", "0.905", "40", "Quick", "0.890", "10"] in cells
    assert ["one", "10", "Slow", "0.990", "400,000", "Near first 10", "0.980", "200"] in cells
    assert "3 simulations, 2 networks, 2 training seeds, 7 methods" in page
    assert "In brackets is what a method explained that did not explain all" in page
    coverage = Coverage.of(both)
    labels = [coverage.label(name) for name in ("good", "slow", "picky")]
    assert labels == ["Good", "Slow (10 sequences)", "Picky (1 network)"]


def test_a_single_simulation_has_no_ranks(tmp_path):
    tables(tmp_path, ("one",))
    write_suite_page(tmp_path, "x")
    page = (tmp_path / "index.html").read_text()
    assert "There are no ranks" in page
    assert page.count("data:image/png") == 1 + 8


def test_long_names_get_room(tmp_path):
    """A page is drawn after hours of work, so names must not stop it."""
    for name in ("one", "a simulation " * 3, "n" * 200):
        tables(tmp_path, simulations=(name,))
        write_suite_page(tmp_path, "A title")
        assert (tmp_path / "index.html").read_text().count("data:image/png") == 9  # one of costs, eight maps
