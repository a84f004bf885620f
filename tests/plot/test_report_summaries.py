"""What the page about stores tells of all sequences together."""

import json
import re

import numpy as np
import pytest

from genolift.plot.report import write_report
from genolift.plot.web.content import spread
from genolift.plot.web.page import PageOptions
from genolift.results.explanation import Explanation


def store(path, **changes):
    rng = np.random.default_rng(0)
    X = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (8, 20))]
    fields = {
        "inputs": X,
        "raw_contributions": rng.normal(size=(8, 20, 4)).astype(np.float32),
        "predictions": np.full(8, 3.0),
        "reference_predictions": np.full((8, 2), 1.0),
    } | changes
    Explanation(fields, names=[f"s{i}" for i in range(8)], target=1, method={"name": "deeplift"}).save(path)
    return path


def content(path):
    text = path.read_text()
    return json.loads(re.search(r'id="content">(.*?)</script>', text, re.S)[1]), text


def test_residuals_are_counted_in_the_same_bins(tmp_path):
    for name, size in (("a", 3e-7), ("b", 3e-2)):
        residual = np.full((8, 2), size)
        residual[0] = 0
        store(tmp_path / f"{name}.zarr", residual=residual)
    write_report([tmp_path / "a.zarr", tmp_path / "b.zarr"], tmp_path / "r.html", PageOptions(progress=False))
    told, text = content(tmp_path / "r.html")
    (low, high), (a, b) = told["residuals"]["range"], [one["values"] for one in told["residuals"]["series"]]
    assert len(a) == len(b)
    width = (high - low) / len(a)
    assert sum(a) == sum(b) == 16
    assert a[0] >= 2 <= b[0]  # What is 0 is in the first bin.
    assert np.flatnonzero(b)[-1] - np.flatnonzero(a)[-1] == round(5 / width)
    assert "All curves share one axis. What is exactly 0" in text
    assert told["residuals"]["rows"][0] == ["a (DeepLIFT), output 1", "3e-07", "3e-07", "3e-07", "2"]
    write_report(
        store(tmp_path / "c.zarr", residual=np.zeros((8, 2))), tmp_path / "zero.html", PageOptions(progress=False)
    )
    assert sum(content(tmp_path / "zero.html")[0]["residuals"]["series"][0]["values"]) == 16


def test_the_spread_is_a_share_of_the_largest_contributions():
    scores = np.array([10.0, -10, 5, *[1] * 20, np.nan])
    error = np.array([1.0, 2, 1, *[np.nan] * 20, 1])
    assert spread(scores, error) == pytest.approx(0.2)
    assert spread(np.linspace(1, 2, 30), np.linspace(0.1, 0.2, 30)) == pytest.approx(0.1)
    assert np.isnan(spread(np.zeros(5), np.ones(5)))
