"""Interaction maps over output positions: a loop over mutants, what cannot reach, and what is refused."""

import method_models
import numpy as np
import pytest

import genolift as gl
from genolift.plot.interactions import plot_output_map
from genolift.results.explanation import Explanation
from genolift.results.kinds import OutputInteractions
from genolift.support.errors import InputError
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
N, L = 2, 14
X = method_models.sequences(N, seed=4)[:, :L]
BASES = np.eye(4, dtype=np.float32)


@pytest.fixture(scope="module")
def model():
    """Two tracks of 7 positions, each of which sees 5 + 1 bases."""
    keras.utils.set_random_seed(3)
    inputs = K.Input((L, 4))
    x = K.Conv1D(6, 5, padding="same", activation="relu", bias_initializer="random_normal")(inputs)
    return keras.Model(inputs, K.Conv1D(2, 2, strides=2, activation="softplus", name="head")(x))


def substitutions(x, position):
    found = np.repeat(x[None], 3, axis=0)
    found[:, position] = BASES[[b for b in range(4) if x[position, b] != 1]]
    return found


def method(model, target=None, **options):
    return gl.method("interaction-maps", model, target, over="outputs", **options)


@pytest.mark.parametrize("tracks", [None, 1])
@pytest.mark.parametrize("combine", ["mean", "max"])
def test_a_loop_over_mutants(model, tracks, combine):
    target = None if tracks is None else gl.targets.Sum(tracks=tracks)
    found = method(model, target, combine=combine)(X)
    assert isinstance(found, OutputInteractions)
    assert found.method["over"] == "outputs"
    kept = slice(None) if tracks is None else [tracks]
    predict = lambda some: np.asarray(model(some))[..., kept].sum(-1)  # noqa: E731
    np.testing.assert_allclose(found.outputs, predict(X), rtol=1e-5)
    np.testing.assert_allclose(found.predictions, predict(X).sum(1), rtol=1e-5)
    for n in range(N):
        for s in range(L):
            changes = predict(X[n : n + 1]) - predict(substitutions(X[n], s))
            if combine == "mean":
                expected = changes.mean(0)
            else:
                expected = changes[np.abs(changes).argmax(0), np.arange(7)]
            np.testing.assert_allclose(found.interactions[n, s], expected, atol=2e-6)
    np.testing.assert_allclose(found.scores, np.abs(found.interactions).mean(-1), atol=1e-7)


def test_what_a_base_cannot_reach_does_not_move(model):
    """Output p sees the bases from 2p − 2 to 2p + 3."""
    table = method(model)(X).interactions
    for s in range(L):
        for p in range(7):
            if not 2 * p - 2 <= s <= 2 * p + 3:
                assert not table[:, s, p].any()
    assert table[:, 6, 3].all()


def test_positions_of_a_linear_function_by_hand():
    """Output p is twice base p plus base p + 1, counted by weights; a substitution moves it by their difference."""
    weights = np.array([1.0, 2, 4, 8], np.float32)

    def function(x):
        own = tf.tensordot(x, weights, 1)
        return (2 * own[:, :-1] + own[:, 1:])[..., None]

    found = method(function)(X)
    own = X @ weights
    change = own - (weights.sum() - own) / 3  # the mean over the three other bases
    expected = np.zeros((N, L, L - 1))
    for s in range(L):
        if s < L - 1:
            expected[:, s, s] += 2 * change[:, s]
        if s:
            expected[:, s, s - 1] += change[:, s]
    np.testing.assert_allclose(found.interactions, expected, atol=1e-5)


