"""Whether the importance of a stretch stands out from the rest of its own sequence."""

from __future__ import annotations

import numpy as np

from genolift.evaluate.truth.matches import window_sums
from genolift.support.seeds import stream

_CONTROLS = 5  # So many free stretches of each sequence tell how far chance goes.
_ROUNDING = 1e-9


class Standing:
    """How far the sums of scores over stretches of one width lie from those over free stretches of the same sequence.

    A stretch lies z standard deviations from the mean of the free stretches of its sequence, those that overlap it left
    out, and if it is not free itself, those that overlap one of them drawn at random. It stands out above if its z
    exceeds that of 19 in 20 free stretches, which are drawn at random from all sequences and treated alike. Thus chance
    lets one in twenty stand out, however correlated the stretches of a sequence are, and however few as long as there
    are several. A constant that is added to all scores changes nothing, nor does the scale of a sequence.

    Parameters
    ----------
    scores
        (N, L); NaN beyond the end of a sequence.
    free
        (N, L) bool, the bases that lie in no instance.
    width
        The width of the stretches.
    """

    def __init__(self, scores: np.ndarray, free: np.ndarray, width: int):
        self._width = width
        self.sums = window_sums(np.nan_to_num(scores), width)
        self.free = free_places(free, width)
        self._tolerance = _ROUNDING * np.abs(self.sums).max(axis=1, initial=0.0)
        # Sums that are centred lose less to rounding when they are squared.
        count = np.maximum(self.free.sum(axis=1, keepdims=True), 1)
        self._centre = (self.sums * self.free).sum(axis=1, keepdims=True) / count
        centred = (self.sums - self._centre) * self.free
        parts = np.stack([self.free.astype(float), centred, centred**2])
        self._cumulative = np.concatenate([np.zeros((*parts.shape[:2], 1)), parts.cumsum(axis=2)], axis=2)
        row, start = self._controls()
        # The first one drawn of each sequence is left out wherever a stretch that is not free is judged.
        self._left_out = np.full(len(self.sums), -1)
        self._left_out[row[::-1]] = start[::-1]
        control = self.z(row, start)
        control = control[~np.isnan(control)]
        self._limits = (np.nan, np.nan)
        if len(control):
            self._limits = (
                float(np.percentile(control, 5, method="lower")),
                float(np.percentile(control, 95, method="higher")),
            )

    def z(self, row: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Return how far stretches lie from their sequence's free ones, (K,).

        It is NaN where a sequence has fewer than two free stretches, and infinite where they are all equal and this one
        is not.
        """
        left, right = self._around(start)
        # Free stretches are compared without their own surroundings, that is with fewer, from which they lie further by
        # chance. So that others are treated alike, they are compared without those of a free stretch of their sequence.
        other_left, other_right = self._around(self._left_out[row])
        alike = self.free[row, start] | (self._left_out[row] < 0)
        other_left, other_right = np.where(alike, left, other_left), np.where(alike, left, other_right)
        both_left = np.maximum(left, other_left)
        both_right = np.maximum(both_left, np.minimum(right, other_right))
        count, total, squares = (
            part[row, -1]
            - (part[row, right] - part[row, left])
            - (part[row, other_right] - part[row, other_left])
            + (part[row, both_right] - part[row, both_left])
            for part in self._cumulative
        )
        known = count > 1
        count = np.maximum(count, 2)
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0) * count / (count - 1))
        distance = self.sums[row, start] - self._centre[row, 0] - mean
        same = np.abs(distance) <= self._tolerance[row]
        flat = deviation <= self._tolerance[row]
        z = np.where(flat, np.copysign(np.inf, distance), distance / np.where(flat, 1.0, deviation))
        return np.where(known, np.where(same, 0.0, z), np.nan)

    def _around(self, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the first place whose stretch overlaps the one at ``start``, and the one after the last."""
        return np.maximum(start - self._width + 1, 0), np.minimum(start + self._width, self.sums.shape[1])

    def out(self, row: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Return whether stretches stand out: 1 above, -1 below, 0 neither, NaN where it cannot be told, (K,)."""
        z = self.z(row, start)
        low, high = self._limits
        told = (z > high).astype(float) - (z < low)
        return np.where(np.isnan(z) | np.isnan(high), np.nan, told)

    def _controls(self) -> tuple[np.ndarray, np.ndarray]:
        random = stream(0, "free stretches that tell how far chance goes", self._width)
        drawn = np.where(self.free, random.random(self.free.shape), np.inf)
        number = min(_CONTROLS, drawn.shape[1])
        start = np.argsort(drawn, axis=1, kind="stable")[:, :number]
        row = np.repeat(np.arange(len(drawn))[:, None], number, axis=1)
        there = np.take_along_axis(self.free, start, axis=1)
        return row[there], start[there]


def free_places(free: np.ndarray, width: int) -> np.ndarray:
    """Return where a stretch of this width is free throughout, (..., L - width + 1), from which bases are, (..., L)."""
    return np.asarray(np.lib.stride_tricks.sliding_window_view(free, width, axis=-1).all(axis=-1))
