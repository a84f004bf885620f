"""In-silico mutagenesis: the prediction with each other base at each position."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.methods.common.predicting import Copies
from genolift.methods.common.traced import Traced
from genolift.methods.perturbation.perturbed import Block, ChangingMethod
from genolift.methods.perturbation.substituting import Substituting
from genolift.methods.targets import TargetLike
from genolift.results.kinds import MutagenesisExplanation
from genolift.support.errors import InputError


class InSilicoMutagenesis(ChangingMethod):
    """Predictions with every base at every position, the others as they are (in-silico saturation mutagenesis).

    ``hypothetical[n, l, b]`` is f(x with b at l) minus its mean over the four bases. ``contributions`` and
    ``raw_contributions`` are its values for the bases that are there: they are positive where a base speaks for the
    target more than other bases would. ``effects`` are the differences from f(x). Where a position is not exactly one
    base (N), all four are put there.

    Parameters
    ----------
    fast
        Whether to compute only the part of each layer that a substitution reaches, as fastISM does (Nair et al. 2022).
        By default this is done wherever it is estimated to be less work. The fast form is compared with the plain one
        when the method is made. If they differ, a warning says so and the plain form is used.
    """

    name = "ism"
    result_type = MutagenesisExplanation

    def __init__(self, model: Callable, target: TargetLike = None, *, fast: bool | None = None, **options: Any):
        if fast not in (None, True, False):
            raise InputError(f"fast must be True, False or None (fast where it is less work), not {fast!r}")
        self.fast = fast
        super().__init__(model, target, **options)

    @override
    def prepare(self, traced: Traced) -> None:
        super().prepare(traced)
        self._substituting = Substituting(traced, traced.targets, self._points, self.fast, self.memory, self.seed)

    @override
    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "fast": self.fast}

    @override
    def findings(self) -> dict[str, Any]:
        trials = self._substituting.trials
        return {"form": dict(trials)} if trials else {}

    @override
    def count(self, lengths: list[int]) -> int:
        letters = [4 if size is None else size for size in self.traced.tokens]
        return sum(length * (size - 1) for length, size in zip(lengths, letters, strict=False))

    @override
    def block(self, copies: Copies, block: Block) -> dict[str, Any]:
        predictions = copies.predictions()
        fields: dict[str, list] = {"hypothetical": [], "raw_contributions": [], "effects": []}
        for place in block.changed:
            f = self._mutated(copies, block, place, predictions)  # (n, L, letters, T)
            hypothetical = np.moveaxis(f - f.mean(axis=2, keepdims=True), -1, 1)
            fields["hypothetical"].append(hypothetical)
            fields["raw_contributions"].append(block.xs[place][:, None] * hypothetical)
            fields["effects"].append(np.moveaxis(f - predictions[:, None, None], -1, 1))
        return {**fields, "predictions": predictions}

    def _mutated(self, copies: Copies, block: Block, place: int, predictions: np.ndarray) -> np.ndarray:
        """Return the targets (n, L, letters, T) with each letter at each position of the input number ``place``."""
        x = block.xs[place]
        letters = x.shape[-1]
        known = ((x == 0) | (x == 1)).all(-1) & (x.sum(-1) == 1)
        f = np.repeat(np.repeat(predictions[:, None, None], x.shape[1], 1), letters, 2)
        for where in (known, ~known):
            rows, positions = np.nonzero(where)
            if len(rows):
                there = x.argmax(-1)[rows, positions, None]
                others = (there + 1 + np.arange(letters - 1)) % letters
                others = others if where is known else np.tile(np.arange(letters), (len(rows), 1))
                values = self._substituting.values(copies, block.xs, place, rows, positions, others)
                f[rows[:, None], positions[:, None], others] = values
        return f

    @override
    def undefined(self) -> dict[str, str]:
        return {
            **super().undefined(),
            "multipliers": "ism has none: contributions are differences between predictions",
            **dict.fromkeys(
                ["reference_predictions", "reference_count"], "ism substitutes bases, and has no references"
            ),
        }
