"""Convolutions with strides, rates and groups are right, have derivatives everywhere, and cost no more than their taps."""

import os
import subprocess
import sys

import field_models
import keras_cases
import numpy as np
import pytest

from genolift.engine.operations.emit import emit
from genolift.engine.running.run import constants, forward
from genolift.engine.tracing.lowering import lower
from genolift.engine.tracing.trace import trace
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
LENGTH, CHANNELS = 13, 4


def weights(*shape):
    return tf.constant(np.random.default_rng(shape).normal(0, 1, shape), tf.float32)


def conv2d(taps, stride=1, rate=1, padding="SAME", groups=1, first=False):
    """Return a convolution by TensorFlow's own operation, along the length or along two axes."""
    taps, stride, rate = ((1, n) if isinstance(n, int) else n for n in (taps, stride, rate))
    kernel = weights(*taps, CHANNELS // groups, 2 * groups)
    placed = {"strides": [1, *stride, 1], "dilations": [1, *rate, 1]}
    if not isinstance(padding, str):
        placed["explicit_paddings"], padding = [0, 0, *padding, 0, 0], "EXPLICIT"

    def function(t):
        plane = tf.reshape(tf.concat([t, 2 - t], 1), [tf.shape(t)[0], 2, -1, CHANNELS])
        if not first:
            return tf.raw_ops.Conv2D(input=plane, filter=kernel, padding=padding, **placed)
        turned = {
            name: [numbers[0], numbers[3], *numbers[1:3]] for name, numbers in placed.items() if len(numbers) == 4
        }
        turned |= {name: [0] * 4 + numbers[2:6] for name, numbers in placed.items() if len(numbers) == 8}
        plane = tf.transpose(plane, [0, 3, 1, 2])
        return tf.raw_ops.Conv2D(input=plane, filter=kernel, padding=padding, data_format="NCHW", **turned)

    return function


def conv3d(rate):
    kernel = weights(2, 2, 2, 2, 3)
    return lambda t: tf.nn.convolution(tf.reshape(t, [tf.shape(t)[0], -1, 2, 1, 2]), kernel, 1, "SAME", dilations=rate)


def keras_layer(layer):
    layer.build((None, None, CHANNELS))
    return layer


CASES = {
    "one axis": conv2d(3, rate=3),
    "valid": conv2d(3, rate=3, padding="VALID"),
    "explicit": conv2d(3, rate=3, padding=(0, 0, 5, 1)),
    "beyond": conv2d(3, rate=2, padding=(1, 0, 7, 6)),
    "two axes": conv2d((2, 3), rate=(1, 2)),
    "groups": conv2d(3, groups=2),
    "dilated groups": conv2d(3, rate=3, groups=2),
    "single channels": conv2d(3, groups=CHANNELS),
    "single channels and strides": conv2d((2, 3), stride=(2, 2), groups=CHANNELS, padding="VALID"),
    "single channels, explicit": conv2d(3, groups=CHANNELS, padding=(0, 1, 3, 0)),
    "groups of one": conv2d(3, rate=2, groups=CHANNELS, padding="VALID"),
    "strides": conv2d(4, stride=2, rate=3),
    "strides and rates with a common divisor": conv2d(5, stride=4, rate=2),
    "strides that the rates divide": conv2d(4, stride=4, rate=2, padding="VALID"),
    "rates that the strides divide": conv2d(3, stride=2, rate=4),
    "strides longer than the kernel": conv2d(1, stride=(2, 3), rate=(1, 2)),
    "strides of two axes": conv2d((2, 3), stride=(2, 3), rate=(1, 2)),
    "strides and explicit padding": conv2d(3, stride=2, rate=3, padding=(1, 0, 2, 4)),
    "strides and groups": conv2d(3, stride=2, rate=3, groups=2),
    "channels first": conv2d(3, rate=3, first=True),
    "channels first and groups": conv2d(3, rate=2, groups=2, first=True, padding=(0, 1, 3, 0)),
    "volume": conv3d([2, 1, 1]),
    "keras": keras_layer(K.Conv1D(3, 4, dilation_rate=3, padding="same")),
    "keras causal": keras_layer(K.Conv1D(3, 4, dilation_rate=3, padding="causal")),
    "keras groups": keras_layer(K.Conv1D(4, 3, dilation_rate=3, groups=2, padding="same")),
    "keras depthwise": keras_layer(K.DepthwiseConv1D(3, dilation_rate=2, padding="same")),
    "keras separable": keras_layer(K.SeparableConv1D(3, 3, dilation_rate=2, padding="same")),
    "keras transposed": keras_layer(K.Conv1DTranspose(3, 3, dilation_rate=2, padding="same")),
    "keras transposed valid": keras_layer(K.Conv1DTranspose(3, 4, dilation_rate=3)),
}
# TensorFlow's kernels do not run these on CPUs, but its compiler does.
BY_XLA = {name for name in CASES if "channels first" in name or "transposed" in name}
CONVOLUTIONS = {"Conv2D", "Conv3D", "DepthwiseConv2dNative"}
CONVOLUTIONS |= {f"{op}Backprop{what}" for op in ("Conv2D", "DepthwiseConv2dNative") for what in ("Input", "Filter")}
CONVOLUTIONS |= {"Conv3DBackpropInputV2", "Conv3DBackpropFilterV2"}


def lowered(function, length=None, channels=CHANNELS):
    return lower(trace(function, [tf.TensorSpec((None, length, channels))]))


def most_taps(operations):
    """Return how many taps the largest of the kernels has that some operations, or steps of a program, read."""
    return max((int(np.prod(operation.inputs[1].shape[:-2])) for operation in operations), default=0)


def before(tensors):
    """Return the operations that are needed for some tensors of a graph."""
    pending, needed = [tensor.op for tensor in tensors], set()
    while pending:
        operation = pending.pop()
        if operation not in needed:
            needed.add(operation)
            pending.extend(tensor.op for tensor in operation.inputs)
    return needed


def derivatives(program, precision):
    """Return a function of x, a seed for the outputs, and a direction.

    It gives the outputs, what the seed sends back to x, and the change of the outputs in the direction.
    """

    def run(x, seed, direction):
        y = forward(program, [x], constants(program, precision), precision)[program.outputs[0]]
        seed = tf.reshape(seed[: tf.size(y)], tf.shape(y))
        (gradient,) = tf.gradients(y, x, seed)
        (change,) = tf.gradients(gradient, seed, direction)
        return y, gradient, change

    return run


def graph_of(program, length):
    shapes = [(None, length, CHANNELS), (None,), (None, length, CHANNELS)]
    run = tf.function(derivatives(program, tf.float32), autograph=False)
    return run.get_concrete_function(*[tf.TensorSpec(shape) for shape in shapes]).graph


@pytest.mark.parametrize(("length", "precision"), [(LENGTH, tf.float32), (None, tf.float64)])
@pytest.mark.parametrize("name", CASES)
def test_outputs_and_derivatives_are_those_of_the_matrix(name, length, precision):
    """TensorFlow's own operation gives the matrix, as outputs of unit inputs, and is not asked for any derivative."""
    size, function = LENGTH * CHANNELS, CASES[name]
    units = np.concatenate([np.zeros((1, size)), np.eye(size)]).reshape(-1, LENGTH, CHANNELS)
    reference = tf.function(function, autograph=False, jit_compile=name in BY_XLA)
    offset, *rows = np.asarray(reference(tf.constant(units, tf.float32))).reshape(size + 1, -1)
    matrix = np.array(rows) - offset
    x, direction = np.random.default_rng(3).normal(0, 1, (2, 1, LENGTH, CHANNELS))
    seed = np.random.default_rng(4).normal(0, 1, matrix.shape[1])
    run = tf.function(derivatives(lowered(function, length), precision), autograph=False)
    y, gradient, change = run(*[tf.constant(given, precision) for given in (x, seed, direction)])
    assert np.abs(matrix.T @ x.ravel()).max() > 0.1
    for ours, theirs in (
        (y, matrix.T @ x.ravel() + offset),
        (gradient, matrix @ seed),
        (change, matrix.T @ direction.ravel()),
    ):
        np.testing.assert_allclose(np.ravel(ours), theirs, rtol=1e-4, atol=3e-5)


def most_taps_run(step):
    """Return how many taps the largest kernel has that a step and its derivative by its first active input run."""
    with tf.Graph().as_default():
        tensors = [tf.compat.v1.placeholder(value.dtype, value.shape) for value in step.inputs]
        outputs = emit(step, tensors)
        sources = [tensor for tensor, value in zip(tensors, step.inputs, strict=True) if value.active][:1]
        needed = before([*outputs, *tf.gradients(outputs, sources)])
        return most_taps([operation for operation in needed if operation.type in CONVOLUTIONS])


def check_taps(program):
    steps = [step for step in program.active_steps if step.op in CONVOLUTIONS]
    assert steps
    for step in steps:
        assert 0 < most_taps_run(step) <= most_taps([step]), step


@pytest.mark.parametrize("length", [LENGTH, None])
def test_no_convolution_has_more_taps_than_its_kernel(length):
    for function in CASES.values():
        check_taps(lowered(function, length))


def test_no_convolution_of_a_layer_has_more_taps_than_its_kernel():
    model = keras_cases.build([case for case in keras_cases.CASES if "Conv" in case.name])
    check_taps(lowered(model, keras_cases.LENGTH))


@pytest.mark.slow
@pytest.mark.parametrize("name", field_models.MODELS)
def test_no_convolution_of_a_network_has_more_taps_than_its_kernel(name):
    model, _ = field_models.MODELS[name]()
    specs = [tf.TensorSpec((None, *port.shape[1:]), port.dtype) for port in model.inputs]
    program = lower(trace(lambda *tensors: model(tf.nest.pack_sequence_as(model.input, tensors)), specs))
    if any(step.op in CONVOLUTIONS for step in program.active_steps):
        check_taps(program)


@pytest.mark.parametrize("name", ["one axis", "two axes", "strides", "dilated groups", "explicit", "beyond"])
def test_weights_have_derivatives(name):
    """The outputs are linear in the weights too, so differences are exact."""
    program = lowered(CASES[name])
    (weights,) = [step.inputs[1] for step in program.steps if step.op == "Conv2D"]
    x = tf.constant(np.random.default_rng(1).normal(0, 1, (3, LENGTH, CHANNELS)))
    direction = tf.constant(np.random.default_rng(2).normal(0, 1, weights.shape))

    @tf.function(autograph=False)
    def compared():
        known, inputs = constants(program, tf.float64), [tf.identity(x)]
        at, moved = dict(known), dict(known)
        at[weights] = tf.identity(known[weights])
        moved[weights] = known[weights] + tf.identity(direction)
        y, further = (forward(program, inputs, one, tf.float64)[program.outputs[0]] for one in (at, moved))
        seed = tf.sin(y)
        (gradient,) = tf.gradients(y, at[weights], tf.stop_gradient(seed))
        return tf.reduce_sum(gradient * direction), tf.reduce_sum(seed * (further - y))

    slope, difference = compared()
    assert abs(difference) > 1
    np.testing.assert_allclose(slope, difference, rtol=1e-9)


def test_a_dilated_kernel_of_unknown_size_is_refused():
    def unknown(t):
        kernel = tf.reshape(tf.range(24.0), tf.concat([tf.shape(t)[:1] * 0 + 1, [-1, CHANNELS, 2]], 0))
        return tf.raw_ops.Conv2D(
            input=t[:, None], filter=kernel, strides=[1] * 4, padding="SAME", dilations=[1, 1, 2, 1]
        )

    with pytest.raises(UnsupportedModel, match="how many taps"):
        graph_of(lowered(unknown), LENGTH)


@pytest.mark.slow
def test_all_this_holds_without_the_kernels_of_one_vendor():
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0"}
    chosen = ["-q", "-x", "-p", "no:cacheprovider", "-k", "derivatives", __file__]
    subprocess.run([sys.executable, "-m", "pytest", *chosen], env=environment, check=True)
