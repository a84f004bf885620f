"""Pictures of a suite: methods against simulations, ranks with critical differences, and cost against quality."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from genolift.evaluate.truth.ranking import Ranking
from genolift.plot.style import INK, PALETTE, QUIET, SIGNED, Picture, drawing, ink_on, method_label

_LONGEST = 32  # letters of a simulation's name


def heat_map(values: pd.DataFrame, title: str, limits: tuple[float, float], chance: float) -> Figure:
    """Draw how good methods are in each simulation.

    Parameters
    ----------
    values
        A row for each method, by its label, and a column for each simulation; NaN where a method was refused or nothing
        is defined.
    title
        What the values are.
    limits
        The values of the darkest colours, orange below chance and blue above it.
    chance
        The value of chance, which is white.

    Returns
    -------
    matplotlib.figure.Figure
        The picture.
    """
    from matplotlib.colors import TwoSlopeNorm

    with drawing():
        # A letter of these labels is about 0.06 inches wide, and names of simulations are slanted.
        columns = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in map(str, values.columns)]
        methods, simulations = (0.06 * max(map(len, names)) for names in (values.index, columns))
        size = (max(2.6, 1.2 + methods) + 0.52 * values.shape[1], 0.6 + max(0.7, simulations) + 0.2 * len(values))
        figure = Picture(figsize=size, layout="constrained")
        ax = figure.subplots()
        norm = TwoSlopeNorm(chance, min(limits[0], chance - 1e-6), max(limits[1], chance + 1e-6))
        image = ax.imshow(values, cmap=SIGNED, norm=norm, aspect="auto")
        ax.set_xticks(range(values.shape[1]), columns, rotation=45, ha="right", rotation_mode="anchor")
        ax.set_yticks(range(len(values)), values.index)
        ax.tick_params(length=0)
        for (row, column), value in np.ndenumerate(values.to_numpy()):
            if np.isnan(value):
                ax.text(column, row, "–", ha="center", va="center", color=QUIET, fontsize=6)
                continue
            text = f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.0f}"
            ax.text(column, row, text, ha="center", va="center", color=ink_on(SIGNED(norm(value))), fontsize=5.5)
        figure.suptitle(fill(title, 40 + 8 * values.shape[1]), x=0.01, ha="left", fontsize=9.5)
        figure.colorbar(image, ax=ax, shrink=0.4, aspect=18, ticks=sorted({limits[0], chance, limits[1]}))
    return figure


def rank_diagram(ranking: Ranking, title: str) -> Figure:
    """Draw mean ranks, the best on top; bars join methods that cannot be told apart.

    Parameters
    ----------
    ranking
        The ranks.
    title
        What was ranked.

    Returns
    -------
    matplotlib.figure.Figure
        The picture.
    """
    ranks = ranking.ranks
    groups = ranking.groups()
    with drawing():
        figure = Picture(figsize=(6.5, 1.0 + 0.17 * len(ranks)), layout="constrained")
        ax = figure.subplots()
        places = np.arange(len(ranks))
        ax.hlines(places, 1, ranks, color=QUIET, linewidth=0.6)
        ax.plot(ranks, places, "o", color=PALETTE[0], markersize=3.5)
        for number, (first, last) in enumerate(groups):
            x = ranks.max() + 0.6 + 0.35 * number
            ax.plot([x, x], [first - 0.2, last + 0.2], color=INK, linewidth=1.6, solid_capstyle="butt")
        ax.set_yticks(places, [method_label(name) for name in ranks.index])
        ax.tick_params(axis="y", length=0)
        ax.set_ylim(len(ranks) - 0.4, -0.6)
        ax.set_xlabel("mean rank")
        ax.set_title(title, loc="left")
    return figure


def cost_and_quality(values: Mapping[str, tuple[float, float]], quality: str) -> Figure:
    """Draw the time that each method takes against how good it is.

    Parameters
    ----------
    values
        For each method seconds for a thousand sequences, and its quality.
    quality
        What the quality is.

    Returns
    -------
    matplotlib.figure.Figure
        The picture. Methods than which another is both better and cheaper are grey.
    """
    with drawing():
        figure = Picture(figsize=(7.5, 5.2), layout="constrained")
        ax = figure.subplots()
        seconds, good = np.array(list(values.values())).T
        best = [not ((seconds <= s) & (good >= g) & ((seconds < s) | (good > g))).any() for s, g in values.values()]
        ax.scatter(seconds, good, s=14, color=[PALETTE[1] if one else QUIET for one in best], zorder=2)
        ax.set_xscale("log")
        for axis in (ax.xaxis.set_major_formatter, ax.xaxis.set_minor_formatter):
            axis(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.5)))
        taken: list[tuple[float, float]] = []
        order = np.argsort([not one for one in best], kind="stable")
        names = list(values)
        span = np.ptp(good) or 1.0
        for i in order:
            x, y = np.log10(seconds[i]), good[i]
            if not best[i] and any(abs(x - a) < 0.5 and abs(y - b) < 0.025 * span for a, b in taken):
                continue  # A name on top of another can be read by nobody; the table has it.
            taken.append((x, y))
            ax.annotate(
                method_label(names[i]), (seconds[i], good[i]), xytext=(3, 2), textcoords="offset points", fontsize=6,
                color=INK if best[i] else "#777c84",
            )  # fmt: skip
        ax.set_xlabel("seconds of one processor for 1,000 sequences")
        ax.set_ylabel(quality)
    return figure
