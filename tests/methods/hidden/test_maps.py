"""CAM, Grad-CAM and guided Grad-CAM against GradientTape and receptive fields by hand; where they refuse."""

import keras
import numpy as np
import pytest

import genolift as gl
from genolift.methods.common import predicting
from genolift.support.errors import InputError, Undefined, UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
N, L = 3, 24
BASES = np.eye(4, dtype=np.float32)
X = BASES[np.random.default_rng(0).integers(0, 4, (N, L))]


def close(found, expected, tolerance=1e-5):
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max(), rtol=0)


def randomised(model, seed=6):
    rng = np.random.default_rng(seed)
    for weights in model.weights:
        drawn = rng.normal(0, 0.6, weights.shape)
        weights.assign(0.1 + np.abs(drawn) if weights.path.endswith("bias") else drawn)
    return model


def network(tail, length=L):
    """A convolution of 5, a pool of 2, a convolution of 3 by strides of 2, and ``tail``: rows 4 apart that see 10 bases."""
    inputs = keras.Input((length, 4))
    h = K.Conv1D(5, 5, activation="relu", name="first")(inputs)
    h = K.Conv1D(4, 3, strides=2, activation="relu", name="second")(K.MaxPooling1D(2)(h))
    return randomised(keras.Model(inputs, tail(h)))


#: As the layers of :func:`network` have it: first centre, distance of rows, bases seen, rows.
FIRST, STRIDE, WIDTH, ROWS = 4.5, 4, 10, 4


def pooled_tail(h):
    return K.Dense(2, name="tasks")(K.GlobalAveragePooling1D()(h))


def deep_tail(h):
    return K.Dense(2, activation="sigmoid", name="tasks")(K.Dense(5, activation="relu", name="hidden")(K.Flatten()(h)))


@pytest.fixture(scope="module")
def pooled():
    return network(pooled_tail)


@pytest.fixture(scope="module")
def deep():
    return network(deep_tail)


def on_the_sequence(rows, length=L):
    """By hand: each position between two centres takes its share of both rows; the last positions no row sees."""
    found = np.zeros(length)
    for position in range(min(length, int(FIRST - (WIDTH - 1) / 2) + STRIDE * (len(rows) - 1) + WIDTH)):
        place = min(max((position - FIRST) / STRIDE, 0), len(rows) - 1)
        left = int(place)
        right = min(left + 1, len(rows) - 1)
        found[position] = rows[left] * (1 - (place - left)) + rows[right] * (place - left)
    return found


def slopes(model, x, target, layer="second"):
    """Activations (J, C) of a layer, and the slope of a target's logit there."""
    at = model.get_layer(layer)
    lower = keras.Model(model.input, at.output)
    h = inner = keras.Input(at.output.shape[1:])
    for one in model.layers[model.layers.index(at) + 1 :]:
        h = one(h)
    upper = keras.Model(inner, h)
    activations = tf.constant(lower(x[None]))
    last = model.layers[-1]
    activation, last.activation = last.activation, keras.activations.linear
    try:
        with tf.GradientTape() as tape:
            tape.watch(activations)
            y = upper(activations)[:, target]
        return activations.numpy()[0], tape.gradient(y, activations).numpy()[0]
    finally:
        last.activation = activation


def grad_cam(model, x, target):
    activations, slope = slopes(model, x, target)
    rows = np.zeros(len(activations))
    for j in range(len(activations)):
        for c in range(activations.shape[1]):
            alpha = sum(slope[k, c] for k in range(len(slope))) / len(slope)
            rows[j] += alpha * activations[j, c]
    return np.maximum(rows, 0)


@pytest.mark.parametrize("tail", ["pooled", "deep"])
def test_grad_cam(request, tail):
    model = request.getfixturevalue(tail)
    found = gl.method("grad-cam", model, [0, 1])(X)
    expected = np.array([[on_the_sequence(grad_cam(model, x, t)) for t in (0, 1)] for x in X])
    assert (expected > 0).any(axis=(0, 2)).all()
    close(found.scores, expected)
    assert found.provenance["map"] == {"layer": "second", "positions": [ROWS], "bases_seen_by_each": [WIDTH]}
    assert found.method["layer"] == "second"
    again = gl.method("grad-cam", model, [0, 1], layer=model.get_layer("second"))(X)
    np.testing.assert_array_equal(again.scores, found.scores)
    close(found.predictions if tail == "pooled" else 1 / (1 + np.exp(-found.predictions)), model(X).numpy())


