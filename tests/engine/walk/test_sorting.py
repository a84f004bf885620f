"""Sorts as networks of comparators: what they hand back, by hand and against the order itself."""

import numpy as np
import pytest

import genolift as gl
from genolift.engine.operations.kinds import Sort
from genolift.engine.program import Step, Value
from genolift.engine.selection.sorting_network import merge_exchange
from genolift.engine.walk.propagate import held
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
pytestmark = pytest.mark.usefixtures("uncompiled")


def explained(function, x, reference, target=0):
    method = gl.DeepLift(function, target, rule="rescale", references=gl.references.Fixed(reference[None]))
    return method(x[None])


@pytest.mark.parametrize("power", range(1, 7))
def test_the_network_sorts(power):
    """Every row of zeros and ones comes out in order, so every row does (Knuth 5.3.4, theorem Z); of any length."""
    turns = merge_exchange(power)
    assert len(turns) == Sort.turns(2**power)
    for length in range(2 ** (power - 1) + 1, 2**power + 1):
        rows = np.random.default_rng(length).integers(0, 2, (300, length))
        for bit, rest, apart in turns:
            for i in range(length - apart):
                if i & bit == rest:
                    pair = rows[:, [i, i + apart]]
                    rows[:, i], rows[:, i + apart] = pair.max(1), pair.min(1)
        assert (np.diff(rows, axis=1) <= 0).all()


def test_two_by_hand():
    """From (0, 0) to (3, 2) the larger rises by 3: in one order 3 of it is the first's, in the other 1, and 2 the second's."""
    x, zero = np.array([[3.0], [2.0]], np.float32), np.zeros((2, 1), np.float32)
    found = explained(lambda t: tf.sort(t[..., 0], direction="DESCENDING"), x, zero, target=0)
    np.testing.assert_allclose(found.raw_contributions[0, :, 0], [2, 1], rtol=1e-6)
    found = explained(lambda t: tf.sort(t[..., 0], direction="DESCENDING"), x, zero, target=1)
    np.testing.assert_allclose(found.raw_contributions[0, :, 0], [1, 1], rtol=1e-6)


@pytest.mark.parametrize("length", [1, 2, 7, 33])
def test_sums_to_the_difference_at_any_length(length):
    """The length is free, ties are common, and all places together pass on what they are given."""
    rng = np.random.default_rng(length)
    x, ref = (rng.integers(-2, 3, (4, length, 1)).astype(np.float32) / 2 for _ in range(2))
    model = tf.function(lambda t: tf.sort(t[..., 0], axis=-1), input_signature=[tf.TensorSpec((None, None, 1))])
    weights = np.sin(np.arange(length) + 1.0).astype(np.float32)
    method = gl.DeepLift(
        lambda t: tf.reduce_sum(model(t) * weights, -1, keepdims=True), 0, references=gl.references.Fixed(ref[:, None])
    )
    found = method(x)
    expected = np.sort(x[..., 0]) @ weights - np.sort(ref[..., 0]) @ weights
    np.testing.assert_allclose(found.raw_contributions.sum((1, 2)), expected, atol=1e-5)
    assert np.abs(found.residual).max() < 1e-5
    total = gl.DeepLift(
        lambda t: tf.reduce_sum(model(t), -1, keepdims=True), 0, references=gl.references.Fixed(ref[:, None])
    )
    np.testing.assert_allclose(total(x).raw_contributions, x - ref, atol=1e-6)


def test_where_the_order_stays_it_is_a_selection():
    x = np.float32([[5], [1], [3], [2]])
    found = explained(lambda t: tf.math.top_k(t[..., 0], 2).values, x, x - 0.25, target=1)
    np.testing.assert_allclose(found.raw_contributions[0, :, 0], [0, 0, 0.25, 0], atol=1e-7)
    np.testing.assert_allclose(found.multipliers[0, :, 0], [0, 0, 1, 0], atol=1e-6)


def test_the_median_is_bounded():
    """Multipliers are shares: none is negative or above one, however close the values."""
    rng = np.random.default_rng(0)
    x, ref = rng.normal(0, 1, (2, 20, 9, 1)).astype(np.float32)
    ref[:10] = x[:10] + rng.choice([0, 1e-6], (10, 9, 1)).astype(np.float32)
    method = gl.DeepLift(lambda t: tf.sort(t[..., 0])[:, 4:5], 0, references=gl.references.Fixed(ref[:, None]))
    found = method(x)
    assert (found.multipliers >= -1e-6).all()
    assert (found.multipliers <= 1 + 1e-6).all()
    assert np.abs(found.residual).max() < 1e-6


def test_where_no_order_is_asked_for_the_largest_come_first():
    """TensorFlow may then give them in any order, which need not be the same for a sequence and its reference."""
    rng = np.random.default_rng(1)
    x, ref = rng.normal(0, 1, (2, 4, 30, 1)).astype(np.float32)
    weights = np.arange(1.0, 8.0, dtype=np.float32)

    def model(t):
        return tf.reduce_sum(tf.math.top_k(t[..., 0], 7, sorted=False).values * weights, -1, keepdims=True)

    found = gl.DeepLift(model, 0, references=gl.references.Fixed(ref[:, None]))(x)
    np.testing.assert_allclose(found.predictions, -np.sort(-x[..., 0])[:, :7] @ weights, rtol=1e-5)
    assert np.abs(found.residual).max() < 1e-4


def test_a_sort_of_unknown_shape_is_held_as_the_longest():
    """How many copies wait in memory is told for every program, also where the number of axes is not known."""
    source = Step("Placeholder", "x", [])
    source.outputs = [Value(source, 0, None, "float32")]
    step = Step("TopKV2", "top", [source.output])
    assert held([step], lambda step: False) == {source.output: 2 * Sort.turns(None)}
