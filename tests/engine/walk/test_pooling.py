"""Max pools, and maxima and minima along axes, through the engine: ties, overlapping windows, paddings and axes."""

import numpy as np
import pytest
from maxima import enumerated

import genolift as gl
from genolift.support.errors import InputError
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

pytestmark = pytest.mark.usefixtures("uncompiled")
K = keras.layers


def by_windows(x, r, windows, weights, sign=1):
    """The sum over windows, lists of flat places, of weight times Shapley value."""
    total = np.zeros(x.size)
    flat_x, flat_r = sign * x.ravel(), sign * r.ravel()
    for places, weight in zip(windows, weights, strict=True):
        total[places] += sign * weight * enumerated(flat_x[places], flat_r[places])
    return total.reshape(x.shape)


def weights_of(size):
    return np.cos(1 + np.arange(size)).astype(np.float32)


def explain(function, x, r, count, **options):
    """The explanation of a weighted sum of ``count`` windows."""

    def weighted(t):
        return tf.reduce_sum(tf.reshape(function(t), [-1, count]) * weights_of(count), 1, keepdims=True)

    references = gl.references.Fixed(r[:, None])
    method = gl.DeepLift(weighted, target=0, activation="keep", references=references, **options)
    return method(x)


def slid(length, size, stride, before, count):
    starts = np.arange(count) * stride - before
    return [[p for p in range(start, start + size) if 0 <= p < length] for start in starts]


def of_line(lines, channels):
    """The windows of places along the first of two axes, for each channel, in the order of the output."""
    return [[p * channels + c for p in line] for line in lines for c in range(channels)]


def of_plane(rows, columns, width, channels):
    return [
        [(i * width + j) * channels + c for i in row for j in column]
        for row in rows
        for column in columns
        for c in range(channels)
    ]


def of_volume(slabs, rows, columns, height, width):
    return [
        [(k * height + i) * width + j for k in slab for i in row for j in column]
        for slab in slabs
        for row in rows
        for column in columns
    ]


EXPLICIT = [[0, 0], [2, 1], [0, 0], [0, 0]]

# function, shape of one input, windows in the order of the output, sign
CASES = {
    "pool": (lambda t: tf.nn.max_pool1d(t, 3, 3, "VALID"), (9, 2), of_line(slid(9, 3, 3, 0, 3), 2), 1),
    "remainder": (lambda t: tf.nn.max_pool1d(t, 4, 4, "VALID"), (10, 2), of_line(slid(10, 4, 4, 0, 2), 2), 1),
    "padded": (lambda t: tf.nn.max_pool1d(t, 4, 4, "SAME"), (10, 2), of_line(slid(10, 4, 4, 1, 3), 2), 1),
    "overlapping": (lambda t: tf.nn.max_pool1d(t, 3, 2, "VALID"), (9, 2), of_line(slid(9, 3, 2, 0, 4), 2), 1),
    "overlapping, padded": (lambda t: tf.nn.max_pool1d(t, 4, 1, "SAME"), (7, 2), of_line(slid(7, 4, 1, 1, 7), 2), 1),
    "apart": (lambda t: tf.nn.max_pool1d(t, 2, 3, "VALID"), (9, 2), of_line(slid(9, 2, 3, 0, 3), 2), 1),
    "wide": (lambda t: tf.nn.max_pool1d(t, 7, 7, "VALID"), (8, 2), of_line(slid(8, 7, 7, 0, 1), 2), 1),
    "explicit": (
        lambda t: tf.nn.max_pool2d(t[:, :, None], [3, 1], [2, 1], EXPLICIT),
        (8, 2),
        of_line(slid(8, 3, 2, 2, 5), 2),
        1,
    ),
    "plane": (
        lambda t: tf.nn.max_pool2d(t, [2, 3], [2, 2], "SAME"),
        (5, 6, 2),
        of_plane(slid(5, 2, 2, 0, 3), slid(6, 3, 2, 0, 3), 6, 2),
        1,
    ),
    "plane with sizes that are computed": (
        lambda t: tf.raw_ops.MaxPoolV2(input=t, ksize=[1, 2, 2, 1], strides=[1, 1, 2, 1], padding="VALID"),
        (3, 4, 1),
        of_plane(slid(3, 2, 1, 0, 2), slid(4, 2, 2, 0, 2), 4, 1),
        1,
    ),
    "volume": (
        lambda t: tf.nn.max_pool3d(t[..., None], [2, 1, 2], [2, 1, 2], "VALID"),
        (4, 2, 4),
        of_volume(slid(4, 2, 2, 0, 2), slid(2, 1, 1, 0, 2), slid(4, 2, 2, 0, 2), 2, 4),
        1,
    ),
    "with places": (
        lambda t: tf.nn.max_pool_with_argmax(t[:, :, None], [3, 1], [2, 1], "VALID")[0],
        (7, 2),
        of_line(slid(7, 3, 2, 0, 3), 2),
        1,
    ),
    "over all positions": (lambda t: tf.reduce_max(t, 1), (6, 3), of_line([range(6)], 3), 1),
    "over channels": (
        lambda t: tf.reduce_max(t, -1, keepdims=True),
        (3, 5),
        [[5 * p + c for c in range(5)] for p in range(3)],
        1,
    ),
    "over two axes": (
        lambda t: tf.reduce_max(t, [1, 3], keepdims=True),
        (2, 3, 3),
        [[9 * i + 3 * j + k for i in range(2) for k in range(3)] for j in range(3)],
        1,
    ),
    "least": (lambda t: tf.reduce_min(t, 1), (6, 3), of_line([range(6)], 3), -1),
    "least of a few": (lambda t: tf.reduce_min(t, [1]), (3, 3), of_line([range(3)], 3), -1),
}


