"""LIME: a linear surrogate around one sequence, over stretches that are kept or exchanged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from typing_extensions import override

from genolift.methods.common.predicting import Copies
from genolift.methods.perturbation.perturbed import Block, PerturbationMethod
from genolift.methods.perturbation.stretches import Stretches
from genolift.methods.targets import TargetLike
from genolift.results.kinds import LimeExplanation
from genolift.support.errors import InputError
from genolift.support.numbers import whole_number


class Lime(PerturbationMethod):
    """A linear surrogate of the prediction around each sequence (Ribeiro et al. 2016).

    Its M features are whether each stretch of bases is kept. A stretch that is not kept has a reference's bases, so
    that changed sequences look like DNA. The number of stretches that a changed sequence exchanges is drawn evenly from
    1 to M. The changed sequence has the weight exp(−d²/σ²) in a ridge regression, with the distance d = √(exchanged)
    and σ = ``kernel_width``·√M. ``r_squared`` tells how well the surrogate fits. The scores of a stretch are its
    coefficient divided evenly. ``hypothetical`` and ``raw_contributions`` are not defined, because a stretch is
    exchanged as a whole.

    Parameters
    ----------
    width
        The length of a stretch in bases.
    samples
        The number of changed sequences that are predicted, at least two more than there are stretches.
    kernel_width
        How fast the weight of a changed sequence falls with its distance from x.
    alpha
        The penalty of the ridge regression, on all coefficients but the intercept.
    """

    name = "lime"
    result_type = LimeExplanation

    def __init__(
        self,
        model: Callable,
        target: TargetLike = None,
        *,
        width: int = 5,
        samples: int = 1000,
        kernel_width: float = 0.75,
        alpha: float = 1.0,
        **options: Any,
    ):
        self.width, self.samples = whole_number(width, "width"), whole_number(samples, "samples", 2)
        if not (kernel_width > 0 and alpha >= 0):
            raise InputError(
                f"kernel_width must be above 0 and alpha not below it; they are {kernel_width} and {alpha}"
            )
        self.kernel_width, self.alpha = float(kernel_width), float(alpha)
        super().__init__(model, target, **options)

    @override
    def describe(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("width", "samples", "kernel_width", "alpha")}
        return {**super().describe(), **own}

    @override
    def count(self, lengths: list[int]) -> int:
        m = Stretches(lengths, self.width).count
        if self.samples < m + 2:
            raise InputError(
                f"{self.samples} samples are too few for {m} stretches of {self.width}; give at least {m + 2}, or a "
                "larger width"
            )
        return self.samples + 1

    @override
    def block(self, copies: Copies, block: Block) -> dict[str, Any]:
        stretches = Stretches(block.lengths, self.width)
        kept = np.stack([self._kept(stretches.count, rng) for rng in self.streams(block)])
        predictions = copies.predictions()
        changed = copies.grid(
            kept.shape[:2],
            lambda row, number: block.mixed(row, number % block.references, stretches.keep(kept[row, number])),
        )
        fits = [self._fit(kept[i], changed[i], predictions[i]) for i in range(len(block))]
        coefficients, intercept, r_squared = (np.stack(column) for column in zip(*fits, strict=True))
        return {
            "scores": stretches.spread(coefficients.transpose(0, 2, 1)),
            "predictions": predictions,
            "intercept": intercept.astype(np.float32),
            "r_squared": r_squared.astype(np.float32),
        }

    def _kept(self, m: int, rng: np.random.Generator) -> np.ndarray:
        """Return which stretches each sample keeps, (samples, M)."""
        exchanged = rng.integers(1, m + 1, self.samples)
        return rng.random((self.samples, m)).argsort(1).argsort(1) >= exchanged[:, None]

    def _fit(self, kept: np.ndarray, changed: np.ndarray, prediction: np.ndarray) -> tuple:
        """Return coefficients (M, T), intercept (T,) and weighted R² (T,). The sequence itself is a sample too."""
        features = np.concatenate([np.ones((1, kept.shape[1])), kept])
        response = np.concatenate([prediction[None], changed]).astype(np.float64)
        share = 1 - features.mean(1)
        weights = np.exp(-share / self.kernel_width**2)
        weights /= weights.sum()
        mean, level = weights @ features, weights @ response
        centred, risen = features - mean, response - level
        weighted = centred * weights[:, None]
        # scikit-learn and the authors set the penalty against the sum of the weights, and not against their mean.
        penalty = self.alpha * np.eye(kept.shape[1]) / np.exp(-share / self.kernel_width**2).sum()
        coefficients = cho_solve(cho_factor(weighted.T @ centred + penalty), weighted.T @ risen, check_finite=False)
        left = weights @ np.square(risen - centred @ coefficients)
        total = weights @ np.square(risen)
        with np.errstate(invalid="ignore", divide="ignore"):
            r_squared = np.where(total > 0, 1 - left / total, 1.0)
        return coefficients, level - mean @ coefficients, r_squared

    @override
    def undefined(self) -> dict[str, str]:
        return {**super().undefined(), "standard_error": "lime fits one surrogate; r_squared tells how well it fits"}
