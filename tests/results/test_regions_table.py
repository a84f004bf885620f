"""Regions kept as columns behave as a list of regions."""

import numpy as np
import pytest

from genolift.results.regions import Region, RegionTable, as_regions

ROWS = [Region("chr2", 3, 9, "-"), Region("chr1", -5, 11, "+"), Region("chr2", 0, 2**40, ".")]


def test_rows_in_and_out():
    table = as_regions(ROWS)
    assert list(table) == ROWS
    assert [table[i] for i in (-1, 0, np.int64(1))] == [ROWS[2], ROWS[0], ROWS[1]]
    assert table == ROWS
    assert table != ROWS[:2]
    assert table[::-1] == ROWS[::-1]
    assert table.take(np.array([2, 2])) == [ROWS[2]] * 2
    assert isinstance(table[0].start, int)
    with pytest.raises(IndexError):
        table[3]


def test_from_anything_that_holds_regions():
    assert as_regions(None) is None
    table = as_regions([("chr1", 1, 4)])
    assert table == [Region("chr1", 1, 4, "+")]
    assert as_regions(table) is table
    assert len(as_regions([])) == 0
    assert as_regions(RegionTable(["a"], [1], [2], ["-"])) == [("a", 1, 2, "-")]


def test_columns_of_one_length():
    with pytest.raises(ValueError, match="differ in length"):
        RegionTable(["a"], [1, 2], [2, 3], ["-", "+"])
