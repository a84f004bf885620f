"""The transpose of a convolution whose input has few channels, such as that of a first layer on DNA.

The library's kernels work on blocks of 16 channels, so for four channels they compute four times what is needed. A
matrix product, followed by one pass that adds overlapping windows, takes half the time.
"""

from __future__ import annotations

from genolift.engine.operations import kernels
from genolift.engine.program import Dependence, Step, Value
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

_FEW = 8  # With more channels than this, the library's own kernels are used.


def applies(step: Step) -> bool:
    """Whether a step is such a convolution along the sequence, by a constant kernel, without strides or dilation."""
    if step.op != "Conv2D" or step.inputs[1].dependence != Dependence.CONSTANT:
        return False
    source, kernel, attributes = step.inputs[0].shape, _known_sizes(step.inputs[1]), step.node.attr
    if source is None or not kernel or source[1] != 1 or source[3] != kernel[2]:
        return False
    plain = {*attributes["strides"].list.i, *attributes["dilations"].list.i} <= {1}
    padded = attributes["padding"].s in (b"VALID", b"SAME") and attributes["data_format"].s == b"NHWC"
    return kernel[0] == 1 and kernel[2] <= _FEW and plain and padded


def _known_sizes(value: Value) -> list[int]:
    """Return the sizes of a value's axes, or no sizes where one is not known."""
    sizes = [size for size in value.shape or () if size is not None]
    return sizes if value.shape is not None and len(sizes) == len(value.shape) else []


def transpose(step: Step, grad: Tensor, kernel: Tensor) -> Tensor:
    """Return what a convolution's output sends back to its input.

    Parameters
    ----------
    step : Step
        A convolution to which this applies, of K taps, C channels and F filters.
    grad : Tensor
        What is sent back, at the convolution's output, (N, 1, P, F).
    kernel : Tensor
        The kernel's weights, (1, K, C, F).

    Returns
    -------
    Tensor
        What arrives at the convolution's input, (N, 1, L, C).
    """
    _, width, channels, filters = _known_sizes(step.inputs[1])
    parts = tf.matmul(tf.reshape(grad, [-1, filters]), tf.reshape(kernel, [-1, filters]), transpose_b=True)
    parts = tf.reshape(parts, [-1, tf.shape(grad)[2], width, channels])
    return kernels.overlap_add(parts, step.node.attr["padding"].s == b"SAME")[:, tf.newaxis]
