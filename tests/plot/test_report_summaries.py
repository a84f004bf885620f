"""What the page about stores tells of all sequences together."""

import json
import re

import numpy as np
import pytest

from genolift.pipeline.common.drawing import write_page
from genolift.plot.report import write_report
from genolift.plot.web.content import spread, strong_stretches, strongest
from genolift.plot.web.page import PageOptions
from genolift.results.explanation import Explanation
from genolift.support.errors import FileProblem, InputError


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


def test_where_nothing_counts_no_stretch_is_the_strongest():
    """A network that reads fixed motifs gives a sequence without any of them scores of 0."""
    sequence = "ACGTA" * 4
    assert strongest(np.zeros(20), sequence) is None
    assert strongest(np.full(20, np.nan), sequence) is None
    assert strongest(np.where(np.arange(20) == 12, -1.0, np.nan), sequence)["sum"] == -1


def test_curves_of_several_units_can_be_compared(tmp_path):
    """A method whose scores are a thousand times as large does not make the other curve flat."""
    scores = np.abs(np.random.default_rng(1).normal(size=(8, 20))).astype(np.float32)
    store(tmp_path / "a.zarr", scores=scores)
    X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (8, 20))]
    Explanation(
        {"inputs": X, "scores": 1000 * scores}, names=[f"s{i}" for i in range(8)], target=1, method={"name": "ism"}
    ).save(tmp_path / "b.zarr")
    write_report([tmp_path / "a.zarr", tmp_path / "b.zarr"], tmp_path / "r.html", PageOptions(progress=False))
    told = content(tmp_path / "r.html")[0]["average"]
    a, b = (np.array(one["values"]) for one in told["series"])
    np.testing.assert_allclose(a, b, rtol=1e-3)
    assert a.mean() == pytest.approx(1, rel=1e-3)
    assert told["words"].endswith("each curve divided by its own mean, because units differ")
    write_report(tmp_path / "b.zarr", tmp_path / "one.html", PageOptions(progress=False))
    (alone,) = content(tmp_path / "one.html")[0]["average"]["series"]
    np.testing.assert_allclose(alone["values"], 1000 * scores.mean(0), rtol=1e-3)


def test_the_spread_is_a_share_of_the_largest_contributions():
    scores = np.array([10.0, -10, 5, *[1] * 20, np.nan])
    error = np.array([1.0, 2, 1, *[np.nan] * 20, 1])
    assert spread(scores, error) == pytest.approx(0.2)
    assert spread(np.linspace(1, 2, 30), np.linspace(0.1, 0.2, 30)) == pytest.approx(0.1)
    assert np.isnan(spread(np.zeros(5), np.ones(5)))


MEME = """MEME version 4

ALPHABET= ACGT

MOTIF MA1 <b>gata</b>
letter-probability matrix: alength= 4 w= 7
0.97 0.01 0.01 0.01
0.01 0.01 0.97 0.01
0.97 0.01 0.01 0.01
0.01 0.01 0.01 0.97
0.97 0.01 0.01 0.01
0.97 0.01 0.01 0.01
0.01 0.01 0.97 0.01

MOTIF MA2 other
letter-probability matrix: alength= 4 w= 7
0.01 0.97 0.01 0.01
0.01 0.97 0.01 0.01
0.01 0.97 0.01 0.01
0.01 0.97 0.01 0.01
0.01 0.97 0.01 0.01
0.01 0.97 0.01 0.01
0.01 0.97 0.01 0.01
"""


@pytest.fixture
def with_motifs(tmp_path):
    """A directory with two stores of sequences: in the first 12, AGATAAG is at 30 and CTTATCT at 60; and motifs."""
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 4, (20, 90))
    word = ["ACGT".index(base) for base in "AGATAAG"]
    codes[:12, 30:37], codes[:12, 60:67] = word, [3 - base for base in word[::-1]]
    X = np.eye(4, dtype=np.float32)[codes]
    names = [f"s{i}" for i in range(20)]
    for name, places in (("a", (30, 60)), ("b", (31, 5))):
        scores = 0.001 * rng.normal(size=(20, 90)).astype(np.float32)
        scores[:, places[0] : places[0] + 7] += 1.0
        scores[:, places[1] : places[1] + 7] -= 0.6
        scores[0] = 0 if name == "b" else scores[0]
        Explanation({"inputs": X, "scores": scores}, names=names, target=0, method={"name": "ism"}).save(
            tmp_path / f"{name}.zarr"
        )
    (tmp_path / "m.meme").write_text(MEME)
    (tmp_path / "m.bed").write_text("s1\t30\t37\tknown\t0\t+\n")
    return tmp_path


