"""Expected gradients (gradient SHAP): gradients at random points between a sequence and its references."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.methods.common.blocks import standard_error
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.predicting import Copies, streams
from genolift.methods.common.referring import TakesReferences, refuse_until_enough
from genolift.methods.common.traced import Traced
from genolift.methods.gradients.saliency import SlopeMethod
from genolift.methods.references import Reference, Shuffled
from genolift.methods.targets import TargetLike
from genolift.support.numbers import whole_number


class ExpectedGradients(TakesReferences, SlopeMethod):
    """Gradient × (x − reference) at random points between them, averaged (Erion et al. 2021, equation 3).

    The mean gradient of each reference is multiplied by its own x − reference before averaging. ``hypothetical`` is the
    mean over references of g_b − Σ_c g_c·r_c. Contributions sum to f(x) − f(reference) in expectation, and
    ``standard_error`` shows how precisely. By default a sequence is compared with 20 shuffles that keep its
    dinucleotides.

    Parameters
    ----------
    draws
        How many points are drawn for each reference. The way to x is divided into as many equal parts, and one point
        is drawn in each.
    """

    name = "expected-gradients"

    @staticmethod
    @override
    def default_references() -> Reference:
        return Shuffled(20, k=2, seed=0)

    def __init__(self, model: Callable, target: TargetLike = None, *, draws: int = 5, **options: Any):
        self.draws = whole_number(draws, "draws")
        super().__init__(model, target, **options)

    @override
    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "draws": self.draws}

    @property
    @override
    def count(self) -> int:
        return self.draws * max(one.count for one in self._chosen)

    @override
    def explain(self, inputs: Inputs, traced: Traced) -> tuple[dict[str, Any], dict[str, str]]:
        self._chosen = self.references_for(inputs)
        refuse_until_enough(self._chosen, self.name)
        return super().explain(inputs, traced)

    @override
    def block(self, copies: Copies, inputs: Inputs, rows: np.ndarray) -> dict[str, Any]:
        xs, drawn = copies.arrays, self._drawn_for(self._chosen, copies.arrays, rows)
        n, references = drawn[0].shape[:2]
        way = self._way(copies, references)

        def make(which: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
            numbers = np.unravel_index(which, way.shape)
            at = way[numbers]
            return numbers[0], [_between(x[numbers[0]], ref[numbers[:2]], at) for x, ref in zip(xs, drawn, strict=True)]

        targets = len(copies.points.targets)
        slopes = [np.zeros((n, references, targets, *x.shape[1:])) for x in xs]
        for which, _, drawn_slopes in copies.slopes(way.size, make):
            # The draws of a pair follow each other, and a batch may end among them.
            pairs, first = np.unique(which // self.draws, return_index=True)
            at = np.unravel_index(pairs, way.shape[:2])
            for total, slope in zip(slopes, drawn_slopes, strict=True):
                total[at] += np.add.reduceat(slope, first, axis=0) / self.draws
        at_references = copies.grid((n, references), lambda row, r: [ref[row, r] for ref in drawn])
        fields: dict[str, Any] = {
            "predictions": copies.predictions(),
            "reference_predictions": at_references.transpose(0, 2, 1),
            "reference_count": np.full((n, targets), references),
        }
        parts = [_summary(*each) for each in zip(slopes, xs, drawn, inputs.one_hot, strict=True)]
        names = ("multipliers", "raw_contributions", "scores", "standard_error")
        fields |= {name: [part[name] for part in parts] for name in names}
        if any(inputs.one_hot):
            fields["hypothetical"] = [part["hypothetical"] for part in parts]
        return fields

    def _way(self, copies: Copies, references: int) -> np.ndarray:
        """Return where on the way from each reference to x the gradients are taken, (n, R, draws) in [0, 1)."""
        drawn = [
            rng.random((references, self.draws), np.float32) for rng in streams(self.seed, self.name, copies.arrays)
        ]
        return (np.arange(self.draws, dtype=np.float32) + np.stack(drawn)) / self.draws

    @override
    def undefined(self) -> dict[str, str]:
        return {
            "hypothetical": "the inputs are not DNA of shape (N, L, 4), nor tokens",
            "residual": f"{self.name} sums to the difference from the reference in expectation only; see "
            "standard_error",
        }


def _between(x: np.ndarray, reference: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the points (b, ...) that lie at the shares ``at`` (b,) of the way from a reference to x."""
    return reference + at.reshape(-1, *[1] * (x.ndim - 1)) * (x - reference)


def _summary(slopes: np.ndarray, x: np.ndarray, references: np.ndarray, letters: bool) -> dict:
    """Return the fields (n, T, ...) of one input from the mean slope of each reference.

    Parameters
    ----------
    slopes
        The mean slope of each reference, (n, R, T, ...).
    x
        The sequences, (n, ...).
    references
        Their references, (n, R, ...).
    letters
        Whether the last axis is one of letters, over which scores are sums.
    """
    x, references = x[:, None, None], references[:, :, None]
    contributions = slopes * (x - references)
    by_position = contributions.sum(-1) if letters else contributions
    scores = by_position.mean(1)
    squares = np.square(by_position - scores[:, None]).sum(1)
    fields = {
        "multipliers": slopes.mean(1),
        "raw_contributions": contributions.mean(1),
        "scores": scores,
        "standard_error": standard_error(squares, np.full(len(x), slopes.shape[1])),
    }
    if letters:
        baseline = (slopes * references).sum(-1, keepdims=True)
        fields["hypothetical"] = (slopes - baseline).mean(1)
    else:
        fields["hypothetical"] = None
    return {key: None if value is None else value.astype(np.float32) for key, value in fields.items()}
