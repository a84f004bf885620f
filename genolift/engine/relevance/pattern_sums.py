"""The sums that patterns are estimated from, over every place where a layer's units are applied.

Let g_nj be any number for each sum z_nj = Σ_i w_ij·x_ni. Then the sum over samples Σ_n g_nj·x_ni is the derivative of
Σ g·z with respect to w_ij. So a convolution's patches are pooled without being cut out, and the same holds for any
operation that has weights.
"""

from __future__ import annotations

import numpy as np

from genolift.engine.operations.table import operation
from genolift.engine.program import Program
from genolift.engine.relevance.patterns import PatternPropagation, Units, Use, sizes
from genolift.engine.walk.pairs import Pairs
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

tf = quiet_tensorflow()


class PatternSums:
    """Sums of a program's units over sequences, for some ``shift`` that is subtracted from z so that nothing cancels.

    For units u and the weights w of each (sums of several values x have one weight of one for each value):

    - ``count`` (u) is the number of samples, and ``z`` and ``zz`` (u) are Σ (z − shift) and Σ (z − shift)².
    - ``x`` and ``xz``, shaped like w, are Σ x and Σ x·(z − shift).
    - The same names with a ``+`` are over the samples whose sum is above zero with its bias. Units behind a rectifier
      have them.
    - ``gram`` (D, D) and ``patch`` (D,) are Σ xxᵀ and Σ x, for the layers in ``measured``.
    """

    def __init__(self, program: Program, propagation: PatternPropagation, measured: list[Units]):
        self.program, self.layers, self.measured = program, propagation.layers, measured
        self._run = compiled(self._sums, reduce_retracing=True)
        self._of_weights = compiled(self._numbers)

    def __call__(self, arrays: list[np.ndarray], shifts: list[np.ndarray]) -> list[dict[str, np.ndarray]]:
        """Return each layer's sums over sequences (n, ...), of which there is an array per input.

        ``shifts`` hold the shift (u) of each layer.
        """
        with exact_float32:
            sums = self._run([tf.constant(a) for a in arrays], [tf.constant(s, tf.float32) for s in shifts])
        return [{name: tensor.numpy().astype(np.float64) for name, tensor in one.items()} for one in sums]

    def numbers(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """Return for each layer the number of the unit that every weight belongs to.

        It is −1 for weights that are never used.
        """
        with exact_float32:
            numbers = self._of_weights([tf.constant(array[:1]) for array in arrays])
        return [tensor.numpy() for tensor in numbers]

    def weights(self, arrays: list[np.ndarray]) -> list[np.ndarray | None]:
        """Return the weights of each layer, None for sums of several values."""

        def read(*points: Tensor) -> list[Tensor]:
            pairs = Pairs(self.program, list(points), None, 1, False, False)
            return [pairs.aux(units.weights) for units in self.layers if units.weights is not None]

        weights = iter(compiled(read)(*[tf.constant(array[:1]) for array in arrays]))
        return [None if units.weights is None else next(weights).numpy() for units in self.layers]

    def _sums(self, arrays: list[Tensor], shifts: list[Tensor]) -> list[dict[str, Tensor]]:
        pairs = Pairs(self.program, arrays, None, 1, False, False)
        sums = []
        for units, shift in zip(self.layers, shifts, strict=True):
            parts = [_of_use(use, units, shift, pairs) for use in units.uses]
            if units in self.measured:
                for part, use in zip(parts, units.uses, strict=True):
                    part.update(_gram(use, units, pairs))
            sums.append({name: tf.add_n([part[name] for part in parts]) for name in parts[0]})
        return sums

    def _numbers(self, arrays: list[Tensor]) -> list[Tensor]:
        pairs = Pairs(self.program, arrays, None, 1, False, False)
        return [_unit_numbers(units, pairs) for units in self.layers]


def shape_of_units(units: Units, output: Tensor) -> list[int]:
    """Return the shape of something with one number for each unit, with size one along the axes of samples."""
    return [output.shape[axis] if axis in units.axes else 1 for axis in range(output.shape.rank)]


def _of_use(use: Use, units: Units, shift: Tensor, pairs: Pairs) -> dict[str, Tensor]:
    there, above = use.masks(pairs)
    if units.weights is None:
        z = pairs.x(use.step.output)
        z = z - pairs.at(use.step, {v: tf.zeros_like(pairs.x(v)) for v in use.step.active_inputs})[0]
    else:
        weights = tf.identity(pairs.aux(units.weights))
        (z, *_) = pairs.at(use.step, {use.source: pairs.x(use.source)}, lambda _: weights, offsets=False)
    samples = [axis for axis in range(z.shape.rank) if axis not in units.axes]
    shifted = z - shift
    sums: dict[str, Tensor] = {}
    for name, mask in {"": there, **({"+": above * there} if units.rectified else {})}.items():

        def total(tensor: Tensor, mask: Tensor = mask) -> Tensor:
            return tf.reduce_sum(mask * tensor, samples, keepdims=True)

        def read(tensor: Tensor, mask: Tensor = mask) -> Tensor:
            if units.weights is None:
                values = [pairs.x(value) for value in use.step.active_inputs]
                return tf.stack([tf.reduce_sum(mask * tensor * value, samples) for value in values])
            return tf.convert_to_tensor(tf.gradients(z, weights, mask * tensor, unconnected_gradients="zero")[0])

        ones = tf.ones_like(z)
        sums |= {
            f"count{name}": total(ones),
            f"z{name}": total(shifted),
            f"zz{name}": total(tf.square(shifted)),
            f"x{name}": read(ones),
            f"xz{name}": read(shifted),
        }
    return sums


def _unit_numbers(units: Units, pairs: Pairs) -> Tensor:
    """Return the number of each weight's unit.

    Over inputs of ones, a weight's derivative of Σ u·z is its unit's number u, once for every place of use.
    """
    use = units.uses[0]
    if units.weights is None:
        channels = sizes(use.step.output)[-1]
        return tf.tile(tf.range(channels)[tf.newaxis], [len(use.step.active_inputs), 1])
    weights, ones = tf.identity(pairs.aux(units.weights)), tf.ones_like(pairs.x(use.source))
    (z, *_) = pairs.at(use.step, {use.source: ones}, lambda _: weights, offsets=False)
    shape = shape_of_units(units, z)
    number = tf.reshape(tf.range(int(np.prod(shape)), dtype=z.dtype), shape) * tf.ones_like(z)
    total, places = (tf.gradients(z, weights, given)[0] for given in (number, tf.ones_like(z)))
    mean = tf.math.divide_no_nan(tf.convert_to_tensor(total), tf.convert_to_tensor(places))
    return tf.where(places > 0, tf.cast(tf.round(mean), tf.int32), -1)


def has_gram(units: Units, largest: int) -> bool:
    """Whether what the units read can be laid out as patches of at most ``largest`` numbers."""
    step = units.uses[0].step
    flags = operation(step.op).transposes
    if units.weights is None:
        return False
    shape, attributes = units.shape, step.node.attr
    if step.op == "Conv2D":
        channels = sizes(step.inputs[0])[-1]
        plain = attributes["data_format"].s == b"NHWC" and channels == shape[2]
    elif flags is None:
        return False
    else:
        plain = step.inputs[0].active and len(shape) == 2 and not any(attributes[flag].b for flag in flags)
    return plain and int(np.prod(shape[:-1])) <= largest


def _gram(use: Use, units: Units, pairs: Pairs) -> dict[str, Tensor]:
    """Return the sums over patches, cut out by the layer's own operation with weights that pick each number."""
    shape = units.shape
    size = int(np.prod(shape[:-1]))
    picking = tf.reshape(tf.eye(size), [*shape[:-1], size])
    (patches, *_) = pairs.at(use.step, {use.source: pairs.x(use.source)}, lambda _: picking, offsets=False)
    there, _ = use.masks(pairs)
    rows = tf.reshape(patches * there[..., :1], [-1, size])
    return {"gram": tf.matmul(rows, rows, transpose_a=True), "patch": tf.reduce_sum(rows, 0)}
