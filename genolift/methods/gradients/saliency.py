"""Slopes at the sequence itself, which are not multiplied by a difference: saliency, sensitivity, guided backprop."""

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
    """A method whose slopes are not multiplied by a difference."""

    #: Why there is no hypothetical importance, and which method defines one.
    no_hypothetical = "a slope alone is the same whatever base is there; gradient-x-input defines one"

    def propagation(self, traced: Traced) -> Propagation | None:
        """Return the walk back by which slopes are computed, or None for the plain gradient.

        Parameters
        ----------
        traced
            The model.
        """
        return None

    @override
    def prepare(self, traced: Traced) -> None:
        self._propagation = self.propagation(traced)
        self._points: dict[tuple, Points] = {}

    @override
    def points(self, inputs: Inputs, traced: Traced) -> Points:
        letters = inputs.letters if self.gradient_correction else [False] * len(inputs.arrays)
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
    """Return the largest |slope| over the letters of each position, or |slope| where there are no letters."""
    return np.abs(slope).max(-1) if letters else np.abs(slope)


class Saliency(SlopeMethod):
    """The gradient at x (Simonyan et al. 2013).

    It is given as ``multipliers``, and ``scores`` are its largest |slope| over the letters. ``hypothetical`` and
    ``raw_contributions`` are not defined, because nothing is multiplied by the base that is there.
    """

    name = "gradient"

    @override
    def block(self, copies: Copies, inputs: Inputs, rows: np.ndarray) -> dict[str, Any]:
        predictions, slopes = copies.own_slopes()
        return {"predictions": predictions, **self.measures(slopes, inputs.one_hot)}

    def measures(self, slopes: list[np.ndarray], one_hot: list[bool]) -> dict[str, Any]:
        """Return the fields that are computed from the slopes.

        Parameters
        ----------
        slopes
            The slopes of each input, (n, T, ...).
        one_hot
            Whether each input has an axis of letters.
        """
        scores = [steepest(slope, letters) for slope, letters in zip(slopes, one_hot, strict=True)]
        return {"multipliers": slopes, "scores": scores}


class Sensitivity(Saliency):
    """Squared derivatives (Montavon et al. 2018, section 4.1).

    ``raw_contributions`` are those of each letter, and ``scores`` their sums over the letters. Their sum over a
    sequence is the squared length of the gradient. ``hypothetical`` is not defined, because nothing is multiplied by
    the base that is there.
    """

    name = "sensitivity"

    @override
    def measures(self, slopes: list[np.ndarray], one_hot: list[bool]) -> dict[str, Any]:
        squares = [np.square(slope) for slope in slopes]
        scores = [square.sum(-1) if letters else square for square, letters in zip(squares, one_hot, strict=True)]
        return {"multipliers": slopes, "raw_contributions": squares, "scores": scores}


class GuidedBackprop(Saliency):
    """Guided backprop (Springenberg et al. 2014): the gradient, of which each ReLU passes back positive values only.

    It is given as ``multipliers``, and ``scores`` are its largest |slope| over the letters. ``hypothetical`` and
    ``raw_contributions`` are not defined.
    """

    name = "guided-backprop"
    no_hypothetical = "a slope alone is the same whatever base is there; guided-backprop-x-input defines one"

    @override
    def propagation(self, traced: Traced) -> Propagation:
        return guided(traced, self.name)
