"""Occlusion: the loss of the prediction when a window is exchanged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.methods.common.blocks import standard_error
from genolift.methods.common.predicting import Copies
from genolift.methods.perturbation.perturbed import Block, PerturbationMethod
from genolift.methods.targets import TargetLike
from genolift.support.errors import InputError
from genolift.support.numbers import whole_number


class Occlusion(PerturbationMethod):
    """The loss of the prediction when a window is exchanged for a reference's bases (Zeiler & Fergus 2014).

    A position's score is the mean of f(x) − f(x with the window exchanged) over the windows that cover it and over
    references. The last window ends where the sequence does. ``hypothetical`` and ``raw_contributions`` are not
    defined, because a window is exchanged as a whole.

    Parameters
    ----------
    window
        The width of a window in bases.
    stride
        The number of bases between the starts of neighbouring windows, at most ``window``.
    """

    name = "occlusion"

    def __init__(self, model: Callable, target: TargetLike = None, *, window: int = 5, stride: int = 1, **options: Any):
        self.window, self.stride = whole_number(window, "window"), whole_number(stride, "stride")
        if self.stride > self.window:
            raise InputError(f"a stride of {stride} leaves positions between windows of {window}; give a shorter one")
        super().__init__(model, target, **options)

    @override
    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "window": self.window, "stride": self.stride}

    def _starts(self, length: int) -> list[int]:
        if self.window > length:
            raise InputError(f"window is {self.window}, but the sequences are {length} long; give a shorter one")
        starts = list(range(0, length - self.window + 1, self.stride))
        return starts if starts[-1] == length - self.window else [*starts, length - self.window]

    @override
    def count(self, lengths: list[int]) -> int:
        return self.reference_count * sum(len(self._starts(length)) for length in lengths)

    @override
    def block(self, copies: Copies, block: Block) -> dict[str, Any]:
        covered = self._covered(block.lengths)
        windows = len(covered[0])
        f = copies.grid(
            (len(block), windows, block.references),
            lambda rows, window, r: block.mixed(rows, r, [~cover[window] for cover in covered]),
        )
        predictions = copies.predictions()
        drop = (predictions[:, None, None] - f).astype(np.float64)
        scores, errors = [], []
        for cover in covered:
            by_reference = np.einsum("nwrt,wl->nrtl", drop, cover / cover.sum(0))
            mean = by_reference.mean(1)
            squares = np.square(by_reference - mean[:, None]).sum(1)
            scores.append(mean.astype(np.float32))
            errors.append(standard_error(squares, np.full(len(block), block.references)))
        return {"scores": scores, "standard_error": errors, "predictions": predictions}

    def _covered(self, lengths: list[int]) -> list[np.ndarray]:
        """Return which positions (windows, L) of each changed input every window covers.

        A window lies in one input.
        """
        starts = [self._starts(length) for length in lengths]
        covered, first = [np.zeros((sum(map(len, starts)), length), bool) for length in lengths], 0
        for cover, places in zip(covered, starts, strict=True):
            for window, start in enumerate(places, start=first):
                cover[window, start : start + self.window] = True
            first += len(places)
        return covered
