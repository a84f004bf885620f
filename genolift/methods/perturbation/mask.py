"""Meaningful perturbation: the smallest mask that takes the prediction away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.methods import references as refs
from genolift.methods.common.predicting import Copies
from genolift.methods.common.traced import Traced
from genolift.methods.perturbation.perturbed import Block, PerturbationMethod
from genolift.methods.targets import TargetLike
from genolift.results.kinds import MaskExplanation
from genolift.support.errors import InputError
from genolift.support.numbers import whole_number

# The power of neighbours' differences in the total variation (Fong & Vedaldi 2017, equation 4).
_POWER = 3
# Shares of the prediction below this count for less, and shares below its negative count for nothing. Otherwise an
# output that has no lower bound would be driven on past the reference.
_KNEE = 0.1


class Mask(PerturbationMethod):
    """A mask per position that takes away most of the prediction at least cost (Fong & Vedaldi 2017, equation 4).

    It minimises h(s(m)) + ``l1``·Σ|1 − m| + ``tv``·Σ|m_i − m_{i+1}|³ over masks m in [0, 1] with Adam. Here s is the
    share of f(x) − f(reference) that is left when m·x + (1 − m)·reference stands in place of x, as a mean over
    references, and h(s) is a smooth form of max(s, 0). ``scores`` are 1 − m. ``hypothetical`` and ``raw_contributions``
    are not defined, because a position is masked as a whole. The default reference is the background's frequencies.

    Parameters
    ----------
    l1
        The share of the prediction that masking a position must take away to be worth it.
    tv
        The weight of differences between neighbouring positions of a mask.
    steps
        The number of steps of Adam.
    rate
        The learning rate of the first step, from which it falls to 0.
    restarts
        The number of masks to start from, of which the best is kept. The first is one half everywhere, the others are
        random.
    """

    name = "mask"
    result_type = MaskExplanation

    @staticmethod
    @override
    def default_references() -> refs.Reference:
        return refs.Background()

    backward = True

    def __init__(
        self,
        model: Callable,
        target: TargetLike = None,
        *,
        l1: float = 0.02,
        tv: float = 0.01,
        steps: int = 200,
        rate: float = 0.05,
        restarts: int = 2,
        **options: Any,
    ):
        self.steps, self.restarts = whole_number(steps, "steps"), whole_number(restarts, "restarts")
        if not (l1 >= 0 and tv >= 0 and rate > 0):
            raise InputError(f"l1 and tv must be at least 0 and rate above it; they are {l1}, {tv} and {rate}")
        self.l1, self.tv, self.rate = float(l1), float(tv), float(rate)
        super().__init__(model, target, **options)

    @override
    def describe(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("l1", "tv", "steps", "rate", "restarts")}
        return {**super().describe(), **own}

    @override
    def prepare(self, traced: Traced) -> None:
        super().prepare(traced)
        # Every target has masks of its own, so each needs the slopes of one target only.
        self._single = self._points.each()

    @override
    def count(self, lengths: list[int]) -> int:
        return (self.steps + 1) * self.restarts * self.reference_count

    @override
    def block(self, copies: Copies, block: Block) -> dict[str, Any]:
        predictions = copies.predictions()
        n, r = len(block), block.references
        nothing = [np.zeros((n * r, length), bool) for length in block.lengths]
        base = copies.grid((n, r), lambda row, ref: block.mixed(row, ref, [one[: len(row)] for one in nothing]))
        start = self._start(block)
        masks = []
        for t, points in enumerate(self._single):
            own = Copies(points, block.xs, copies.size, copies.tick)
            gap = predictions[:, t] - base[..., t].mean(1)
            # Where x and the reference predict the same, there is nothing to take away and no scale to measure it by.
            gap = np.where(np.abs(gap) > 1e-6 * np.maximum(np.abs(predictions[:, t]), 1), gap, 1.0)
            masks.append(self._descend(_Game(own, block, base[..., t].mean(1), gap), start.copy()))
        mask, objective, share, gaps = (np.stack(column, axis=1) for column in zip(*masks, strict=True))
        edges = np.cumsum(block.lengths)[:-1]
        return {
            "scores": [(1 - one).astype(np.float32) for one in np.split(mask, edges, axis=-1)],
            "predictions": predictions,
            "objective": objective.astype(np.float32),
            "masked_predictions": (base.mean(1) + share * gaps).astype(np.float32),
        }

    def _start(self, block: Block) -> np.ndarray:
        """Return the masks to start from, of shape (n, restarts, positions)."""
        start = np.full((len(block), self.restarts, sum(block.lengths)), 0.5)
        for n, rng in enumerate(self.streams(block)):
            start[n, 1:] = rng.random(start.shape[1:])[1:]
        return start

    def _descend(self, game: _Game, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the best masks, their objectives, the shares that they leave, and f(x) − f(reference).

        The masks have shape (n, positions), all others (n,). ``mask`` (n, restarts, positions) are those to start from.
        """
        first, second = np.zeros_like(mask), np.zeros_like(mask)
        for step in range(1, self.steps + 1):
            share, slope = game.share(mask)
            slope = _left(share)[1][..., None] * slope - self.l1 + self.tv * _variation(mask, game.block.lengths)[1]
            first = 0.9 * first + 0.1 * slope
            second = 0.999 * second + 0.001 * slope**2
            rate = self.rate * (1 - (step - 1) / self.steps)
            moved = rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
            mask = np.clip(mask - moved, 0, 1)
        share, _ = game.share(mask, slopes=False)
        objective = _left(share)[0] + self.l1 * (1 - mask).sum(-1) + self.tv * _variation(mask, game.block.lengths)[0]
        best = objective.argmin(1)
        every = np.arange(len(mask))
        return mask[every, best], objective[every, best], share[every, best], game.gap


