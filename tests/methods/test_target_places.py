"""Targets at places of outputs of any length: what is beyond the end is refused, and never counted as something else."""

import numpy as np
import pytest

import genolift as gl
from genolift.methods.prediction.predictor import Predictor
from genolift.support.errors import InputError
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
Sum = gl.targets.Sum
pytestmark = pytest.mark.usefixtures("uncompiled")

X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (2, 20))]


@pytest.fixture(scope="module")
def tracks():
    """A network of any length with a row for every fourth position, and its twin of a fixed length."""
    keras.utils.set_random_seed(0)
    layers = [K.Conv1D(5, 5, padding="same", activation="relu"), K.MaxPooling1D(4), K.Conv1D(3, 1, name="tracks")]
    models = []
    for length in (None, 20):
        h = x = keras.Input((length, 4))
        for layer in layers:
            h = layer(h)
        models.append(keras.Model(x, h))
    return models


BEYOND = [
    (5, 0),
    (-6, 0),
    Sum(bins=5),
    Sum(bins=range(3, 6)),
    Sum(bins=slice(3, 6)),
    Sum(bins=[0, 7], tracks=1),
    Sum(bins=np.arange(6)),
    Sum(bins=-6),
    [(0, 0), (5, 0)],
    gl.targets.Hidden("tracks", (5, 0)),
]


@pytest.mark.parametrize("target", BEYOND, ids=repr)
@pytest.mark.parametrize("free", [True, False])
def test_places_beyond_the_end_are_refused_with_the_length(tracks, target, free):
    model = tracks[0] if free else tracks[1]
    with pytest.raises(InputError, match=r"out of range.*\b5\b"):
        gl.method("gradient-x-input", model, target=target)(X)


@pytest.mark.parametrize(
    "method", ["deeplift", "integrated-gradients", "ism", "lime", "grad-cam", "sis", "lrp-epsilon"]
)
def test_every_method_refuses(tracks, method):
    with pytest.raises(InputError, match="has 5"):
        gl.method(method, tracks[0], target=(5, 0))(X)


def test_predictions_refuse(tracks):
    with pytest.raises(InputError, match="has 5"):
        Predictor(tracks[0], [Sum(bins=7)])(X)


def test_the_same_model_serves_longer_sequences(tracks):
    method = gl.method("gradient-x-input", tracks[0], target=Sum(bins=6))
    with pytest.raises(InputError, match="has 5"):
        method(X)
    longer = np.concatenate([X, X], 1)
    assert np.allclose(method(longer).predictions, tracks[0](longer)[:, 6].numpy().sum(-1), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "bins", "some"),
    [
        ((-1, 2), [4], [2]),
        (Sum(bins=-1), [4], [0, 1, 2]),
        (Sum(bins=[-5, 3], tracks=-1), [0, 3], [2]),
        (Sum(bins=slice(1, 3)), [1, 2], [0, 1, 2]),
        (Sum(bins=slice(-2, None), tracks=[0, 2]), [3, 4], [0, 2]),
        (Sum(bins=range(-3, 0), tracks=slice(None, 2)), [2, 3, 4], [0, 1]),
        (Sum(tracks=slice(None)), [0, 1, 2, 3, 4], [0, 1, 2]),
        ("sum:bins=-2-0,tracks=-1", [3, 4], [2]),
        ("sum:bins=-1", [4], [0, 1, 2]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("free", [True, False])
def test_places_below_zero_count_from_the_end(tracks, target, bins, some, free):
    model = tracks[0] if free else tracks[1]
    found = gl.DeepLift(model, target=target, references="zeros")(X)
    assert np.allclose(found.predictions, model(X).numpy()[:, bins][:, :, some].sum((1, 2)), atol=1e-5)
    assert np.abs(found.residual).max() < 1e-5


@pytest.mark.parametrize("free", [True, False])
def test_the_other_strand_counts_bins_from_the_other_end(tracks, free):
    model = tracks[0] if free else tracks[1]
    found = gl.method("gradient-x-input", model, target=Sum(bins=[0, 1], tracks=1), rc_average=True)(X)
    forward, back = (model(x).numpy()[..., 1] for x in (X, X[:, ::-1, ::-1]))
    assert np.allclose(found.predictions, (forward[:, :2].sum(1) + back[:, -2:].sum(1)) / 2, atol=1e-5)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (Sum(bins=[0.5]), "bins must be whole numbers"),
        (Sum(tracks=np.array([True, False, True])), "not a mask; give numpy.flatnonzero"),
        (Sum(tracks=True), "tracks must be whole numbers"),
        (Sum(bins=[]), "empty, so there is nothing to sum"),
        ("sum:bins=5-2", "empty, so there is nothing to sum"),
        ((slice(0, 2), 0), r"not a whole number; give genolift\.targets\.Sum"),
        ((True, 0), "not a whole number"),
        (Sum(bins=slice(2, None)), "depends on the length"),
        (Sum(bins=slice(2, -1)), "depends on the length"),
    ],
)
def test_what_names_no_places_is_refused(tracks, target, message):
    with pytest.raises(InputError, match=message):
        gl.method("gradient-x-input", tracks[0], target=target)(X)
