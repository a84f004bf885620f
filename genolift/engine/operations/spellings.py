"""Spellings, which write an operation as a formula of simpler operations that have rules.

A spelling takes a step and the tensors of its inputs and returns the tensors of its outputs. It uses plain ``tf.*``
without control flow. Inputs that are constant arrive as constants. A spelling returns None where it does not apply, and
None for an output that the original operation should still produce.

A spelling may replace several steps. Then it is asked at the last of them, and the operation's ``reads(step)`` returns
the values that it takes in place of the step's inputs, or None if it does not apply.

Formulas are exact, so differences through them are exact too. The table of operations refers to the functions here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from genolift.engine.program import Dependence, Step, Value
from genolift.engine.sizes import constant, constant_difference
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


# Products and running sums


def product(step: Step, x: Tensor, axes: Tensor) -> list[Tensor] | None:
    """Spell the product over axes as products of two tensors: one half of the elements times the other, repeatedly."""
    axes = tf.get_static_value(axes)
    if axes is None or x.shape.rank is None:
        return None
    over = sorted({int(axis) % x.shape.rank for axis in np.ravel(axes)})
    count = tf.TensorShape([x.shape[axis] for axis in over]).num_elements()
    if not count:
        return None
    rest = [axis for axis in range(x.shape.rank) if axis not in over]
    x = tf.transpose(x, [*rest, *over])
    x = tf.reshape(x, tf.concat([tf.shape(x)[: len(rest)], [count]], 0))
    while count > 1:
        half = count // 2
        x = tf.concat([x[..., :half] * x[..., half : 2 * half], x[..., 2 * half : count]], -1)
        count -= half
    x = x[..., 0]
    for axis in over if step.node.attr["keep_dims"].b else []:
        x = tf.expand_dims(x, axis)
    return [x]


def running(combine: Callable[[Tensor, Tensor], Tensor], unit: float | None = None) -> Callable:
    """Return the spelling of running totals by doubling (Hillis & Steele 1986).

    After k turns each element holds the total of the last 2ᵏ elements.

    Parameters
    ----------
    combine : callable
        The function that combines two totals, element by element.
    unit : float, optional
        The number that leaves every other number as it is when combined with it. Without one (the default), exclusive
        totals are not spelled.

    Returns
    -------
    callable
        The spelling, which takes the step, the tensor and the axis.
    """

    def spelling(step: Step, x: Tensor, axis: Tensor) -> list[Tensor] | None:
        axis, exclusive = tf.get_static_value(axis), step.node.attr["exclusive"].b
        length = None if axis is None or x.shape.rank is None else x.shape[int(axis)]
        if length is None or (exclusive and unit is None):
            return None
        order = [i for i in range(x.shape.rank) if i != int(axis) % x.shape.rank] + [int(axis) % x.shape.rank]
        x = tf.transpose(x, order)
        x = tf.reverse(x, [-1]) if step.node.attr["reverse"].b else x
        if exclusive:
            x = tf.concat([tf.ones_like(x[..., :1]) * unit, x[..., : length - 1]], -1)
        reach = 1
        while reach < length:
            x = tf.concat([x[..., :reach], combine(x[..., reach:], x[..., : length - reach])], -1)
            reach *= 2
        x = tf.reverse(x, [-1]) if step.node.attr["reverse"].b else x
        return [tf.transpose(x, np.argsort(order))]

    return spelling


def log_add(a: Tensor, b: Tensor) -> Tensor:
    """Return ln(eᵃ + eᵇ), computed so that it never overflows."""
    return tf.maximum(a, b) + tf.math.softplus(-tf.abs(a - b))


# Other operations


def written(step: Step, x: Tensor, part: Tensor, start: Tensor) -> list[Tensor]:
    """Spell the replacement of a block of ``x`` by ``part``. A block that would reach beyond ``x`` is moved inside."""
    sizes, part_sizes = tf.shape(x), tf.shape(part)
    start = tf.clip_by_value(start, 0, tf.cast(sizes - part_sizes, start.dtype))
    around = tf.stack([start, tf.cast(sizes - part_sizes, start.dtype) - start], 1)
    inside = tf.pad(tf.ones_like(part, tf.bool), around)
    return [tf.where(tf.ensure_shape(inside, x.shape), tf.ensure_shape(tf.pad(part, around), x.shape), x)]


def length(step: Step, x: Tensor, axes: Tensor) -> list[Tensor]:
    """Spell the Euclidean length of vectors."""
    return [tf.sqrt(tf.reduce_sum(tf.square(x), axes, keepdims=step.node.attr["keep_dims"].b))]


def half_of_squares(step: Step, x: Tensor) -> list[Tensor]:
    """Spell half the sum of squares."""
    return [tf.reduce_sum(tf.square(x)) / 2]


def cross_product(step: Step, a: Tensor, b: Tensor) -> list[Tensor]:
    """Spell the cross product of vectors with three elements."""
    return [tf.roll(a, -1, -1) * tf.roll(b, 1, -1) - tf.roll(a, 1, -1) * tf.roll(b, -1, -1)]


def cross_entropy(step: Step, logits: Tensor, labels: Tensor) -> list[Tensor | None]:
    """Spell the cross entropy between labels and the softmax of logits."""
    if labels.dtype.is_integer:
        labels = tf.one_hot(labels, tf.shape(logits)[-1], dtype=logits.dtype)
    return [-tf.reduce_sum(labels * tf.nn.log_softmax(logits), -1), None]


def response_normalisation(step: Step, x: Tensor) -> list[Tensor]:
    """Spell local response normalisation (Krizhevsky et al. 2012, section 3.3)."""
    attributes, channels = step.node.attr, tf.shape(x)[-1]
    reach = int(attributes["depth_radius"].i)
    squares = tf.pad(tf.square(x), [[0, 0]] * 3 + [[reach, reach]])
    total = tf.add_n([squares[..., i : i + channels] for i in range(2 * reach + 1)])
    return [x * tf.pow(attributes["bias"].f + attributes["alpha"].f * total, -attributes["beta"].f)]


def standardised(step: Step, x: Tensor, scale: Tensor, offset: Tensor, *statistics: Tensor) -> list[Tensor] | None:
    """Spell batch normalisation by the statistics of its own input.

    tf_keras runs layer normalisation in this way, with rows as channels.
    """
    if not step.node.attr["is_training"].b:
        return None
    first = step.node.attr["data_format"].s == b"NCHW"
    axes, along = ([0, 2, 3], [1, -1, 1, 1]) if first else ([0, 1, 2], [1, 1, 1, -1])
    centred = x - tf.reduce_mean(x, axes, keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), axes, keepdims=True)
    scaled = centred * tf.math.rsqrt(variance + step.node.attr["epsilon"].f)
    return [scaled * tf.reshape(scale, along) + tf.reshape(offset, along)]


def contrasted(step: Step, x: Tensor, factor: Tensor) -> list[Tensor]:
    """Spell a change of contrast around the mean of each channel."""
    mean = tf.reduce_mean(x, [-3, -2], keepdims=True)
    return [(x - mean) * factor + mean]


def clipped(step: Step, x: Tensor, low: Tensor, high: Tensor) -> list[Tensor] | None:
    """Spell a value that is held between two bounds, where the bounds depend on the explained input."""
    varies = any(value.dependence >= Dependence.DISCRETE for value in step.inputs[1:])
    return [tf.minimum(tf.maximum(x, low), high)] if varies else None


# Dilated convolutions


def around_dilation(step: Step) -> list[Value] | None:
    """Return what a dilated convolution reads that TensorFlow runs on interleaved pieces of the length, as on CPUs.

    The step is the last of three, which puts the pieces together again. The result is None for any other step, and
    where it depends on the length how much is added at the ends.
    """
    inner = _behind(step, "Squeeze")
    if inner.op != "Conv2D" or inner.inputs[1].dependence != Dependence.CONSTANT:
        return None
    attributes, first = inner.node.attr, _behind(inner, "ExpandDims")
    plain = {*attributes["strides"].list.i, *attributes["dilations"].list.i} == {1}
    if first.op != "SpaceToBatchND" or not plain or attributes["padding"].s != b"VALID":
        return None
    kernel, ranks = inner.inputs[1].shape, {len(value.shape or ()) for value in (first.inputs[0], step.output)}
    one_axis = ranks == {3} and kernel is not None and kernel[0] == 1
    return [first.inputs[0], inner.inputs[1]] if (one_axis or ranks == {4}) and _dilation(step) is not None else None


def _behind(step: Step, op: str) -> Step:
    """Return the step that computes a step's first input, or the step before that one if it is an ``op``."""
    before = step.inputs[0].step
    return before.inputs[0].step if before.op == op else before


