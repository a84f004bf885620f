"""Pools of three axes and the resizing of images, which the library's kernels run in single precision only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from genolift.engine.operations.substitutes.running import Run, sizes_of
from genolift.engine.program import Step
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def pool3d(step: Step, tensors: list[Tensor], run: Run) -> list[Tensor]:
    """Pool over height and width, and then over depth.

    A maximum or a mean over a block is the maximum or the mean over one axis of those over the others. This holds for
    means at the borders too, where only the elements inside count.
    """
    (x,) = tensors
    if x.dtype != tf.float64 or step.node.attr["data_format"].s.startswith(b"NC"):
        return run(tensors)
    sizes, strides = ([int(i) for i in step.node.attr[key].list.i] for key in ("ksize", "strides"))
    padding = step.node.attr["padding"].s.decode()
    pool = tf.nn.max_pool2d if step.op == "MaxPool3D" else tf.nn.avg_pool2d
    n, depth, height, width, channels = sizes_of(x)
    flat = tf.reshape(x, [n * depth, height, width, channels])
    flat = pool(flat, [1, *sizes[2:4], 1], [1, *strides[2:4], 1], padding)
    _, height, width, _ = sizes_of(flat)
    flat = tf.reshape(flat, [n, depth, height * width, channels])
    flat = pool(flat, [1, sizes[1], 1, 1], [1, strides[1], 1, 1], padding)
    return [tf.reshape(flat, [n, sizes_of(flat)[1], height, width, channels])]


def resize(step: Step, tensors: list[Tensor], run: Run) -> list[Tensor]:
    """Resize images; in double precision, interpolate along each axis by a product with a matrix."""
    if tensors[0].dtype != tf.float64:
        return run(tensors)
    return [_interpolated(step, tensors, run, tf.identity)]


def resize_absolutely(step: Step, tensors: list[Tensor], run: Run) -> list[Tensor]:
    """Resize images by the absolute values of the weights of the interpolation."""
    return [_interpolated(step, tensors, run, tf.abs)]


def _interpolated(step: Step, tensors: list[Tensor], run: Run, of_weights: Callable[[Tensor], Tensor]) -> Tensor:
    """Return images resized by the weights of the interpolation, to which ``of_weights`` is applied first."""
    x, size, *placing = tensors
    _, height, width, _ = sizes_of(x)
    down = _matrix(step, height, 0, size, placing, run)
    across = _matrix(step, width, 1, size, placing, run)
    weights = [of_weights(tf.cast(matrix, x.dtype)) for matrix in (down, across)]
    return tf.einsum("nhwc,hi,wj->nijc", x, *weights)


def _matrix(step: Step, length: Any, axis: int, size: Tensor, placing: list[Tensor], run: Run) -> Tensor:
    """Return the weights from each of ``length`` places to each new one, by running the operation on unit images."""
    units = tf.eye(length)
    images = units[:, tf.newaxis, :, tf.newaxis] if axis else units[:, :, tf.newaxis, tf.newaxis]
    one = tf.ones([], size.dtype)
    along = tf.stack([one, size[1]] if axis else [size[0], one])
    moved = []
    for tensor, still in zip(placing, (1.0, 0.0), strict=False):  # ScaleAndTranslate has a scale and a translation.
        tensor = tf.cast(tensor, tf.float32)
        moved.append(tf.stack([still, tensor[1]] if axis else [tensor[0], still]))
    (resized,) = run([images, along, *moved], precision=tf.float32)
    return tf.reshape(resized, [length, -1])
