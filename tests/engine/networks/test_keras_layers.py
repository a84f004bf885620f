"""The contract: every layer and activation that Keras has, one by one, or a refusal that names it."""

import contract
import keras_cases
import pytest
from keras_cases import CASES, NOT_RUN, REFUSED

import genolift as gl
from genolift.support.errors import InputError, UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K, ops = keras.layers, keras.ops
X, REFS = contract.inputs(0, keras_cases.LENGTH)
#: Loops take seconds to trace and to compile; the rest of them runs under `make fuzz`.
LONG = [c for c in CASES if "LSTM" in c.id or "GRU" in c.id or "RNN" in c.id or "Spectrogram" in c.id]
SHORT = [c for c in CASES if c not in LONG]


def groups(items: list, size: int = 9) -> list[list]:
    """Side by side in one model they take a third of the time; a failure names the step and its layer all the same."""
    return [items[start : start + size] for start in range(0, len(items), size)]


#: The first case of every layer; the others run under `make fuzz`, where each is a model of its own.
FIRST = [c for c in SHORT if c is next(one for one in CASES if one.name == c.name)]
TOGETHER = groups([c for c in FIRST if c.linear]) + groups([c for c in FIRST if not c.linear])


def test_every_layer_is_classified():
    """A layer of a newer Keras belongs in keras_cases.py."""
    known = {keras_cases.canonical(name) for name in {c.name for c in CASES} | set(REFUSED) | set(NOT_RUN)}
    exported = {keras_cases.canonical(name) for name in keras_cases.layer_names()}
    assert sorted(found.__name__ for found in exported - known) == []


@pytest.mark.slow
@pytest.mark.parametrize("cases", TOGETHER, ids=lambda cases: f"{cases[0].id}...{cases[-1].id}")
def test_layers(uncompiled, cases):
    contract.balances(keras_cases.build(cases), X, REFS, linear=cases[0].linear)