@pytest.mark.parametrize("name", CASES)
def test_every_selection_gives_the_shapley_values_of_its_windows(name):
    function, shape, windows, sign = CASES[name]
    rng = np.random.default_rng(3)
    x, r = (rng.integers(0, 4, (3, *shape)).astype(np.float32) + 0.1 * rng.normal(size=(3, *shape)) for _ in range(2))
    r[0] = 1.5  # A constant reference, which ties everywhere.
    x[1], r[1] = np.round(x[1]), np.round(r[1])
    x, r = x.astype(np.float32), r.astype(np.float32)
    found = explain(function, x, r, len(windows))
    weights = weights_of(len(windows))
    expected = [
        by_windows(one.astype(float), other.astype(float), windows, weights, sign)
        for one, other in zip(x, r, strict=True)
    ]
    np.testing.assert_allclose(found.raw_contributions, expected, atol=2e-5)
    assert np.abs(found.residual).max() < 1e-5


def test_windows_of_a_length_that_is_known_later():
    inputs = keras.Input((None, 2))
    h = K.MaxPooling1D(3, 2, "same")(inputs)
    model = keras.Model(inputs, keras.ops.sum(K.MaxPooling1D(2)(h), 1))
    rng = np.random.default_rng(0)
    for length in (9, 12, 17):
        x, r = rng.normal(size=(2, 2, length, 2)).astype(np.float32)
        found = gl.DeepLift(model, 0, references=gl.references.Fixed(r[:, None]))(x)
        assert np.abs(found.residual).max() < 1e-5


def falling():
    """A network whose pools fall from a reference of zeros, and the sequence CCACGGCG."""
    model = keras.Sequential([keras.Input((8, 4)), K.Conv1D(1, 1, use_bias=False), K.MaxPooling1D(4), K.Flatten()])
    model.layers[0].kernel.assign(np.array([-1, -2, -3, 0.0])[None, :, None])
    return lambda x: tf.reduce_sum(model(x), 1, keepdims=True), np.eye(4, dtype=np.float32)[[[1, 1, 0, 1, 2, 2, 1, 2]]]


@pytest.mark.parametrize("rule", ["rescale", "revealcancel"])
def test_a_fall_from_equal_maxima_is_shared(rule):
    model, x = falling()
    for pooling in ("shapley", "rise-and-fall"):
        found = gl.DeepLift(model, 0, references=gl.references.Zeros(), rule=rule, pooling=pooling)(x)
        np.testing.assert_allclose(found.scores[0], [-0.25] * 4 + [-0.5] * 4, atol=1e-6)
    found = gl.DeepLift(model, 0, references=gl.references.Zeros(), rule=rule, pooling="winner")(x)
    np.testing.assert_allclose(found.scores[0], [0, 0, -1, 0, 0, 0, -2, 0], atol=1e-6)


def test_shares_do_not_depend_on_the_order_of_a_window():
    function = CASES["pool"][0]
    x, r = np.random.default_rng(1).normal(size=(2, 2, 9, 2)).astype(np.float32)
    order = [2, 0, 1, 5, 4, 3, 6, 8, 7]
    for pooling in ("shapley", "rise-and-fall"):
        plain, moved = (explain(function, *ends, 6, pooling=pooling) for ends in ((x, r), (x[:, order], r[:, order])))
        np.testing.assert_allclose(moved.raw_contributions, plain.raw_contributions[:, order], atol=1e-6)


def test_the_winner_is_told_where_it_misses_the_difference():
    x, r = np.random.default_rng(1).normal(size=(2, 2, 9, 2)).astype(np.float32)
    with pytest.warns(UserWarning, match="MaxPool"):
        found = explain(CASES["pool"][0], x, r, 6, pooling="winner")
    assert np.abs(found.residual).max() > 0.1


def test_pooling_is_an_option_that_a_result_is_told_apart_by():
    model, _ = falling()
    with pytest.raises(InputError, match="rise-and-fall"):
        gl.DeepLift(model, 0, pooling="first")
    assert gl.DeepLift(model, 0).describe()["pooling"] == "shapley"
    assert gl.method("deep-shap", model, 0, pooling="winner").describe()["pooling"] == "winner"
