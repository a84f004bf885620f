"""Gradients at noisy copies of a sequence: their mean, their mean square, or their variance."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.methods.common.inputs import Inputs
from genolift.methods.common.predicting import Copies, streams
from genolift.methods.gradients.saliency import SlopeMethod, steepest
from genolift.methods.targets import TargetLike
from genolift.support.errors import InputError
from genolift.support.numbers import whole_number


class SmoothGrad(SlopeMethod):
    """The mean gradient over noisy copies of x (Smilkov et al. 2017).

    It is given as ``multipliers``, and ``scores`` are its largest |mean slope| over the letters. The explained target
    is that of x. ``hypothetical`` and ``raw_contributions`` are not defined, because nothing is multiplied by the base
    that is there.

    Parameters
    ----------
    samples
        How many noisy copies are made of each sequence, at least 2.
    noise
        The standard deviation of the normal noise, as a share of the range of the values of each input.
    """

    name = "smoothgrad"

    def __init__(
        self, model: Callable, target: TargetLike = None, *, samples: int = 50, noise: float = 0.15, **options: Any
    ):
        if not noise > 0:
            raise InputError(f"noise must be above 0, a share of the input's range, not {noise}")
        self.samples, self.noise = whole_number(samples, "samples", 2), float(noise)
        super().__init__(model, target, **options)

    @property
    @override
    def count(self) -> int:
        return self.samples

    @override
    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "samples": self.samples, "noise": self.noise}

    @override
    def block(self, copies: Copies, inputs: Inputs, rows: np.ndarray) -> dict[str, Any]:
        n, noisy = len(copies), self._noisy(copies, inputs.kept)

        def make(which: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
            sequences, draws = np.divmod(which, self.samples)
            return sequences, [array[sequences, draws] for array in noisy]

        count = len(copies.points.targets)
        mean = [np.zeros((n, count, *array.shape[1:])) for array in copies.arrays]
        squares = [np.zeros_like(total) for total in mean]
        for which, _, slopes in copies.slopes(n * self.samples, make):
            sequences, draws = np.divmod(which, self.samples)
            for row in np.unique(sequences):
                some = sequences == row
                for total, square, slope in zip(mean, squares, slopes, strict=True):
                    _merge(total[row], square[row], int(draws[some][0]), slope[some])
        return {"predictions": copies.predictions(), **self.measures(mean, squares, inputs.one_hot)}

    def _noisy(self, copies: Copies, kept: list[bool]) -> list[np.ndarray]:
        """Return noisy copies (n, samples, ...) per input. Copy j of a sequence does not depend on their number.

        Inputs that keep their own values have no noise.
        """
        noisy = [np.empty((len(copies), self.samples, *array.shape[1:]), np.float32) for array in copies.arrays]
        for n, rng in enumerate(streams(self.seed, "smoothgrad", copies.arrays)):
            for j in range(self.samples):
                for array, drawn, own in zip(copies.arrays, noisy, kept, strict=True):
                    scale = 0 if own else self.noise * np.ptp(array[n])
                    drawn[n, j] = array[n] + scale * rng.standard_normal(array.shape[1:], np.float32)
        return noisy

    def measures(self, mean: list[np.ndarray], squares: list[np.ndarray], one_hot: list[bool]) -> dict[str, Any]:
        """Return the fields that are computed from the slopes at noisy copies.

        Parameters
        ----------
        mean
            The mean slopes of each input, (n, T, ...).
        squares
            The sums of squared deviations from them, of the same shapes.
        one_hot
            Whether each input has an axis of letters.
        """
        slopes = [one.astype(np.float32) for one in mean]
        scores = [steepest(slope, letters) for slope, letters in zip(slopes, one_hot, strict=True)]
        return {"multipliers": slopes, "scores": scores}


def _merge(mean: np.ndarray, squares: np.ndarray, seen: int, more: np.ndarray) -> None:
    """Add ``more`` values (k, ...) to the mean and sum of squared deviations of ``seen`` others (Chan et al. 1983)."""
    k, new = len(more), more.mean(0, dtype=np.float64)
    gap = new - mean
    squares += np.square(more - new).sum(0) + gap**2 * (seen * k / (seen + k))
    mean += gap * (k / (seen + k))


class _OfEachLetter(SmoothGrad):
    """A statistic of the slopes of each letter, which is summed to the score of a position."""

    @abstractmethod
    def of(self, mean: np.ndarray, squares: np.ndarray) -> np.ndarray:
        """Return the statistic.

        Parameters
        ----------
        mean
            The mean slopes (n, T, ...) over the noisy copies.
        squares
            The sums of squared deviations from them, of the same shape.
        """

    @override
    def measures(self, mean: list[np.ndarray], squares: list[np.ndarray], one_hot: list[bool]) -> dict[str, Any]:
        raw = [self.of(m, s).astype(np.float32) for m, s in zip(mean, squares, strict=True)]
        scores = [one.sum(-1) if letters else one for one, letters in zip(raw, one_hot, strict=True)]
        return {"multipliers": [m.astype(np.float32) for m in mean], "raw_contributions": raw, "scores": scores}


class SmoothGradSquared(_OfEachLetter):
    """The mean squared gradient over noisy copies of x (Hooker et al. 2019); see :class:`SmoothGrad`.

    ``raw_contributions`` are the mean squares of each letter, and ``scores`` their sums over the letters.
    ``hypothetical`` is not defined.
    """

    name = "smoothgrad-squared"

    @override
    def of(self, mean: np.ndarray, squares: np.ndarray) -> np.ndarray:
        return squares / self.samples + mean**2


class VarGrad(_OfEachLetter):
    """The variance of the gradient over noisy copies of x (Adebayo et al. 2018; ddof = 1); see :class:`SmoothGrad`.

    ``raw_contributions`` are the variances of each letter, and ``scores`` their sums over the letters. ``hypothetical``
    is not defined.
    """

    name = "smoothgrad-variance"

    @override
    def of(self, mean: np.ndarray, squares: np.ndarray) -> np.ndarray:
        return squares / (self.samples - 1)
