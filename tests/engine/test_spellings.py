"""An operation written with others gives what the operation gives, for any batch, and is gone from the program."""

import numpy as np
import pytest

from genolift.engine.lowering import lower
from genolift.engine.pairs import constants, forward
from genolift.engine.spellings import SPELLINGS
from genolift.engine.trace import trace
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

pytestmark = pytest.mark.usefixtures("uncompiled")
X = np.random.default_rng(0).normal(0, 1, (3, 7, 4)).astype(np.float32)


def both(t):
    return tf.complex(t, 0.5 + t[:, ::-1])


def parts(z):
    return tf.stack([tf.math.real(z), tf.math.imag(z)])


CASES = {
    "product": ("Prod", lambda t: tf.reduce_prod(t, 1)),
    "product of several axes": ("Prod", lambda t: tf.reduce_prod(t[:, :5], [-1, 1], keepdims=True)),
    "product of one": ("Prod", lambda t: tf.reduce_prod(t[:, :1], 1)),
    **{
        f"running product {exclusive} {reverse}": (
            "Cumprod",
            lambda t, e=exclusive, r=reverse: tf.math.cumprod(t, 1, exclusive=e, reverse=r),
        )
        for exclusive in (False, True)
        for reverse in (False, True)
    },
    "running logarithms": ("CumulativeLogsumexp", lambda t: tf.math.cumulative_logsumexp(9 * t, 1)),
    "running logarithms from the end": (
        "CumulativeLogsumexp",
        lambda t: tf.math.cumulative_logsumexp(9 * t, -1, reverse=True),
    ),
    "update": ("XlaDynamicUpdateSlice", lambda t: keras.ops.slice_update(t, (0, 2, 1), 5 * t[:, :3, 2:])),
    "update moved inside": ("XlaDynamicUpdateSlice", lambda t: keras.ops.slice_update(t, (0, 6, 3), 5 * t[:, :3, 2:])),
    "clip": (
        "ClipByValue",
        lambda t: tf.raw_ops.ClipByValue(t=t, clip_value_min=t[:, ::-1] - 0.3, clip_value_max=t[:, ::-1] + 0.3),
    ),
    "half the square": ("L2Loss", lambda t: tf.nn.l2_loss(t)),
    "cross": ("Cross", lambda t: tf.linalg.cross(t[..., :3], t[:, ::-1, 1:])),
    "responses": ("LRN", lambda t: tf.nn.local_response_normalization(t[:, None], 1, 0.7, 0.4, 0.6)),
    "contrast": ("AdjustContrastv2", lambda t: tf.raw_ops.AdjustContrastv2(images=t[..., None], contrast_factor=1.7)),
    "entropy": (
        "SoftmaxCrossEntropyWithLogits",
        lambda t: tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(t[:, ::-1]), t),
    ),
    "sparse entropy": (
        "SparseSoftmaxCrossEntropyWithLogits",
        lambda t: tf.nn.sparse_softmax_cross_entropy_with_logits(tf.argmax(t[:, ::-1], -1), t),
    ),
    **{
        f"standardised {op}": (
            op,
            lambda t, op=op: getattr(tf.raw_ops, op)(
                x=tf.transpose(t, [1, 0, 2])[None],
                scale=[1.0, -2.0, 3.0, 0.5],
                offset=[0.0, 1.0, 2.0, 3.0],
                mean=[],
                variance=[],
                is_training=True,
            )[0],
        )
        for op in ("FusedBatchNormV2", "FusedBatchNormV3")
    },
    "size": ("ComplexAbs", lambda t: tf.abs(both(t))),
    "angle": ("Angle", lambda t: tf.math.angle(both(t))),
    "exponential": ("Exp", lambda t: parts(tf.exp(both(t)))),
    "square": ("Square", lambda t: parts(tf.square(both(t)))),
    "reciprocal": ("Reciprocal", lambda t: parts(tf.math.reciprocal(both(t)))),
    "inverse": ("Inv", lambda t: parts(tf.raw_ops.Inv(x=both(t)))),
}


@pytest.mark.parametrize("name", CASES)
def test_a_spelling_is_the_operation(name):
    op, function = CASES[name]
    program = trace(function, [tf.TensorSpec((None, 7, 4))])
    assert op in {step.op for step in program.steps}
    program = lower(program)
    left = [step for step in program.steps if step.op == op]
    # A formula of real numbers may use the real operation of the same name.
    assert not any(
        value.dtype.startswith("complex") or op in ("Prod", "Cumprod") for step in left for value in step.inputs
    )
    run = tf.function(lambda t: forward(program, [t], constants(program))[program.outputs[0]], autograph=False)
    for x in (X, X[:1]):
        np.testing.assert_allclose(run(tf.constant(x)), function(tf.constant(x)), rtol=2e-5, atol=2e-6)


def test_every_spelling_has_a_case():
    assert {op for op, _ in CASES.values()} == set(SPELLINGS)


def test_what_is_not_known_before_the_model_runs_stays():
    """A product over the batch, or over a length that is free, has no number of halves."""
    for function in (lambda t: tf.reduce_prod(t, 0), lambda t: tf.reduce_prod(t, 1)):
        program = lower(trace(function, [tf.TensorSpec((None, None, 4))]))
        assert "Prod" in {step.op for step in program.steps}
