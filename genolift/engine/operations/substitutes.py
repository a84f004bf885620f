"""Operations that the library's kernels do not run everywhere, written with operations that they do run.

On CPUs grouped convolutions have no gradient, and dilated convolutions have one only on some. Dilated transposed
convolutions do not run there at all; Keras compiles them with XLA or runs them as three operations. Three-dimensional
pooling and the resizing of images exist in single precision only.

A substitute takes a step, the tensors of its inputs and a function ``run``, which runs the library's own operation on
such tensors. It returns the tensors of the step's outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from genolift.engine.program import Step
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

#: The library's own operation: (tensors, precision=None, **changed attributes) -> outputs.
Run: TypeAlias = Callable[..., list[Tensor]]


def convolution(step: Step, tensors: list[Tensor], run: Run) -> list[Tensor]:
    """Run a convolution, group by group where there are several groups."""
    x, kernel = tensors
    rates = _rates(step)
    padding = _padding(step, kernel) if max(rates) > 1 else None
    if padding is not None and x.shape[-1] == kernel.shape[-2]:
        return [_dilated(x, kernel, rates, padding)]
    if max(rates) > 1:
        for place, rate in enumerate(rates):
            kernel = _spaced(kernel, place, rate)
        run = partial(run, dilations=_no_dilation(step))
    axis = _channels(step)
    channels, each = x.shape[axis], kernel.shape[-2]
    if channels is None or each is None or channels == each:
        return run([x, kernel])
    groups = channels // each
    parts = zip(tf.split(x, groups, axis), tf.split(kernel, groups, -1), strict=True)
    return [tf.concat([run([part, own])[0] for part, own in parts], axis)]


def _padding(step: Step, kernel: Tensor) -> list[list[int]] | None:
    """Return how much a dilated convolution adds before and behind each axis of the image.

    The result is None where it adds more than windows overlap, and where windows do not stand at every position.
    """
    attributes, rates = step.node.attr, _rates(step)
    if step.op != "Conv2D" or _channels(step) == 1 or set(attributes["strides"].list.i) != {1} or None in kernel.shape:
        return None
    spans = [rate * (taps - 1) for rate, taps in zip(rates, kernel.shape[:2], strict=True)]
    added = {b"VALID": [[0, 0]] * 2, b"SAME": [[span // 2, span - span // 2] for span in spans]}
    explicit = list(attributes["explicit_paddings"].list.i)[2:6]
    padding = added.get(attributes["padding"].s, [explicit[:2], explicit[2:]])
    within = all(0 <= size <= span for sizes, span in zip(padding, spans, strict=True) for size in sizes)
    return padding if within else None


def _dilated(x: Tensor, kernel: Tensor, rates: list[int], padding: list[list[int]]) -> Tensor:
    """Run a dilated convolution by the library's kernel, with a gradient that runs everywhere.

    The gradient is a dilated convolution too, of the turned kernel.
    """
    taps = kernel.shape[:2]
    spans = [rate * (count - 1) for rate, count in zip(rates, taps, strict=True)]
    padded = {"padding": "EXPLICIT", "explicit_paddings": [0, 0, *padding[0], *padding[1], 0, 0], "strides": [1] * 4}

    @tf.custom_gradient
    def convolve(x, kernel):
        def transpose(grad):
            turned = tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])
            rest = [[span - size for size in sizes] for span, sizes in zip(spans, padding, strict=True)]
            spaced = [*(span + 1 for span in spans), *kernel.shape[2:]]
            among = tf.raw_ops.Conv2DBackpropFilter(input=x, filter_sizes=spaced, out_backprop=grad, **padded)
            return _dilated(grad, turned, rates, rest), among[:: rates[0], :: rates[1]]

        return tf.raw_ops.Conv2D(input=x, filter=kernel, dilations=[1, *rates, 1], **padded), transpose

    return convolve(x, kernel)


def _channels(step: Step) -> int:
    """Return the axis of the channels."""
    return 1 if step.node.attr["data_format"].s.startswith(b"NC") else -1


def transposed_convolution(step: Step, tensors: list[Tensor], run: Run) -> list[Tensor]:
    """Run a transposed convolution, whose dilated kernel becomes a plain one with zeros between its taps."""
    sizes, kernel, grad = tensors
    rates = _rates(step)
    if max(rates) == 1:
        return run(tensors)
    for axis, rate in enumerate(rates):
        kernel = _spaced(kernel, axis, rate)
    return run([sizes, kernel, grad], dilations=_no_dilation(step))


def _rates(step: Step) -> list[int]:
    """Return the rates of dilation along the axes of the image."""
    rates = [int(rate) for rate in step.node.attr["dilations"].list.i] or [1, 1, 1, 1]
    return rates[2:] if _channels(step) == 1 else rates[1:-1]


def _no_dilation(step: Step) -> Any:
    """Return the attribute of a convolution that is not dilated."""
    plain = type(step.node.attr["dilations"])()
    plain.list.i.extend([1] * len(step.node.attr["dilations"].list.i))
    return plain


def _spaced(kernel: Tensor, axis: int, rate: int) -> Tensor:
    """Return a kernel with ``rate − 1`` zeros between its taps along an axis."""
    if rate == 1:
        return kernel
    shape = tf.shape(kernel)
    taps = tf.expand_dims(kernel, axis + 1)
    padding = [[0, 0]] * taps.shape.rank
    padding[axis + 1] = [0, rate - 1]
    flat = tf.reshape(tf.pad(taps, padding), tf.concat([shape[:axis], [-1], shape[axis + 1 :]], 0))
    kept = tf.concat([shape[:axis], [(shape[axis] - 1) * rate + 1], shape[axis + 1 :]], 0)
    return tf.slice(flat, tf.zeros_like(kept), kept)


def pool3d(step: Step, tensors: list[Tensor], run: Run) -> list[Tensor]:
    """Pool over height and width, and then over depth.

    A maximum or a mean over a block is the maximum or the mean over one axis of those over the others. This holds for
    means at the borders too, where only the elements inside count.
    """
    (x,) = tensors
    if x.dtype != tf.float64 or _channels(step) == 1:
        return run(tensors)
    sizes, strides = ([int(i) for i in step.node.attr[key].list.i] for key in ("ksize", "strides"))
    padding = step.node.attr["padding"].s.decode()
    pool = tf.nn.max_pool2d if step.op == "MaxPool3D" else tf.nn.avg_pool2d
    n, depth, height, width, channels = _sizes(x)
    flat = tf.reshape(x, [n * depth, height, width, channels])
    flat = pool(flat, [1, *sizes[2:4], 1], [1, *strides[2:4], 1], padding)
    _, height, width, _ = _sizes(flat)
    flat = tf.reshape(flat, [n, depth, height * width, channels])
    flat = pool(flat, [1, sizes[1], 1, 1], [1, strides[1], 1, 1], padding)
    return [tf.reshape(flat, [n, _sizes(flat)[1], height, width, channels])]


def _sizes(tensor: Tensor) -> list[Any]:
    """Return the size of each axis, as a number where it is known, else as a tensor."""
    dynamic = tf.shape(tensor)
    return [dynamic[i] if size is None else size for i, size in enumerate(tensor.shape)]


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
    _, height, width, _ = _sizes(x)
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