@pytest.mark.exhaustive
@pytest.mark.parametrize("rule", ["rescale", "revealcancel", "genomics"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_layer_thoroughly(uncompiled, case, rule):
    contract.balances(keras_cases.build(case, 1), X, REFS, linear=case.linear, rule=rule, thorough=True)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_refusals(name):
    """Integers and random numbers end what can be explained; the message names the layer."""
    inputs, h = keras_cases.body("flat", 0)
    model = keras.Model(inputs, K.Dense(2)(K.Flatten()(ops.cast(REFUSED[name](h), "float32"))))
    with pytest.raises((InputError, UnsupportedModel), match=rf"{name}|only in steps"):
        gl.DeepLift(model, target=0, references=gl.references.Zeros())(X)


def test_strings_are_refused():
    inputs = keras.Input((4,), dtype="string")
    looked_up = K.StringLookup(vocabulary=["a", "b"])(inputs)
    model = keras.Model(inputs, K.Dense(2)(K.Embedding(4, 3)(looked_up)))
    with pytest.raises(UnsupportedModel, match="strings"):
        gl.DeepLift(model, target=0)
    lines = keras.Sequential([keras.Input((1,), dtype="string"), K.TextVectorization(vocabulary=["a"])])
    with pytest.raises(UnsupportedModel, match="strings"):
        gl.DeepLift(lines, target=0)


class LeftOn(K.Layer):
    """Calls a layer as if in training."""

    def __init__(self, inner, **options):
        super().__init__(**options)
        self.inner = inner

    def call(self, x):
        return self.inner(x, training=True)


AUGMENTATION = [K.Dropout(0.5), K.GaussianNoise(0.5), K.GaussianDropout(0.3), K.AlphaDropout(0.3), K.RandomFlip()]
AUGMENTATION += [K.RandomTranslation(0.2, 0.2), K.RandomContrast(0.4), K.RandomBrightness(0.3)]


@pytest.mark.parametrize("layer", AUGMENTATION, ids=lambda layer: type(layer).__name__)
def test_augmentation_left_on_is_refused(layer):
    inputs, h = keras_cases.body("image", 0)
    model = keras.Model(inputs, K.Dense(2)(K.Flatten()(LeftOn(layer, name="left_on")(h))))
    with pytest.raises(UnsupportedModel, match=r"left_on.*draws random numbers at inference"):
        gl.DeepLift(model, target=0)


def inner_model(*layers):
    return keras.Sequential(list(layers), name="inner")


@pytest.mark.parametrize(
    ("name", "draw"),
    [
        ("dropped", lambda h: K.Dropout(0.5, name="dropped")(h, training=True)),
        ("noisy", lambda h: K.GaussianNoise(0.5, name="noisy")(h, training=True)),
        ("inner", lambda h: inner_model(K.Dropout(0.5), K.ReLU())(h, training=True)),
        ("spread", lambda h: K.TimeDistributed(K.Dropout(0.5), name="spread")(h, training=True)),
        ("deep", lambda h: inner_model(keras.Model(h, K.Dropout(0.5, name="deep")(h, training=True)))(h)),
    ],
)
def test_noise_drawn_into_the_graph_is_refused(name, draw):
    """Keras lets training=False overrule it, so that a trace shows none of what the model's own call does."""
    inputs, h = keras_cases.body("sequence", 0)
    if name == "deep":
        h = inputs
    model = keras.Model(inputs, K.Dense(2)(K.Flatten()(draw(h))))
    with pytest.raises(UnsupportedModel, match=rf"'{name}'.*training=True.*draws random numbers at inference"):
        gl.DeepLift(model, target=0)


def test_a_layer_left_on_elsewhere_is_not_this_models():
    """The same dropout, called with and without noise in two models; and normalisation, which draws nothing."""
    inputs, h = keras_cases.body("sequence", 0)
    dropout = K.Dropout(0.5)
    keras.Model(inputs, dropout(h, training=True))
    h = K.BatchNormalization()(K.ReLU()(dropout(h)), training=False)
    model = keras.Model(inputs, K.Dense(2)(K.Flatten()(h)))
    contract.balances(keras_cases.randomised(model, 0), X, REFS)


# Activations, in every spelling

SPELLINGS = {
    "relu": [tf.nn.relu, lambda t: tf.maximum(t, 0.0), lambda t: tf.where(t > 0, t, 0.0), lambda t: t * tf.cast(t > 0, t.dtype)],
    "relu6": [tf.nn.relu6, lambda t: tf.clip_by_value(t, 0.0, 6.0)],
    "leaky_relu": [lambda t: tf.nn.leaky_relu(t, 0.2), lambda t: tf.maximum(t, 0.2 * t)],
    "elu": [tf.nn.elu, lambda t: tf.where(t > 0, t, tf.exp(t) - 1)],
    "selu": [tf.nn.selu],
    "gelu": [tf.nn.gelu, lambda t: tf.nn.gelu(t, approximate=True), lambda t: keras.activations.gelu(t, approximate=True)],
    "silu": [tf.nn.silu, lambda t: t * tf.sigmoid(t), lambda t: t / (1 + tf.exp(-t))],
    "sigmoid": [tf.sigmoid, lambda t: 1 / (1 + tf.exp(-t))],
    "tanh": [tf.tanh, lambda t: (tf.exp(t) - tf.exp(-t)) / (tf.exp(t) + tf.exp(-t))],
    "softplus": [tf.nn.softplus, lambda t: tf.math.log(1 + tf.exp(t))],
    "softsign": [tf.nn.softsign, lambda t: t / (1 + tf.abs(t))],
    "mish": [lambda t: t * tf.tanh(tf.nn.softplus(t))],
    "exponential": [tf.exp, ops.expm1, lambda t: 2.0**t, lambda t: tf.pow(2.0, t)],
    "log": [lambda t: tf.math.log(t * t + 0.5), lambda t: ops.log1p(t * t), lambda t: ops.log2(t * t + 1), lambda t: ops.log10(t * t + 1)],
    "square": [tf.square, ops.square, lambda t: t**2, lambda t: t * t],
    "powers": [lambda t: t**3, lambda t: (t * t + 0.1) ** 0.7, lambda t: (t * t + 0.1) ** -1.3, lambda t: ops.power(t, 4)],
    "sqrt": [lambda t: tf.sqrt(t * t + 0.1), lambda t: tf.math.rsqrt(t * t + 0.1), lambda t: ops.sqrt(ops.abs(t))],
    "abs": [tf.abs, ops.abs, lambda t: ops.maximum(t, -t)],
    "trigonometric": [tf.sin, tf.cos, tf.sinh, tf.cosh, tf.atan, ops.arctan, tf.asinh, lambda t: tf.sin(t) ** 2 / 3 + t],
    "inverse": [lambda t: tf.math.reciprocal(t * t + 1), lambda t: 1 / (t * t + 1), lambda t: t / (2 + tf.abs(t))],
    "special": [tf.math.erf, tf.math.erfc, lambda t: tf.math.lgamma(t * t + 1), lambda t: tf.math.digamma(t * t + 1), lambda t: tf.math.ndtri(tf.sigmoid(t)), lambda t: tf.math.xlogy(tf.sigmoid(t), tf.sigmoid(t)), tf.math.log_sigmoid],
    "steps": [tf.floor, tf.sign, tf.round, tf.math.ceil, lambda t: tf.math.floormod(t, 1.0)],
    "softmax": [tf.nn.softmax, lambda t: tf.nn.softmax(t, axis=1), tf.nn.log_softmax, ops.softmax, lambda t: tf.exp(t) / tf.reduce_sum(tf.exp(t), -1, keepdims=True), lambda t: tf.reduce_logsumexp(t, -1, keepdims=True), lambda t: ops.logsumexp(t, axis=1)],
    "statistics": [lambda t: ops.var(t, axis=1, keepdims=True), lambda t: ops.std(t, axis=[1, 2], keepdims=True), lambda t: ops.norm(t, axis=1), lambda t: tf.nn.l2_normalize(t, 2), lambda t: tf.nn.moments(t, [1])[1]],
    "extrema": [lambda t: ops.maximum(t, t[:, ::-1]), lambda t: ops.minimum(t, 0.1), lambda t: tf.reduce_max(t, 1), lambda t: tf.reduce_min(t, 2), lambda t: ops.amax(t, axis=(1, 2)), lambda t: ops.max(t, axis=1) - ops.min(t, axis=1)],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", SPELLINGS)
def test_spellings(uncompiled, name):
    forms = {f"{name}_{i}": form for i, form in enumerate(SPELLINGS[name])}
    contract.balances(keras_cases.through(forms), X, REFS)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("name", "form"), [(n, i) for n, forms in SPELLINGS.items() for i in range(len(forms))])
def test_spelling(uncompiled, name, form):
    contract.balances(keras_cases.through({name: SPELLINGS[name][form]}), X, REFS, thorough=True)


def test_logarithm_of_sums_in_blocks(uncompiled):
    """Its guard against infinity is a region whose sizes are not known when the graph is built."""
    contract.balances(keras_cases.through({"pooled": SPELLINGS["softmax"][5]}), X, REFS, thorough=True)


def activation(name):
    """Scaled so that its bends are met."""
    function = getattr(keras.activations, name)
    if name == "threshold":
        return lambda t: function(t, 0.2, -0.1)
    return (lambda t: function(3 * t)) if name in ("hard_sigmoid", "relu6", "tanh_shrink") else function


SPECIAL = keras_cases.LINEAR_ACTIVATIONS | keras_cases.REFUSED_ACTIVATIONS
ACTIVATIONS = [name for name in keras_cases.activation_names() if name not in SPECIAL]


@pytest.mark.parametrize("name", keras_cases.REFUSED_ACTIVATIONS)
def test_refused_activations(name):
    model = keras_cases.through({name: getattr(keras.activations, name)})
    with pytest.raises(UnsupportedModel, match=rf"{name}.*comparison or rounding"):
        gl.DeepLift(model, target=0, references=gl.references.Fixed(REFS))(X)


@pytest.mark.slow
@pytest.mark.parametrize("names", groups(ACTIVATIONS), ids=lambda names: f"{names[0]}...{names[-1]}")
def test_activations(uncompiled, names):
    contract.balances(keras_cases.through({name: activation(name) for name in names}), X, REFS)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(uncompiled, name):
    contract.balances(keras_cases.through({name: activation(name)}), X, REFS, thorough=True)


# Views, moves and sums in functional spellings: linear, so that plain gradient × Δ holds exactly

LINEAR = {
    "slices": lambda t: t[:, 2:-1:2, ::-1],
    "flip": lambda t: ops.flip(t, axis=1),
    "reverse_complement": lambda t: t[:, ::-1, ::-1],
    "roll": lambda t: ops.roll(t, 2, axis=1),
    "concatenate": lambda t: ops.concatenate([t, t[:, :3]], axis=1),
    "stack": lambda t: ops.stack([t, 2 * t], axis=2),
    "split": lambda t: ops.split(t, 2, axis=2)[1],
    "unstack": lambda t: ops.unstack(t, axis=1)[3],
    "pad": lambda t: ops.pad(t, [[0, 0], [1, 2], [0, 0]]),
    "reflect": lambda t: ops.pad(t, [[0, 0], [2, 2], [0, 0]], mode="reflect"),
    "symmetric": lambda t: tf.pad(t, [[0, 0], [2, 2], [0, 0]], "SYMMETRIC"),
    "tile": lambda t: ops.tile(t, [1, 2, 1]),
    "repeat": lambda t: ops.repeat(t, 3, axis=1),
    "broadcast": lambda t: ops.broadcast_to(t[:, :, None], (tf.shape(t)[0], 12, 2, 4)),
    "take": lambda t: ops.take(t, [3, 1, 1], axis=1),
    "gather_nd": lambda t: tf.transpose(tf.gather_nd(tf.transpose(t, [1, 0, 2]), [[2], [5]]), [1, 0, 2]),
    "boolean_mask": lambda t: tf.ensure_shape(tf.boolean_mask(t, [True, False] * 6, axis=1), (None, 6, 4)),
    "einsum": lambda t: tf.einsum("nlc,cd->nld", t, tf.reshape(tf.range(8.0), (4, 2)) - 3),
    "tensordot": lambda t: ops.tensordot(t, ops.reshape(ops.arange(8.0), (4, 2)) - 3, axes=1),
    "matmul": lambda t: ops.matmul(t, ops.reshape(ops.arange(8.0), (4, 2)) - 3),
    "cumsum": lambda t: ops.cumsum(t, axis=1),
    "diff": lambda t: t[:, 1:] - t[:, :-1],
    "mean": lambda t: ops.mean(t, axis=1),
    "sum": lambda t: ops.sum(t, axis=(1, 2)),
    "swapaxes": lambda t: ops.swapaxes(t, 1, 2),
    "moveaxis": lambda t: ops.moveaxis(t, 1, -1),
    "squeeze": lambda t: ops.squeeze(ops.expand_dims(t, 2), 2),
    "average_pool": lambda t: ops.average_pool(t, 2, 1, "same"),
    "conv": lambda t: ops.conv(t, ops.reshape(ops.sin(ops.arange(24.0)), (3, 4, 2)), padding="same"),
    "depthwise": lambda t: ops.depthwise_conv(t, ops.reshape(ops.sin(ops.arange(8.0)), (2, 4, 1))),
    "extract_patches": lambda t: tf.image.extract_patches(t[:, None], [1, 1, 3, 1], [1, 1, 2, 1], [1] * 4, "VALID"),
    "frame": lambda t: tf.signal.frame(t[:, :, 0], 4, 2),
    "overlap_and_add": lambda t: tf.signal.overlap_and_add(tf.reshape(t, (-1, 6, 8)), 4),
    "space_to_depth": lambda t: tf.nn.space_to_depth(t[:, :, None] + tf.zeros((1, 1, 2, 1)), 2),
    "scatter": lambda t: tf.transpose(tf.scatter_nd([[1], [4], [1]], tf.transpose(t[:, :3], [1, 0, 2]), [6, tf.shape(t)[0], 4]), [1, 0, 2]),
    "segment": lambda t: tf.ensure_shape(tf.transpose(tf.math.segment_sum(tf.transpose(t, [1, 0, 2]), [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3]), [1, 0, 2]), (None, 4, 4)),
    "unsorted_segment": lambda t: tf.transpose(tf.math.unsorted_segment_sum(tf.transpose(t, [1, 0, 2]), [2, 0, 1, 1, 1, 2, 2, 0, 3, 3, 3, 3], 4), [1, 0, 2]),
    "band": lambda t: tf.linalg.band_part(t, 2, 1),
    "diag": lambda t: tf.linalg.diag_part(t[:, :4]),
    "trace": lambda t: tf.linalg.trace(t[:, :4])[:, None],
    "resize": lambda t: tf.image.resize(t[:, None], (1, 7)),
    "fourier": lambda t: ops.rfft(ops.swapaxes(t, 1, 2))[1],
    "where_constant": lambda t: ops.where(ops.reshape(ops.arange(12) % 2 == 0, (1, 12, 1)), t, 3 * t),
    "dynamic_stitch": lambda t: tf.transpose(tf.dynamic_stitch([[0, 2], [1, 3]], [tf.transpose(t[:, :2], [1, 0, 2]), tf.transpose(t[:, 4:6], [1, 0, 2])]), [1, 0, 2]),
    "cast": lambda t: ops.cast(ops.cast(t, "float64"), "float32"),
    "stop": lambda t: tf.identity(t) + 0.0,
    "segment_mean": lambda t: tf.ensure_shape(tf.transpose(tf.math.segment_mean(tf.transpose(t, [1, 0, 2]), [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3]), [1, 0, 2]), (None, 4, 4)),
    "dynamic_partition": lambda t: tf.ensure_shape(tf.transpose(tf.dynamic_partition(tf.transpose(t, [1, 0, 2]), [0, 1] * 6, 2)[1], [1, 0, 2]), (None, 6, 4)),
    "set_diag": lambda t: tf.linalg.set_diag(t[:, :4], 2 * t[:, 5]),
    "scatter_update": lambda t: ops.transpose(ops.scatter_update(ops.transpose(t, (1, 0, 2)), [[1], [3]], ops.transpose(t[:, :2], (1, 0, 2))), (1, 0, 2)),
    "switch": lambda t: ops.switch(1, [lambda a: 5 * a, lambda a: a - 2 * a[:, ::-1]], t),
    "ragged": lambda t: tf.transpose(tf.ensure_shape(tf.reduce_mean(tf.RaggedTensor.from_row_splits(tf.transpose(t, [1, 0, 2]), [0, 3, 12]), 1), (2, None, 4)), [1, 0, 2]),
    "convolve_complex": lambda t: tf.math.real(tf.signal.ifft(tf.signal.fft(tf.cast(t, tf.complex64)) * tf.complex(1.0, 0.5))),
}  # fmt: skip
NONLINEAR = {
    "product": lambda t: t * ops.flip(t, axis=1),
    "quotient": lambda t: t / (1.5 + ops.square(ops.flip(t, axis=1))),
    "outer": lambda t: ops.einsum("nlc,nmc->nlm", t, t),
    "bilinear": lambda t: tf.matmul(t, t, transpose_b=True),
    "cubic": lambda t: tf.einsum("nlc,nlc,nlc->nl", t, t[:, ::-1], 1 + t[:, :, ::-1]),
    "gated": lambda t: ops.glu(ops.tanh(t), axis=2),
    "softmax_pooling": lambda t: ops.sum(ops.softmax(2 * t, axis=1) * t, axis=1),
    "fourier_mixing": lambda t: ops.relu(tf.math.real(tf.signal.fft2d(tf.cast(t, tf.complex64)))),
    "power_spectrum": lambda t: ops.square(ops.rfft(ops.swapaxes(t, 1, 2))[0]) + ops.square(ops.rfft(ops.swapaxes(t, 1, 2))[1]),
    "magnitude": lambda t: tf.abs(tf.signal.rfft(tf.transpose(t, [0, 2, 1]))),
    "max_pool": lambda t: ops.max_pool(t, 3, 1, "same"),
    "standardised": lambda t: (t - ops.mean(t, axis=-1, keepdims=True)) / ops.sqrt(ops.var(t, axis=-1, keepdims=True) + 0.1),
    "attention": lambda t: ops.dot_product_attention(t[:, :, None], t[:, ::-1, None], t[:, :, None])[:, :, 0],
    "triple": lambda t: ops.multiply(ops.multiply(t, t[:, ::-1]), t[:, :, ::-1]),
    "logsumexp_pool": lambda t: ops.logsumexp(4 * t, axis=1) / 4,
    "huber": lambda t: tf.where(tf.abs(t) < 0.5, 0.5 * t * t, 0.5 * (tf.abs(t) - 0.25)),
    "guarded": lambda t: tf.math.divide_no_nan(t, tf.nn.relu(t[:, ::-1])+0.5),
    "sort": lambda t: ops.sort(t, axis=1) * ops.reshape(ops.sin(ops.arange(48.0)), (12, 4)),
    "top_k": lambda t: ops.top_k(t, 2)[0] * ops.array([1.0, 3.0]),
    "unordered_top_k": lambda t: tf.reduce_sum(tf.math.top_k(tf.transpose(t, [0, 2, 1]), 5, sorted=False)[0], -1),
    "median": lambda t: ops.reshape(ops.median(t, axis=1), (-1, 4)),
    "quantile": lambda t: ops.reshape(ops.quantile(t, 0.3, axis=1), (-1, 4)),
    "prod": lambda t: ops.prod(1 + t[:, :7], axis=1),
    "product_of_all": lambda t: tf.reduce_prod(1 + 0.3 * t, [1, 2], keepdims=True),
    "cumprod": lambda t: ops.cumprod(1 + 0.5 * t, axis=1),
    "cumprod_before": lambda t: tf.math.cumprod(1 + 0.5 * t, axis=1, exclusive=True, reverse=True),
    "logcumsumexp": lambda t: tf.math.cumulative_logsumexp(3 * t, axis=1),
    "cummax": lambda t: tf.transpose(tf.ensure_shape(tf.scan(tf.maximum, tf.transpose(t, [1, 0, 2])), (12, None, 4)), [1, 0, 2]),
    "scan": lambda t: ops.reshape(tf.scan(lambda a, b: 0.5 * a * b + b, tf.transpose(t, [1, 0, 2]))[-1], (-1, 4)),
    "segment_max": lambda t: tf.ensure_shape(tf.transpose(tf.math.segment_max(tf.transpose(t, [1, 0, 2]), [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3]), [1, 0, 2]), (None, 4, 4)),
    "segment_min": lambda t: tf.transpose(tf.math.unsorted_segment_min(tf.transpose(t, [1, 0, 2]), [2, 0, 1, 1, 1, 2, 2, 0, 3, 3, 3, 3], 4), [1, 0, 2]),
    "argmax_pool": lambda t: tf.nn.max_pool_with_argmax(t[:, :, None], [3, 1], [2, 1], "VALID")[0],
    "power_of_two": lambda t: (tf.abs(t) + 0.1) ** t[:, ::-1],
    "angle": lambda t: tf.math.atan2(t, 0.5 + t[:, ::-1] ** 2),
    "logarithm_of_another": lambda t: tf.math.xlogy(t, tf.abs(t[:, ::-1]) + 0.1),
    "clipped_by_others": lambda t: tf.clip_by_value(t, t[:, ::-1] - 0.1, t[:, ::-1] + 0.2),
    "broadcast_power": lambda t: tf.pow(tf.abs(t[..., :1]) + 0.1, [0.5, 1.5, 2.5]),
    "cross": lambda t: ops.cross(t[..., :3], t[:, ::-1, 1:]),
    "response_normalisation": lambda t: tf.nn.lrn(t[:, None], 2, 0.5, 0.7, 0.6)[:, 0],
    "cross_entropy": lambda t: tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(t[:, ::-1]), t),
    "sparse_cross_entropy": lambda t: tf.nn.sparse_softmax_cross_entropy_with_logits(tf.tile([[0, 1, 2, 3] * 3], [tf.shape(t)[0], 1]), t),
    "incomplete_gamma": lambda t: tf.math.igamma(1.5, tf.square(t) + 0.1) + tf.math.betainc(1.5, 2.0, tf.sigmoid(t)),
    "spectra": lambda t: tf.signal.irfft(tf.signal.rfft(tf.transpose(t, [0, 2, 1]), [24]) * tf.signal.rfft(tf.transpose(tf.tanh(t), [0, 2, 1]), [24]), [24])[..., :12],
    "quotient_of_spectra": lambda t: tf.math.real(tf.signal.ifft(tf.signal.fft(tf.cast(t, tf.complex64)) / tf.complex(2 + tf.square(t), t[:, ::-1]))),
    "phase": lambda t: tf.math.real(tf.exp(tf.complex(0.3 * t, t[:, ::-1]))) + tf.math.angle(tf.complex(1.5 + tf.square(t), t)),
    "complex_square": lambda t: tf.math.imag(tf.square(tf.complex(t, t[:, ::-1]))) + tf.abs(tf.complex(t, 0.3 + t[:, ::-1])),
}  # fmt: skip


OPERATIONS = [(names, True) for names in groups(list(LINEAR))] + [(names, False) for names in groups(list(NONLINEAR))]


@pytest.mark.slow
@pytest.mark.parametrize(("names", "linear"), OPERATIONS, ids=lambda part: part[0] if isinstance(part, list) else "")
def test_operations(uncompiled, names, linear):
    forms = LINEAR | NONLINEAR
    contract.balances(keras_cases.through({name: forms[name] for name in names}), X, REFS, linear=linear)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", [*LINEAR, *NONLINEAR])
def test_operation(uncompiled, name):
    function = (LINEAR | NONLINEAR)[name]
    contract.balances(keras_cases.through({name: function}), X, REFS, linear=name in LINEAR, thorough=True)
