"""An operation written with others gives what the operation gives, for any batch, and is gone from the program."""

import numpy as np
import pytest

from genolift.engine.operations.table import OPERATIONS
from genolift.engine.running.run import constants, forward
from genolift.engine.tracing.lowering import lower
from genolift.engine.tracing.trace import trace
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

pytestmark = pytest.mark.usefixtures("uncompiled")
X = np.random.default_rng(0).normal(0, 1, (3, 7, 4)).astype(np.float32)


def both(t):
    return tf.complex(t, 0.5 + t[:, ::-1])


def parts(z):
    return tf.stack([tf.math.real(z), tf.math.imag(z)])


KERNEL = tf.constant(np.random.default_rng(1).normal(0, 1, (3, 4, 5)), tf.float32)
PLANE = tf.constant(np.random.default_rng(2).normal(0, 1, (2, 3, 1, 2)), tf.float32)


def interleaved(t, padding, crops):
    """A dilated convolution as nobody's library writes it: what is cut off exceeds what is added."""
    pieces = tf.space_to_batch(t, [2], [padding])
    return tf.batch_to_space(tf.nn.conv1d(pieces, KERNEL, 1, "VALID"), [2], [crops])


DILATED = {
    "valid": lambda t: tf.nn.convolution(t, KERNEL, dilations=[3]),
    "same": lambda t: tf.nn.convolution(t, KERNEL, padding="SAME", dilations=[2]),
    "causal": lambda t: tf.nn.convolution(tf.pad(t, [[0, 0], [4, 0], [0, 0]]), KERNEL, dilations=[2]),
    "unevenly": lambda t: interleaved(t, [4, 1], [1, 0]),
    "cut": lambda t: interleaved(t, [0, 1], [1, 1]),
    "plane": lambda t: tf.nn.convolution(t[..., None], PLANE, padding="SAME", dilations=[3, 2]),
    "one axis": lambda t: tf.nn.convolution(t[..., None], PLANE, dilations=[4, 1]),
}
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
    "length": ("EuclideanNorm", lambda t: tf.math.reduce_euclidean_norm(t, -1)),
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
    **{f"dilated {name}": ("BatchToSpaceND", function) for name, function in DILATED.items()},
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


@pytest.mark.parametrize("name", DILATED)
def test_a_dilated_convolution_of_free_length_is_one_step(name):
    """At a free length TensorFlow computes the padding. It is the same for every length, so nothing needs computing."""
    program = lower(trace(DILATED[name], [tf.TensorSpec((None, None, 4))]))
    (convolution,) = [step for step in program.steps if step.op == "Conv2D"]
    assert max(convolution.node.attr["dilations"].list.i) > 1
    assert {step.op for step in program.steps} <= {
        "Input", "Const", "Captured", "ExpandDims", "Conv2D", "Squeeze", "Pad", "StridedSlice"
    }  # fmt: skip
    for length in (7, 11, 13):
        x = tf.constant(np.random.default_rng(length).normal(0, 1, (2, length, 4)), tf.float32)
        run = tf.function(lambda t: forward(program, [t], constants(program))[program.outputs[0]], autograph=False)
        np.testing.assert_allclose(run(x), DILATED[name](x), rtol=2e-5, atol=2e-6)


def test_padding_that_depends_on_the_length_is_left_to_the_library():
    def padded(t):
        return interleaved(t, [4, tf.shape(t)[1] % 2], [0, 0])

    program = lower(trace(padded, [tf.TensorSpec((None, None, 4))]))
    assert "BatchToSpaceND" in {step.op for step in program.steps}


def test_every_spelling_has_a_case():
    assert {op for op, _ in CASES.values()} == {op for op, known in OPERATIONS.items() if known.spelling is not None}


def test_what_is_not_known_before_the_model_runs_stays():
    """A product over the batch, or over a length that is free, has no number of halves."""
    for function in (lambda t: tf.reduce_prod(t, 0), lambda t: tf.reduce_prod(t, 1)):
        program = lower(trace(function, [tf.TensorSpec((None, None, 4))]))
        assert "Prod" in {step.op for step in program.steps}
