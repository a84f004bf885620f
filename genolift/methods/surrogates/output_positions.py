"""The values of a target's output position by position, for maps of which input moves which output."""

from __future__ import annotations

import numpy as np

from genolift.engine.running.run import constants, forward
from genolift.engine.target import Target
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.predicting import batch_size, batches
from genolift.methods.common.traced import Traced
from genolift.methods.targets import Sum, TargetLike, parse
from genolift.support.errors import InputError, Remedy, setting
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

tf = quiet_tensorflow()


def positional(target: TargetLike) -> TargetLike:
    """Return a target whose positions are mapped: sums over all positions of an output, of all or of some tracks.

    Parameters
    ----------
    target
        None for all tracks of the only output, or ``Sum`` without bins, or a list of these.

    Raises
    ------
    InputError
        For any other target.
    """
    if target is None:
        return Sum()
    if isinstance(target, str):
        target = parse(target)
    if isinstance(target, list):
        return [positional(one) for one in target]
    if isinstance(target, Sum) and target.bins is None:
        return target
    raise InputError(
        f"a map over output positions shows all positions of an output, and {target!r} chooses some or is no sum",
        Remedy.naming(
            "choose tracks or the output alone, as with {}, or leave the target out",
            setting("target", "sum:tracks=0"),
        ),
    )


class OutputPositions:
    """Predicts the targets of sequences, and what each position of an output has of them.

    Parameters
    ----------
    traced
        The model with targets as :func:`positional` returns them.

    Raises
    ------
    InputError
        If an output has no positions, or not as many as that of another target.
    """

    def __init__(self, traced: Traced):
        self._traced = traced
        counts = set()
        for target in traced.targets:
            for value in target.values:
                if value.shape is None or len(value.shape) < 2 or value.shape[1] == 1:
                    raise InputError(
                        f"target {target.name} has no positions: its output has the shape {value.shape}; a map over "
                        "output positions is for models of profiles and tracks"
                    )
                counts |= {value.shape[1]} - {None}
        if len(counts) > 1:
            told = " and ".join(str(count) for count in sorted(filter(None, counts)))
            raise InputError(
                f"the targets are of outputs with {told} positions, which cannot be drawn on one axis; make a map of "
                "each by itself"
            )
        self._run = compiled(self._values, reduce_retracing=True)

    def __call__(self, inputs: Inputs, memory: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the targets (B, T), and the values (B, T, P) at each of the P positions, which sum to them."""
        parts = []
        with exact_float32:
            for rows, some in batches(inputs.arrays, batch_size(self._traced, inputs, memory)):
                values = self._run(*(tf.constant(array, tf.float32) for array in some))
                parts.append(values.numpy()[: rows.stop - rows.start])
        values = np.concatenate(parts)
        return values.sum(-1, dtype=np.float64).astype(np.float32), values

    def _values(self, *tensors: Tensor) -> Tensor:
        known = forward(self._traced.program, list(tensors), constants(self._traced.program))
        positions = [_by_position(target, known) for target in self._traced.targets]
        for one in positions[1:]:
            tf.debugging.assert_equal(tf.shape(one)[1], tf.shape(positions[0])[1])
        return tf.stack(positions, axis=1)


def _by_position(target: Target, known: dict) -> Tensor:
    """Return what each position (B, P) of an output adds to a target."""
    ((value, weights),) = target.terms
    tensor = known[value]
    # Numbers that do not count do not matter, where they are infinite either.
    counted = tf.math.multiply_no_nan(tensor, tf.cast(weights(tensor), tensor.dtype))
    return tf.reduce_sum(counted, axis=list(range(2, tensor.shape.rank)))