def test_cam_is_the_weights_of_the_dense_layer():
    pooled = randomised(network(pooled_tail), 1)
    found = gl.method("cam", pooled, [0, 1])(X)
    kernel, bias = pooled.get_layer("tasks").get_weights()
    rows = np.einsum("njc,ct->ntj", keras.Model(pooled.input, pooled.get_layer("second").output)(X), kernel)
    assert rows.min() < 0 < rows.max()
    close(found.scores, np.array([[on_the_sequence(each) for each in both] for both in rows]))
    close(found.predictions, rows.mean(-1) + bias)
    # With one dense layer on the averages, Grad-CAM is what is positive of CAM, a J-th of it.
    other = gl.method("grad-cam", pooled, [0, 1])(X)
    close(other.scores, np.array([[on_the_sequence(np.maximum(e, 0) / ROWS) for e in both] for both in rows]))


def test_cam_of_two_heads_is_that_of_each():
    """The later head reads on from the layer that the first one averages."""
    inputs = keras.Input((L, 4))
    h = K.Conv1D(4, 5, activation="relu")(inputs)
    first = K.Dense(1, name="first")(K.GlobalAveragePooling1D()(h))
    second = K.Dense(1, name="second")(K.GlobalAveragePooling1D()(K.Conv1D(3, 3, activation="relu")(h)))
    model = randomised(keras.Model(inputs, [first, second]))
    both = gl.method("cam", model, [("first", 0), ("second", 0)])(X)
    for place, head in enumerate((first, second)):
        close(both.scores[:, place], gl.method("cam", keras.Model(inputs, head))(X).scores)


def test_cam_through_an_average_pool_of_everything():
    """As older networks spell global average pooling, with what is linear behind it."""
    spelled = network(
        lambda h: K.Dense(2, name="tasks")(K.BatchNormalization()(K.Flatten()(K.AveragePooling1D(ROWS)(h))))
    )
    spelled.layers[-2].set_weights([np.full(4, v) for v in (2.0, 0.3, 0.1, 1.0)])
    kernel = spelled.get_layer("tasks").get_weights()[0] * 2 / np.sqrt(1 + spelled.layers[-2].epsilon)
    rows = np.einsum("njc,ct->ntj", keras.Model(spelled.input, spelled.get_layer("second").output)(X), kernel)
    found = gl.method("cam", spelled, 1)(X)
    close(found.scores, np.array([on_the_sequence(each[1]) for each in rows]))
    short = network(lambda h: K.Dense(2)(K.Flatten()(K.AveragePooling1D(ROWS - 1, strides=ROWS)(h))))
    with pytest.raises(UnsupportedModel, match="AvgPool"):
        gl.method("cam", short, 1)


def detector(taps="GATA", stride=1, padding="valid", length=30):
    """Fires for one motif, averages in pairs, and weighs the average."""
    inputs = keras.Input((length, 4))
    h = K.Conv1D(1, len(taps), strides=stride, padding=padding, activation="relu", name="motif")(inputs)
    h = K.Conv1D(1, 3, strides=2, padding=padding, use_bias=False, name="second")(h)
    model = keras.Model(inputs, K.Dense(1)(K.GlobalAveragePooling1D()(h)))
    model.get_layer("motif").set_weights([gl.one_hot([taps])[0][..., None], np.array([0.5 - len(taps)])])
    model.get_layer("second").set_weights([np.ones((3, 1, 1))])
    model.layers[-1].set_weights([np.ones((1, 1)), np.zeros(1)])
    return model


@pytest.mark.parametrize(("stride", "padding"), [(1, "valid"), (2, "valid"), (3, "same"), (1, "same")])
def test_the_peak_is_on_the_motif(stride, padding):
    """Wherever it is. Stretching the map to the sequence's length would miss it by several bases near the ends."""
    model = detector(stride=stride, padding=padding)
    layer = gl.method("grad-cam", model, layer="motif")
    for start in range(6, 22, stride):
        text = "C" * start + "GATA" + "C" * (26 - start)
        scores = layer(gl.one_hot([text])).scores[0]
        assert scores.max() > 0
        # Its centre lies between two bases, which share the peak.
        np.testing.assert_allclose(np.flatnonzero(scores > 0.99 * scores.max()).mean(), start + 1.5)
        assert not scores[: max(0, start + 2 - stride)].any()
        assert not scores[start + 2 + stride :].any()