def _dilation(step: Step) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the rates (axes,) of a dilated convolution, and how much it adds before and behind each axis (axes, 2).

    What it adds is the padding of the first of its three steps, less the crops of the last. At a free length TensorFlow
    computes both, and their difference is still the same for every length.
    """
    first = _behind(_behind(step, "Squeeze"), "ExpandDims")
    rates, again = constant(first.inputs[1]), constant(step.inputs[1])
    added = constant_difference(first.inputs[2], step.inputs[2])
    if rates is None or again is None or added is None or not np.array_equal(rates, again):
        return None
    return rates, added


def dilated(step: Step, x: Tensor, kernel: Tensor) -> list[Tensor] | None:
    """Spell three steps as one dilated convolution."""
    found = _dilation(step)
    if found is None:
        return None
    rates, added = found
    for axis, (before, behind) in enumerate(added, 1):  # Negative padding cuts off.
        kept = slice(max(-before, 0), min(behind, 0) or None)
        x = x[(slice(None),) * axis + (kept,)] if kept != slice(0, None) else x
    flat, padding = x.shape.rank == 3, np.maximum(added, 0).tolist()
    along = [1, *rates.tolist()] if flat else [*rates.tolist(), 1][:2]
    padding = [[0, 0], *padding] if flat else [*padding, [0, 0]][:2]
    x = tf.expand_dims(x, 1) if flat else x
    spans = [rate * (taps - 1) for rate, taps in zip(along, kernel.shape[:2], strict=True)]
    same = padding == [[span // 2, span - span // 2] for span in spans] and max(spans) > 0
    x = x if same or not np.any(padding) else tf.pad(x, [[0, 0], *padding, [0, 0]])
    y = tf.raw_ops.Conv2D(
        input=x,
        filter=kernel,
        strides=[1] * 4,
        padding="SAME" if same else "VALID",
        dilations=[1, *along, 1],
    )
    return [tf.squeeze(y, [1]) if flat else y]


# Complex numbers, as formulas of the real and imaginary part


def of_complex(formula: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    """Return the spelling of an operation on complex numbers by a formula of the real and imaginary part.

    The spelling does not apply to real numbers.
    """
    return lambda step, z: [formula(tf.math.real(z), tf.math.imag(z))] if z.dtype.is_complex else None


def modulus(re: Tensor, im: Tensor) -> Tensor:
    """Return the absolute value of a complex number."""
    return tf.sqrt(tf.square(re) + tf.square(im))


def angle(re: Tensor, im: Tensor) -> Tensor:
    """Return the angle of a complex number."""
    return tf.math.atan2(im, re)


def exponential(re: Tensor, im: Tensor) -> Tensor:
    """Return e to the power of a complex number."""
    length = tf.exp(re)
    return tf.complex(length * tf.cos(im), length * tf.sin(im))


def square(re: Tensor, im: Tensor) -> Tensor:
    """Return the square of a complex number."""
    return tf.complex(tf.square(re) - tf.square(im), 2 * re * im)


def reciprocal(re: Tensor, im: Tensor) -> Tensor:
    """Return one over a complex number."""
    scale = tf.math.reciprocal(tf.square(re) + tf.square(im))
    return tf.complex(re * scale, -im * scale)
