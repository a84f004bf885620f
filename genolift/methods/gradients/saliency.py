"""Slopes at the sequence itself, multiplied by nothing: saliency, sensitivity, guided backprop."""

from __future__ import annotations

from typing import Any

import numpy as np
from typing_extensions import override

from genolift.engine.walk.multipliers import Propagation
from genolift.engine.walk.points import Points
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.pointwise import PointwiseMethod
from genolift.methods.common.predicting import Copies
from genolift.methods.common.traced import Traced
from genolift.methods.gradients.correction import CorrectsGradients, check_letters
from genolift.methods.gradients.gradients import guided


class SlopeMethod(CorrectsGradients, PointwiseMethod):
    """What slopes say that are not multiplied by a difference."""

    #: Why there is no hypothetical importance, and what has one.
    no_hypothetical = "a slope alone is the same whatever base is there; gradient-x-input defines one"

    def propagation(self, traced: Traced) -> Propagation | None:
        """Return the rules that slopes are walked back by; None for the plain gradient."""
        return None

    @override
    def prepare(self, traced: Traced) -> None:
        self._propagation = self.propagation(traced)
        self._points: dict[tuple, Points] = {}

    @override
    def points(self, inputs: Inputs, traced: Traced) -> Points:
        letters = inputs.one_hot if self.gradient_correction else [False] * len(inputs.arrays)
        if self.gradient_correction:
            check_letters(any(letters))
        key = tuple(letters)
        if key not in self._points:
            self._points[key] = Points(traced.program, traced.targets, self._propagation, letters)
        return self._points[key]

    @override
    def undefined(self) -> dict[str, str]:
        none = f"{self.name} compares with no reference"
        return {
            "hypothetical": self.no_hypothetical,
            "raw_contributions": f"{self.name} is not multiplied by a difference; gradient-x-input is",
            **dict.fromkeys(["reference_predictions", "reference_count", "residual", "standard_error"], none),
        }


def steepest(slope: np.ndarray, letters: bool) -> np.ndarray:
    """Return the largest |slope| over the letters of a position; |slope| where there are none."""
    return np.abs(slope).max(-1) if letters else np.abs(slope)


class Saliency(SlopeMethod):
    """The gradient at x (Simonyan et al. 2013), as ``multipliers``.

    ``scores`` are its largest |slope| over the letters of a position. ``hypothetical`` and ``raw_contributions`` are
    not defined: nothing is multiplied by the base that is there.
    """

    name = "gradient"

    @override
    def block(self, copies: Copies, inputs: Inputs, rows: np.ndarray) -> dict[str, Any]:
        predictions, slopes = copies.own_slopes()
        return {"predictions": predictions, **self.measures(slopes, inputs.one_hot)}

    def measures(self, slopes: list, one_hot: list[bool]) -> dict[str, Any]:
        """Fields from the slopes (n, T, ...) of each input."""
        scores = [steepest(slope, letters) for slope, letters in zip(slopes, one_hot, strict=True)]
        return {"multipliers": slopes, "scores": scores}


class Sensitivity(Saliency):
    """Squared derivatives (Montavon et al. 2018, section 4.1): ``raw_contributions`` of each letter, summed to scores.

    All together they are the squared length of the gradient; ``hypothetical`` is not defined, for the same reason as a
    gradient's.
    """

    name = "sensitivity"

    @override
    def measures(self, slopes: list[np.ndarray], one_hot: list[bool]) -> dict[str, Any]:
        squares = [np.square(slope) for slope in slopes]
        scores = [square.sum(-1) if letters else square for square, letters in zip(squares, one_hot, strict=True)]
        return {"multipliers": slopes, "raw_contributions": squares, "scores": scores}


class GuidedBackprop(Saliency):
    """Guided backprop (Springenberg et al. 2014).

    It is the gradient, keeping only positive values at each ReLU on the way back, as ``multipliers``, and ``scores``
    are its largest |slope| over the letters. ``hypothetical`` and ``raw_contributions`` are not defined.
    """

    name = "guided-backprop"
    no_hypothetical = "a slope alone is the same whatever base is there; guided-backprop-x-input defines one"

    @override
    def propagation(self, traced: Traced) -> Propagation:
        return guided(traced, self.name)
