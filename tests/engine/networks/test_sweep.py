"""Whatever a model calls: contributions that sum to the difference, or a sentence that names the operation and the cure.

A wide list of functions, common ones and odd ones. Those that have rules are held to every step's balance elsewhere.
"""

import warnings

import contract
import numpy as np
import pytest

import genolift as gl
from genolift.methods.common.proof import TOLERANCE
from genolift.support.errors import GenoliftError
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K, ops, linalg = keras.layers, keras.ops, tf.linalg
X, REFS = contract.inputs(0, 12)
PARTS = [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3]


def first(t):
    """The axis of positions in front."""
    return tf.transpose(t, [1, 0, 2])


def definite(t):
    return tf.matmul(t, t, transpose_a=True) + tf.eye(4)


#: Without a rule: the local integral does them.
INTEGRATED = {
    "python": lambda t: tf.ensure_shape(tf.py_function(lambda a: a * 2, [t], tf.float32), (None, 12, 4)),
    "determinant": lambda t: linalg.det(t[:, :4])[:, None],
    "log_determinant": lambda t: linalg.logdet(definite(t))[:, None],
    "slogdet": lambda t: ops.slogdet(definite(t))[1][:, None],
    "inverse": lambda t: ops.inv(definite(t)),
    "cholesky": lambda t: ops.cholesky(definite(t)),
    "solve": lambda t: ops.solve(definite(t), tf.transpose(t, [0, 2, 1])),
    "triangular": lambda t: linalg.triangular_solve(definite(t), tf.transpose(t, [0, 2, 1])),
    "singular_values": lambda t: ops.svd(t, compute_uv=False),
    "eigenvalues": lambda t: linalg.eigvalsh(definite(t)),
    "nuclear_norm": lambda t: ops.norm(t, ord="nuc", axis=(1, 2)),
    "square_root": lambda t: linalg.sqrtm(definite(t)),
    "tridiagonal": lambda t: linalg.tridiagonal_matmul(tf.transpose(t[:, :, :3], [0, 2, 1]), t),
    "segment_product": lambda t: tf.transpose(tf.math.unsorted_segment_prod(first(t), PARTS, 4), [1, 0, 2]),
    "sparse_softmax": lambda t: tf.sparse.to_dense(tf.sparse.softmax(tf.sparse.from_dense(t))),
    "projection": lambda t: ops.image.affine_transform(t[..., None], np.float32([[1, 0.1, 0, 0, 1, 0, 0, 0]])),
    "gradient_of_tanh": lambda t: tf.raw_ops.TanhGrad(y=tf.tanh(t), dy=t[:, ::-1]),
}
#: Kinks that no rule knows: what the integral leaves is reported.
LEFT = {
    "dilation": lambda t: tf.nn.dilation2d(t[:, :, None], tf.zeros((3, 1, 4)), [1] * 4, "SAME", "NHWC", [1] * 4),
    "fractional_pool": lambda t: tf.nn.fractional_max_pool(t[..., None], 1.5, seed=1)[0],
    "hsv": lambda t: tf.image.rgb_to_hsv(tf.sigmoid(t[:, :, :3])),
    "orthogonal": lambda t: linalg.qr(t)[1],
}
#: Exact, with what TensorFlow itself has no gradient for among them.
EXACT = {
    "slice_update": lambda t: ops.slice_update(t, (0, 2, 1), 3 * ops.relu(t[:, 5:8, :3])),
    "adjust_contrast": lambda t: tf.image.adjust_contrast(t[..., None], 2.0),
    "scan": lambda t: ops.scan(lambda c, x: (c * 0.5 + x, ops.tanh(c)), ops.zeros_like(t[:, 0]), first(t))[1][-1],
    "associative_scan": lambda t: ops.associative_scan(ops.maximum, t, axis=1),
    "running_product": lambda t: ops.associative_scan(ops.multiply, t, axis=1),
    "fori": lambda t: ops.fori_loop(0, 3, lambda i, h: ops.tanh(h) + t, t),
    "map": lambda t: ops.map(lambda row: ops.tanh(row) * row, t),
    "switch": lambda t: ops.switch(1, [lambda a: a, lambda a: a * a], t),
    "segment_max": lambda t: tf.transpose(ops.segment_max(first(t), ops.array(PARTS), 4), [1, 0, 2]),
    "segment_sqrt": lambda t: tf.transpose(tf.math.unsorted_segment_sqrt_n(first(t), PARTS, 4), [1, 0, 2]),
    "ragged_max": lambda t: first(tf.reduce_max(tf.RaggedTensor.from_row_splits(first(t), [0, 3, 12]), 1)),
    "norms": lambda t: ops.norm(t, ord=3, axis=1) + ops.norm(t, ord=np.inf, axis=1) + ops.norm(t, ord=1, axis=1),
    "einsum": lambda t: ops.einsum("nic,njc,nkc->nijk", t[:, :2], t[:, 2:4], t[:, 4:6]),
    "kronecker": lambda t: linalg.LinearOperatorKronecker(
        [linalg.LinearOperatorFullMatrix(t[:, i : i + 4]) for i in (0, 4)]).to_dense(),
    "fft2": lambda t: ops.fft2((t, ops.tanh(t)))[1] + ops.ifft2((t, t))[0],
    "istft": lambda t: ops.istft(ops.stft(ops.relu(t[:, :, 0]), 6, 3, 8), 6, 3, 8),
    "cosines": lambda t: tf.signal.dct(tf.transpose(t, [0, 2, 1])) ** 2,
    "relative_shift": lambda t: tf.reshape(
        tf.pad(tf.matmul(t, t, transpose_b=True), [[0, 0], [0, 0], [1, 0]]), (-1, 13, 12))[:, 1:],
    "clip_by_norm": lambda t: tf.clip_by_norm(t, 1.0, axes=[1]),
    "select": lambda t: ops.select([t > 0.0, t < -0.5], [t * 2, t * 3], t),
    "bessel": lambda t: tf.math.bessel_i0e(t) + tf.math.special.bessel_j0(t) + tf.math.special.dawsn(t),
    "gamma": lambda t: tf.math.igamma(2.0, tf.abs(t) + 0.1) + tf.math.polygamma(1.0, tf.abs(t) + 1),
    "weighted_mean": lambda t: ops.average(t, axis=1, weights=ops.sigmoid(t)),
    "similarity": lambda t: tf.image.ssim(t[..., None] * 0.1 + 0.5, t[:, ::-1, :, None] * 0.1 + 0.5, 1.0,
                                          filter_size=3)[:, None],
    "straight_through": lambda t: t + ops.stop_gradient(ops.round(t) - t),
    "quantised": lambda t: tf.quantization.fake_quant_with_min_max_args(t, -2, 2),
}  # fmt: skip
#: Infinite on the way to a finite end.
INFINITE = {
    "alignment": lambda t: tf.nn.ctc_loss(
        tf.ones((tf.shape(t)[0], 3), tf.int32), first(t), tf.fill([tf.shape(t)[0]], 3), tf.fill([tf.shape(t)[0]], 12)
    )[:, None],
}
#: What no method could mend.
REFUSED = {
    "argsort": lambda t: tf.gather(t, tf.argsort(t, axis=1), axis=1, batch_dims=2),
    "take_argmax": lambda t: ops.take_along_axis(t, ops.argmax(t, axis=1, keepdims=True), axis=1),
    "digitise": lambda t: ops.cast(ops.digitize(t, [0.0, 0.5]), "float32") * t,
    "one_hot": lambda t: ops.one_hot(ops.argmax(t, -1), 4),
    "branch": lambda t: tf.cond(tf.reduce_sum(t) > 0, lambda: t, lambda: 2 * t),
    "case": lambda t: tf.switch_case(tf.cast(tf.reduce_sum(t) > 0, tf.int32), [lambda: t, lambda: t * t]),
    "until": lambda t: tf.while_loop(lambda h: tf.reduce_sum(h) < 100.0, lambda h: (tf.abs(h) * 1.5 + 0.1,), (t,))[0],
    "exponential_of_matrix": lambda t: linalg.expm(t[:, :4] * 0.3),
    "logarithm_of_matrix": lambda t: tf.math.real(linalg.logm(tf.cast(definite(t), tf.complex64))),
    "hue": lambda t: tf.image.adjust_hue(tf.sigmoid(t[:, :, None, :3]), 0.1),
    "strings": lambda t: tf.strings.to_number(tf.strings.as_string(t)),
    "bits": lambda t: tf.bitcast(tf.bitcast(t, tf.int32), tf.float32),
    "noise": lambda t: t * keras.random.normal((12, 4)),
    "another_row": lambda t: ops.tensordot(t, t[0], axes=[[2], [1]]),
    "python_bool": lambda t: t if tf.reduce_sum(t) > 0 else 2 * t,
}


