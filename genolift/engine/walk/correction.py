"""The gradient correction for one-hot inputs, which drops the part of a slope that leaves the simplex of letters.

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
    """Subtract from slopes their mean over the letters.

    Parameters
    ----------
    slopes : list of Tensor
        The slopes (..., C) at each source.
    letters : list of bool
        Whether the last axis of a source holds the letters of a position. The slopes at the other sources are returned
        as they are.

    Returns
    -------
    list of Tensor
        The corrected slopes, of the same shapes.
    """
    return [
        slope - tf.reduce_mean(slope, -1, keepdims=True) if has_letters else slope
        for slope, has_letters in zip(slopes, letters, strict=True)
    ]


class Corrected:
    """Multipliers that are corrected at the sources that have letters.

    Parameters
    ----------
    inner : Multipliers
        The multipliers before the correction.
    letters : list of bool
        Which of the sources have letters along their last axis.
    """

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