def test_the_peak_by_hand():
    """GATA at 8 to 12, read by strides of 2: row 4 of 14, around 9.5, which the rows at 7.5 and 11.5 leave to it."""
    model = detector(stride=2)
    x = gl.one_hot(["C" * 8 + "GATA" + "C" * 18])
    found = gl.method("grad-cam", model, layer="motif")(x).scores[0]
    # Read by two of the second layer's six rows: slope 2/6, summed over 14 rows of the first as 18 taps of 1/6.
    height = 0.5 * (18 / 6 / 14)
    expected = np.zeros(30)
    expected[[8, 9, 10, 11]] = [0.25 * height, 0.75 * height, 0.75 * height, 0.25 * height]
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_guided_grad_cam_is_the_product_of_both(deep):
    found = gl.method("guided-grad-cam", deep, [0, 1])(X)
    guided, map_ = (gl.method(name, deep, [0, 1])(X) for name in ("guided-backprop", "grad-cam"))
    assert np.abs(guided.scores * map_.scores).max(axis=(0, 2)).min() > 0
    close(found.multipliers, guided.multipliers * map_.scores[..., None])
    close(found.scores, guided.scores * map_.scores)
    close(found.predictions, guided.predictions)


@pytest.mark.parametrize("name", ["grad-cam", "guided-grad-cam"])
def test_what_is_not_defined(deep, name):
    found = gl.method(name, deep, 0)(X)
    for field in ("hypothetical", "contributions", "raw_contributions"):
        with pytest.raises(Undefined, match="importance of positions, not of each base"):
            getattr(found, field)
    with pytest.raises(Undefined, match="does not promise"):
        _ = found.residual


def test_saved_and_read_again(deep, tmp_path):
    found = gl.method("guided-grad-cam", deep, [0, 1])(X)
    found.save(tmp_path / "map.zarr")
    again = gl.Explanation.load(tmp_path / "map.zarr")
    for field in ("scores", "multipliers", "predictions"):
        np.testing.assert_array_equal(getattr(again, field), getattr(found, field))
    assert again.method["layer"] == "second"
    assert again.provenance["map"] == found.provenance["map"]
    with pytest.raises(Undefined, match="importance of positions, not of each base"):
        _ = again.hypothetical


def test_any_batch_and_one_sequence_alone(deep, monkeypatch):
    first = gl.method("grad-cam", deep, [0, 1])(X)
    monkeypatch.setattr(predicting, "_BATCH_BYTES", 2_000.0)
    again = gl.method("grad-cam", deep, [1, 0], progress=False)(X[[2, 0]])
    close(again.scores[:, ::-1], first.scores[[2, 0]])


@pytest.mark.parametrize("name", ["grad-cam", "cam"])
def test_both_strands(pooled, name):
    """The mean of the map and of the other strand's, turned round: relu of half of something is half of the relu."""
    both = gl.method(name, pooled, 0, rc_average=True)(X)
    one, other = (gl.method(name, pooled, 0)(x) for x in (X, gl.reverse_complement(X)))
    close(both.scores, (one.scores + other.scores[:, ::-1]) / 2)
    assert np.abs(one.scores - other.scores[:, ::-1]).max() > 0.1 * np.abs(one.scores).max()


def test_a_layer_that_runs_twice_adds_its_maps():
    """Two sequences through one tower: each gets its own map, and the target's slope at each tells them apart."""
    tower = randomised(
        keras.Sequential([keras.Input((L, 4)), K.Conv1D(4, 5, activation="relu", name="shared"), K.MaxPooling1D(2)])
    )
    a, b = keras.Input((L, 4), name="a"), keras.Input((L, 4), name="b")
    h = K.Concatenate()([K.GlobalAveragePooling1D()(tower(one)) for one in (a, b)])
    model = keras.Model([a, b], K.Dense(1)(K.Dense(6, activation="relu")(h)))
    randomised(model, 4)
    given = {"a": X, "b": X[::-1].copy()}
    found = gl.method("grad-cam", model, layer="shared")(given)
    swapped = gl.method("grad-cam", model, layer="shared")({"a": given["b"], "b": given["a"]})
    assert found.scores["a"].shape == (N, L)
    assert np.abs(found.scores["a"]).max() > 0
    assert np.abs(found.scores["b"]).max() > 0
    assert not np.allclose(found.scores["a"], swapped.scores["b"])
    once = keras.Model(a, model([a, a]))
    alone = gl.method("grad-cam", once, layer="shared")(X)
    pair = gl.method("grad-cam", model, layer="shared")({"a": X, "b": X})
    close(alone.scores, pair.scores["a"] + pair.scores["b"])