class Held(K.Layer):
    def __init__(self, function, **options):
        super().__init__(**options)
        self.function = function

    def call(self, t):
        return self.function(t)


def model(name, function):
    """A weighted sum of what a layer of that name makes of a mixed sequence."""
    mixed = np.random.default_rng(3).normal(0, 0.7, (4, 4)).astype(np.float32)
    layer = Held(function, name=name)

    def call(x):
        flat = tf.reshape(tf.cast(layer(x @ mixed), tf.float32), [tf.shape(x)[0], -1])
        weights = tf.sin(1 + 1.3 * tf.cast(tf.range(tf.shape(flat)[1]), tf.float32))
        return tf.reduce_sum(flat * weights, 1, keepdims=True)

    return call


def explained(name, function, **options):
    method = gl.DeepLift(model(name, function), target=0, references=gl.references.Fixed(REFS), **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return method, method(X)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("rule", ["rescale", "revealcancel"])
def test_exact(uncompiled, name, rule):
    method, found = explained(name, EXACT[name], rule=rule)
    assert method.verdict.kind in ("exact", "rounding")
    assert method.verdict.worst < 1e-4
    assert np.abs(found.raw_contributions).max() > 1e-4
    np.testing.assert_allclose(found.predictions, model(name, EXACT[name])(tf.constant(X))[:, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", INTEGRATED)
def test_integrated(uncompiled, name):
    """Under tolerance once the local integral is allowed, and until then refused by name."""
    with pytest.raises(GenoliftError, match=rf"operation \w+ in layer '{name}' .*fallback=.*rules\.register"):
        explained(name, INTEGRATED[name])
    method, found = explained(name, INTEGRATED[name], fallback="integrated-gradients")
    assert method.verdict.worst < TOLERANCE
    assert found.provenance["fallback"]["operations"]
    assert found.provenance["fallback"]["left"] < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_is_reported(uncompiled, name):
    method, found = explained(name, LEFT[name], fallback="integrated-gradients")
    assert method.verdict.kind == "breach"
    assert name in method.verdict.where
    assert found.provenance["fallback"]["left"] > 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_refused(uncompiled, name):
    """In one sentence with a remedy, allowed fallbacks or not."""
    for fallback in (None, "integrated-gradients"):
        with pytest.raises(GenoliftError) as caught:
            explained(name, REFUSED[name], fallback=fallback)
        assert "\n" not in str(caught.value)
        assert (
            name in str(caught.value) or "only in steps" in str(caught.value) or "cannot be traced" in str(caught.value)
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", INFINITE)
def test_what_is_infinite_on_the_way_is_reported(uncompiled, name):
    method, _ = explained(name, INFINITE[name])
    assert method.verdict.kind == "not finite"
    assert name in method.verdict.where
