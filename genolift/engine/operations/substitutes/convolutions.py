"""Convolutions that the library's kernels do not run everywhere, written with convolutions that they do run.

On CPUs grouped convolutions have no gradient, and dilated ones have one only on some. Dilated transposed convolutions
do not run there at all; Keras compiles them with XLA or runs them as three operations. Here no zeros are put between
the taps of any of them, whatever the rates and strides, so that each costs what its taps cost.
"""

from __future__ import annotations

from math import gcd
from typing import Any

from genolift.engine.operations.substitutes.running import Run, sizes_of
from genolift.engine.program import Step
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def convolution(step: Step, tensors: list[Tensor], run: Run) -> list[Tensor]:
    """Run a convolution, group by group where there are several groups of several channels each."""
    x, kernel = tensors
    axis = _channels(step)
    if x.shape[axis] is None and step.inputs[0].shape is not None:
        x = tf.ensure_shape(x, step.inputs[0].shape)
    channels, each = x.shape[axis], kernel.shape[-2]
    groups = 1 if channels is None or each is None else channels // each

    def of_one_group(x: Tensor, kernel: Tensor) -> Tensor:
        return _of_one_group(step, x, kernel) if _is_dilated(step) else run([x, kernel])[0]

    if groups == 1:
        return [of_one_group(x, kernel)]
    if _is_depthwise(step, x, kernel):
        return [_of_single_channels(step, x, kernel)]
    parts = zip(tf.split(x, groups, axis), tf.split(kernel, groups, -1), strict=True)
    return [tf.concat([of_one_group(*part) for part in parts], axis)]


def _is_depthwise(step: Step, x: Tensor, kernel: Tensor) -> bool:
    """Whether the library's operation for groups of one channel takes a convolution."""
    plain = step.op == "Conv2D" and _channels(step) == -1 and not _is_dilated(step)
    known = None not in kernel.shape[:3] and kernel.shape[2] == 1 and x.shape[-1] is not None
    return plain and known and len(set(_along(step, "strides"))) == 1


def _of_single_channels(step: Step, x: Tensor, kernel: Tensor) -> Tensor:
    """Run a convolution whose groups are the single channels, which the library has as an operation of its own."""
    attributes = step.node.attr
    return tf.raw_ops.DepthwiseConv2dNative(
        input=x,
        filter=tf.reshape(kernel, [*kernel.shape[:2], x.shape[-1], -1]),
        strides=list(attributes["strides"].list.i),
        padding=attributes["padding"].s,
        explicit_paddings=list(attributes["explicit_paddings"].list.i),
    )


def transposed_convolution(step: Step, tensors: list[Tensor], run: Run) -> list[Tensor]:
    """Run a transposed convolution; a dilated one is the gradient of the convolution, which is linear."""
    sizes, kernel, grad = tensors
    if not _is_dilated(step):
        return run(tensors)
    anywhere = tf.zeros(sizes, grad.dtype)
    return tf.gradients(_of_one_group(step, anywhere, kernel), anywhere, grad)


def depthwise_convolution(step: Step, tensors: list[Tensor], run: Run) -> list[Tensor]:
    """Run a convolution of each channel by itself; a dilated one runs on interleaved pieces of the image."""
    if not _is_dilated(step) or max(_along(step, "strides")) > 1:
        return run(tensors)
    x, kernel = tensors
    rates = _along(step, "dilations")
    x = _padded(_channels_last(step, x), _padding(step, x, _taps(step, kernel)))
    return [_as_before(step, tf.nn.depthwise_conv2d(x, kernel, [1] * 4, "VALID", dilations=rates))]


# What a step says


def _channels(step: Step) -> int:
    """Return the axis of the channels."""
    return 1 if step.node.attr["data_format"].s.startswith(b"NC") else -1


def _along(step: Step, name: str) -> list[int]:
    """Return the strides or the dilations along the axes of the image."""
    given = [int(number) for number in step.node.attr[name].list.i] or [1] * 4
    return given[2:] if _channels(step) == 1 else given[1:-1]


def _is_dilated(step: Step) -> bool:
    return max(_along(step, "dilations")) > 1


def _taps(step: Step, kernel: Tensor) -> list[int]:
    """Return the numbers of a dilated kernel's taps along the axes of the image."""
    taps = kernel.shape[:-2].as_list()
    if None in taps:
        raise UnsupportedModel(
            f"{step.where} is dilated, and how many taps its kernel has is only known when the model runs; give the "
            "kernel a fixed shape, with tf.ensure_shape for example"
        )
    return taps