def test_some_sources_and_stretches(model):
    whole = method(model)(X)
    some = method(model, start=3, end=8)(X)
    np.testing.assert_allclose(some.interactions, whole.interactions[:, 3:8], atol=1e-6)
    np.testing.assert_allclose(some.scores[:, 3:8], whole.scores[:, 3:8], atol=1e-6)
    assert not some.scores[:, :3].any()
    cut = method(model, stretches="2-5,4-9", instead="unknown")(X)
    copy = X.copy()
    copy[:, 4:9] = 0.25
    expected = (np.asarray(model(X)) - np.asarray(model(copy))).sum(-1)
    np.testing.assert_allclose(cut.interactions[:, 1], expected, atol=2e-6)
    size = np.abs(cut.interactions).mean(-1)
    np.testing.assert_allclose(cut.scores[:, 4], size.mean(1), atol=1e-6)  # Position 4 is in both stretches.


def test_several_targets_a_store_and_a_picture(model, tmp_path):
    targets = [gl.targets.Sum(tracks=0), gl.targets.Sum(tracks=1)]
    found = method(model, targets)(X)
    assert found.interactions.shape == (N, 2, L, 7)
    one = method(model, "sum:tracks=1")(X)
    np.testing.assert_allclose(found.for_target(targets[1]).interactions, one.interactions, atol=1e-6)
    found.save(tmp_path / "maps.zarr")
    again = Explanation.load(tmp_path / "maps.zarr")
    assert isinstance(again, OutputInteractions)
    np.testing.assert_array_equal(again.interactions[:], found.interactions)
    figure = again.plot_map(1, target=targets[0])
    (image,) = (image for ax in figure.axes for image in ax.images)
    np.testing.assert_allclose(image.get_array(), found.interactions[1, 0])
    with pytest.raises(InputError, match="over output positions needs"):
        plot_output_map(gl.method("ism", model, targets[0])(X))


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        (gl.targets.Sum(bins=3), {}, "chooses some"),
        (gl.targets.Profile(), {}, "is no sum"),
        ((3, 1), {}, "is no sum"),
        (None, {"rc_average": True}, "other strand"),
    ],
)
def test_refused(model, target, options, words):
    with pytest.raises(InputError, match=words):
        method(model, target, **options)(X)


def test_refused_without_positions_and_other_words(model):
    with pytest.raises(InputError, match="over must be"):
        gl.method("interaction-maps", model, gl.targets.Sum(), over="tracks")


def test_outputs_without_tracks():
    """Numbers (N, 3) are three positions, as in a profile of one strand; their sum is a target as well."""
    flat = keras.Sequential([K.Input((L, 4)), K.Flatten(), K.Dense(3, bias_initializer="random_normal")])
    found = method(flat)(X)
    predicted = np.asarray(flat(X))
    np.testing.assert_allclose(found.outputs, predicted, rtol=1e-5)
    kernel = np.asarray(flat.layers[-1].kernel).reshape(L, 4, 3)
    there = (X[..., None] * kernel).sum(2)
    np.testing.assert_allclose(found.interactions, there - (kernel.sum(1) - there) / 3, atol=1e-5)
    explained = gl.method("ism", flat, gl.targets.Sum(bins=[0, 2]))(X)
    np.testing.assert_allclose(explained.predictions, predicted[:, 0] + predicted[:, 2], rtol=1e-5)
    with pytest.raises(InputError, match="no tracks"):
        gl.method("ism", flat, gl.targets.Sum(tracks=0))(X)
    image = keras.Sequential([K.Input((L, 4)), K.Reshape((L, 2, 2))])
    with pytest.raises(InputError, match="needs an output"):
        method(image)(X)


def test_outputs_of_one_number_and_of_several_lengths_are_refused():
    inputs = K.Input((L, 4))
    flat = K.Flatten()(inputs)
    whole = keras.Model(
        inputs, [K.Dense(1, name="counts")(flat), K.Dense(5, name="a")(flat), K.Dense(3, name="b")(flat)]
    )
    with pytest.raises(InputError, match="has no positions"):
        method(whole, gl.targets.Sum(output="counts"))(X)
    with pytest.raises(InputError, match="outputs with 3 and 5 positions, which cannot be drawn on one axis"):
        method(whole, [gl.targets.Sum(output="a"), gl.targets.Sum(output="b")])(X)
