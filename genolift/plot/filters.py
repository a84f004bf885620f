"""Pictures of filters as logos, in a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genolift.evaluate.discovery.filters import Filters, information
from genolift.plot.logo import draw_letters
from genolift.plot.style import INK, Picture, drawing
from genolift.sequence.alphabet import BASES
from genolift.support.errors import InputError

_MOST, _COLUMNS = 60, 4  # One picture holds so many logos, with so many in a row.
_FEW = 10  # Filters with fewer sites are the last to be drawn.


def plot_filters(
    filters: Filters, numbers: Sequence[int] | None = None, most: int = _MOST, names: Mapping[int, str] | None = None
) -> Figure:
    """Draw filters as logos, all on the same scale.

    The information of a position is divided among its letters in proportion to their probability (Schneider & Stephens
    1990).

    Parameters
    ----------
    filters
        The filters of a layer.
    numbers
        The numbers of the filters to draw. The default is those with the most information.
    most
        How many filters to draw if no ``numbers`` are given; 60 by default.
    names
        The names of known motifs, by the number of the filter that resembles them.

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    InputError
        If none of the filters has a site.
    """
    if numbers is None:
        # Filters with few sites come last, because a handful of sites looks like much information.
        best = sorted(filters.excited, key=lambda one: (one.sites < _FEW, -one.information))[:most]
        shown = sorted(best, key=lambda one: one.number)
    else:
        shown = [filters[number] for number in numbers]
    if not shown:
        raise InputError("no filter has a site, so there is no logo to draw")
    width = shown[0].matrix.shape[0]
    columns = min(len(shown), max(1, _COLUMNS if width <= 30 else 2 if width <= 80 else 1))
    rows = -(-len(shown) // columns)
    with drawing():
        each = max(1.9, 0.4 + 0.11 * width)
        figure = Picture(figsize=(0.7 + each * columns, 0.7 + 0.95 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        bits = [information(one.matrix, filters.background) for one in shown]
        top = max(2.0, *(float(one.max()) for one in bits))
        for ax, one, height in zip(grid.flat, shown, bits, strict=False):
            draw_motif(ax, one.matrix * height[:, None])
            ax.set_ylim(0, top)
            like = (names or {}).get(one.number)
            sites = f"{one.sites:,} site" + ("s" if one.sites > 1 else "")
            told = f"{one.number}  ·  {sites}, {one.information:.1f} bits" + (f"\n{like}" if like else "")
            ax.set_title(told, loc="left", fontsize=7.5, pad=2)
        for ax in grid.flat[len(shown) :]:
            ax.set_axis_off()
        grid[0, 0].set_xlim(-0.6, width - 0.4)
        grid[0, 0].xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        figure.supylabel("bits", fontsize=9)
        left_out = len(filters) - len(shown)
        more = f", {left_out} of {len(filters)} not shown" if left_out and numbers is None else ""
        figure.suptitle(
            f"Filters of layer {filters.layer}   ·   {filters.sequences:,} sequences, "
            f"{'peaks' if filters.peaks else 'sites'} at {filters.threshold:g} of the largest activation{more}",
            x=0.01,
            ha="left",
            fontsize=10,
        )
    return figure


def draw_motif(ax: Axes, heights: np.ndarray) -> None:
    """Draw a stack of letters at each position, with heights (w, 4) and the tallest letter on top."""
    heights = np.maximum(heights, 0)
    order = heights.argsort(axis=1, kind="stable")
    sorted_heights = np.take_along_axis(heights, order, axis=1)
    floors = np.zeros_like(heights)
    np.put_along_axis(floors, order, np.cumsum(sorted_heights, axis=1) - sorted_heights, axis=1)
    for column, letter in enumerate(BASES):
        places = np.flatnonzero(heights[:, column] > 1e-3)
        if len(places):
            draw_letters(ax, letter, places, heights[places, column], floors[places, column])
    ax.axhline(0, color=INK, linewidth=0.6)
