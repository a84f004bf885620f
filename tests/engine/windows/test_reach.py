"""Mutants by windows of changed rows, against the model itself run on every mutant."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genolift.engine.windows import actions
from genolift.engine.windows.mutation import Mutation
from genolift.engine.windows.reach import Reach, Slide, padding_before
from genolift.methods.common.traced import Traced
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
LENGTH = 23


@given(
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(1, 4),
    st.sampled_from(["SAME", "VALID"]),
    st.integers(14, 30),
    st.integers(1, 4),
    st.integers(-3, 3),
)
def test_a_slide_reaches_what_reads_a_changed_row(taps, stride, rate, padding, length, width, shift):
    """By trying every window of the slide and every tap of it."""
    extent = rate * (taps - 1) + 1
    out = -(-length // stride) if padding == "SAME" else -(-(length - extent + 1) // stride)
    slide = Slide(taps, stride, rate, padding_before(padding, length, out, extent, stride), out)
    inner = Reach(1, length, np.arange(length) + shift, width)
    outer = slide.reach(inner, 1)
    first = np.arange(out) * stride - slide.before
    touched = (first[:, None] + rate * np.arange(taps))[:, :, None, None]
    windows = inner.starts[:, None] + np.arange(width)
    hit = (touched == windows).any(axis=(1, 3))  # (out, positions)
    for position in range(length):
        found = np.flatnonzero(hit[:, position])
        assert (found >= outer.starts[position]).all()
        assert (found < outer.ends[position]).all()
    read = slide.read(inner, outer)
    assert (read.starts == outer.starts * stride - slide.before).all()
    assert (read.ends == (outer.ends - 1) * stride - slide.before + extent).all()
    if rate == stride == 1:
        assert outer.width == width + taps - 1


def functional(build):
    """``build(x)`` from one-hot sequences, with random weights of some size everywhere."""
    keras.utils.set_random_seed(1)
    x = keras.Input((LENGTH, 4))
    model = keras.Model(x, build(x))
    rng = np.random.default_rng(2)
    for variable in model.weights:
        if "seed" not in variable.path:
            fan = max(1, int(np.prod(variable.shape[:-1])))
            plain = rng.normal(0, 1.2 / fan**0.5, variable.shape)
            variable.assign(np.abs(plain) + 0.5 if "variance" in variable.path else plain)
    return model


def head(h):
    return K.Dense(2)(K.Dense(5, activation="relu")(K.GlobalAveragePooling1D()(h)))


def conv(h, taps=3, filters=4, **options):
    return K.Conv1D(filters, taps, **{"activation": "relu", "padding": "same", **options})(h)


def residual(x):
    h = conv(x)
    return head(K.Add()([h, conv(conv(h, 3), 5)]))


def cropped_residual(x):
    h = conv(x, 4, padding="valid")
    return head(K.Add()([K.Cropping1D((1, 3))(h), conv(h, 3, dilation_rate=2, padding="valid")]))


def batch_norm(x):
    h = K.Activation("elu")(K.BatchNormalization()(conv(x, 3, use_bias=False, activation=None)))
    return head(conv(K.BatchNormalization()(h)))


def dense_per_row(x):
    return head(K.Dense(3, activation="softplus")(conv(x)))


def layer_norm(x):
    return head(K.LayerNormalization()(conv(x)) * K.Activation("sigmoid")(conv(x, 2)))


def branches(x):
    h = conv(x)
    return head(K.Concatenate()([conv(h), K.AveragePooling1D(3, 1, "same")(h), K.Softmax()(h)]))


def along(x):
    h = conv(x)
    return head(conv(K.Concatenate(axis=1)([K.ZeroPadding1D((2, 1))(h), K.Cropping1D(9)(h)])))


def planar(x):
    h = K.Conv2D(3, (3, 4), activation="relu", padding="same")(K.Reshape((LENGTH, 4, 1))(x))
    return head(K.Reshape((LENGTH, 12))(h))


def upright(x, pool=1):
    """DNA as (L, 1, 4), so that an axis of size 1 lies between the length and the channels."""
    h = K.Conv2D(6, (7, 1), activation="relu")(K.Reshape((LENGTH, 1, 4))(x))
    h = K.BatchNormalization()(K.Conv2D(5, (3, 1), dilation_rate=(2, 1), padding="same", activation="tanh")(h))
    h = K.Conv2D(4, (1, 1), activation="relu")(K.MaxPooling2D((pool, 1))(h))
    return K.Dense(2)(K.Flatten()(K.Add()([h, K.Conv2D(4, (3, 1), padding="same")(h)])))


def lying(x):
    """DNA as (1, L, 4)."""
    h = K.Conv2D(6, (1, 7), activation="relu")(K.Reshape((1, LENGTH, 4))(x))
    return K.Dense(2)(K.Flatten()(K.Conv2D(5, (1, 3), activation="tanh")(h)))


def over_bases(x):
    """DNA as (L, 4, 1), whose bases the first kernel spans."""
    h = K.Conv2D(6, (7, 4), activation="relu")(K.Reshape((LENGTH, 4, 1))(x))
    return K.Dense(2)(K.GlobalAveragePooling2D()(K.Conv2D(5, (3, 1), activation="tanh")(h)))


def positional(x):
    """Weights of their own for every position, as in position embeddings and scales."""
    h = conv(x)
    line = tf.reshape(tf.linspace(0.5, 2.0, LENGTH), [1, LENGTH, 1])
    return head(conv(K.Lambda(lambda t: tf.nn.relu(t * line - 0.3 * line**2))(h)))


def turned(x):
    return head(conv(K.Lambda(lambda t: tf.nn.relu(tf.reverse(t, [1])[:, 2:-1] - 0.1))(conv(x, 4, padding="valid"))))


def attention(x):
    h = conv(x)
    return head(K.Add()([h, K.MultiHeadAttention(2, 3)(h, h)]))


WINDOWS = {
    "valid": lambda x: head(conv(conv(x, 4, padding="valid"), 3, padding="valid")),
    "same": lambda x: head(conv(conv(x, 5), 4)),
    "causal": lambda x: head(conv(x, 3, dilation_rate=2, padding="causal")),
    "strided": lambda x: head(conv(conv(x, 3, strides=2), 4, strides=3, padding="valid")),
    "skipping": lambda x: head(conv(x, 1, strides=3)),
    "dilated": lambda x: head(conv(conv(x, 3, dilation_rate=2), 2, dilation_rate=3, padding="valid")),
    "separable": lambda x: head(K.SeparableConv1D(4, 3, depth_multiplier=2, activation="tanh")(conv(x))),
    "residual": residual,
    "cropped residual": cropped_residual,
    "batch norm": batch_norm,
    "dense per row": dense_per_row,
    "layer norm": layer_norm,
    "branches": branches,
    "along": along,
    "planar": planar,
    "upright": upright,
    "upright, pooled": lambda x: upright(x, pool=3),
    "lying": lying,
    "over bases": over_bases,
    "positional": positional,
    "turned": turned,
    "max pool": lambda x: head(conv(K.MaxPooling1D(3)(conv(x)))),
    "max pool, overlapping": lambda x: head(conv(K.MaxPooling1D(4, 2, "same")(conv(x, activation="tanh")))),
    "average pool": lambda x: head(conv(K.AveragePooling1D(4, 3, "same")(conv(x)))),
    "flatten": lambda x: K.Dense(2)(K.Dense(6, activation="relu")(K.Flatten()(conv(x)))),
    "flatten, pooled": lambda x: K.Dense(2)(K.Flatten()(K.MaxPooling1D(2)(conv(x, activation="tanh")))),
    "global max": lambda x: K.Dense(2)(K.GlobalMaxPooling1D()(conv(x, activation="tanh"))),
    "gelu": lambda x: head(conv(x, activation="gelu")),
    "upsampled": lambda x: head(conv(K.UpSampling1D(2)(conv(x)))),
    "linear": lambda x: K.Dense(2)(K.GlobalAveragePooling1D()(conv(x, activation=None))),
}
WHOLE = {
    "transposed": lambda x: head(K.Conv1DTranspose(3, 3, strides=2)(conv(x))),
    "attention": attention,
    "recurrent": lambda x: K.Dense(2)(K.GRU(3)(conv(x))),
    "weighed over the length": lambda x: head(K.Softmax(axis=1)(conv(x)) * conv(x, activation="tanh") * LENGTH),
}


# Variations on what others try: run with the slow tests.
SELDOM = {"skipping", "causal", "separable", "positional", "planar", "turned", "average pool", "max pool", "gelu"}
SELDOM |= {"upright", "lying", "upsampled", "transposed", "dense per row", "flatten, pooled"}


def mutants(model, X, target):
    """The target (n, L, 4) of every mutant, by the model's own call."""
    n, length, _ = X.shape
    copies = np.repeat(X[:, None], 4 * length, axis=1).reshape(n, length, 4, length, 4)
    for position in range(length):
        copies[:, position, :, position] = np.eye(4)
    return model(copies.reshape(-1, length, 4), training=False).numpy()[:, target].reshape(n, length, 4)


