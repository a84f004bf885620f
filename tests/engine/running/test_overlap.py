"""Blocks that are computed two at a time: the order, the bits, errors and devices are those of one after the other."""

import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import genolift as gl
from genolift.engine.running.overlap import overlapped
from genolift.engine.walk.explain import Explainer
from genolift.support.errors import InputError
from genolift.support.tensorflow import quiet_tensorflow

pytestmark = pytest.mark.slow

tf = quiet_tensorflow()


def test_results_come_in_the_order_of_the_items():
    def slow_at_first(i):
        time.sleep(0.02 if i < 2 else 0)
        return i

    assert list(overlapped(slow_at_first, iter(range(9)), 2)) == list(range(9))
    assert list(overlapped(slow_at_first, [], 2)) == []


def test_one_item_is_computed_without_another_thread():
    """Networks of short sequences are computed in less time than a thread takes to start."""
    assert list(overlapped(lambda _: threading.get_ident(), iter([0]), 2)) == [threading.get_ident()]


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


@pytest.fixture(scope="module")
def small_model():
    tf.keras.utils.set_random_seed(0)
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [layers.Input((30, 4)), layers.Conv1D(8, 7, activation="relu"), layers.Flatten(), layers.Dense(1)]
    )


@pytest.fixture
def many_blocks(monkeypatch):
    monkeypatch.setattr("genolift.methods.common.blocks._BLOCK_BYTES", 4e5)
    monkeypatch.setattr("genolift.methods.common.referenced._DRAWN_BYTES", 1)


@pytest.mark.parametrize("rule", ["rescale", "revealcancel"])
def test_the_bits_are_those_of_one_block_after_the_other(rule, small_model, many_blocks, monkeypatch):
    X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (40, 30))]
    method = gl.DeepLift(small_model, 0, rule=rule, references=gl.references.Shuffled(5), progress=False)
    two = [method(X) for _ in range(3)]
    monkeypatch.setattr(
        "genolift.methods.common.referenced.overlapped", lambda function, items, lanes: map(function, items)
    )
    one = method(X)
    for again in two:
        for name in ("raw_contributions", "multipliers", "hypothetical", "residual", "standard_error"):
            np.testing.assert_array_equal(getattr(again, name), getattr(one, name))


def test_references_that_fit_are_not_split_for_a_lane_that_has_nothing_to_do(small_model, monkeypatch):
    """A sequence whose references come in two parts runs forward twice."""
    method = gl.DeepLift(small_model, 0, references=gl.references.Shuffled(6), progress=False)
    X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (1, 30))]
    method(X)
    inputs, _ = method.adapted(X)
    kept = method._planner.kept_bytes(inputs)
    pair = method._planner.pair_bytes(inputs) - kept
    monkeypatch.setattr("genolift.methods.common.blocks.lanes", lambda program: 2)
    for memory, parts in ((6 * pair + kept, 6), (5 * pair + kept, 5)):
        method._planner.memory = int(memory)
        assert method._planner.plan(inputs, 1, 6).references == parts


def test_python_code_in_a_model_is_never_run_twice_at_a_time():
    inside, most = 0, 0

    def slow_mean(x):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.002)
        inside -= 1
        return x.mean(axis=(1, 2)).reshape(-1, 1)

    def model(x):
        y = tf.numpy_function(slow_mean, [x], tf.float32)
        y.set_shape([None, 1])
        return y

    X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (40, 30))]
    gl.method("occlusion", model, 0, progress=False, memory="100KB")(X)
    assert most == 1


def test_a_reference_may_draw_into_the_same_array_again(small_model, many_blocks, monkeypatch):
    compute = Explainer.__call__

    def late(*given):
        time.sleep(0.02)
        return compute(*given)

    monkeypatch.setattr(Explainer, "__call__", late)

    class Reusing(gl.references.Reference):
        shared, count = False, 3

        def draw(self, X, rows=None):
            if not hasattr(self, "kept") or self.kept.shape != (len(X), 3, *X.shape[1:]):
                self.kept = np.empty((len(X), 3, *X.shape[1:]), np.float32)
            self.kept[:] = X[:, None, ::-1] * 0.5
            return self.kept

    X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (60, 30))]
    found = gl.DeepLift(small_model, 0, references=Reusing(), progress=False)(X)
    own = gl.references.Fixed(np.repeat(X[:, None, ::-1] * 0.5, 3, axis=1))
    expected = gl.DeepLift(small_model, 0, references=own, progress=False)(X)
    np.testing.assert_array_equal(found.raw_contributions, expected.raw_contributions)


def test_references_of_another_shape_are_refused_and_the_next_call_is_right(small_model, many_blocks):
    class Wrong(gl.references.Reference):
        shared, count, more = False, 3, 1

        def draw(self, X, rows=None):
            more, self.more = self.more, 0
            return np.zeros((len(X), 3, X.shape[1] + more, 4), np.float32)

    X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (60, 30))]
    method = gl.DeepLift(small_model, 0, references=Wrong(), progress=False)
    with pytest.raises(InputError, match=r"Wrong drew references of shape \(\d+, 3, 31, 4\); 3 of each sequence's own"):
        method(X)
    assert np.isfinite(method(X).scores).all()


def test_a_call_that_outlives_the_main_thread_or_comes_at_the_end():
    code = """
import atexit, threading
import numpy as np
import genolift as gl

def f(x):
    return gl_tf.reduce_sum(x * x, axis=(1, 2))[:, None]

from genolift.support.tensorflow import quiet_tensorflow
gl_tf = quiet_tensorflow()
X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (40, 30))]
method = gl.method("occlusion", f, 0, progress=False, memory="100KB")

def call():
    print(method(X).scores.shape, flush=True)

atexit.register(call)
threading.Thread(target=call).start()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "(40, 30)\n" * 2), done.stderr
