"""Maps of which positions depend on which: deep feature interactions, and the pairwise weights of a surrogate."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from genolift.methods.targets import text_of
from genolift.plot.epistasis import draw_pairs, heat, spelled
from genolift.plot.logo import draw_row, letter_heights, target_text
from genolift.plot.style import INK, POSITION, Picture, drawing
from genolift.results.explanation import Explanation
from genolift.results.kinds import InteractionExplanation, OutputInteractions, SurrogateExplanation
from genolift.support.errors import InputError, Remedy, method_option

# At most so many sources are named beside the map.
_NAMED = 40


def plot_interactions(explanation: Explanation, i: int | str = 0, target: Any = None) -> Figure:
    """Draw the logo of a sequence, and below it how much importance each position loses when a source is mutated.

    The map has a row for each source.

    Parameters
    ----------
    explanation
        The result of the method interaction-maps.
    i
        The sequence, by number or name. The default is the first.
    target
        Which target, if several were explained.

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    InputError
        If the explanation is of another method or of several inputs, or there is no such sequence.
    """
    if not isinstance(explanation, InteractionExplanation):
        raise InputError("a map of interactions needs the result of the method interaction-maps")
    one = explanation[i].for_target(target)
    if one.several_inputs:
        raise InputError("a map of interactions is drawn for models of one input")
    table = np.asarray(one.interactions)[0]
    starts, ends = (np.asarray(edge)[0] for edge in (one.source_start, one.source_end))
    single = (ends - starts == 1).all()
    heights = letter_heights(Explanation({"inputs": one.inputs, "scores": one.importance}))
    with drawing():
        figure = Picture(
            figsize=(max(5.0, 2.2 + 0.068 * len(heights)), 2.2 + np.clip(0.12 * len(table), 1.2, 6)),
            layout="constrained",
        )
        top, below = figure.subplots(2, 1, sharex=True, height_ratios=[1.1, np.clip(0.12 * len(table), 1.2, 6)])
        draw_row(top, heights, 0, len(heights))
        top.set_ylabel("importance")
        heat(figure, below, table, "lost with the source")
        # The positions of the source itself have other bases then, so they are marked.
        for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
            below.plot([start - 0.5, end - 0.5], [row, row], color=INK, linewidth=1.2, solid_capstyle="butt")
        every = -(-len(table) // _NAMED)
        rows = np.arange(0, len(table), every)
        below.set_yticks(rows, [str(starts[r]) if single else f"{starts[r]}–{ends[r] - 1}" for r in rows])
        below.set_ylabel("mutated position" if single else "mutated stretch")
        below.set_xlabel(POSITION)
        figure.suptitle(_title(one), x=0.01, ha="left", fontsize=10.5)
    return figure


def plot_output_map(explanation: Explanation, i: int | str = 0, target: Any = None) -> Figure:
    """Draw the output of a sequence along its positions, and below it how a mutation of each source changes that.

    The map has a row for each source, and to its left the mean size of the row.

    Parameters
    ----------
    explanation
        The result of the method interaction-maps with ``over="outputs"``.
    i
        The sequence, by number or name. The default is the first.
    target
        Which target, if several were explained.

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    InputError
        If the explanation is of another method, or there is no such sequence.
    """
    if not isinstance(explanation, OutputInteractions):
        score = Remedy.naming("score with the method interaction-maps and {}", method_option("over", "outputs"))
        raise InputError("a map over output positions needs a result that has one", score)
    one = explanation[i].for_target(target)
    table, outputs = np.asarray(one.interactions)[0], np.asarray(one.outputs)[0]
    starts, ends = (np.asarray(edge)[0] for edge in (one.source_start, one.source_end))
    single = (ends - starts == 1).all()
    sequence = "" if one.several_inputs else spelled(np.asarray(one.inputs)[0])
    with drawing():
        size = (max(5.5, 2.4 + 0.012 * len(outputs)), 2.2 + float(np.clip(0.1 * len(table), 1.6, 6.5)))
        figure = Picture(figsize=size, layout="constrained")
        grid = figure.subplots(2, 2, sharex="col", width_ratios=[0.12, 1], height_ratios=[0.28, 1])
        grid[0, 0].set_axis_off()
        grid[0, 1].plot(np.arange(len(outputs)), outputs, color=INK, linewidth=0.9)
        grid[0, 1].set_ylabel("output")
        heat(figure, grid[1, 1], table, "lost with the source")
        grid[1, 0].barh(np.arange(len(table)), np.abs(table).mean(1), height=1.0, color=INK)
        grid[1, 0].set_ylim(len(table) - 0.5, -0.5)
        grid[1, 0].invert_xaxis()
        grid[1, 0].set_xticks([])
        every = -(-len(table) // _NAMED)
        rows = np.arange(0, len(table), every)
        named = [
            f"{starts[r]} {sequence[starts[r] : ends[r]]}" if single else f"{starts[r]}–{ends[r] - 1}" for r in rows
        ]
        grid[1, 0].set_yticks(rows, named, fontsize=6.5 if len(rows) > 20 else 8)
        grid[1, 0].set_ylabel("mutated position of the input" if single else "mutated stretch of the input")
        grid[1, 1].set_yticks([])
        grid[1, 1].set_xlabel("position of the output (0-based)")
        figure.suptitle(f"{one.names[0]}   ·   interaction-maps over outputs", x=0.01, ha="left", fontsize=10.5)
        if one.target is not None:
            grid[0, 1].set_title(target_text(one.target), loc="left", fontsize=7.5)
    return figure


def plot_surrogate(explanation: Explanation, i: int | str = 0, target: Any = None, bases: bool = False) -> Figure:
    """Draw the weights of a pairwise surrogate: those of single bases, and below them those of pairs.

    Parameters
    ----------
    explanation
        The result of the method surrogate with ``pairwise=True``.
    i
        The sequence, by number or name. The default is the first.
    target
        Which target, if several were explained.
    bases
        Whether every pair of bases has its own cell. By default each pair of positions has one cell, which shows the
        weight with the largest absolute value.

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    InputError
        If the explanation has no pairwise weights, or there is no such sequence.
    """
    if not isinstance(explanation, SurrogateExplanation) or "pairwise" not in explanation.defined:
        score = Remedy.naming("score with the method surrogate and {}", method_option("pairwise", True))
        raise InputError("a map of pairwise weights needs a result that has them", score)
    one = explanation[i].for_target(target)
    alone, both = (float(np.asarray(value)[0]) for value in (one.r_squared, one.pairwise_r_squared))
    return draw_pairs(
        one,
        (np.asarray(one.additive)[0], "weight", f"additive weights (additive model alone: R² {alone:.2f})"),
        (np.asarray(one.pairwise)[0], "weight", f"pairwise weights (R² {both:.2f})"),
        bases,
    )


def _title(one: Explanation) -> str:
    how = one.method.get("by", {}).get("name", "")
    parts = [one.names[0], f"interaction-maps of {how}" if how else "interaction-maps", f"target {text_of(one.target)}"]
    return "   ·   ".join(map(str, parts if one.target is not None else parts[:2]))