def by_windows(model, X, targets, shares=(3,)):
    """The same by windows, (n, L, 4, T), and the route that was taken."""
    n, length, _ = X.shape
    traced = Traced(model, targets, "logit", [(length, 4)], ["x"])
    leading = traced.probe([(length, 4)]).leading
    mutation = Mutation(traced.program, traced.targets, [(length, 4)], 0, leading, shares)
    sequences, positions = np.repeat(np.arange(n), length), np.tile(np.arange(length), n)
    letters = np.broadcast_to(np.eye(4, dtype=np.float32), (n * length, 4, 4))
    return mutation.values([X], sequences, positions, letters).reshape(n, length, 4, -1), mutation.route


def sequences(n=2, seed=3):
    return np.eye(4, dtype=np.float32)[np.random.default_rng(seed).integers(0, 4, (n, LENGTH))]


def same(found, expected):
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.ptp(expected) + 2e-6 * np.abs(expected).max())


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SELDOM)) for name in (*WINDOWS, *WHOLE)]
)
def test_windows_are_the_plain_form(name):
    """Every position, the ends among them, on sequences with an N and an empty position."""
    model, X = functional((WINDOWS | WHOLE)[name]), sequences()
    X[0, 0], X[1, 7] = 0.25, 0
    found, route = by_windows(model, X, [1])
    same(found[..., 0], mutants(model, X, 1))
    reached = [value for value, reach in route.layout.reaches.items() if reach.width < reach.length]
    assert len(reached) > 3
    assert any(action is None and _has_length(step, route) for step, action in route.steps) == (name in WHOLE)


