"""A method as somebody outside the repository would write it; ``test_registration`` makes it known."""

from __future__ import annotations

import numpy as np

from genolift.methods.gradients.saliency import SlopeMethod


class SlopeThere(SlopeMethod):
    """The slope at the base that is there, raised to a power.

    Parameters
    ----------
    power
        The power to which the size of each slope is raised; its sign is kept.
    """

    name = "slope-there"

    def __init__(self, model, target=None, *, power: float = 1.0, **options):
        self.power = power
        super().__init__(model, target, **options)

    def describe(self):
        return {**super().describe(), "power": self.power}

    def block(self, copies, inputs, rows):
        predictions, slopes = copies.own_slopes()
        there = [(slope * x[:, None]).sum(-1) for slope, x in zip(slopes, copies.arrays, strict=True)]
        scores = [np.sign(slope) * np.abs(slope) ** self.power for slope in there]
        return {"predictions": predictions, "multipliers": slopes, "scores": scores}
