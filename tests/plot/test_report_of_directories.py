"""The page that a command has written into its directory, written where a user asks for it."""

import re

import numpy as np
import pandas as pd
import pytest

from genolift.plot.page import Table
from genolift.plot.patterns import ShownPattern, patterns_page
from genolift.plot.report import standing_table, write_report
from genolift.plot.web.page import PageOptions
from genolift.support.errors import FileProblem, InputError


def folder_of_patterns(place):
    place.mkdir(exist_ok=True)
    cwm = np.eye(4)[[2, 0, 3, 0]]
    page = patterns_page(
        "Patterns of <x>", "One.", Table(["name"], [["p0"]]), [ShownPattern("p0", cwm)], progress=False
    )
    (place / "patterns.html").write_text(page)
    (place / "notes.html").write_text("<h1>mine</h1>")
    return page


def test_the_page_of_a_directory_is_written_where_it_is_asked_for(tmp_path):
    made = folder_of_patterns(tmp_path / "found")
    assert write_report(tmp_path / "found", tmp_path / "r.html") == [tmp_path / "r.html"]
    assert (tmp_path / "r.html").read_text() == made
    assert all(source.startswith("data:") for source in re.findall(r'(?:src|href)="([^"]*)"', made))
    write_report(tmp_path / "found", tmp_path / "r.html", PageOptions(title=r"A & B \1"))
    text = (tmp_path / "r.html").read_text()
    assert r"<title>A &amp; B \1</title>" in text
    assert r"<h1>A &amp; B \1</h1>" in text
    assert "Patterns of" not in text
    assert "<td>p0</td>" in text


def test_a_page_that_is_not_whole_or_not_the_only_one_is_refused(tmp_path):
    made = folder_of_patterns(tmp_path / "found")
    for option, words in (({"target": 0}, "a target is"), ({"annotations": tmp_path / "m.bed"}, "annotations are")):
        with pytest.raises(InputError, match=f"found is not a score store, and {words} for the sequences of stores"):
            write_report(tmp_path / "found", tmp_path / "r.html", PageOptions(**option))
    (tmp_path / "found" / "compare.html").write_text(made)
    with pytest.raises(FileProblem, match="it has 2 pages"):
        write_report(tmp_path / "found", tmp_path / "r.html")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.html").write_text("<h1>mine</h1>")
    with pytest.raises(FileProblem, match="no page of genolift's"):
        write_report(tmp_path / "other", tmp_path / "r.html")
    # A page with its scores beside it would be without them elsewhere.
    (tmp_path / "other" / "index.html").write_text(made + '<script>{"beside":"r_data"}</script>')
    with pytest.raises(FileProblem, match="no page of genolift's"):
        write_report(tmp_path / "other", tmp_path / "r.html")
    assert not (tmp_path / "r.html").exists()


def recovery(**false):
    """Return rows of ``recovery.csv``: for each method, false negatives of two motifs and false positives of one."""
    return pd.DataFrame(
        [
            {"method": method, "task": "a", "motif": motif, "false_negative_rate": missed, "false_positive_rate": found}
            for method, (first, second, wrong) in false.items()
            for motif, missed, found in (("A", first, np.nan), ("B", second, np.nan), ("C", np.nan, wrong))
        ]
    )


def test_methods_stand_in_the_order_of_what_they_miss_and_what_they_invent():
    table = standing_table(recovery(worse=(0.5, 0.3, 0.4), better=(0.1, 0.3, 0.2), middling=(0.2, 0.4, 0.1)))
    assert table.head == ["method", "mean rank", "false negatives", "false positives"]
    # Ranks by hand: better 1, 1.5, 2; middling 2, 3, 1; worse 3, 1.5, 3.
    assert table.rows == [
        ["Better", "1.5", "20.0%", "20.0%"],
        ["Middling", "2.0", "30.0%", "10.0%"],
        ["Worse", "2.5", "40.0%", "40.0%"],
    ]


def test_a_method_that_lacks_a_rate_has_no_standing():
    rows = recovery(whole=(0.1, 0.2, 0.3), partial=(0.1, np.nan, 0.0), other=(0.2, 0.2, 0.4))
    assert [row[0] for row in standing_table(rows).rows] == ["Whole", "Other"]
    assert standing_table(recovery(alone=(0.1, 0.2, 0.3))).rows == []
    assert standing_table(rows[["method", "task", "motif"]]).rows == []


def test_a_benchmarks_page_begins_with_the_order_of_the_methods(tmp_path):
    recovery(worse=(0.5, 0.3, 0.4), better=(0.1, 0.3, 0.2)).to_csv(tmp_path / "recovery.csv", index=False)
    write_report(tmp_path, tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text()
    assert re.findall("<h2>(.*?)</h2>", text)[0] == "Which methods find what matters"
    assert text.index("Better") < text.index("Worse") < text.index("Motif recovery")
