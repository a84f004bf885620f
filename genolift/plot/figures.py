"""Figures 5 and 6 of the DeepLIFT paper, for any simulated data set."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from genolift.evaluate.truth.matches import STRONG
from genolift.evaluate.truth.recovery import Recovery
from genolift.plot.logo import draw_row, letter_heights, mark_levels, target_text
from genolift.plot.style import INK, PALETTE, POSITION, QUIET, Picture, drawing, method_label
from genolift.results.explanation import Explanation
from genolift.support.errors import InputError


def figure5(recovery: Recovery, motif: str) -> Figure:
    """Draw the importance of a motif's matches over their log-odds, and below the false-negative rate of each method.

    There is a panel for each method and task, coloured by the label of the sequence. A panel names its rate: that of
    false negatives if the motif matters to the task, and that of false positives if it does not.

    Parameters
    ----------
    recovery
        The recovery of all motifs.
    motif
        The name of the motif.

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    InputError
        If there is no such motif.
    """
    table = recovery.table[recovery.table.motif == motif]
    cloud = recovery.scatter[recovery.scatter.motif == motif]
    if table.empty:
        raise InputError(f"there is no motif {motif!r}; there are {', '.join(recovery.table.motif.unique())}")
    methods, tasks = list(table.method.unique()), list(table.task.unique())
    colours = label_colours(list(cloud.label.cat.categories), tasks)
    with drawing():
        figure = Picture(
            figsize=(1.2 + 2.05 * max(3, len(methods)), 1.6 + 1.75 * len(tasks) + 1.7), layout="constrained"
        )
        grid = figure.add_gridspec(len(tasks) + 1, len(methods), height_ratios=[1] * len(tasks) + [0.85])
        axes = np.empty((len(tasks), len(methods)), dtype=object)
        for column, method in enumerate(methods):
            for row, task in enumerate(tasks):
                ax = figure.add_subplot(grid[row, column], sharex=axes[0, 0], sharey=axes[0, column] if row else None)
                axes[row, column] = ax
                points = cloud[(cloud.method == method) & (cloud.task == task)]
                _scatter(ax, points, colours)
                _tell_rates(ax, table[(table.method == method) & (table.task == task)].iloc[0])
                ax.tick_params(labelbottom=row == len(tasks) - 1)
                if row == 0:
                    ax.set_title("\n".join(textwrap.wrap(method_label(method), 20)))
                if column == 0:
                    ax.set_ylabel(f"task {task}\nimportance")
        for ax in axes[-1]:
            ax.set_xlabel("log-odds of the match")
        _false_negative_bars(figure.add_subplot(grid[-1, :]), table, methods, tasks)
        handles = [
            Line2D([], [], linestyle="", marker="o", markersize=5, color=colour, label=label)
            for label, colour in colours.items()
        ]
        figure.legend(
            handles=handles,
            loc="outside upper right",
            ncols=len(handles),
            frameon=False,
            title="tasks of the sequence",
        )
        figure.suptitle(f"Importance of matches to {motif}", x=0.01, ha="left", fontsize=12)
    return figure


def label_colours(labels: Sequence[str], tasks: Sequence[str]) -> dict[str, str]:
    """Return a colour for each label: grey for sequences of no task, and strong colours for the others."""
    ordered = sorted(labels, key=lambda label: (label != "none", label.count("+"), str(label)))
    strong = iter(PALETTE)
    return {label: QUIET if label == "none" else next(strong, INK) for label in ordered}


def _scatter(ax: Axes, points: pd.DataFrame, colours: Mapping[str, str]) -> None:
    """Draw the importance of matches over their log-odds."""
    ax.axhline(0, color=INK, linewidth=0.6, zorder=1)
    ax.axvline(STRONG, color=INK, linewidth=0.6, linestyle=(0, (3, 3)), zorder=1)
    # The points are drawn in a fixed random order, so that no label hides the others. Thousands of points as vectors
    # would make the SVG unusable, so they are embedded as an image.
    mixed = points.iloc[np.random.default_rng(0).permutation(len(points))]
    ax.scatter(
        mixed.log_odds,
        mixed.importance,
        s=5,
        c=[colours[label] for label in mixed.label],
        alpha=0.55,
        linewidths=0,
        rasterized=True,
        zorder=2,
    )
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    ax.margins(x=0.03, y=0.08)


def _tell_rates(ax: Axes, row: pd.Series) -> None:
    for column, words in (
        ("paper_false_negative_rate", "false negatives"),
        ("paper_false_positive_rate", "false positives"),
    ):
        if np.isfinite(row[column]):
            ax.text(
                0.03,
                0.97,
                f"{words} {row[column]:.1%}",
                transform=ax.transAxes,
                va="top",
                fontsize=7.5,
                bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.2},
            )


def _false_negative_bars(ax: Axes, table: pd.DataFrame, methods: list[str], tasks: Sequence[str]) -> None:
    defined = [task for task in tasks if table[table.task == task].paper_false_negative_rate.notna().any()]
    width = 0.8 / max(2, len(defined))
    for k, task in enumerate(defined):
        rates = table[table.task == task].set_index("method").paper_false_negative_rate.reindex(methods).to_numpy()
        places = np.arange(len(methods)) + (k - (len(defined) - 1) / 2) * width
        bars = ax.bar(places, rates, width * 0.92, color=PALETTE[k % len(PALETTE)], label=f"task {task}")
        ax.bar_label(bars, [f"{rate:.1%}" if np.isfinite(rate) else "" for rate in rates], fontsize=7.5, padding=1.5)
    ax.axhline(0, color=INK, linewidth=0.7)
    ax.set_xlim(-0.5, len(methods) - 0.5)
    ax.set_xticks(range(len(methods)), ["\n".join(textwrap.wrap(method_label(m), 20)) for m in methods])
    ax.tick_params(axis="x", length=0)
    ax.set_ylim(0, max(0.02, 1.2 * np.nan_to_num(table.paper_false_negative_rate.max())))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set_ylabel("false negatives")
    if defined:
        ax.legend(frameon=False, ncols=len(defined), loc="lower right", bbox_to_anchor=(1, 0.98), borderaxespad=0)


def figure6(
    explanations: Mapping[str, Explanation],
    i: int | str,
    target: Any = None,
    highlight: Sequence[tuple] = (),
    start: int | None = None,
    end: int | None = None,
    task: str | None = None,
) -> Figure:
    """Draw one sequence as a logo for each method, with the embedded motifs marked in all.

    Parameters
    ----------
    explanations
        An explanation of the same sequences for each method, by its name.
    i
        The sequence, by number or name.
    target
        Which target, if several were explained.
    highlight
        The embedded motifs: (start, end, label) or (start, end, label, strand), 0-based and half-open.
    start, end
        The stretch to draw (0-based, half-open). The default is the whole sequence.
    task
        The name of the task in the title. The default is the target.

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    InputError
        If there is no explanation, no such sequence, or no DNA in it.
    """
    if not explanations:
        raise InputError("figure 6 needs at least one method's explanation")
    ones = {name: explanation[i].for_target(target) for name, explanation in explanations.items()}
    heights = {name: letter_heights(one) for name, one in ones.items()}
    first = next(iter(ones.values()))
    start, end = start or 0, end or len(next(iter(heights.values())))
    levels = mark_levels(highlight, start, end)
    with drawing():
        size = (max(6.0, 1.6 + 0.068 * (end - start)), 1.0 + 1.3 * len(ones) + 0.17 * levels)
        figure = Picture(figsize=size, layout="constrained")
        axes = figure.subplots(len(ones), 1, squeeze=False, sharex=True)[:, 0]
        for k, (ax, name) in enumerate(zip(axes, ones, strict=True)):
            draw_row(ax, heights[name], start, end, highlight, name_marks=k == 0)
            ax.set_ylabel("\n".join(textwrap.wrap(method_label(name), 16)), rotation=0, ha="right", va="center")
        figure.align_ylabels(axes)
        axes[-1].set_xlabel(POSITION)
        axes[0].set_title(" ", pad=2 + 11 * levels, fontsize=1)
        prediction = ""
        if "predictions" in first.defined:
            prediction = f"   ·   prediction {float(np.asarray(first.predictions).reshape(-1)[0]):.3g}"
        unit = first.method.get("units", "units of the explained output")
        figure.suptitle(
            f"{first.names[0]}   ·   importance for {task or target_text(first.target)} ({unit}){prediction}",
            x=0.01,
            ha="left",
            fontsize=10.5,
        )
    return figure
