"""Blocks that are computed two at a time: the order, the bits, errors and devices are those of one after the other."""

import threading
import time

import numpy as np
import pytest

import genolift as gl
from genolift.engine.overlap import overlapped
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def test_results_come_in_the_order_of_the_items():
    def slow_at_first(i):
        time.sleep(0.02 if i < 2 else 0)
        return i

    assert list(overlapped(slow_at_first, iter(range(9)), 2)) == list(range(9))
    assert list(overlapped(slow_at_first, [], 2)) == []


def test_two_at_a_time_and_never_more():
    both, most, now, lock = threading.Barrier(2, timeout=10), 0, 0, threading.Lock()

    def meeting(_):
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        both.wait()  # breaks if there is only one
        with lock:
            now -= 1

    list(overlapped(meeting, range(8), 2))
    assert most == 2


def test_an_error_is_raised_where_it_is_asked_for_and_nothing_more_is_begun():
    begun = []

    def fails(i):
        begun.append(i)
        if i == 3:
            raise ValueError("the third")

    with pytest.raises(ValueError, match="the third"):
        list(overlapped(fails, range(100), 2))
    assert max(begun) <= 5


def test_a_scope_of_the_callers_is_kept():
    here = threading.get_ident()
    with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
        assert set(overlapped(lambda _: threading.get_ident(), range(4), 2)) == {here}
    if len(tf.config.list_logical_devices("CPU")) > 1:
        with tf.device("/cpu:1"):
            assert set(overlapped(lambda _: threading.get_ident(), range(4), 2)) == {here}


@pytest.mark.parametrize("rule", ["rescale", "revealcancel"])
def test_the_bits_are_those_of_one_block_after_the_other(rule, monkeypatch):
    tf.keras.utils.set_random_seed(0)
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [layers.Input((30, 4)), layers.Conv1D(8, 7, activation="relu"), layers.Flatten(), layers.Dense(1)]
    )
    X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (40, 30))]
    monkeypatch.setattr("genolift.methods.referenced._BLOCK_BYTES", 4e5)  # many blocks
    method = gl.DeepLift(model, 0, rule=rule, references=gl.references.Shuffled(5), progress=False)
    two = [method(X) for _ in range(3)]
    monkeypatch.setattr("genolift.methods.referenced.overlapped", lambda function, items, lanes: map(function, items))
    one = method(X)
    for again in two:
        for name in ("raw_contributions", "multipliers", "hypothetical", "residual", "standard_error"):
            np.testing.assert_array_equal(getattr(again, name), getattr(one, name))
