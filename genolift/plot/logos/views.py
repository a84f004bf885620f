"""What a row of stacked logos can show: letters of the scores, of all four bases, or a map of substitutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from genolift.plot.epistasis import heat
from genolift.plot.logo import (
    LETTERS_UP_TO,
    Limits,
    draw_letters,
    draw_row,
    finish_row,
    frame_of,
    letter_heights,
    spread_of,
)
from genolift.results.explanation import Explanation
from genolift.support.errors import InputError, Remedy, setting

_BASES = "ACGT"
SCORES = "scores"


class View(NamedTuple):
    """A way to draw a row.

    Attributes
    ----------
    values : callable
        Returns what is drawn of an explanation of one sequence and one target.
    draw : callable
        Draws a stretch of these values: ``draw(ax, values, start, end, limits)``.
    limits : callable
        Returns the limits of the vertical axis, or of the colours, for a stretch of values.
    unit : str
        What the values are, in front of the target.
    """

    values: Callable[[Explanation], Any]
    draw: Callable[..., None]
    limits: Callable[[Any, int, int], Limits]
    unit: str


def hypothetical_of(one: Explanation) -> np.ndarray:
    """Return the hypothetical contributions (L, 4) of one sequence and one target.

    Raises
    ------
    InputError
        If several inputs were explained, or the inputs are not DNA.
    """
    if one.several_inputs:
        raise InputError("hypothetical contributions of several inputs are not drawn; draw the scores")
    letter_heights(one)  # which refuses what is not DNA
    return np.asarray(one.hypothetical, dtype=float)[0]


def substitutions_of(one: Explanation) -> np.ndarray:
    """Return by how much the score of each position changes when its base is replaced (L, 4); NaN for its own base.

    It is the hypothetical contribution of the base less that of the base which is there. For the method ``ism`` this is
    the change of the prediction itself.

    Raises
    ------
    InputError
        As for :func:`hypothetical_of`.
    """
    hypothetical, x = hypothetical_of(one), np.asarray(one.inputs[0], dtype=float)
    change = hypothetical - (hypothetical * x).sum(axis=1, keepdims=True)
    return np.where(x == 1, np.nan, change)


def _letters(one: Explanation) -> tuple[np.ndarray, np.ndarray | None]:
    return letter_heights(one), spread_of(one)


def _draw_letters(ax: Axes, values: Any, start: int, end: int, limits: Limits) -> None:
    heights, spread = values
    draw_row(ax, heights, start, end, limits=limits, spread=spread)


def _limits_of_letters(values: Any, start: int, end: int) -> Limits:
    heights, spread = values
    return frame_of(heights[start:end], None if spread is None else spread[start:end])


def _draw_hypothetical(ax: Axes, values: np.ndarray, start: int, end: int, limits: Limits) -> None:
    """Stack what is above zero and what is below, the largest outermost."""
    if end - start > LETTERS_UP_TO:
        raise InputError(
            f"hypothetical contributions of {end - start:,} positions cannot be told apart",
            Remedy.naming(f"give {{}} and {{}} for {LETTERS_UP_TO:,} at most", setting("start"), setting("end")),
        )
    inside = values[start:end]
    order = np.argsort(np.abs(inside), axis=1)
    floors = {+1: np.zeros(len(inside)), -1: np.zeros(len(inside))}
    for rank in range(len(_BASES)):
        which = order[:, rank]
        heights = np.take_along_axis(inside, which[:, None], axis=1)[:, 0]
        for side, floor in floors.items():
            mine = np.sign(heights) == side
            for number, base in enumerate(_BASES):
                at = np.flatnonzero(mine & (which == number))
                if len(at):
                    draw_letters(ax, base, start + at, heights[at], floor[at])
            floor[mine] += heights[mine]
    finish_row(ax, start, end, limits)


def _limits_of_hypothetical(values: np.ndarray, start: int, end: int) -> Limits:
    inside = values[start:end]
    sums = np.stack([np.maximum(inside, 0).sum(axis=1), np.minimum(inside, 0).sum(axis=1)])
    return frame_of(sums.T)


def _draw_map(ax: Any, values: np.ndarray, start: int, end: int, limits: Limits) -> None:
    heat(ax.figure, ax, values[start:end].T, "change", max(map(abs, limits)))
    # Cells are counted from the start; positions are those of the sequence.
    ax.images[-1].set_extent((start - 0.5, end - 0.5, len(_BASES) - 0.5, -0.5))
    ax.set_yticks(range(len(_BASES)), list(_BASES))
    ax.tick_params(length=0, axis="y")
    ax.set_xlim(start - 0.6, end - 0.4)


def _limits_of_map(values: np.ndarray, start: int, end: int) -> Limits:
    inside = values[start:end]
    largest = float(np.nanmax(np.abs(inside))) if np.isfinite(inside).any() else 0.0
    return (-(largest or 1.0), largest or 1.0)


VIEWS: dict[str, View] = {
    SCORES: View(_letters, _draw_letters, _limits_of_letters, "importance"),
    "hypothetical": View(hypothetical_of, _draw_hypothetical, _limits_of_hypothetical, "hypothetical contributions"),
    "substitutions": View(substitutions_of, _draw_map, _limits_of_map, "change by a substitution"),
}
