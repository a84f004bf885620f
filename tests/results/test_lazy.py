"""Rows must be indistinguishable from the array they stand for, and read no more than they must."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genolift.results.lazy import LazyArray, rowwise

ARRAY = np.random.default_rng(0).normal(size=(11, 3, 4))


def lazy(seen=None):
    def read(start, stop):
        if seen is not None:
            seen.append((start, stop))
        return ARRAY[start:stop]

    return LazyArray(ARRAY.shape, ARRAY.dtype, read)


rows = st.one_of(
    st.slices(11),
    st.integers(-11, 10),
    st.lists(st.integers(-11, 10), max_size=6).map(lambda numbers: np.array(numbers, dtype=int)),
    st.lists(st.booleans(), min_size=11, max_size=11).map(np.array),
)
rest = st.sampled_from([(), (1,), (slice(0, 2),), (Ellipsis, 2), (slice(None), [0, 3, 1])])


@given(rows, rest)
@settings(derandomize=True, deadline=None, max_examples=200)
def test_indexing_is_numpys(key, more):
    try:
        expected = ARRAY[(key, *more)]
    except IndexError:
        with pytest.raises(IndexError):
            lazy()[(key, *more)]
    else:
        np.testing.assert_array_equal(lazy()[(key, *more)], expected)


@pytest.mark.parametrize("key", [..., (..., 0), (np.array([1, 5]), np.array([0, 2])), ARRAY[:, 0, 0] > 0])
def test_other_keys_are_numpys(key):
    np.testing.assert_array_equal(lazy()[key], ARRAY[key])


def test_what_is_out_of_bounds_is_an_index_error():
    with pytest.raises(IndexError):
        lazy()[11]


def test_only_the_rows_asked_for_are_read():
    seen = []
    array = lazy(seen)
    array[4:6], array[[9, 2, 3]], array.select(slice(7, 10))[1]
    assert seen == [(4, 6), (2, 4), (9, 10), (8, 9)]


def test_arithmetic_and_methods_are_numpys():
    np.testing.assert_array_equal(2 * lazy() - ARRAY, ARRAY)
    np.testing.assert_array_equal(lazy().sum(axis=-1), ARRAY.sum(axis=-1))
    np.testing.assert_array_equal(np.concatenate([lazy(), lazy()]), np.concatenate([ARRAY, ARRAY]))
    assert [row.shape for row in lazy()] == [(3, 4)] * 11
    with pytest.raises(AttributeError):
        lazy().nonsense  # noqa: B018


def test_selections_compose():
    view = lazy().select(slice(2, 9)).select([0, 3, 1])
    np.testing.assert_array_equal(view, ARRAY[2:9][[0, 3, 1]])


def test_rowwise_of_something_unread_stays_unread():
    seen = []
    total = rowwise(lambda a, b: (a * b).sum(-1), lazy(seen), ARRAY)
    assert total.shape == (11, 3)
    assert seen == []
    np.testing.assert_array_equal(total[3], (ARRAY[3] ** 2).sum(-1))
    assert seen == [(3, 4)]
