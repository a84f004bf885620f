"""Epistasis maps: how the substitutions of a stretch interact, pair by pair."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genolift.plot.style import BASES, INK, SIGNED, Picture, drawing
from genolift.results.explanation import Explanation
from genolift.results.kinds import EpistasisExplanation
from genolift.support.errors import InputError

_LETTERS = "ACGT"
_NOTHING = "#e6e8eb"


def plot_epistasis(explanation: Explanation, i: int | str = 0, target: Any = None, bases: bool = False) -> Figure:
    """Draw the effects of single substitutions, and below them a map of the interactions of pairs.

    Parameters
    ----------
    explanation
        The result of the method pairwise-mutagenesis.
    i
        The sequence, by number or name. The default is the first.
    target
        Which target, if several were explained.
    bases
        Whether every pair of substitutions has its own cell. By default each pair of positions has one cell, which
        shows the interaction with the largest absolute value.

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    InputError
        If the explanation is of another method, or there is no such sequence.
    """
    if not isinstance(explanation, EpistasisExplanation):
        raise InputError("an epistasis map needs the result of the method pairwise-mutagenesis")
    one = explanation[i].for_target(target)
    effects, interactions = np.asarray(one.effects)[0], np.asarray(one.interactions)[0]
    largest = "" if bases else ": the largest of a pair of positions"
    return draw_pairs(
        one,
        (effects, "effect", "single substitutions"),
        (interactions, "interaction", "both, beyond the sum of each" + largest),
        bases,
    )


def draw_pairs(
    one: Explanation, single: tuple[np.ndarray, str, str], pairs: tuple[np.ndarray, str, str], bases: bool
) -> Figure:
    """Draw a map of numbers for single bases above one of numbers for pairs of bases, in a stretch of one sequence.

    Parameters
    ----------
    one
        The explanation of one sequence, which says where the stretch of W bases starts.
    single
        Numbers (W, letters), their unit and a title.
    pairs
        Numbers (W, letters, W, letters), their unit and a title.
    bases
        Whether all pairs of bases are drawn, or only the one with the largest absolute value for each pair of
        positions.
    """
    (effects, unit, title), (interactions, pair_unit, pair_title) = single, pairs
    start, (width, letters) = int(np.asarray(one.stretch)[0]), effects.shape
    sequence = spelled(np.asarray(one.inputs)[0, start : start + width])
    table = _by_base(interactions) if bases else _strongest(interactions)
    with drawing():
        side = max(3.2, min(9.0, 0.24 * width))
        # The maps are one above the other, and the map of pairs is about square.
        figure = Picture(figsize=(side + 1.6, side + 0.06 * side * letters + 1.4), layout="constrained")
        top, below = figure.subplots(2, 1, height_ratios=[0.06 * letters, 1])
        heat(figure, top, effects.T, unit)
        heat(figure, below, table, pair_unit)
        top.set_yticks(range(letters), list(_LETTERS) if letters == 4 else range(letters))
        top.set_title(title, loc="left")
        below.set_title(pair_title, loc="left")
        for ax, scale, axes in ((top, 1, "x"), (below, letters if bases else 1, "xy")):
            name_positions(ax, sequence, start, scale, axes)
        figure.suptitle(
            f"{one.names[0]}   ·   positions {start} to {start + width - 1}", x=0.01, ha="left", fontsize=10.5
        )
    return figure


def spelled(x: np.ndarray) -> str:
    """Return one-hot bases (W, 4) as letters, or blanks for inputs (W, C) that are not DNA."""
    if x.shape[1] != 4:
        return " " * len(x)
    return "".join(_LETTERS[row.argmax()] if row.max() == 1 else "N" for row in x)


def _strongest(interactions: np.ndarray) -> np.ndarray:
    """Return the interaction with the largest absolute value for each pair of positions, (W, W), NaN where i = j."""
    width, letters = interactions.shape[:2]
    flat = np.moveaxis(interactions, 1, 2).reshape(width, width, letters**2)
    strongest = np.take_along_axis(flat, np.abs(flat).argmax(-1)[..., None], -1)[..., 0]
    return np.where(np.eye(width, dtype=bool), np.nan, strongest)


def _by_base(interactions: np.ndarray) -> np.ndarray:
    """Return all interactions as (W · letters, W · letters), NaN where i = j."""
    width, letters = interactions.shape[:2]
    same = np.kron(np.eye(width, dtype=bool), np.ones((letters, letters), bool))
    return np.where(same, np.nan, interactions.reshape(width * letters, width * letters))


def heat(figure: Figure, ax: Axes, table: np.ndarray, label: str, limit: float | None = None) -> None:
    """Draw a table of numbers as colours: blue above 0, orange below, grey for NaN. Its colour bar is named ``label``.

    The colours reach to ``limit`` on either side of 0, by default to the largest number.
    """
    limit = limit or np.nanmax(np.abs(table)) or 1.0
    colours = SIGNED.with_extremes(bad=_NOTHING)
    image = ax.imshow(table, cmap=colours, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    figure.colorbar(image, ax=ax, label=label, fraction=0.05, pad=0.02, aspect=12)


def name_positions(ax: Axes, sequence: str, start: int, scale: int, axes: str) -> None:
    """Label an axis with the bases in their colours, or with some positions if there is no room for all bases.

    Parameters
    ----------
    ax
        The axes.
    sequence
        The bases.
    start
        The position of the first base.
    scale
        The number of cells for each base.
    axes
        ``"x"``, ``"y"`` or ``"xy"``.
    """
    every = max(1, -(-len(sequence) // 45))
    places = np.arange(0, len(sequence), every)
    names = [sequence[p] if every == 1 else str(start + p) for p in places]
    for axis in axes:
        labelled = ax.xaxis if axis == "x" else ax.yaxis
        labelled.set_ticks(places * scale + (scale - 1) / 2, names)
        labelled.set_tick_params(length=0)
        if every == 1:
            for text, name in zip(labelled.get_ticklabels(), names, strict=True):
                text.set_color(BASES.get(name, INK))
                text.set_fontweight("bold")
