"""Methods and results that are copied, pickled, and sent to other processes."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
import small_network
from small_network import L, X

import genolift as gl
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

pytestmark = [
    pytest.mark.usefixtures("uncompiled"),
    pytest.mark.filterwarnings("ignore:.*no other shuffle:genolift.support.errors.GenoliftWarning"),
]


@pytest.fixture(scope="module")
def model():
    return small_network.build()


def pickled(thing):
    return pickle.loads(pickle.dumps(thing))  # noqa: S301 - our own bytes


def doubled(x):
    return 2 * tf.reduce_sum(x * x, (1, 2))[:, None]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["deeplift", "integrated-gradients", "ism", "lrp-zb", "lime", "patternnet"])
@pytest.mark.parametrize("copied", [pickled, copy.deepcopy, copy.copy])
def test_copies_of_methods_explain_alike(model, name, copied):
    method = gl.method(name, model, target=1)
    if name == "patternnet":
        method.fit(np.eye(4, dtype=np.float32)[np.random.default_rng(1).integers(0, 4, (40, L))])
    expected = method(X)
    again = copied(method)
    assert again.describe() == method.describe()
    np.testing.assert_allclose(again(X).scores, expected.scores, atol=1e-6)
    np.testing.assert_array_equal(method(X).scores, expected.scores)


def test_a_copy_has_weights_of_its_own(model):
    method = gl.method("ism", model, 0)
    before, other = method(X).scores, copy.deepcopy(method)
    kernel = other.model.get_layer("tasks").kernel
    kernel.assign(2 * kernel)
    np.testing.assert_array_equal(method(X).scores, before)
    np.testing.assert_allclose(other(X).scores, 2 * before, atol=1e-5)


def test_what_an_inner_method_was_fitted_on_is_kept(model):
    from genolift.methods.relevance.patterns import PatternMethod

    method = gl.method("interaction-maps", model, 0, by="patternnet", start=2, end=4)
    method.fit(np.eye(4, dtype=np.float32)[np.random.default_rng(1).integers(0, 4, (40, L))])
    assert isinstance(method.by, PatternMethod)
    np.testing.assert_allclose(pickled(method)(X).scores, method(X).scores, atol=1e-6)


def test_ensembles_and_functions():
    ensemble = gl.method("gradient", [small_network.build(), small_network.build()], 0)
    np.testing.assert_allclose(pickled(ensemble)(X).scores, ensemble(X).scores, atol=1e-6)
    method = gl.method("ism", doubled)
    np.testing.assert_array_equal(pickled(method)(X).scores, method(X).scores)


@pytest.fixture
def stored(model, tmp_path):
    result = gl.DeepLift(model, [0, 2], references="zeros")(X, names=["a", "b", "c"])
    result.save(tmp_path / "scores.zarr")
    return result, gl.Explanation.load(tmp_path / "scores.zarr")


@pytest.mark.parametrize("copied", [pickled, copy.deepcopy])
def test_loaded_results(stored, copied):
    """All of it, some of its sequences, one target, fields that are derived, and one that is resized."""
    whole, loaded = stored
    for pick in (
        lambda r: r,
        lambda r: r[1:],
        lambda r: r[0],
        lambda r: r.for_target(2),
        lambda r: r[[2, 0]].for_target(0),
    ):
        again, expected = copied(pick(loaded)), pick(whole)
        for field in expected.defined:
            np.testing.assert_allclose(np.asarray(getattr(again, field)), getattr(expected, field), atol=1e-6)
        assert again.name_texts == expected.name_texts


def test_a_loaded_result_in_another_process(stored, tmp_path, monkeypatch):
    """It finds its store from another directory, though it was opened by a relative path."""
    whole, _ = stored
    monkeypatch.chdir(tmp_path)
    (tmp_path / "result.pickle").write_bytes(pickle.dumps(gl.Explanation.load("scores.zarr")[1:]))
    program = (
        "import pickle, sys, numpy as np\n"
        "result = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print(repr(float(np.asarray(result.scores).sum())), 'tensorflow' in sys.modules)\n"
    )
    (tmp_path / "elsewhere").mkdir()
    said = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "result.pickle")],
        cwd=tmp_path / "elsewhere", capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert float(said[0]) == pytest.approx(float(whole[1:].scores.sum()), abs=1e-6)
    assert said[1] == "False"


def test_a_pickle_whose_store_is_gone_says_so(stored, tmp_path):
    told = pickle.dumps(stored[1])
    (tmp_path / "scores.zarr").rename(tmp_path / "moved.zarr")
    with pytest.raises(OSError, match="is not there; a result that was loaded from a store reads its rows there"):
        pickle.loads(told)  # noqa: S301