def _padding(step: Step, x: Tensor, taps: list[int]) -> list[list[Any]]:
    """Return how much a dilated convolution adds before and behind each axis of the image, as numbers or tensors."""
    rates, strides, first = _along(step, "dilations"), _along(step, "strides"), 2 if _channels(step) == 1 else 1
    kind = step.node.attr["padding"].s
    if kind == b"EXPLICIT":
        given = [int(size) for size in step.node.attr["explicit_paddings"].list.i][2 * first :]
        return [given[2 * i : 2 * i + 2] for i in range(len(rates))]
    if kind == b"VALID":
        return [[0, 0] for _ in rates]
    found: list[list[Any]] = []
    for rate, stride, count, size in zip(rates, strides, taps, sizes_of(x)[first:], strict=False):
        total = rate * (count - 1)
        if stride > 1:  # The windows stand at every stride from the first on, and cover the whole axis.
            total = total - (size - 1) % stride
            total = max(total, 0) if isinstance(total, int) else tf.maximum(total, 0)
        found.append([total // 2, total - total // 2])
    return found


def _padded(x: Tensor, padding: list[list[Any]]) -> Tensor:
    if all(isinstance(size, int) and size == 0 for sizes in padding for size in sizes):
        return x
    padded = tf.pad(x, [[0, 0], *padding, [0, 0]])
    padded.set_shape([*[None] * (x.shape.rank - 1), x.shape[-1]])  # Where sizes are computed, this is not known.
    return padded


def _channels_last(step: Step, x: Tensor) -> Tensor:
    rank = len(_along(step, "dilations")) + 2
    return tf.transpose(x, [0, *range(2, rank), 1]) if _channels(step) == 1 else x


def _as_before(step: Step, y: Tensor) -> Tensor:
    """Return a result with its channels where the step has them."""
    return tf.transpose(y, [0, y.shape.rank - 1, *range(1, y.shape.rank - 1)]) if _channels(step) == 1 else y


# Dilated convolutions


def _of_one_group(step: Step, x: Tensor, kernel: Tensor) -> Tensor:
    """Run a dilated convolution that has one group."""
    rates, strides, taps = _along(step, "dilations"), _along(step, "strides"), _taps(step, kernel)
    padding = _padding(step, x, taps)
    x = _channels_last(step, x)
    x = tf.ensure_shape(x, [None] * (x.shape.rank - 1) + [kernel.shape[-2]]) if x.shape[-1] is None else x
    spans = [rate * (count - 1) for rate, count in zip(rates, taps, strict=True)]
    if max(strides) == 1 and len(rates) == 2:
        # What is added beyond the windows that still overlap the image is added first.
        inside = [[min(size, span) for size in sizes] for sizes, span in zip(padding, spans, strict=True)]
        beyond = [[a - b for a, b in zip(*sizes, strict=True)] for sizes in zip(padding, inside, strict=True)]
        return _as_before(step, _dilated(_padded(x, beyond), kernel, rates, inside))
    return _as_before(step, _unpadded(_padded(x, padding), kernel, rates, strides))


def _unpadded(x: Tensor, kernel: Tensor, rates: list[int], strides: list[int]) -> Tensor:
    """Run a dilated convolution with strides, channels last, without padding.

    Along an axis with the stride s and the rate r, the taps k, k + s/g, k + 2s/g and so on, where g is the greatest
    common divisor of r and s, all read the elements k·r, k·r + s, k·r + 2s and so on. On those they are a convolution
    with the rate r/g and no stride. The convolution is the sum of these over k.
    """
    axis = next((i for i, stride in enumerate(strides) if stride > 1), None)
    if axis is None:
        if len(rates) == 2:
            return _dilated(x, kernel, rates, [[0, 0]] * 2)
        return tf.nn.convolution(x, kernel, padding="VALID", dilations=rates)
    rate, stride, taps = rates[axis], strides[axis], kernel.shape[axis]
    common = gcd(rate, stride)
    left = tf.maximum((sizes_of(x)[axis + 1] - rate * (taps - 1) - 1) // stride + 1, 0)
    rates = [*rates[:axis], rate // common, *rates[axis + 1 :]]
    strides = [*strides[:axis], 1, *strides[axis + 1 :]]
    parts = []
    for first in range(min(stride // common, taps)):
        own = kernel[(slice(None),) * axis + (slice(first, None, stride // common),)]
        read = x[(slice(None),) * (axis + 1) + (slice(first * rate, None, stride),)]
        parts.append(_unpadded(read, own, rates, strides)[(slice(None),) * (axis + 1) + (slice(left),)])
    return tf.add_n(parts)


def _dilated(x: Tensor, kernel: Tensor, rates: list[int], padding: list[list[int]]) -> Tensor:
    """Run a dilated convolution of two axes by the library's kernel, with a gradient that runs everywhere.

    The gradient is a dilated convolution too, of the turned kernel. That of the weights is a convolution whose strides
    are the rates. Windows have to overlap the image: padding may not exceed the rate times the taps but one.
    """
    explicit = {"padding": "EXPLICIT", "explicit_paddings": [0, 0, *padding[0], *padding[1], 0, 0]}
    spans = [rate * (count - 1) for rate, count in zip(rates, kernel.shape[:2], strict=True)]
    rest = [[span - size for size in sizes] for span, sizes in zip(spans, padding, strict=True)]

    @tf.custom_gradient
    def convolve(x, kernel):
        def transpose(grad):
            turned = tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])
            images, filters = tf.transpose(x, [3, 1, 2, 0]), tf.transpose(grad, [1, 2, 0, 3])
            of_weights = tf.raw_ops.Conv2D(input=images, filter=filters, strides=[1, *rates, 1], **explicit)
            return _dilated(grad, turned, rates, rest), tf.transpose(of_weights, [1, 2, 0, 3])

        return tf.raw_ops.Conv2D(
            input=x, filter=kernel, strides=[1] * 4, dilations=[1, *rates, 1], **explicit
        ), transpose

    return convolve(x, kernel)
