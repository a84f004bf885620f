"""All starts of activation maximisation side by side."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from genolift.dreaming.result import Dream
from genolift.plot.style import INK, PALETTE, QUIET, Picture, drawing


def plot_starts(dream: Dream) -> Figure:
    """Draw all starts: how they climbed, what discretising lost, how real they are, and how far apart.

    Parameters
    ----------
    dream
        The dream.

    Returns
    -------
    Figure
        The figure.
    """
    with drawing():
        figure = Picture(figsize=(9.2, 6.6), layout="constrained")
        grid = figure.subplots(2, 2)
        _climbed(grid[0, 0], dream)
        _lost(grid[0, 1], dream)
        _real(grid[1, 0], dream)
        _apart(figure, grid[1, 1], dream)
        figure.suptitle(f"{dream.subject}   ·   {len(dream)} starts", x=0.01, ha="left", fontsize=10.5)
    return figure


def _climbed(ax: Axes, dream: Dream) -> None:
    values = dream.history["value"]
    ax.plot(values[:, 1:], color=QUIET, linewidth=0.8)
    ax.plot(values[:, 0], color=PALETTE[0], linewidth=1.4)
    ax.set_xlabel("step")
    ax.set_ylabel("what is maximised, relaxed")
    ax.set_title("How they climbed (blue: the best)", loc="left")


def _lost(ax: Axes, dream: Dream) -> None:
    places = np.arange(len(dream))
    ax.vlines(places, dream.values, dream.relaxed_values, color=QUIET, linewidth=1.2, zorder=1)
    ax.plot(places, dream.relaxed_values, "o", color="white", markeredgecolor=INK, markersize=4.5, label="relaxed")
    ax.plot(places, dream.values, "o", color=PALETTE[0], markersize=4.5, label="discretised")
    ax.set_xlabel("start, the best first")
    ax.set_ylabel("what is maximised")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(frameon=False)
    ax.set_title("What discretising lost", loc="left")


def _real(ax: Axes, dream: Dream) -> None:
    ax.set_title("How real they are", loc="left")
    if dream.realism is None:
        _say(ax, "no real sequences were given")
        return
    ax.hist(dream.realism.compared, bins=40, color=QUIET, label="real sequences")
    ax.plot(
        dream.realism.log_density,
        np.full(len(dream), 0.06),
        "|",
        color=PALETTE[1],
        markersize=16,
        markeredgewidth=1.4,
        transform=ax.get_xaxis_transform(),
        label="dreams",
    )
    ax.set_xlabel(f"log p per base (nats), {dream.realism.judge.removeprefix('a ')}")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6))
    ax.set_ylabel("number of sequences")
    ax.legend(frameon=False)


def _apart(figure: Figure | SubFigure, ax: Axes, dream: Dream) -> None:
    ax.set_title("How far apart: positions ◣, words ◥", loc="left")
    if len(dream) < 2:
        _say(ax, "one start has no other")
        return
    count = np.arange(len(dream))
    both = np.where(count[:, None] > count, dream.position_distances, dream.word_distances)
    image = ax.imshow(np.where(np.eye(len(dream), dtype=bool), np.nan, both), vmin=0, vmax=1, cmap="viridis")
    ax.set_xlabel("start, the best first")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    figure.colorbar(image, ax=ax, shrink=0.8).set_label("distance")


def _say(ax: Axes, text: str) -> None:
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, color=INK)
    ax.set_axis_off()
