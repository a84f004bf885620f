"""Epistasis maps: how the substitutions of a stretch interact, pair by pair."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from genolift.plot.style import BASES, INK, Picture, drawing
from genolift.results.explanation import Explanation
from genolift.results.kinds import EpistasisExplanation
from genolift.support.errors import InputError

_LETTERS = "ACGT"
_COLOURS, _NOTHING = "RdBu_r", "#e6e8eb"


def plot_epistasis(explanation: EpistasisExplanation, i: int | str = 0, target=None, bases: bool = False) -> Figure:
    """The pairwise mutagenesis of sequence ``i`` (number or name) as a map; returns the figure.

    Above, what each single substitution does; below, for each two positions the interaction that is largest in size, or
    with ``bases`` every pair of substitutions in a cell of its own.
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


def draw_pairs(one: Explanation, single: tuple, pairs: tuple, bases: bool) -> Figure:
    """A map of numbers (W, letters) above one of numbers for pairs (W, letters, W, letters), of a stretch of one
    sequence; each comes with its unit and its title. Of two positions the largest pair is shown, with ``bases`` all."""
    (effects, unit, title), (interactions, pair_unit, pair_title) = single, pairs
    start, (width, letters) = int(np.asarray(one.stretch)[0]), effects.shape
    sequence = spelled(np.asarray(one.inputs)[0, start : start + width])
    table = _by_base(interactions) if bases else _strongest(interactions)
    with drawing():
        side = max(3.2, min(9.0, 0.24 * width))
        # One column above the other, and pairs about square.
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
    """One-hot (W, 4) as letters, blanks where it is not DNA."""
    if x.shape[1] != 4:
        return " " * len(x)
    return "".join(_LETTERS[row.argmax()] if row.max() == 1 else "N" for row in x)


def _strongest(interactions: np.ndarray) -> np.ndarray:
    """For each pair of positions the interaction of largest size, with its sign (W, W); empty where i = j."""
    width, letters = interactions.shape[:2]
    flat = np.moveaxis(interactions, 1, 2).reshape(width, width, letters**2)
    found = np.take_along_axis(flat, np.abs(flat).argmax(-1)[..., None], -1)[..., 0]
    return np.where(np.eye(width, dtype=bool), np.nan, found)


def _by_base(interactions: np.ndarray) -> np.ndarray:
    """All of them as (W · letters, W · letters); empty where i = j."""
    width, letters = interactions.shape[:2]
    same = np.kron(np.eye(width, dtype=bool), np.ones((letters, letters), bool))
    return np.where(same, np.nan, interactions.reshape(width * letters, width * letters))


def heat(figure: Figure, ax, table: np.ndarray, label: str) -> None:
    """A table of numbers in colours, white at 0."""
    limit = np.nanmax(np.abs(table)) or 1.0
    colours = colormaps[_COLOURS].with_extremes(bad=_NOTHING)
    image = ax.imshow(table, cmap=colours, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    figure.colorbar(image, ax=ax, label=label, fraction=0.05, pad=0.02, aspect=12)


def name_positions(ax, sequence: str, start: int, scale: int, axes: str) -> None:
    """Each position's base in its colour, as far as there is room."""
    every = max(1, -(-len(sequence) // 45))
    places = np.arange(0, len(sequence), every)
    names = [sequence[p] if every == 1 else str(start + p) for p in places]
    for axis in axes:
        setter = ax.set_xticks if axis == "x" else ax.set_yticks
        setter(places * scale + (scale - 1) / 2, names)
        ax.tick_params(axis=axis, length=0)
        if every == 1:
            for text, name in zip((ax.get_xticklabels if axis == "x" else ax.get_yticklabels)(), names, strict=True):
                text.set_color(BASES.get(name, INK))
                text.set_fontweight("bold")