def test_a_sequence_that_the_layer_does_not_see_gets_nothing():
    a, b = keras.Input((L, 4), name="a"), keras.Input((L - 5, 4), name="b")
    towers = [K.Conv1D(3, 5, activation="relu", name=f"tower_{x.name}")(x) for x in (a, b)]
    h = K.Concatenate()([K.GlobalAveragePooling1D()(tower) for tower in towers])
    model = randomised(keras.Model([a, b], K.Dense(1)(h)), 4)
    given = {"a": X, "b": X[:, 5:]}
    found = gl.method("grad-cam", model, layer="tower_b")(given)
    assert found.scores["a"].shape == (N, L)
    assert not found.scores["a"].any()
    assert found.scores["b"].max() > 0
    # CAM of towers that are averaged and then joined: each with its own part of the dense layer's weights.
    both = gl.method("cam", model)(given)
    assert both.provenance["map"]["layer"] == "tower_a, tower_b"
    kernel, bias = model.layers[-1].get_weights()
    for i, (name, x) in enumerate(zip("ab", (a, b), strict=True)):
        alone = keras.Model(x, K.Dense(1)(K.GlobalAveragePooling1D()(towers[i])))
        alone.layers[-1].set_weights([kernel[3 * i : 3 * i + 3], bias])
        close(both.scores[name], gl.method("cam", alone)(given[name]).scores)


def test_nested_models_and_functions_of_tensors(pooled):
    expected = gl.method("grad-cam", pooled, 0)(X).scores
    outer = keras.Input((L, 4))
    nested = keras.Model(outer, K.Activation("sigmoid")(pooled(outer)))
    found = gl.method("grad-cam", nested, 0)(X)
    close(found.scores, expected)
    assert found.provenance["map"]["layer"] == "second"
    kernels = [w.numpy() for w in pooled.weights]

    def plain(x):
        h = tf.nn.relu(tf.nn.conv1d(x, kernels[0], 1, "VALID") + kernels[1])
        h = tf.nn.relu(tf.nn.conv1d(tf.nn.max_pool1d(h, 2, 2, "VALID"), kernels[2], 2, "VALID") + kernels[3])
        return tf.reduce_mean(h, 1) @ kernels[4] + kernels[5]

    method = gl.method("grad-cam", plain, 0)
    found = method(X)
    close(found.scores, expected)
    assert found.provenance["map"]["positions"] == [ROWS]
    named = gl.method("grad-cam", plain, 0, layer=found.provenance["map"]["layer"])(X)
    np.testing.assert_array_equal(named.scores, found.scores)
    with pytest.raises(InputError, match="runs no operation 'conv9'"):
        gl.method("grad-cam", plain, 0, layer="conv9")(X)


def test_any_length():
    free = network(lambda h: K.Dense(2)(K.GlobalAveragePooling1D()(h)), length=None)
    method = gl.method("grad-cam", free, 1)
    assert method.describe()["layer"] is None
    for length in (24, 41):
        x = BASES[np.random.default_rng(length).integers(0, 4, (2, length))]
        expected = np.array([on_the_sequence(grad_cam(free, one, 1), length) for one in x])
        close(method(x).scores, expected)
        # Of a short one the last layer has one position only.
        short = method(x[:, :12])
        assert short.provenance["map"]["layer"].startswith("max_pooling")
        assert short.scores.max() > 0


def test_a_profile_is_mapped_from_the_layer_before_it():
    """At the output itself the slopes are the profile's weights, whose mean is zero."""
    profile = network(lambda h: K.Conv1D(1, 2, name="profile")(h))
    target = gl.targets.Profile()
    found = gl.method("grad-cam", profile, target)(X)
    assert found.provenance["map"]["layer"] == "second"
    assert found.scores.max() > 0
    at_output = gl.method("grad-cam", profile, target, layer="profile")(X)
    assert at_output.scores.max() < 1e-6 * np.abs(found.predictions).max()


