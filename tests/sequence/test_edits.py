"""What is written into sequences stays inside them, in every row."""

import numpy as np
import pytest

from genolift.sequence.alphabet import decode, encode
from genolift.sequence.edits import check_inside, written
from genolift.support.errors import InputError

ROWS, LENGTH, WIDTH = 1500, 12, 3


@pytest.mark.parametrize("row", [0, 999, 1000, 1200, ROWS - 1])
@pytest.mark.parametrize("start", [-5, -1, LENGTH - WIDTH + 1])
def test_a_start_outside_is_refused_in_any_row(row, start):
    """A negative one would write near the end of the sequence, and nobody would notice."""
    starts = np.full(ROWS, 4)
    starts[row] = start
    told = f"the stretch {start} to {start + WIDTH} .* is not within 0 to {LENGTH}"
    with pytest.raises(InputError, match=told):
        check_inside(starts, starts + WIDTH, LENGTH)
    with pytest.raises(InputError, match=told):
        written(np.zeros((ROWS, LENGTH, 4), np.float32), encode("GAT"), starts)


def test_the_first_that_is_outside_is_named():
    with pytest.raises(InputError, match="the stretch 9 to 13 "):
        check_inside([0, 9, -5], [1, 13, 1], LENGTH)


@pytest.mark.parametrize(("start", "end"), [(4, 4), (5, 4), (-1, 3), (10, 13), (0, 13)])
def test_stretches_that_hold_nothing_or_reach_out(start, end):
    with pytest.raises(InputError, match="is not within 0 to 12"):
        check_inside(start, end, LENGTH)


def test_stretches_that_fit():
    check_inside(0, LENGTH, LENGTH)
    check_inside(np.arange(3), np.arange(3) + 1, LENGTH)
    starts = np.arange(ROWS) % (LENGTH - WIDTH + 1)
    found = written(np.eye(4, dtype=np.float32)[np.zeros((ROWS, LENGTH), int)], encode("GNT"), starts)
    expected = ["A" * start + "GAT" + "A" * (LENGTH - WIDTH - start) for start in starts]
    assert decode(found) == expected
