"""The transpose of a convolution along the sequence whose input has few channels, as the first layer's on DNA has.

The library's kernels work on blocks of 16 channels, so for four they compute four times what is needed; a matrix
product followed by one pass that adds the overlapping windows takes half the time.
"""

from __future__ import annotations

from genolift.engine.operations import kernels
from genolift.engine.program import Dependence, Step
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

_FEW = 8


def applies(step: Step) -> bool:
    """Whether the step is such a convolution, with its kernel constant, and without strides or dilation."""
    if step.op != "Conv2D" or step.inputs[1].dependence != Dependence.CONSTANT:
        return False
    source, kernel, attributes = step.inputs[0].shape, step.inputs[1].shape, step.node.attr
    if source is None or kernel is None or None in kernel or source[1] != 1 or source[3] != kernel[2]:
        return False
    plain = {*attributes["strides"].list.i, *attributes["dilations"].list.i} <= {1}
    padded = attributes["padding"].s in (b"VALID", b"SAME") and attributes["data_format"].s == b"NHWC"
    return kernel[0] == 1 and kernel[2] <= _FEW and plain and padded


def transpose(step: Step, grad, kernel):
    """``grad`` (N, 1, P, F) at the convolution's output and ``kernel`` (1, K, C, F) as (N, 1, L, C) at its input."""
    _, width, channels, filters = step.inputs[1].shape
    parts = tf.matmul(tf.reshape(grad, [-1, filters]), tf.reshape(kernel, [-1, filters]), transpose_b=True)
    parts = tf.reshape(parts, [-1, tf.shape(grad)[2], width, channels])
    return kernels.overlap_add(parts, step.node.attr["padding"].s == b"SAME")[:, tf.newaxis]
