"""The report is one page that needs nothing else and shows what is there."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from genolift.evaluate.truth.recovery import COLUMNS
from genolift.plot.report import accuracy_table, residual_table, seed_tables, write_report
from genolift.plot.style import Picture, save_figure
from genolift.results.explanation import Explanation
from genolift.support.errors import FileProblem


class Page(HTMLParser):
    """Texts, image sources and whether every tag is closed."""

    VOID = ("meta", "img")

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.cells = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th", "h2", "dd", "figcaption", "h1"):
            self.cells.append(data.strip())


def read(path):
    text = path.read_text()
    page = Page(text)
    assert page.open == []
    outside = re.findall(r"(?:src|href)=\"(?!data:)[^\"]*\"|url\(|@import|<script", text)
    assert outside == []  # nothing is fetched, nothing runs
    return page, text


@pytest.fixture
def benchmark(tmp_path):
    folder = tmp_path / "bench"
    folder.mkdir()
    row = dict.fromkeys(COLUMNS, np.nan) | {"auroc": 0.91234, "false_negative_rate": 0.0476}
    rows = [
        row | {"method": "deeplift-rescale", "task": "both", "motif": "GATA1", "seconds": 1.25},
        row | {"method": "<script>alert(1)</script>", "task": "none", "motif": "NA", "auroc_correct": 0.5},
    ]
    pd.DataFrame(rows).to_csv(folder / "recovery.csv", index=False)
    figure = Picture()
    figure.subplots()
    for name in ("figure5_GATA1.png", "figure5_TAL1.png", "figure6.png"):
        save_figure(figure, folder / name)
    (folder / "training.json").write_text(json.dumps(training(0) | {"other_seeds": [training(1)]}))
    return folder


def training(seed: int) -> dict:
    return {"seed": seed, "epochs": 12, "metrics": {"both": {"auroc": 0.98765, "accuracy": 0.9 + seed / 100}}}


def test_accuracy_of_every_network():
    table = accuracy_table(training(0) | {"other_seeds": [training(1)]})
    assert table.head == ["network", "both"]
    assert table.rows == [["seed 0", "0.900"], ["seed 1", "0.910"]]
    assert accuracy_table({"seed": 0, "metrics": None}).rows == []


def test_false_negatives_of_every_seed():
    table = pd.DataFrame(
        {
            "method": ["deeplift-rescale", "deeplift-rescale"],
            "task": "both",
            "motif": ["A", "B"],
            "false_negative_rate_seed_0": [0.25, np.nan],
            "false_negative_rate_seed_1": [0.5, np.nan],
        }
    )
    (only,) = seed_tables(table)
    assert only.head == ["task both, A", "seed 0", "seed 1"]
    assert only.rows == [["DeepLIFT rescale", "25.0%", "50.0%"]]
    assert seed_tables(table[["method", "task", "motif"]]) == []


def test_a_benchmarks_page_gathers_tables_figures_and_records(benchmark):
    write_report(benchmark, benchmark / "index.html")
    page, text = read(benchmark / "index.html")
    assert [image["alt"] for image in page.images] == ["Figure 5, GATA1", "Figure 5, TAL1", "Figure 6"]
    assert all(image["src"].startswith("data:image/png;base64,iVBOR") for image in page.images)
    for cell in (
        "4.8%",
        "0.912",
        "0.500",
        "DeepLIFT rescale",
        "both\nGATA1",
        "none\nNA",
        "1.25",
        "0.98765",
    ):
        assert cell in page.cells, cell
    assert "alert(1)" in text  # as text
    assert "nan" not in [cell.lower() for cell in page.cells]
    first = (benchmark / "index.html").read_bytes()
    write_report(benchmark, benchmark / "index.html")
    assert (benchmark / "index.html").read_bytes() == first


def store(tmp_path, targets=(), **changes):
    rng = np.random.default_rng(0)
    X = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (8, 20))]
    raw = rng.normal(size=(8, *targets, 20, 4)).astype(np.float32)
    fields = {
        "inputs": X,
        "raw_contributions": raw,
        "predictions": np.full((8, *targets), 3.0),
        "reference_predictions": np.full((8, *targets, 2), 1.0),
        "residual": np.full((8, *targets, 2), -1e-6),
    } | changes
    path = tmp_path / "s.zarr"
    Explanation(
        fields,
        names=[f"<b>{i}</b>" for i in range(8)],
        target=[2, 5] if targets else 1,
        method={"name": "deeplift", "rule": "genomics"},
        provenance={"versions": {"tensorflow": "2.x"}},
    ).save(path)
    return path


@pytest.mark.parametrize("targets", [(), (2,)])
def test_a_stores_page_shows_logos_residuals_and_provenance(tmp_path, targets):
    path = store(tmp_path, targets)
    write_report(path, tmp_path / "report.html", sequences=3)
    page, text = read(tmp_path / "report.html")
    assert [image["alt"] for image in page.images] == ["<b>0</b>", "<b>1</b>", "<b>2</b>"]
    assert "1e-06" in page.cells
    assert "2.x" in page.cells
    assert "genomics" in page.cells
    assert f"output {2 if targets else 1}." in text


def test_the_residual_summary_ignores_references_that_were_not_used(tmp_path):
    residual = np.full((8, 2), np.nan)
    residual[:, 0] = [1, -2, 3, -4, 5, -6, 7, -8]
    e = Explanation.load(store(tmp_path, residual=residual))
    assert ["largest residual", "8"] in residual_table(e).rows
    assert ["median difference f(x) − f(reference)", "2"] in residual_table(e).rows


def test_inputs_that_are_not_dna_have_a_page_without_logos(tmp_path):
    Explanation({"inputs": np.ones((3, 2)), "raw_contributions": np.ones((3, 2))}).save(tmp_path / "s.zarr")
    write_report(tmp_path / "s.zarr", tmp_path / "r.html")
    page, _ = read(tmp_path / "r.html")
    assert page.images == []
    assert "3 × 2" in page.cells


def test_what_is_neither_is_refused(tmp_path):
    with pytest.raises(FileProblem, match="is not there"):
        write_report(tmp_path / "nothing", tmp_path / "r.html")
    with pytest.raises(FileProblem, match="neither a score store nor a benchmark"):
        write_report(tmp_path, tmp_path / "r.html")
    with pytest.raises(FileProblem, match="cannot be written"):
        write_report(store(tmp_path), tmp_path / "no" / "r.html")
    assert not (tmp_path / "r.html").exists()
