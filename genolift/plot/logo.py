"""Logos: a sequence in letters whose height is their importance."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from functools import cache
from typing import Any

import logomaker
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

from genolift.methods.targets import text_of
from genolift.plot.style import BASES, INK, PALETTE, POSITION, QUIET, Picture, drawing
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import is_dna
from genolift.support.errors import InputError, Remedy, Setting, setting

PER_ROW = 200  # More letters than this in one row cannot be told apart.
_LETTERS = "ACGTN"
LETTERS_UP_TO = 2000  # positions of a row, beyond which bars are drawn
_WHOLE = 20_000  # positions of a figure that is broken into rows
_ONE_ROW = Setting("gl.plot_logos", "--width")
Limits = tuple[float, float]


def plot_logo(
    explanation: Explanation,
    i: int | str = 0,
    start: int | None = None,
    end: int | None = None,
    target: Any = None,
    ax: Axes | None = None,
    highlight: Sequence[tuple] = (),
    input: Any = None,
) -> Any:
    """Draw the scores of a sequence as a logo. An unknown base is drawn as a grey N.

    Where several models were explained, a grey band behind the letters reaches from the mean score less the spread over
    models to the mean score plus it.

    Parameters
    ----------
    explanation
        The explanation.
    i
        The sequence, by number or name. The default is the first.
    start, end
        The stretch to draw (0-based, half-open). The default is the whole sequence.
    target
        Which target, if several were explained.
    ax
        Axes to draw on. By default a new figure is made, in which long sequences are broken into rows.
    highlight
        Stretches to mark: (start, end, label) or (start, end, label, strand), 0-based and half-open.
    input
        Which input, if several are DNA: its name or number.

    Returns
    -------
    matplotlib.figure.Figure
        The figure; that of ``ax``, if it is given.

    Raises
    ------
    InputError
        If the inputs are not DNA, there is no such sequence, stretch, target or input, or the stretch is longer than
        20,000 bases, which no picture of rows holds.
    """
    one = explanation[i].for_target(target)
    heights, spread = letter_heights(one, input), spread_of(one, input)
    start, end = window(start, end, len(heights), one.names[0])
    if ax is None and end - start > _WHOLE:
        raise InputError(
            f"{end - start:,} bases are too many for a picture in rows",
            Remedy.naming("give {} and {}, or {} for one row of bars", *map(setting, ("start", "end")), _ONE_ROW),
        )
    if ax is not None:
        draw_row(ax, heights, start, end, highlight, spread=spread)
        ax.set_ylabel(units_label(one), parse_math=False)
        ax.set_title(title(one), loc="left", pad=6 + 11 * mark_levels(highlight, start, end), parse_math=False)
        return ax.figure
    rows = [(a, min(end, a + PER_ROW)) for a in range(start, end, PER_ROW)]
    span = min(end - start, PER_ROW)
    with drawing():
        raised = [mark_levels(highlight, a, b) for a, b in rows]
        each = 1.45 if len(rows) > 1 else 2.0
        height = 0.75 + sum(each + 0.17 * levels for levels in raised)
        figure = Picture(figsize=(max(5.0, 1.2 + 0.068 * span), height), layout="constrained")
        axes = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
        limits = frame_of(heights[start:end], None if spread is None else spread[start:end])
        for row, (a, b), levels in zip(axes, rows, raised, strict=True):
            draw_row(row, heights, a, b, highlight, limits, spread=spread)
            row.set_xlim(a - 0.6, a + span - 0.4)
            row.set_title(" ", pad=2 + 11 * levels, fontsize=1)
        figure.suptitle(title(one), x=0.01, ha="left", fontsize=10.5)
        side_label(figure, units_label(one))
        axes[-1].set_xlabel(POSITION)
    return figure


def side_label(figure: Figure, text: str) -> None:
    """Write a label at the left of a figure, broken into lines where it is longer than the figure is high."""
    figure.supylabel(wrapped(text, figure.get_figheight()), fontsize=9, multialignment="center")


def wrapped(text: str, inches: float) -> str:
    """Return a label of nine points, broken into lines that are at most so long."""
    room = max(12, int(inches * 72 / (0.54 * 9)))  # An average letter is about half as wide as the font is high.
    return "\n".join(part for line in text.split("\n") for part in textwrap.wrap(line, room))


def positions_that_fit(inches: float, longest: str) -> MaxNLocator:
    """Return where positions are written below axes of a width, so that none touches the next."""
    count = int(inches * 72 / (0.6 * 8 * len(longest) + 10))
    return MaxNLocator(integer=True, nbins=max(2, min(12, count)), steps=[1, 2, 5, 10])


def letter_heights(one: Explanation, input: Any = None) -> np.ndarray:
    """Return the heights of the letters of a logo.

    Parameters
    ----------
    one
        An explanation of one sequence and one target.
    input
        Which input, if several are DNA: its name or number.

    Returns
    -------
    np.ndarray
        The heights (L, 5) of A, C, G, T and N, of which at most one is not 0 at each position.

    Raises
    ------
    InputError
        If the input is not DNA, or it has to be chosen.
    """
    inputs, scores = one.inputs, one.scores
    if one.several_inputs:
        input = _dna_input(inputs, input)
        inputs, scores = inputs[input], scores[input]
    if not is_dna(inputs.shape[1:]):
        raise InputError(f"a logo needs DNA inputs (N, L, 4); these have shape {inputs.shape}")
    x, score = np.asarray(inputs[0]), np.asarray(scores[0], dtype=float)
    known = (x.max(axis=1) == 1) & (x.sum(axis=1) == 1)
    heights = np.zeros((len(x), 5))
    heights[np.arange(len(x)), np.where(known, x.argmax(axis=1), 4)] = score
    return heights


def spread_of(one: Explanation, input: Any = None) -> np.ndarray | None:
    """Return the spread (L,) of the scores over models; ``None`` where one model was explained.

    Parameters
    ----------
    one, input
        As for :func:`letter_heights`.
    """
    if "spread" not in one.defined:
        return None
    spread = one.spread[_dna_input(one.inputs, input)] if one.several_inputs else one.spread
    return np.asarray(spread[0], dtype=float)


def _dna_input(inputs: Any, input: Any) -> Any:
    """Return which of several inputs is drawn."""
    items = dict(inputs.items() if isinstance(inputs, dict) else enumerate(inputs))
    dna = [key for key, leaf in items.items() if is_dna(leaf.shape[1:])]
    input = dna[0] if input is None and len(dna) == 1 else input
    if input not in dna:
        raise InputError(f"name the input to draw: those that are DNA are {', '.join(map(str, dna)) or 'none'}")
    return input


def draw_row(
    ax: Axes,
    heights: np.ndarray,
    start: int,
    end: int,
    highlight: Sequence[tuple] = (),
    limits: Limits | None = None,
    name_marks: bool = True,
    spread: np.ndarray | None = None,
) -> None:
    """Draw the letters of one stretch on given axes, or bars of more than 2,000 positions, with marks above them.

    Parameters
    ----------
    ax
        The axes.
    heights
        The heights (L, 5) of A, C, G, T and N in the whole sequence.
    start, end
        The stretch (0-based, half-open).
    highlight
        Stretches to mark: (start, end, label) or (start, end, label, strand).
    limits
        The limits of the vertical axis. The default suits the letters of the stretch.
    name_marks
        Whether labels are written above the marks. The default is to write them.
    spread
        The spread (L,) of the scores over models, for a band behind the letters. The default is none.
    """
    inside = None if spread is None else spread[start:end]
    if inside is not None:
        mean, edges = heights[start:end].sum(axis=1), np.arange(start, end + 1) - 0.5
        ax.stairs(mean + inside, edges, baseline=mean - inside, fill=True, color=QUIET, alpha=0.45, zorder=0.5)
    if end - start > LETTERS_UP_TO:
        _draw_bars(ax, np.nan_to_num(heights[start:end].sum(axis=1)), start)
    for column, letter in enumerate(_LETTERS if end - start <= LETTERS_UP_TO else ""):
        places = start + np.flatnonzero(heights[start:end, column])
        if len(places):
            draw_letters(ax, letter, places, heights[places, column])
    finish_row(ax, start, end, limits or frame_of(heights[start:end], inside))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12, steps=[1, 2, 5, 10]))
    mark(ax, start, end, highlight, name_marks)


def _draw_bars(ax: Axes, scores: np.ndarray, start: int) -> None:
    """Draw the largest and the smallest score of each of 2,000 bins at most, so that no peak is lost."""
    wide = -(-len(scores) // LETTERS_UP_TO)
    firsts = np.arange(0, len(scores), wide)
    edges = start - 0.5 + np.append(firsts, len(scores))
    for extreme, colour in ((np.maximum, BASES["C"]), (np.minimum, BASES["T"])):
        ax.stairs(extreme(extreme.reduceat(scores, firsts), 0), edges, fill=True, color=colour)


def finish_row(ax: Axes, start: int, end: int, limits: Limits) -> None:
    """Draw the line at 0 and set the limits of axes that hold the letters of a stretch."""
    ax.axhline(0, color=INK, linewidth=0.6)
    ax.set_xlim(start - 0.6, end - 0.4)
    ax.set_ylim(*limits)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))


def draw_letters(
    ax: Axes, letter: str, places: np.ndarray, heights: np.ndarray, floors: float | np.ndarray = 0.0
) -> None:
    """Draw all letters of one kind as a single patch.

    It takes ten seconds to draw 2,000 letters one by one, as logomaker does. The outline is the one of logomaker, and
    letters below the axis are upside down as they are there.

    Parameters
    ----------
    ax
        The axes.
    letter
        The letter.
    places
        The positions (M,) of the letters.
    heights
        Their heights (M,), which are negative for letters below the axis.
    floors
        Where they begin, (M,) or one number; 0 by default.
    """
    vertices, codes = _outline(letter)
    moved = np.empty((len(places), len(vertices), 2))
    moved[:, :, 0] = vertices[:, 0] + places[:, None]
    moved[:, :, 1] = vertices[:, 1] * heights[:, None] + np.reshape(floors, (-1, 1))
    path = Path(moved.reshape(-1, 2), np.tile(codes, len(places)))
    ax.add_patch(PathPatch(path, facecolor=BASES[letter], linewidth=0))


@cache
def _outline(letter: str) -> tuple[np.ndarray, np.ndarray]:
    with drawing():
        scratch = Figure().add_subplot()
        path = logomaker.Glyph(0, letter, floor=0, ceiling=1, ax=scratch).patch.get_path()
    return np.array(path.vertices), np.array(path.codes)


def mark(
    ax: Axes, start: int, end: int, marks: Sequence[tuple], named: bool = True, colours: Any = None, across: float = 0
) -> None:
    """Shade each stretch, and write its label above the axes with an arrow for its strand. Labels do not overlap."""
    colours = mark_colours(marks) if colours is None else colours
    for (a, b, label, strand), level in _placed(marks, start, end, across):
        colour = colours[label]
        ax.axvspan(a - 0.5, b - 0.5, color=colour, alpha=0.13, linewidth=0, zorder=0)
        if not named:
            continue
        ax.annotate(
            {"+": f"{label} ▶", "-": f"◀ {label}"}.get(strand, label),
            ((max(a, start) + min(b, end) - 1) / 2, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2 + 11 * level),
            textcoords="offset points",
            ha="center",
            fontsize=7.5,
            color=colour,
            annotation_clip=False,
            parse_math=False,
        )


def mark_colours(highlight: Sequence[tuple]) -> dict[str, str]:
    """Return a colour for each label. It does not depend on which marks are in view."""
    labels = sorted({str(mark[2]) for mark in highlight})
    return {label: PALETTE[k % len(PALETTE)] for k, label in enumerate(labels)}


def _placed(highlight: Sequence[tuple], start: int, end: int, across: float = 0) -> list[tuple[tuple, int]]:
    """Return the marks in view, each with the level of its label on axes so many inches wide, or as in rows of ours."""
    free: list[float] = []
    placed = []
    for mark in sorted((int(m[0]), int(m[1]), str(m[2]), *m[3:4]) for m in highlight):
        a, b, label, strand = (*mark, None)[:4]
        if b <= start or a >= end:
            continue
        middle = (max(a, start) + min(b, end)) / 2
        letter = 0.036 * (end - start) / across if across else max(0.5, min(end - start, PER_ROW) / 200 * 0.65)
        half = (len(label) + 3) * letter
        level = next((k for k, taken in enumerate(free) if middle - half >= taken), len(free))
        free[level : level + 1] = [middle + half]
        placed.append(((a, b, label, strand), level))
    return placed


def mark_levels(highlight: Sequence[tuple], start: int, end: int, across: float = 0) -> int:
    """Return on how many levels the labels of the marks between ``start`` and ``end`` are written, see :func:`mark`."""
    return max((level + 1 for _, level in _placed(highlight, start, end, across)), default=0)


def frame_of(heights: np.ndarray, spread: np.ndarray | None = None) -> Limits:
    """Return limits of the vertical axis that leave some room around the letters, and around the band behind them."""
    ends = heights if spread is None else heights.sum(axis=1) + np.array([[-1], [1]]) * spread
    known = np.concatenate([one[np.isfinite(one)] for one in (heights, ends)])  # NaN says nothing about the others.
    low, high = float(known.min(initial=0)), float(known.max(initial=0))
    room = 0.06 * (high - low) or 1.0
    return low - (room if low < 0 else 0.3 * room), high + room


def window(start: int | None, end: int | None, length: int, name: str) -> tuple[int, int]:
    """Return the start and end of a stretch, by default those of the sequence.

    Parameters
    ----------
    start, end
        The stretch (0-based, half-open); ``None`` for the start or end of the sequence.
    length
        The length of the sequence.
    name
        Its name, for the error.

    Raises
    ------
    InputError
        If the stretch is empty or not within the sequence.
    """
    start, end = 0 if start is None else int(start), length if end is None else int(end)
    if not 0 <= start < end <= length:
        raise InputError(f"positions {start} to {end} are not within {name}, which has {length} bases")
    return start, end


def target_text(target: Any) -> str:
    """Return a target in words, such as ``output 0``."""
    if target is None:
        return "the output"
    if isinstance(target, int | np.integer):
        return f"output {target}"
    if isinstance(target, tuple):
        return "output " + ":".join(map(str, target))
    named = isinstance(target, list) and target and isinstance(target[0], str) and isinstance(target[-1], int)
    return text_of(target) if isinstance(target, str) or named else json.dumps(target, default=str)


def units_label(one: Explanation) -> str:
    """Return the label of an axis of importance, which names the target and the unit."""
    unit = one.method.get("units", "units of the explained output")
    return f"importance for {target_text(one.target)}\n({unit})"


def prediction_text(one: Explanation) -> str:
    """Return the prediction of one sequence in words."""
    return f"prediction {float(np.asarray(one.predictions).reshape(-1)[0]):.3g}"


def title(one: Explanation) -> str:
    """Return the name of a sequence with its region, its prediction and the method."""
    parts = [one.names[0]]
    if one.regions is not None:
        chrom, start, end, strand = one.regions[0]
        parts.append(f"{chrom}:{start + 1:,}–{end:,} ({strand}, from 1)")
    if "predictions" in one.defined:
        parts.append(prediction_text(one))
    if "name" in one.method:
        parts.append(str(one.method["name"]))
    if "spread" in one.defined and "models" in one.method:
        parts.append(f"mean ± SD of {one.method['models']} models")
    return "   ·   ".join(parts)
