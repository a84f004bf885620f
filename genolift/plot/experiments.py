"""Pictures of experiments on motifs: effects with their confidence intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genolift.evaluate.experiments.experiments import Experiment
from genolift.plot.style import INK, PALETTE, QUIET, Picture, drawing
from genolift.support.errors import InputError

_WHISKERS: dict[str, Any] = {"linestyle": "", "ecolor": INK, "elinewidth": 0.7, "capsize": 2, "zorder": 2.5}
_MOST_POINTS = 300  # So many single backgrounds are drawn beside a mean.


def plot_experiment(experiment: Experiment, targets: list[str] | None = None) -> Figure:
    """Draw the effects of an experiment, with a panel for each target.

    For inserted and ablated motifs, the effect in each background is a dot beside the mean and its interval. For two
    motifs, the effect and the interaction are drawn over the distance, with a column for each arrangement. Where
    several models were measured, thin whiskers reach over the spread of their effects.

    Parameters
    ----------
    experiment
        The experiment.
    targets
        The targets to draw. The default is all that were measured.

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    InputError
        If a target was not measured.
    """
    chosen = experiment.targets if targets is None else [str(target) for target in targets]
    if missing := [target for target in chosen if target not in experiment.targets]:
        raise InputError(f"target {missing[0]!r} is not among those measured: {', '.join(experiment.targets)}")
    with drawing():
        return (_by_distance if experiment.kind == "space" else _by_condition)(experiment, chosen)


def _by_condition(experiment: Experiment, targets: list[str]) -> Figure:
    table = experiment.table
    first = table[table.target == experiment.targets[0]]
    names = [_condition(row) for row in first.itertuples()]
    height = 1.3 + 0.34 * len(names)
    figure = Picture(figsize=(1.6 + 3.4 * len(targets), max(2.2, height)), layout="constrained")
    axes = figure.subplots(1, len(targets), squeeze=False, sharey=True)[0]
    for ax, target in zip(axes, targets, strict=True):
        rows = table[table.target == target]
        places = np.arange(len(rows))[::-1]
        effects = experiment.effects[:, :_MOST_POINTS, experiment.targets.index(target)]
        jitter = np.random.default_rng(0).uniform(-0.24, 0.24, effects.shape)
        ax.scatter(effects, places[:, None] + jitter, s=7, color=QUIET, linewidths=0, zorder=1)
        ax.hlines(places, rows.low, rows.high, color=PALETTE[0], linewidth=3, zorder=2)
        if "spread" in rows:
            ax.errorbar(rows.effect, places, xerr=rows.spread, **_WHISKERS)
        ax.plot(rows.effect, places, "o", color="white", markeredgecolor=PALETTE[0], markersize=5.5, zorder=3)
        ax.axvline(0, color=INK, linewidth=0.7)
        ax.set_yticks(places, names)
        ax.set_ylim(-0.6, len(rows) - 0.4)
        ax.tick_params(axis="y", length=0)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=5))
        ax.set_title(_target(target), loc="left")
    figure.supxlabel(f"change of the {experiment.measure}", fontsize=9)
    _title(figure, experiment, "inserting a motif" if experiment.kind == "marginalize" else "ablating a stretch")
    return figure


def _by_distance(experiment: Experiment, targets: list[str]) -> Figure:
    table = experiment.table
    columns = list(dict.fromkeys(zip(table.order, table.orientation, strict=True)))
    size = (1.4 + 2.1 * len(columns), 1.1 + 3.2 * len(targets))
    figure = Picture(figsize=size, layout="constrained")
    axes = figure.subplots(2 * len(targets), len(columns), squeeze=False, sharex=True, sharey="row")
    for k, target in enumerate(targets):
        for j, (order, orientation) in enumerate(columns):
            rows = table[(table.target == target) & (table.order == order) & (table.orientation == orientation)]
            above, below = axes[2 * k, j], axes[2 * k + 1, j]
            _band(above, rows.distance, rows.effect, rows.low, rows.high, PALETTE[0], "both")
            alone = rows.first_alone + rows.second_alone
            above.plot(
                rows.distance, alone, color=PALETTE[1], linewidth=1, linestyle=(0, (4, 2)), label="sum of each alone"
            )
            _band(
                below,
                rows.distance,
                rows.interaction,
                rows.interaction_low,
                rows.interaction_high,
                PALETTE[2],
                "interaction",
            )
            if "spread" in rows:
                above.errorbar(rows.distance, rows.effect, yerr=rows.spread, **_WHISKERS)
                below.errorbar(rows.distance, rows.interaction, yerr=rows.interaction_spread, **_WHISKERS)
            for ax in (above, below):
                ax.axhline(0, color=INK, linewidth=0.6)
                ax.yaxis.set_major_locator(MaxNLocator(nbins=4))
                ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
            if k == 0:
                above.set_title(_arrangement(order, orientation), loc="left")
        axes[2 * k, 0].set_ylabel(f"{_target(target)}\neffect")
        axes[2 * k + 1, 0].set_ylabel("interaction")
    axes[0, 0].legend(frameon=False, fontsize=7.5, loc="best")
    figure.align_ylabels(axes[:, 0])
    figure.supxlabel("distance (bases between the motifs)", fontsize=9)
    _title(figure, experiment, f"two motifs, change of the {experiment.measure}")
    return figure


def _band(ax: Axes, x: pd.Series, mean: pd.Series, low: pd.Series, high: pd.Series, colour: str, label: str) -> None:
    """Draw a mean over ``x`` with the band of its interval."""
    ax.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
    ax.plot(x, mean, color=colour, linewidth=1.4, marker="o", markersize=2.5, label=label)


def _condition(row: Any) -> str:
    """Name the condition in a row of the table."""
    if hasattr(row, "stretch"):
        return row.stretch
    return f"{row.motif} ({row.strand})"


def _arrangement(order: str, orientation: str) -> str:
    """Name two motifs in the order in which they stand, each with its strand."""
    strands = dict(zip(("first", "second"), orientation, strict=True))
    return " … ".join(f"{name} ({strands[name]})" for name in order.split(", "))


def _target(target: str) -> str:
    return "" if target == "None" else f"target {target}"


def _title(figure: Figure, experiment: Experiment, what: str) -> None:
    units, level = experiment.effects.shape[1], experiment.method["confidence"]
    kind = {"t": "", "bootstrap": " (bootstrap)"}[experiment.method["interval"]]
    told = (
        f"{units:,} background" + ("s" if units > 1 else "") + (f", {level:.0%} intervals{kind}" if units > 1 else "")
    )
    if "models" in experiment.method:
        told += f", mean of {experiment.method['models']} models, whiskers ± SD of these"
    figure.suptitle(f"{what[:1].upper()}{what[1:]}   ·   {told}", x=0.01, ha="left", fontsize=10.5)
