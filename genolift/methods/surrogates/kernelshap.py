"""Kernel SHAP: Shapley values by weighted least squares over coalitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.methods.common.predicting import Copies
from genolift.methods.perturbation.perturbed import Block, PerturbationMethod
from genolift.methods.perturbation.stretches import Stretches
from genolift.methods.surrogates import coalitions
from genolift.methods.targets import TargetLike
from genolift.support.errors import InputError
from genolift.support.numbers import whole_number


class KernelShap(PerturbationMethod):
    """Shapley values by regression on coalitions (Lundberg & Lee 2017, section 4.1).

    The players are stretches of bases. A coalition's value is the mean over references of f with the players' bases
    from x and all others from the reference. The scores of a stretch are its value divided evenly, and the scores sum
    to f(x) − mean f(reference). ``standard_error`` is the error of sampling, and 0 where the values are exact.
    ``hypothetical`` and ``raw_contributions`` are not defined, because a position is kept or exchanged as a whole.

    Parameters
    ----------
    samples
        The number of coalitions that are predicted, by default 2M + 2048 for M players. If there are no more than this,
        all are taken with the kernel's weights, and the values are exact. Otherwise coalitions are drawn with these
        weights as probabilities, each with its complement.
    width
        The length of a stretch in bases.
    """

    name = "kernel-shap"

    def __init__(
        self, model: Callable, target: TargetLike = None, *, samples: int | None = None, width: int = 1, **options: Any
    ):
        self.samples = None if samples is None else whole_number(samples, "samples", 2)
        self.width = whole_number(width, "width")
        super().__init__(model, target, **options)

    @override
    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "samples": self.samples, "width": self.width}

    def _coalitions(self, m: int) -> tuple[int, bool]:
        """Return how many coalitions are predicted, and whether these are all."""
        wanted = 2 * m + 2048 if self.samples is None else self.samples
        if m < 31 and 2**m - 2 <= wanted:
            return 2**m - 2, True
        if wanted < 2 * m:
            raise InputError(
                f"{wanted} samples are too few for {m} stretches of {self.width}; give at least {2 * m}, or a larger "
                "width"
            )
        return wanted - wanted % 2, False

    @override
    def count(self, lengths: list[int]) -> int:
        coalition_count, _ = self._coalitions(Stretches(lengths, self.width).count)
        return self.reference_count * (coalition_count + 1) + 1

    @override
    def block(self, copies: Copies, block: Block) -> dict[str, Any]:
        players = Stretches(block.lengths, self.width)
        n, r, m = len(block), block.references, players.count
        count, exact = self._coalitions(m)
        if exact:
            members, weights = coalitions.every(m)
            members = np.broadcast_to(members, (n, count, m))
        else:
            weights = np.ones(count)
            members = np.stack([coalitions.sampled(m, count // 2, rng) for rng in self.streams(block)])
        predictions = copies.predictions()
        empty = copies.grid((n, r), lambda row, ref: block.mixed(row, ref, players.keep(np.zeros((len(row), m), bool))))
        values = copies.grid(
            (n, count, r), lambda row, number, ref: block.mixed(row, ref, players.keep(members[row, number]))
        )
        base = empty.mean(1, dtype=np.float64)
        gains, total = values.mean(2, dtype=np.float64) - base[:, None], predictions - base
        mean = np.stack([coalitions.solve(members[i], weights, gains[i], total[i]) for i in range(n)])
        error = np.zeros_like(mean)
        if not exact:
            error = np.stack([coalitions.sampling_error(members[i], gains[i], total[i], mean[i]) for i in range(n)])
        return {
            "scores": players.spread(mean.transpose(0, 2, 1)),
            "standard_error": players.spread(error.transpose(0, 2, 1)),
            "predictions": predictions,
            "reference_predictions": empty.transpose(0, 2, 1),
            "reference_count": np.full((n, mean.shape[-1]), r),
        }
