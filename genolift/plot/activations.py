"""Pictures of the activations of a hidden layer along the sequence, with the letters underneath."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genolift.methods.hidden.activations import Activations
from genolift.plot.logo import PER_ROW, draw_row, letter_heights, window
from genolift.plot.style import POSITION, SIGNED, UNSIGNED, Picture, drawing
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import one_hot_codes
from genolift.support.errors import InputError

_MOST = 24  # One picture shows so many units.
_NOTHING = "#eceef0"


def plot_activations(
    activations: Activations,
    i: int | str = 0,
    units: Sequence[int] | None = None,
    start: int | None = None,
    end: int | None = None,
    explanation: Explanation | None = None,
    target: Any = None,
) -> Figure:
    """Draw the activations over a sequence as a heat map with a row for each unit.

    Each cell is drawn at the centre of the bases that it sees. Positions that no row of the layer covers are grey.

    Parameters
    ----------
    activations
        The activations.
    i
        The sequence, by number or name. The default is the first.
    units
        The numbers of the units to draw. The default is those that are most active in view.
    start, end
        The stretch to draw (0-based, half-open). The default is the whole sequence.
    explanation
        An explanation of the same sequences, whose logo is drawn underneath. The default is to draw the bases there.
    target
        Which target of the explanation, if it has several.

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    InputError
        If there is no such sequence, stretch or unit.
    """
    i = activations.index(i) if isinstance(i, str) else i
    if not -len(activations.values) <= i < len(activations.values):
        raise InputError(f"there is no sequence {i}: there are {len(activations.values)}")
    values, x, name = activations.values[i], activations.inputs[i], activations.names[i]
    start, end = window(start, end, len(x), name)
    rows = np.flatnonzero((activations.centres > start - 1) & (activations.centres < end))
    if not len(rows):
        raise InputError(f"layer {activations.layer!r} has no row between positions {start} and {end}")
    units = _chosen(units, values[rows])
    with drawing():
        span = end - start
        letters = span <= PER_ROW or explanation is not None
        heights = [max(0.17 * len(units), 0.7), 1.0 if explanation is not None else 0.4 if letters else 0.05]
        size = (max(6.0, 1.9 + 0.068 * min(span, PER_ROW)), sum(heights) + 1.0)
        figure = Picture(figsize=size, layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=heights)
        cells = _heat(above, activations, values[:, units], start, end)
        figure.colorbar(cells, ax=above, label="activation", pad=0.01, aspect=12)
        above.set_yticks(range(len(units)), [str(unit) for unit in units])
        above.set_ylabel("unit")
        above.tick_params(axis="y", length=0)
        if explanation is not None:
            draw_row(below, letter_heights(explanation[i].for_target(target)), start, end)
            below.set_ylabel("importance")
        elif letters:
            draw_row(below, np.eye(5)[np.minimum(one_hot_codes(x), 4)], start, end, limits=(0, 1.3))
        if explanation is None:
            below.set_yticks([])
            below.spines["left"].set_visible(False)
        below.set_xlim(start - 0.5, end - 0.5)
        below.set_xlabel(POSITION)
        below.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12, steps=[1, 2, 5, 10]))
        title = f"{name}   ·   layer {activations.layer}   ·   {_told(activations)}"
        figure.suptitle(title, x=0.01, ha="left", fontsize=10.5)
    return figure


def _chosen(units: Sequence[int] | None, values: np.ndarray) -> list[int]:
    """Return the units to draw, given the activations (J, C) in view."""
    count = values.shape[1]
    if units is None:
        return sorted(np.argsort(-np.abs(values).max(0), kind="stable")[:_MOST].tolist())
    for unit in units:
        if not 0 <= unit < count:
            raise InputError(f"there is no unit {unit}: the layer has {count}, numbered from 0")
    return [int(unit) for unit in units]


def _heat(ax: Axes, activations: Activations, values: np.ndarray, start: int, end: int) -> QuadMesh:
    """Draw activations (J, units) as cells.

    Each cell reaches halfway to the neighbouring rows of the layer. Rows with the same centre are averaged.
    """
    centres, which = np.unique(activations.centres, return_inverse=True)
    cells = np.stack([values[which == k].mean(0) for k in range(len(centres))], axis=1)
    middles = (centres[1:] + centres[:-1]) / 2
    half = np.diff(centres).min() / 2 if len(centres) > 1 else activations.fields.width / 2
    edges = np.concatenate([[centres[0] - half], middles, [centres[-1] + half]])
    shown = cells[:, (centres > start - 1) & (centres < end)]
    signed = shown.min() < 0
    top = np.abs(shown).max() or 1.0
    ax.set_facecolor(_NOTHING)
    ax.set_ylim(cells.shape[0] - 0.5, -0.5)
    rows = np.arange(cells.shape[0] + 1) - 0.5
    colours: dict[str, Any] = {"cmap": SIGNED if signed else UNSIGNED, "vmin": -top if signed else 0, "vmax": top}
    return ax.pcolormesh(edges, rows, cells, rasterized=True, **colours)


def _told(activations: Activations) -> str:
    """Say how many bases each cell sees, and how far apart the cells are."""
    steps = np.diff(np.unique(activations.centres))
    every = f", every {steps[0]:g}" if len(steps) and (steps == steps[0]).all() and steps[0] != 1 else ""
    width = activations.fields.width
    return f"each cell sees {width} base{'s' if width > 1 else ''}{every}"
