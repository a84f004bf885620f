"""A hidden layer's activations over the sequence, with the letters underneath."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genolift.methods.hidden.activations import Activations
from genolift.plot.logo import PER_ROW, draw_row, letter_heights, window
from genolift.plot.style import Picture, drawing
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import one_hot_codes
from genolift.support.errors import InputError

_MOST = 24  # units in one picture
_POSITIVE, _SIGNED, _NOTHING = "Blues", "RdBu_r", "#eceef0"


def plot_activations(
    found: Activations,
    i: int | str = 0,
    units: Sequence[int] | None = None,
    start: int | None = None,
    end: int | None = None,
    explanation: Explanation | None = None,
    target=None,
) -> Figure:
    """The activations over sequence ``i`` (number or name) from ``start`` to ``end`` as a heat map; returns the figure.

    A row per unit: ``units``, or those that are most active there. Each cell stands at the centre of what it sees, and grey is
    where no row of the layer stands. Underneath are the bases, or the logo of an ``explanation`` of the same sequences.
    """
    i = found.index(i) if isinstance(i, str) else i
    if not -len(found.values) <= i < len(found.values):
        raise InputError(f"there is no sequence {i}: there are {len(found.values)}")
    values, x, name = found.values[i], found.inputs[i], found.names[i]
    start, end = window(start, end, len(x), name)
    rows = np.flatnonzero((found.centres > start - 1) & (found.centres < end))
    if not len(rows):
        raise InputError(f"layer {found.layer!r} has no row between positions {start} and {end}")
    units = _chosen(units, values[rows])
    with drawing():
        span = end - start
        letters = span <= PER_ROW or explanation is not None
        heights = [max(0.17 * len(units), 0.7), 1.0 if explanation is not None else 0.4 if letters else 0.05]
        size = (max(6.0, 1.9 + 0.068 * min(span, PER_ROW)), sum(heights) + 1.0)
        figure = Picture(figsize=size, layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=heights)
        cells = _heat(above, found, values[:, units], start, end)
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
        below.set_xlabel("position in the sequence (bp, 0-based)")
        below.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12, steps=[1, 2, 5, 10]))
        figure.suptitle(f"{name}   ·   layer {found.layer}   ·   {_told(found)}", x=0.01, ha="left", fontsize=10.5)
    return figure


def _chosen(units: Sequence[int] | None, values: np.ndarray) -> list[int]:
    """The units to draw, of the activations (J, C) in view."""
    count = values.shape[1]
    if units is None:
        return sorted(np.argsort(-np.abs(values).max(0), kind="stable")[:_MOST].tolist())
    for unit in units:
        if not 0 <= unit < count:
            raise InputError(f"there is no unit {unit}: the layer has {count}, numbered from 0")
    return [int(unit) for unit in units]


def _heat(ax, found: Activations, values: np.ndarray, start: int, end: int):
    """Cells (J, units) from half-way to the row before to half-way to the next; rows of one centre are averaged."""
    centres, which = np.unique(found.centres, return_inverse=True)
    cells = np.stack([values[which == k].mean(0) for k in range(len(centres))], axis=1)
    middles = (centres[1:] + centres[:-1]) / 2
    half = np.diff(centres).min() / 2 if len(centres) > 1 else found.fields.width / 2
    edges = np.concatenate([[centres[0] - half], middles, [centres[-1] + half]])
    shown = cells[:, (centres > start - 1) & (centres < end)]
    signed = shown.min() < 0
    top = np.abs(shown).max() or 1.0
    ax.set_facecolor(_NOTHING)
    ax.set_ylim(cells.shape[0] - 0.5, -0.5)
    rows = np.arange(cells.shape[0] + 1) - 0.5
    colours = {"cmap": _SIGNED if signed else _POSITIVE, "vmin": -top if signed else 0, "vmax": top}
    return ax.pcolormesh(edges, rows, cells, rasterized=True, **colours)


def _told(found: Activations) -> str:
    steps = np.diff(np.unique(found.centres))
    every = f", every {steps[0]:g}" if len(steps) and (steps == steps[0]).all() and steps[0] != 1 else ""
    width = found.fields.width
    return f"each cell sees {width} base{'s' if width > 1 else ''}{every}"
