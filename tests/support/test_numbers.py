"""Whole numbers that a user gives."""

import numpy as np
import pytest

from genolift.support.errors import InputError
from genolift.support.numbers import whole_number


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float32(3)])
def test_whole_numbers(value):
    number = whole_number(value, "steps")
    assert (number, type(number)) == (3, int)


@pytest.mark.parametrize(
    "value", [1.5, 0, -1, True, None, "3", "many", float("nan"), float("inf"), [3], np.array([3, 4])]
)
def test_what_is_no_whole_number(value):
    with pytest.raises(InputError, match="steps must be a whole number of at least 1, not "):
        whole_number(value, "steps")


def test_the_least_is_part_of_it():
    assert whole_number(0, "order", 0) == 0
    with pytest.raises(InputError, match="samples must be a whole number of at least 2, not 1"):
        whole_number(1, "samples", 2)
