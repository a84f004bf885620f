"""The method ``indels``: how the prediction changes when a base is inserted or a few are deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.methods.common.predicting import Copies
from genolift.methods.perturbation.perturbed import Block, ChangingMethod
from genolift.methods.targets import TargetLike
from genolift.results.kinds import IndelExplanation
from genolift.support.errors import InputError
from genolift.support.numbers import whole_number


class Indels(ChangingMethod):
    """Changes of the prediction when any base is inserted before a position, or some are deleted from a position on.

    The length stays the same: one side of the change moves, and a base that is pushed out is lost. A position's score
    is the mean of f(x) − f(deletion) over the deletions that take it away.

    Parameters
    ----------
    size
        The number of bases that are deleted together. Fewer are deleted where fewer are left.
    moves
        The side of the change that moves: ``"right"`` or ``"left"``.
    fill
        The values where bases are missing at the end: ``"uniform"`` (as N, 1/4 for each base) or ``"zero"``.
    """

    name = "indels"
    result_type = IndelExplanation

    def __init__(
        self,
        model: Callable,
        target: TargetLike = None,
        *,
        size: int = 1,
        moves: str = "right",
        fill: str = "uniform",
        **options: Any,
    ):
        self.size, self.moves, self.fill = whole_number(size, "size"), moves, fill
        if moves not in ("right", "left"):
            raise InputError(f"moves must be 'right' or 'left', the side of the change that moves, not {moves!r}")
        if fill not in ("uniform", "zero"):
            raise InputError(f"fill must be 'uniform' or 'zero', not {fill!r}")
        super().__init__(model, target, **options)

    @override
    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "size": self.size, "moves": self.moves, "fill": self.fill}

    @override
    def count(self, lengths: list[int]) -> int:
        letters = [4 if size is None else size for size in self.traced.tokens]
        return sum(length * (size + 1) for length, size in zip(lengths, letters, strict=False))

    @override
    def block(self, copies: Copies, block: Block) -> dict[str, Any]:
        predictions = copies.predictions()
        fields: dict[str, list] = {"insertions": [], "deletions": [], "scores": []}
        for place in block.changed:
            x = block.xs[place]
            length, letters = x.shape[1:]
            rest = np.full((len(x), 1, letters), 1 / letters if self.fill == "uniform" else 0, x.dtype)
            room = np.concatenate([x, rest], axis=1)

            def inserted(rows, at, letter, room=room, place=place):
                arrays = [array[rows] for array in block.xs]
                source = self._around_insertion(at, room.shape[1] - 1)
                arrays[place] = room[rows[:, None], np.maximum(source, 0)]
                arrays[place][source < 0] = np.eye(room.shape[2], dtype=room.dtype)[letter[(source < 0).any(1)]]
                return arrays

            def deleted(rows, at, room=room, place=place):
                arrays = [array[rows] for array in block.xs]
                arrays[place] = room[rows[:, None], self._around_deletion(at, room.shape[1] - 1)]
                return arrays

            insertions = copies.grid((len(x), length, letters), inserted) - predictions[:, None, None]
            deletions = copies.grid((len(x), length), deleted) - predictions[:, None]
            fields["insertions"].append(np.moveaxis(insertions, -1, 1))
            fields["deletions"].append(np.moveaxis(deletions, -1, 1))
            fields["scores"].append(np.moveaxis(-self._by_position(deletions), -1, 1))
        return {**fields, "predictions": predictions}

    def _around_insertion(self, at: np.ndarray, length: int) -> np.ndarray:
        """Return the position (b, L) that each base comes from in copies with an insertion before ``at`` (b,).

        It is −1 for the base that is put in.
        """
        j, at = np.arange(length), at[:, None]
        if self.moves == "right":
            return np.where(j < at, j, np.where(j == at, -1, j - 1))
        return np.where(j < at - 1, j + 1, np.where(j == at - 1, -1, j))

    def _around_deletion(self, at: np.ndarray, length: int) -> np.ndarray:
        """Return the position (b, L) that each base comes from in copies with a deletion from ``at`` (b,) on.

        It is ``length`` where the base is missing.
        """
        j, at = np.arange(length), at[:, None]
        gone = np.minimum(self.size, length - at)
        if self.moves == "right":
            return np.where(j < at, j, np.minimum(j + gone, length))
        source = np.where(j >= at + gone, j, j - gone)
        return np.where(source < 0, length, source)

    def _by_position(self, deletions: np.ndarray) -> np.ndarray:
        """Return the mean (n, L, T) of ``deletions`` (n, L, T) over those that take a position away."""
        length = deletions.shape[1]
        starts = np.arange(length)
        covers = (starts[:, None] <= starts) & (starts < starts[:, None] + self.size)  # (deletion, position)
        return np.einsum("ndt,dl->nlt", deletions, covers / covers.sum(0)).astype(np.float32)
