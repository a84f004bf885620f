"""Pairwise mutagenesis: the effect of two substitutions together, beyond their effects apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.methods.common.inputs import Inputs
from genolift.methods.common.predicting import Copies
from genolift.methods.perturbation.perturbed import Block, ChangingMethod
from genolift.methods.targets import TargetLike
from genolift.results.kinds import EpistasisExplanation
from genolift.support.errors import InputError
from genolift.support.numbers import whole_number

# The number of pairs of substitutions that are held at a time.
_PAIRS = 1 << 20


class PairwiseMutagenesis(ChangingMethod):
    """Interactions of all pairs of substitutions in a stretch of each sequence.

    A position's score is the mean size of the interactions of its substitutions with those at the stretch's other
    positions. It is 0 outside the stretch.

    Parameters
    ----------
    start
        The first position of the stretch, counted from 0. By default the stretch is in the middle of the sequence.
    end
        The position after the last one of the stretch.
    width
        The length of the stretch in the middle of the sequence, if no start and end are given.
    """

    name = "pairwise-mutagenesis"
    result_type = EpistasisExplanation

    def __init__(
        self,
        model: Callable,
        target: TargetLike = None,
        *,
        start: int | None = None,
        end: int | None = None,
        width: int = 16,
        **options: Any,
    ):
        if (start is None) != (end is None):
            raise InputError("a stretch has a start and an end; give both, or neither and its width")
        if start is not None and end is not None and not 0 <= start < end - 1:
            raise InputError(
                f"a stretch of at least two bases is needed, not {start} to {end} (0-based, end not included)"
            )
        self.start, self.end, self.width = start, end, whole_number(width, "width", 2)
        super().__init__(model, target, **options)

    @override
    def describe(self) -> dict[str, Any]:
        stretch = {"width": self.width} if self.start is None else {"start": self.start, "end": self.end}
        return {**super().describe(), **stretch}

    @override
    def changed(self, inputs: Inputs) -> list[int]:
        places = super().changed(inputs)
        if len(places) > 1:
            raise InputError(
                f"{self.name} substitutes in one input, and the model has {len(places)} of DNA; wrap it in a function "
                "of one"
            )
        length = inputs.arrays[places[0]].shape[1]
        if (self.end or self.width) > length:
            raise InputError(f"the stretch ends at {self.end or self.width}, but the sequences are {length} long")
        return places

    @override
    def count(self, lengths: list[int]) -> int:
        start, end = self._stretch(lengths[0])
        width = end - start
        return 3 * width + 9 * width * (width - 1) // 2

    def _stretch(self, length: int) -> tuple[int, int]:
        if self.start is not None and self.end is not None:
            return self.start, self.end
        start = (length - self.width) // 2
        return start, start + self.width

    @override
    def block(self, copies: Copies, block: Block) -> dict[str, Any]:
        (place,) = block.changed
        x, predictions = block.xs[place], copies.predictions()
        length, letters = x.shape[1:]
        start, end = self._stretch(length)
        width = end - start
        eye, inside = np.eye(letters, dtype=x.dtype), x[:, start:end]

        def single(which):
            rows, at, letter = (numbers[which] for numbers in singles)
            arrays = [array[rows] for array in block.xs]
            arrays[place][np.arange(len(which)), start + at] = eye[letter]
            return rows, arrays

        singles = np.nonzero(inside != 1)
        effects = np.zeros((*inside.shape, predictions.shape[1]), np.float32)
        effects[singles] = copies.values(len(singles[0]), single) - predictions[singles[0]]
        interactions = np.zeros((len(x), width, letters, width, letters, predictions.shape[1]), np.float32)
        at_once = max(1, _PAIRS // (width * letters) ** 2)
        for first in range(0, len(x), at_once):
            rows = np.arange(first, min(first + at_once, len(x)))
            pairs = self._pairs(copies, block, place, rows, start, inside, eye)
            interactions[rows] = self._together(pairs, effects[rows], predictions[rows])
        scores = np.zeros((len(x), length, predictions.shape[1]), np.float32)
        scores[:, start:end] = np.abs(interactions).sum((2, 3, 4)) / ((letters - 1) ** 2 * (width - 1))
        return {
            "stretch": np.full(predictions.shape, start),
            "effects": np.moveaxis(effects, -1, 1),
            "interactions": np.moveaxis(interactions, -1, 1),
            "scores": [np.moveaxis(scores, -1, 1)],
            "predictions": predictions,
        }

    @staticmethod
    def _pairs(
        copies: Copies, block: Block, place: int, rows: np.ndarray, start: int, inside: np.ndarray, eye: np.ndarray
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Return the predictions (P, T) of all pairs of substitutions in the sequences ``rows``, and their numbers.

        The numbers are five arrays (P,): the row among ``rows``, then i, a, j and b for letter a at position i of the
        stretch and letter b at position j.
        """
        other = inside[rows] != 1
        width = other.shape[1]
        ahead = np.arange(width)[:, None] < np.arange(width)
        mask = other[:, :, :, None, None] & other[:, None, None] & ahead[:, None, :, None]
        numbers = np.nonzero(mask)

        def make(which):
            row, i, a, j, b = (array[which] for array in numbers)
            arrays = [array[rows[row]] for array in block.xs]
            each = np.arange(len(which))
            arrays[place][each, start + i] = eye[a]
            arrays[place][each, start + j] = eye[b]
            return rows[row], arrays

        return copies.values(len(numbers[0]), make), numbers

    @staticmethod
    def _together(pairs: tuple, effects: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """Return f(ab) − f(a) − f(b) + f(x), in both orders of the pair, of shape (n, W, letters, W, letters, T)."""
        f, (row, i, a, j, b) = pairs
        interactions = np.zeros((*effects.shape[:3], *effects.shape[1:]), np.float32)
        epistasis = f - predictions[row] - effects[row, i, a] - effects[row, j, b]
        interactions[row, i, a, j, b] = interactions[row, j, b, i, a] = epistasis
        return interactions
