"""The gradient correction for one-hot inputs: what a slope says about leaving the simplex of letters is dropped.

A model is trained where the letters of a position sum to one, so its slope along (1, 1, 1, 1) is arbitrary. Subtracting
the mean over the letters leaves the part along the simplex (Majdandzic et al. 2022, equation 4).
"""

from __future__ import annotations

from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def corrected(slopes: list, letters: list[bool]) -> list:
    """Slopes less their mean over the last axis, where that axis holds the letters of a position."""
    return [
        slope - tf.reduce_mean(slope, -1, keepdims=True) if has_letters else slope
        for slope, has_letters in zip(slopes, letters, strict=True)
    ]


class Corrected:
    """Multipliers of ``inner`` (an object for the engine's Explainer), corrected at the sources that have letters."""

    def __init__(self, inner, letters: list[bool]):
        self.inner, self.letters = inner, letters
        self.sources, self.compared = inner.sources, inner.compared

    def __call__(self, pairs, target, seeds: dict, audit: list | None = None) -> list:
        return corrected(self.inner(pairs, target, seeds, audit), self.letters)
