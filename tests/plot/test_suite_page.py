"""The page of a suite, from tables that are made up."""

import numpy as np
import pandas as pd

from genolift.plot.suites.page import by_method, ranking, write_suite_page

METHODS = {"good": 0.9, "middling": 0.5, "bad": 0.1}


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


def test_a_single_simulation_has_no_ranks(tmp_path):
    tables(tmp_path, ("one",))
    write_suite_page(tmp_path, "x")
    page = (tmp_path / "index.html").read_text()
    assert "There are no ranks" in page
    assert page.count("data:image/png") == 1 + 8