class _Game:
    """The share of f(x) − f(reference) that a mask leaves, for one target.

    Parameters
    ----------
    copies
        The copies of the block's sequences, for this target alone.
    block
        The sequences and their references.
    base
        The mean prediction (n,) of the references.
    gap
        The difference f(x) − f(reference) (n,), or 1 where it is too small to measure a share by.
    """

    def __init__(self, copies: Copies, block: Block, base: np.ndarray, gap: np.ndarray):
        self.copies, self.block, self.base, self.gap = copies, block, base, gap

    def share(self, mask: np.ndarray, slopes: bool = True) -> tuple[np.ndarray, Any]:
        """Return the share (n, restarts) for masks (n, restarts, positions), and its slope by them.

        The slope has the shape of the masks. It is None if ``slopes`` is false.
        """
        block = self.block
        shape = (*mask.shape[:2], block.references)
        parts = np.split(mask.astype(np.float32), np.cumsum(block.lengths)[:-1], axis=-1)

        def mixed(row, restart, r):
            return block.mixed(row, r, [part[row, restart] for part in parts])

        if not slopes:
            return self._share(self.copies.grid(shape, mixed)[..., 0]), None

        def make(which):
            row, restart, r = np.unravel_index(which, shape)
            return row, mixed(row, restart, r)

        values, slope = np.empty(shape), np.zeros(mask.shape)
        for which, outputs, by_input in self.copies.slopes(int(np.prod(shape)), make):
            row, restart, r = np.unravel_index(which, shape)
            values[row, restart, r] = outputs[:, 0]
            by_mask = [(by_input[i][:, 0] * (block.xs[i][row] - block.refs[i][row, r])).sum(-1) for i in block.changed]
            np.add.at(slope, (row, restart), np.concatenate(by_mask, axis=1))
        return self._share(values), slope / block.references / self.gap[:, None, None]

    def _share(self, values: np.ndarray) -> np.ndarray:
        return (values.mean(-1) - self.base[:, None]) / self.gap[:, None]


def _left(share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return max(share, 0) with a rounded knee, and its slope."""
    bent = np.clip(share + _KNEE, 0, 2 * _KNEE)
    return bent**2 / (4 * _KNEE) + np.maximum(share - _KNEE, 0), bent / (2 * _KNEE)


def _variation(mask: np.ndarray, lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return Σ|m_i − m_{i+1}|³ within each input, and its slope by the mask (..., positions)."""
    total, slopes = np.zeros(mask.shape[:-1]), []
    for part in np.split(mask, np.cumsum(lengths)[:-1], axis=-1):
        steps = np.diff(part, axis=-1)
        total = total + (np.abs(steps) ** _POWER).sum(-1)
        pull = _POWER * np.abs(steps) ** (_POWER - 1) * np.sign(steps)
        slope = np.zeros_like(part)
        slope[..., 1:] += pull
        slope[..., :-1] -= pull
        slopes.append(slope)
    return total, np.concatenate(slopes, axis=-1)
