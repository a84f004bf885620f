"""Where a number that is not finite begins: forward in a program, or on the way back through it."""

from __future__ import annotations

import numpy as np

from genolift.engine.program import Program, Step, Value
from genolift.engine.running.run import constants, forward
from genolift.engine.target import Target
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

tf = quiet_tensorflow()


class Origins:
    """A search for the step from which on a target, or its slope, is not finite.

    Parameters
    ----------
    program : Program
        The traced model.
    targets : list of Target
        What is explained.
    """

    def __init__(self, program: Program, targets: list[Target]):
        self.program, self.targets = program, targets
        self._values = [
            value
            for step in program.active_steps
            for value in step.outputs
            if value.active and value.dtype.startswith(("float", "bfloat", "complex"))
        ]
        self._numbers = compiled(self._finite_numbers)
        self._slopes = compiled(self._finite_slopes)

    def __call__(self, xs: list[np.ndarray]) -> str:
        """Return the step in words, or an empty text where everything is finite at the sequence itself.

        Parameters
        ----------
        xs : list of np.ndarray
            The sequence (1, ...) for each input.
        """
        found = self.forward(xs)
        if found is not None:
            return found.where
        with exact_float32:
            slopes = self._slopes(self._tensors(xs))
        real = [value for value in self._values if not value.dtype.startswith("complex")]
        steep = {value for value, good in zip(real, slopes.numpy(), strict=True) if not good}
        for step in reversed(self.program.active_steps):
            if steep.intersection(step.inputs) and not steep.intersection(step.outputs):
                return step.where
        return ""

    def forward(self, xs: list[np.ndarray]) -> Step | None:
        """Return the step from which on a target is not finite; None if all targets are finite.

        The step is followed back from the target through values that are not finite, because a model may compute such
        values elsewhere and not use them.

        Parameters
        ----------
        xs : list of np.ndarray
            The sequence (1, ...) for each input.
        """
        with exact_float32:
            numbers = self._numbers(self._tensors(xs))
        lost = {value for value, good in zip(self._values, numbers.numpy(), strict=True) if not good}
        value = next((value for target in self.targets for value in target.values if value in lost), None)
        while value is not None:
            step = value.step
            value = next((source for source in step.inputs if source in lost), None)
            if value is None:
                return step
        return None

    @staticmethod
    def _tensors(xs: list[np.ndarray]) -> list[Tensor]:
        return [tf.constant(x, tf.float32) for x in xs]

    def _finite_numbers(self, xs: list[Tensor]) -> Tensor:
        """Return which values are finite."""
        known = forward(self.program, xs, constants(self.program))
        return tf.stack([_all_finite(known[value]) for value in self._values])

    def _finite_slopes(self, xs: list[Tensor]) -> Tensor:
        """Return at which real values the slopes of the targets are finite."""
        known = forward(self.program, xs, constants(self.program))
        tensors = [known[value] for value in self._values if not value.dtype.startswith("complex")]
        seeds: list[tuple[Value, Tensor]] = [
            seed for target in self.targets for seed in target.seeds(known.__getitem__).items()
        ]
        outputs = [known[value] for value, _ in seeds]
        slopes = tf.gradients(outputs, tensors, [weight for _, weight in seeds], unconnected_gradients="zero")
        return tf.stack([_all_finite(one) for one in slopes])


def _all_finite(tensor: Tensor) -> Tensor:
    return tf.reduce_all(tf.math.is_finite(tf.abs(tf.convert_to_tensor(tensor))))
