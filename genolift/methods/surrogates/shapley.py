"""Shapley values of positions by sampling orders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.methods.common.blocks import standard_error
from genolift.methods.common.predicting import Copies
from genolift.methods.perturbation.perturbed import Block, PerturbationMethod
from genolift.methods.perturbation.stretches import Stretches
from genolift.methods.targets import TargetLike
from genolift.support.numbers import whole_number


class ShapleySampling(PerturbationMethod):
    """Shapley values by sampled orders (Štrumbelj & Kononenko 2010; Castro et al. 2009).

    The players are stretches of bases. The game's value is f with the players' bases from x and all others from a
    reference. The scores of a stretch are its value divided evenly. They sum to f(x) − mean f(reference), however few
    orders there are. ``standard_error`` is the error of the mean over orders and references, and NaN for a single one.
    ``hypothetical`` and ``raw_contributions`` are not defined, because a position is kept or exchanged as a whole.

    Parameters
    ----------
    orders
        The number of random orders for each reference. Each is also taken backwards, which cancels part of the error.
    width
        The length of a stretch in bases.
    """

    name = "shapley-sampling"

    def __init__(self, model: Callable, target: TargetLike = None, *, orders: int = 1, width: int = 1, **options: Any):
        self.orders, self.width = whole_number(orders, "orders"), whole_number(width, "width")
        super().__init__(model, target, **options)

    @override
    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "orders": self.orders, "width": self.width}

    @override
    def count(self, lengths: list[int]) -> int:
        return self.reference_count * (1 + 2 * self.orders * max(1, Stretches(lengths, self.width).count - 1))

    @override
    def block(self, copies: Copies, block: Block) -> dict[str, Any]:
        players = Stretches(block.lengths, self.width)
        n, r, m = len(block), block.references, players.count
        places = self._places(block, m)
        predictions = copies.predictions()
        empty = copies.grid((n, r), lambda row, ref: block.mixed(row, ref, players.keep(np.zeros((len(row), m), bool))))

        def coalition(row, ref, order, direction, size):
            place = places[row, ref, order]
            place = np.where(direction[:, None] == 0, place, m - 1 - place)
            return block.mixed(row, ref, players.keep(place < size[:, None] + 1))

        between = copies.grid((n, r, self.orders, 2, m - 1), coalition) if m > 1 else None
        values = self._values(predictions, empty, between, places)
        mean = values.mean((1, 2))
        squares = np.square(values - mean[:, None, None]).sum((1, 2))
        error = standard_error(squares, np.full(n, r * self.orders))
        reference_predictions = empty.transpose(0, 2, 1)
        gained = values.mean(2).sum(2).transpose(0, 2, 1)
        return {
            "scores": players.spread(mean.transpose(0, 2, 1)),
            "standard_error": players.spread(error.transpose(0, 2, 1)),
            "predictions": predictions,
            "reference_predictions": reference_predictions,
            "reference_count": np.full((n, mean.shape[-1]), r),
            "residual": (gained - (predictions[..., None] - reference_predictions)).astype(np.float32),
        }

    def _places(self, block: Block, m: int) -> np.ndarray:
        """Return each player's place in every order, (n, R, orders, M)."""
        shape = (block.references, self.orders, m)
        return np.stack([rng.random(shape).argsort(-1).argsort(-1) for rng in self.streams(block)])

    @staticmethod
    def _values(
        predictions: np.ndarray, empty: np.ndarray, between: np.ndarray | None, places: np.ndarray
    ) -> np.ndarray:
        """Return the mean over both directions of what each player adds when it joins, (n, R, orders, M, T)."""
        n, r, orders, m = places.shape
        shape = (n, r, orders, 2, 1, predictions.shape[-1])
        start = np.broadcast_to(empty[:, :, None, None, None], shape)
        end = np.broadcast_to(predictions[:, None, None, None, None], shape)
        steps = np.concatenate([start, *([] if between is None else [between]), end], axis=4)
        gains = np.diff(steps.astype(np.float64), axis=4)
        forward = np.take_along_axis(gains[:, :, :, 0], places[..., None], axis=3)
        backward = np.take_along_axis(gains[:, :, :, 1], (m - 1 - places)[..., None], axis=3)
        return (forward + backward) / 2

    @override
    def undefined(self) -> dict[str, str]:
        return {key: why for key, why in super().undefined().items() if key != "residual"}