def test_motifs_name_the_strongest_stretches(with_motifs):
    folder = with_motifs
    options = PageOptions(annotations=folder / "m.bed", progress=False)
    write_page([folder / "a.zarr", folder / "b.zarr"], folder / "r.html", options, folder / "m.meme")
    told, text = content(folder / "r.html")
    assert told["motifs"] == "m.meme"
    label = "MA1_<b>gata</b>"
    first, second = [[one and one.get("motif") for one in track["strongest"]] for track in told["tracks"]]
    assert first[:12] == [label] * 12
    assert second[:12] == [None, *[label] * 11]  # The first sequence has no contributions there.
    assert first[12:].count(None) >= 7  # Chance makes one in a hundred.
    assert told["tracks"][0]["strongest"][1]["label"] == "known"  # what the BED file says
    marks = [
        (one["start"], one["end"], one["label"], one["strand"], one.get("tone")) for one in told["annotations"]["1"]
    ]
    # Both stores have the first match, which is marked once, and one has the second, on the other strand.
    assert marks == [
        (30, 37, "known", "+", None), (30, 37, label, "+", "motif"), (60, 67, label, "-", "motif")
    ]  # fmt: skip
    assert "<b>gata" not in text
    cells = re.findall(r"<tr><td>([^<]*)</td><td>([^<]*)</td><td>([^<]*)</td></tr>", text)
    counted = {name: some for name, *some in cells}
    (first_cell, second_cell) = counted["MA1_&lt;b&gt;gata&lt;/b&gt;"]
    assert first_cell.split(" / ")[0] in ("12", "13")
    assert int(first_cell.split(" / ")[1]) >= 24
    assert second_cell.split(" / ")[0] in ("11", "12")
    assert "none of them" in counted
    assert "A name says what the bases resemble, and not which factor binds." in text


def test_where_motifs_name_nothing(with_motifs):
    folder = with_motifs
    write_page([folder / "a.zarr"], folder / "r.html", PageOptions(progress=False))
    assert "motifs" not in content(folder / "r.html")[0]
    Explanation({"inputs": np.ones((3, 2)), "raw_contributions": np.ones((3, 2))}).save(folder / "n.zarr")
    with pytest.raises(InputError, match="is not of one input of DNA"):
        write_page([folder / "n.zarr"], folder / "r.html", PageOptions(progress=False), folder / "m.meme")
    (folder / "found").mkdir()
    with pytest.raises(InputError, match="found is not a score store, and motifs are for the sequences of stores"):
        write_page([folder / "found"], folder / "r.html", PageOptions(progress=False), folder / "m.meme")
    with pytest.raises(FileProblem, match=r"none\.meme is not there"):
        write_page([folder / "a.zarr"], folder / "r.html", PageOptions(progress=False), folder / "none.meme")
    short = np.eye(4, dtype=np.float32)[np.zeros((4, 7), int)]
    Explanation({"inputs": short, "scores": short.sum(-1)}, target=0, method={"name": "ism"}).save(folder / "s.zarr")
    write_page([folder / "s.zarr"], folder / "r.html", PageOptions(progress=False), folder / "m.meme")
    assert [one["motif"] for one in content(folder / "r.html")[0]["tracks"][0]["strongest"]] == [None] * 4


def test_strong_stretches_do_not_overlap_and_are_not_weak():
    scores = np.zeros(100)
    scores[10:20], scores[50:60], scores[70:80], scores[90] = 1, -0.6, 0.2, np.nan
    assert strong_stretches(scores, 100) == [10, 50]
    assert strong_stretches(scores, 9) == strong_stretches(np.zeros(100), 100) == []
    assert len(strong_stretches(np.ones(100), 100)) == 3
    assert strong_stretches(np.full(100, np.nan), 100) == []