def _has_length(step, route):
    shape = route.layout.shape(step.inputs[0])
    return len(shape) > 2 and max(shape[1:-1]) > 4


def test_time_in_front_of_the_batch():
    """tf_keras' recurrent layers turn sequences round; an even length must not be taken for a batch."""
    import tf_keras

    tf_keras.utils.set_random_seed(1)
    x = tf_keras.Input((16, 4))
    h = tf_keras.layers.Conv1D(3, 5, activation="relu")(x)
    model = tf_keras.Model(x, tf_keras.layers.Dense(2)(tf_keras.layers.LSTM(3)(h)))
    X = sequences()[:, :16]
    found, route = by_windows(model, X, [1])
    same(found[..., 0], mutants(model, X, 1))
    assert any(isinstance(action, actions.Products) for _, action in route.steps)


def test_targets_share_the_passes():
    model, X = functional(WINDOWS["residual"]), sequences()
    both, _ = by_windows(model, X, [0, 1])
    for target in (0, 1):
        same(both[..., target], mutants(model, X, target))


def test_linear_tails_are_sums_of_differences():
    """Up to the average and the dense layer after flatten nothing has the sequence's length."""
    _, average = by_windows(functional(WINDOWS["same"]), sequences(), [0])
    _, flatten = by_windows(functional(WINDOWS["flatten"]), sequences(), [0])
    assert any(isinstance(action, actions.Collapse) for _, action in average.steps)
    assert any(isinstance(action, actions.Contraction) for _, action in flatten.steps)


def test_wide_windows_are_given_up():
    """Where windows cover most of the length, the rest is run whole, and the answer is the same."""
    model, X = functional(lambda x: head(conv(conv(conv(x, 5), 7), 9))), sequences()
    found, route = by_windows(model, X, [0], shares=(0.4,))
    same(found[..., 0], mutants(model, X, 0))
    assert all(reach.width < 0.4 * LENGTH for reach in route.layout.reaches.values())
    assert sum(step.op == "Conv2D" and action is None for step, action in route.steps) == 2


def test_estimates_know_what_pays():
    small = functional(lambda x: head(conv(conv(x, 3, 32), 3, 32)))
    _, route = by_windows(small, sequences(), [0], shares=(0.5, 0.9))
    assert route.cost < route.plain / 2
    wide = functional(lambda x: head(conv(conv(x, 23), 23)))
    _, route = by_windows(wide, sequences(), [0], shares=(0.5, 0.9))
    assert route.cost > 0.9 * route.plain


def test_an_output_with_a_length_is_summed_over_its_windows():
    """A target that weighs all positions of an output, such as a profile's total."""
    from genolift.methods.targets import Sum

    model, X = functional(lambda x: conv(conv(x), 4, 2, padding="valid")), sequences()
    found, _ = by_windows(model, X, Sum(tracks=1))
    copies = np.repeat(X[:, None], 4 * LENGTH, axis=1).reshape(2, LENGTH, 4, LENGTH, 4)
    for position in range(LENGTH):
        copies[:, position, :, position] = np.eye(4)
    expected = model(copies.reshape(-1, LENGTH, 4)).numpy()[:, :, 1].sum(1).reshape(2, LENGTH, 4)
    same(found[..., 0], expected)


def test_by_hand():
    """Taps 1, 10, 100 on G, without padding, squared and summed: a G at l counts 1, 10 and 100 to three rows."""
    keras.utils.set_random_seed(0)
    x = keras.Input((6, 4))
    convolution = K.Conv1D(1, 3, use_bias=False)
    h = K.Lambda(tf.square)(convolution(x))
    model = keras.Model(x, K.Lambda(lambda t: tf.reduce_sum(t, 1))(h))
    kernel = np.zeros((3, 4, 1), np.float32)
    kernel[:, 2, 0] = [1, 10, 100]
    convolution.set_weights([kernel])
    X = np.zeros((1, 6, 4), np.float32)
    X[:, :, 0] = 1
    found, _ = by_windows(model, X, [0])
    assert found[0, :, 2, 0].tolist() == [1, 101, 10101, 10101, 10100, 10000]
    assert not found[0, :, [0, 1, 3]].any()
    X[0, 0] = [0, 0, 1, 0]
    found, _ = by_windows(model, X, [0])
    # The first row holds 1 already: with another G at 1 it is 11, at 2 it is 101.
    assert found[0, :, 2, 0].tolist() == [1, 11**2 + 1, 101**2 + 100 + 1, 10102, 10101, 10001]
    assert found[0, 0, 0, 0] == 0
