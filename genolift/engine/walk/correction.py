"""The gradient correction for one-hot inputs: what a slope says about leaving the simplex of letters is dropped.

A model is trained where the letters of a position sum to one, so its slope along (1, 1, 1, 1) is arbitrary. Subtracting
the mean over the letters leaves the part along the simplex (Majdandzic et al. 2022, equation 4).
"""

from __future__ import annotations

from dataclasses import replace

from genolift.engine.program import Step, Value
from genolift.engine.target import Target
from genolift.engine.walk.multipliers import Multipliers, Walked
from genolift.engine.walk.pairs import Pairs
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def corrected(slopes: list[Tensor], letters: list[bool]) -> list[Tensor]:
    """Return slopes less their mean over the last axis, where that axis holds the letters of a position."""
    return [
        slope - tf.reduce_mean(slope, -1, keepdims=True) if has_letters else slope
        for slope, has_letters in zip(slopes, letters, strict=True)
    ]


class Corrected:
    """The multipliers of ``inner``, corrected at the sources that have letters."""

    def __init__(self, inner: Multipliers, letters: list[bool]):
        self.inner, self.letters = inner, letters
        self.sources, self.compared, self.held = inner.sources, inner.compared, inner.held

    def __call__(self, pairs: Pairs, target: Target, seeds: dict[Value, Tensor], audit: bool = False) -> Walked:
        """Return the corrected multipliers, see :class:`Multipliers`."""
        walked = self.inner(pairs, target, seeds, audit)
        return replace(walked, reached=corrected(walked.reached, self.letters))

    def reveals(self, step: Step) -> bool:
        """Whether the inner multipliers follow RevealCancel at this step."""
        return self.inner.reveals(step)
