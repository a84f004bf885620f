"""The sums that patterns are estimated from, over every place where a layer's units are applied.

With g_nj any number for each sum z_nj = Σ_i w_ij·x_ni, the sum over samples Σ_n g_nj·x_ni is the derivative of Σ g·z with
respect to w_ij: so a convolution's patches are pooled without being cut out, for any operation that has weights.
"""

from __future__ import annotations

import numpy as np

from genolift.engine.operations.table import operation
from genolift.engine.program import Program
from genolift.engine.relevance.patterns import PatternPropagation, Units, Use
from genolift.engine.walk.pairs import Pairs
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import compiled, quiet_tensorflow

tf = quiet_tensorflow()


class PatternSums:
    """Sums of a program's units over sequences, for some ``shift`` that is subtracted from z so that nothing cancels.

    For units u and the weights w of each (sums of several values x have weights one for each):

    - ``count`` (u) of the samples, ``z`` and ``zz`` (u): Σ (z − shift), Σ (z − shift)²
    - ``x`` and ``xz`` (as w): Σ x, Σ x·(z − shift)
    - the same with ``+`` behind the name over samples whose sum is above zero with its bias; for units behind a rectifier
    - ``gram`` (D, D) and ``patch`` (D,): Σ xxᵀ and Σ x, for the layers numbered in ``measured``
    """

    def __init__(self, program: Program, propagation: PatternPropagation, measured: list[Units]):
        self.program, self.layers, self.measured = program, propagation.layers, measured
        self._run = compiled(self._sums, reduce_retracing=True)
        self._of_weights = compiled(self._numbers)

    def __call__(self, arrays: list[np.ndarray], shifts: list) -> list[dict[str, np.ndarray]]:
        """For sequences (n, ...), one array per input; shifts (u) for each of the layers."""
        with exact_float32:
            found = self._run([tf.constant(a) for a in arrays], [tf.constant(s, tf.float32) for s in shifts])
        return [{name: tensor.numpy().astype(np.float64) for name, tensor in sums.items()} for sums in found]

    def numbers(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """For each layer the number of the unit that every weight belongs to, −1 for weights that are never used."""
        with exact_float32:
            found = self._of_weights([tf.constant(array[:1]) for array in arrays])
        return [tensor.numpy() for tensor in found]

    def weights(self, arrays: list[np.ndarray]) -> list[np.ndarray | None]:
        """The weights of each layer; None for sums of several values."""

        def read(*points):
            pairs = Pairs(self.program, list(points), None, 1, False, False)
            return [pairs.aux(units.weights) for units in self.layers if units.weights is not None]

        found = iter(compiled(read)(*[tf.constant(array[:1]) for array in arrays]))
        return [None if units.weights is None else next(found).numpy() for units in self.layers]

    def _sums(self, arrays, shifts):
        pairs = Pairs(self.program, arrays, None, 1, False, False)
        found = []
        for units, shift in zip(self.layers, shifts, strict=True):
            parts = [_of_use(use, units, shift, pairs) for use in units.uses]
            if units in self.measured:
                for part, use in zip(parts, units.uses, strict=True):
                    part.update(_gram(use, units, pairs))
            found.append({name: tf.add_n([part[name] for part in parts]) for name in parts[0]})
        return found

    def _numbers(self, arrays):
        pairs = Pairs(self.program, arrays, None, 1, False, False)
        return [_unit_numbers(units, pairs) for units in self.layers]


def shape_of_units(units: Units, output) -> list[int]:
    """One for each unit, and size one along the axes of samples."""
    return [output.shape[axis] if axis in units.axes else 1 for axis in range(output.shape.rank)]


def _of_use(use: Use, units: Units, shift, pairs: Pairs) -> dict:
    there, above = use.masks(pairs)
    if use.neurons is None:
        z = pairs.x(use.step.output)
        z = z - pairs.at(use.step, {v: tf.zeros_like(pairs.x(v)) for v in use.step.active_inputs})[0]
    else:
        source = use.neurons.source
        weights = tf.identity(pairs.aux(units.weights))
        (z, *_) = pairs.at(use.step, {source: pairs.x(source)}, lambda _: weights, offsets=False)
    samples = [axis for axis in range(z.shape.rank) if axis not in units.axes]
    shifted = z - shift
    found = {}
    for name, mask in {"": there, **({"+": above * there} if units.rectified else {})}.items():

        def total(tensor, mask=mask):
            return tf.reduce_sum(mask * tensor, samples, keepdims=True)

        def read(tensor, mask=mask):
            if use.neurons is None:
                values = [pairs.x(value) for value in use.step.active_inputs]
                return tf.stack([tf.reduce_sum(mask * tensor * value, samples) for value in values])
            return tf.convert_to_tensor(tf.gradients(z, weights, mask * tensor, unconnected_gradients="zero")[0])

        ones = tf.ones_like(z)
        found |= {
            f"count{name}": total(ones),
            f"z{name}": total(shifted),
            f"zz{name}": total(tf.square(shifted)),
            f"x{name}": read(ones),
            f"xz{name}": read(shifted),
        }
    return found


def _unit_numbers(units: Units, pairs: Pairs):
    """Over inputs of ones, each weight's derivative of Σ u·z is its unit's number u, once for every place of use."""
    use = units.uses[0]
    if use.neurons is None:
        channels = use.step.output.shape[-1]
        return tf.tile(tf.range(channels)[tf.newaxis], [len(use.step.active_inputs), 1])
    source = use.neurons.source
    weights = tf.identity(pairs.aux(units.weights))
    (z, *_) = pairs.at(use.step, {source: tf.ones_like(pairs.x(source))}, lambda _: weights, offsets=False)
    shape = shape_of_units(units, z)
    number = tf.reshape(tf.range(int(np.prod(shape)), dtype=z.dtype), shape) * tf.ones_like(z)
    total, places = (tf.gradients(z, weights, given)[0] for given in (number, tf.ones_like(z)))
    mean = tf.math.divide_no_nan(tf.convert_to_tensor(total), tf.convert_to_tensor(places))
    return tf.where(places > 0, tf.cast(tf.round(mean), tf.int32), -1)


def has_gram(units: Units, largest: int) -> bool:
    """Whether what the units read can be laid out as patches of at most ``largest`` numbers."""
    step = units.uses[0].step
    flags = operation(step.op).transposes
    if units.weights is None or not (step.op == "Conv2D" or flags):
        return False
    shape, attributes = units.weights.shape, step.node.attr
    if step.op == "Conv2D":
        channels = step.inputs[0].shape[-1]
        plain = attributes["data_format"].s == b"NHWC" and channels == shape[2]
    else:
        plain = step.inputs[0].active and len(shape) == 2 and not any(attributes[flag].b for flag in flags)
    return plain and int(np.prod(shape[:-1])) <= largest


def _gram(use: Use, units: Units, pairs: Pairs) -> dict:
    """Patches by the layer's own operation, with weights that pick each number of a patch."""
    shape = units.weights.shape
    size, source = int(np.prod(shape[:-1])), use.neurons.source
    picking = tf.reshape(tf.eye(size), [*shape[:-1], size])
    (patches, *_) = pairs.at(use.step, {source: pairs.x(source)}, lambda _: picking, offsets=False)
    there, _ = use.masks(pairs)
    rows = tf.reshape(patches * there[..., :1], [-1, size])
    return {"gram": tf.matmul(rows, rows, transpose_a=True), "patch": tf.reduce_sum(rows, 0)}
