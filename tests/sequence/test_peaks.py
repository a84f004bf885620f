"""Summits are recognised by what a file holds, and never by the number of its columns."""

import logging
import random

import pytest

from genolift.sequence.regions import read_intervals
from genolift.support.errors import InputError

PEAK = ("chr1", 100, 150, "p", 500, ".", 5.1, 7.2, 3.1, 7)
NO_SUMMIT = (*PEAK[:9], -1)


@pytest.fixture
def centres(tmp_path):
    """The centres of windows of the lines of a BED file."""

    def of(*lines, name="some.bed", **options):
        path = tmp_path / name
        path.write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))
        return [one.start + 10 for one in read_intervals(path, width=20, **options)]

    return of


@pytest.mark.parametrize(
    "more",
    [(), ("",), ("GENE",), ("", ""), (3.1, 2.9, 100, 150, 5.0, 28, 105, 150, 4.9, 33), ("GENE", "7,8"), (-1, -1)],
    ids=["narrowPeak", "tab", "gene", "tabs", "idr", "list", "numbers"],
)
def test_summits_stay_where_columns_follow(centres, caplog, more):
    with caplog.at_level(logging.INFO, "genolift"):
        assert centres((*PEAK, *more), (*NO_SUMMIT, *more)) == [107, 125]
    assert "some.bed: summits from column 10" in caplog.text


def test_unknown_columns_may_be_points_and_other_lines_shorter(centres):
    assert centres(("chr1", 100, 150, ".", ".", ".", ".", ".", ".", 7), ("chr1", 100, 150)) == [107, 125]


@pytest.mark.parametrize(
    "line",
    [
        ("chr1", 100, 150, "p", 0, "+", "chr1", 90, 99, 2),  # BED6, the closest of a BED3, and the distance
        ("chr1", 100, 150, "p", 0, "+", ".", -1, -1, -1),
        ("chr1", 100, 150, "p", 0, "+", 100, 150, "0,0,255", 7),
        ("chr1", 100, 150, "p", 0, "+", 100, 150, 0, 2, "10,10", "0,40"),
        ("chr1", 100, 150, "p", 0, "+", 100, 150, 0, 2, "10,10,", "0,40,", 5.1, 7, 8),  # gappedPeak
        ("chr1", 100, 150, "p", 0, "+", 1.5, 2.5, 3.5),  # broadPeak
        ("chr1", 100, 150, "p", 0, "+", 1.5, 2.5, 3.5, ""),
    ],
)
def test_what_is_something_else_is_no_summit(centres, caplog, line):
    with caplog.at_level(logging.INFO, "genolift"):
        assert centres(line, line) == [125, 125]
    assert "summits" not in caplog.text


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([("1", 100, 150, "p", 0, "+", 1, 90, 99, 2)] * 2, "look like a second region"),
        ([("chr1", 100, 150, "p", 0, "+", 100, 150, 0, 7)] * 2, "look like those of BED9"),
        ([(*PEAK[:9], 0)] * 3, "0 or -1 in every line"),
        ([PEAK, (*PEAK[:9], 5000), (*PEAK[:9], 800)], "lies outside the region, such as 5000"),
        ([PEAK, PEAK, *[("chr1", 100, 150, "p", 0, "+", "chr1", 90, 99, 2)] * 2], "2 of 4 lines look like narrowPeak"),
    ],
)
def test_what_may_be_either_is_refused_until_a_flag_decides(centres, lines, words):
    with pytest.raises(InputError, match=words) as caught:
        centres(*lines)
    assert "some.bed" in str(caught.value)
    assert "--summits none" in caught.value.for_command_line()
    assert "summits='10'" in str(caught.value)
    assert centres(*lines, summits="none") == [125] * len(lines)
    if words.startswith("l") or words.startswith("0"):
        assert centres(*lines[:1], summits="10") == [100 + lines[0][9]]


def test_the_name_of_the_file_says_so_too(centres):
    assert centres((*PEAK[:9], 0), (*PEAK[:9], 0), name="some.narrowPeak") == [100, 100]


def test_a_few_malformed_lines_are_malformed_lines(centres):
    lines = [PEAK] * 30
    with pytest.raises(InputError, match=r"line 31: summit \(column 10\) is 50, outside.*summits='none'"):
        centres(*lines, (*PEAK[:9], 50))
    with pytest.raises(InputError, match=r"line 31: summit \(column 10\) is '7.5', not a whole number"):
        centres(*lines, (*PEAK[:9], 7.5))


def test_a_column_can_be_named(centres):
    assert centres(("chr1", 100, 150, 4), ("chr1", 100, 150), summits="4") == [104, 125]
    for choice, words in [
        ("7", "has no column 7"),
        ("3", "from column 4|column from 4"),
        ("ten", "number of a column"),
    ]:
        with pytest.raises(InputError, match=words):
            centres(("chr1", 100, 150, 4), summits=choice)


def test_peaks_of_any_caller_keep_their_summits(centres):
    """Whatever the scores are, an offset within the region is used."""
    rng = random.Random(3)
    lines, wanted = [], []
    for _ in range(300):
        size, start = rng.randint(20, 400), rng.randint(0, 10**6)
        summit = rng.randrange(size)
        scores = [rng.choice([f"{rng.uniform(0, 90):.4f}", "-1", str(rng.randint(0, 900)), "1e-05"]) for _ in range(3)]
        lines.append((f"{rng.randint(1, 22)}", start, start + size, "p", rng.randint(0, 1000), ".", *scores, summit))
        wanted.append(start + summit)
    assert centres(*lines) == wanted