def test_an_ensemble_is_the_mean(deep):
    other = randomised(network(deep_tail), 9)
    both = gl.method("grad-cam", [deep, other], 1)(X)
    alone = [gl.method("grad-cam", model, 1)(X).scores for model in (deep, other)]
    close(both.scores, np.mean(alone, axis=0))


def test_integer_coded_sequences(pooled):
    tokens = keras.Input((L,), dtype="int32")
    embedding = K.Embedding(4, 4)
    coded = keras.Model(tokens, pooled(embedding(tokens)))
    embedding.set_weights([BASES])
    found = gl.method("grad-cam", coded, 0)(X.argmax(-1))
    close(found.scores, gl.method("grad-cam", pooled, 0)(X).scores)


REFUSED = {
    "flattened": (deep_tail, "Relu in layer '.*hidden'"),
    "largest": (lambda h: K.Dense(2)(K.GlobalMaxPooling1D()(h)), "Max in layer '.*global_max"),
    "unpooled": (lambda h: K.Dense(2)(K.Flatten()(h)), "Reshape in layer '.*flatten"),
    "recurrent": (lambda h: K.Dense(2)(K.LSTM(3)(h)), "Loop in layer '.*lstm"),
    "two layers": (lambda h: K.Dense(2)(K.Dense(3, "relu", name="hid")(K.GlobalAveragePooling1D()(h))), "Relu.*hid"),
    "everywhere": (
        lambda h: K.Dense(2)(K.GlobalAveragePooling1D()(K.MultiHeadAttention(1, 2)(h, h))),
        "Mean in layer '.*' .GlobalAveragePooling1D. averages positions that each see the whole sequence",
    ),
    "no pooling": (lambda h: K.Dense(1, name="each")(h), r"'.*each'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_cam_refuses_by_name(name):
    tail, told = REFUSED[name]
    target = gl.targets.Sum(tracks=0) if name == "no pooling" else 0
    with pytest.raises(UnsupportedModel, match=f"cam is for global average pooling.*{told}.*use grad-cam"):
        gl.method("cam", network(tail), target)


def test_layers_without_a_place():
    model = network(
        lambda h: K.Dense(2, name="tasks")(K.LSTM(3, name="memory")(K.LSTM(3, return_sequences=True, name="seq")(h)))
    )
    for layer in ("memory", "seq", "tasks"):
        with pytest.raises(UnsupportedModel, match=f"'{layer}' has none; layer 'second' has them"):
            gl.method("grad-cam", model, 0, layer=layer)
    with pytest.raises(InputError, match="runs no layer 'third'"):
        gl.method("grad-cam", model, 0, layer="third")
    assert gl.method("grad-cam", model, 0)(X).provenance["map"]["layer"] == "second"


def test_models_without_such_a_layer(deep):
    dense = keras.Sequential([keras.Input((L, 4)), K.Flatten(), K.Dense(3, activation="relu"), K.Dense(1)])
    with pytest.raises(UnsupportedModel, match="this model has none on the way to the target; use deeplift"):
        gl.method("grad-cam", dense)
    numbers = keras.Sequential([keras.Input((6,)), K.Dense(3, activation="relu"), K.Dense(1)])
    with pytest.raises(UnsupportedModel, match="placed on one-hot sequences"):
        gl.method("grad-cam", numbers)
    smooth = keras.Sequential([keras.Input((L, 4)), K.Conv1D(2, 3, activation="tanh"), K.Flatten(), K.Dense(1)])
    with pytest.raises(UnsupportedModel, match="guided-grad-cam gates gradients at ReLUs"):
        gl.method("guided-grad-cam", smooth)
    inputs = keras.Input((L, 4))
    aside = K.Conv1D(2, 3, name="aside")(inputs)
    heads = keras.Model(inputs, {"main": deep(inputs), "side": K.GlobalMaxPooling1D()(aside)})
    with pytest.raises(UnsupportedModel, match="'aside' is not on the way"):
        gl.method("grad-cam", heads, ("main", 0), layer="aside")
