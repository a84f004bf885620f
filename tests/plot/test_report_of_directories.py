"""The page that a command has written into its directory, written where a user asks for it."""

import re

import numpy as np
import pytest

from genolift.plot.page import Table
from genolift.plot.patterns import ShownPattern, patterns_page
from genolift.plot.report import write_report
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
