"""Both alleles of a variant one above the other, so that the bases which both have stand in the same column."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genolift.plot.logo import (
    draw_row,
    frame_of,
    letter_heights,
    positions_that_fit,
    prediction_text,
    side_label,
    units_label,
    wrapped,
)
from genolift.plot.logos.stacked import BESIDE, INCH, OUTSIDE, fewer_ticks, frame
from genolift.plot.style import INK, QUIET, by_sign, drawing
from genolift.results.explanation import Explanation
from genolift.sequence.normal import shared_ends
from genolift.support.errors import InputError

_NAME = re.compile(r"(?P<ref>[A-Za-z]+)>(?P<alt>[A-Za-z]+)(#\d+)?$")
_BLANK = {"facecolor": "#eff0f2", "edgecolor": "none", "pad": 0.4}  # in front of the axis
_FLANK = 40  # bases on either side, by default


class Columns(NamedTuple):
    """Where the bases of two alleles stand in their alignment.

    Attributes
    ----------
    ref, alt : np.ndarray
        The column (L,) of each base of the window with the reference and of that with the alternative allele.
    change : tuple of int
        The first column of the change, and the one behind it.
    """

    ref: np.ndarray
    alt: np.ndarray
    change: tuple[int, int]

    @property
    def length(self) -> int:
        """The number of columns."""
        return int(max(self.ref[-1], self.alt[-1])) + 1

    def placed(self, values: np.ndarray, where: np.ndarray, gap: float | str) -> np.ndarray:
        """Return what each column holds, given a value for each base and its column; ``gap`` where there is no base."""
        placed = np.full((self.length, *values.shape[1:]), gap, values.dtype)
        placed[where] = values
        return placed

    def gaps(self, where: np.ndarray) -> np.ndarray:
        """Return the columns of the change in which an allele, given the columns of its bases, has no base."""
        return np.setdiff1d(np.arange(*self.change), where)


def plot_alleles(
    explanation: Explanation,
    variant: str,
    target: Any = None,
    start: int | None = None,
    end: int | None = None,
    width: float | None = None,
    row_height: float | None = None,
) -> Figure:
    """Draw both alleles of a variant, aligned over an insertion or a deletion, and the difference of their scores.

    Parameters
    ----------
    explanation
        What ``genolift variants --explain`` wrote.
    variant
        The variant, as ``chr1:14677:G>A``.
    target
        Which target, if several were explained.
    start, end
        The columns to draw, counted from the start of the window (0-based, half-open). The default are 40 on either
        side of the change.
    width, row_height
        The width of the figure and the height of a row in millimetres.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    InputError
        If there is no such variant, or the two sequences do not differ as its name says.
    """
    ref, alt = (_allele(explanation, variant, side).for_target(target) for side in ("ref", "alt"))
    columns = align(np.asarray(ref.inputs[0]), np.asarray(alt.inputs[0]), variant)
    first, behind = columns.change
    start = max(0, first - _FLANK) if start is None else start
    end = min(columns.length, behind + _FLANK) if end is None else end
    if not 0 <= start < end <= columns.length:
        raise InputError(
            f"columns {start} to {end} are not among the {columns.length} of {variant}, which count from 0 at the start"
            f" of its window{_first_base(ref)}"
        )
    sides = ((ref, columns.ref, "reference"), (alt, columns.alt, "alternative"))
    heights = [columns.placed(letter_heights(one), where, 0.0) for one, where, _ in sides]
    difference = heights[1].sum(axis=1) - heights[0].sum(axis=1)
    limits = frame_of(np.concatenate([each[start:end] for each in heights]))
    with drawing():
        figure, axes = frame(3, end - start, 1, width, row_height)
        for ax, each, (one, where, side) in zip(axes[:2], heights, sides, strict=True):
            draw_row(ax, each, start, end, limits=limits)
            for gap in columns.gaps(where):
                if start <= gap < end:
                    ax.text(gap, 0, "–", ha="center", va="center", fontsize=9, color=INK, bbox=_BLANK)
            told = prediction_text(one) if "predictions" in one.defined else one.method.get("name", "scores")
            ax.set_title(f"{side}: {told}", loc="left", fontsize=8.5)
            ax.set_xticks([])
        _draw_difference(axes[2], difference, start, end)
        for ax in axes:
            ax.axvspan(first - 0.5, behind - 0.5, color=QUIET, alpha=0.25, linewidth=0, zorder=0)
        fewer_ticks(axes, row_height)
        across = figure.get_figwidth() - OUTSIDE / INCH
        axes[2].set_xticks(*_ticks(ref, columns.ref, start, end, across))
        axes[2].set_xlabel(wrapped(_place(ref), across - BESIDE))
        figure.suptitle(variant, x=0.01, ha="left", fontsize=10.5)
        side_label(figure, units_label(ref))
    return figure


def align(ref: np.ndarray, alt: np.ndarray, variant: str) -> Columns:
    """Return where the bases of two windows (L, 4) of one variant stand, whose left parts are the same.

    Raises
    ------
    InputError
        If the windows do not differ as the name of the variant says.
    """
    named = _NAME.search(variant)
    if named is None:
        raise InputError(f"{variant!r} is no variant; its name ends in REF>ALT, such as chr1:14677:G>A")
    bases = named["ref"].upper(), named["alt"].upper()
    before, after = (len(one) - sum(shared_ends(*bases)) for one in bases)
    differ = np.flatnonzero((ref != alt).any(axis=1))
    place = int(differ[0]) if len(differ) else len(ref)
    common, gap = min(before, after), abs(after - before)
    if len(differ) and not common:
        # The windows differ where a repeat ends, and VCF has an insertion or a deletion where it begins.
        longer = alt if after > before else ref
        while place and np.array_equal(longer[place - 1], longer[place - 1 + gap]):
            place -= 1
    wide = place + common
    columns = np.arange(len(ref)), np.arange(len(ref))
    columns[0 if after > before else 1][wide:] += gap
    tail = len(ref) - place - max(before, after)
    same = tail <= 0 or np.array_equal(ref[place + before :][:tail], alt[place + after :][:tail])
    if place == len(ref) or not same:
        raise InputError(f"the sequences of {variant} are not those of its alleles; name a store of --explain")
    return Columns(*columns, (place, place + max(before, after)))


def _allele(explanation: Explanation, variant: str, side: str) -> Explanation:
    try:
        return explanation[f"{variant}:{side}"]
    except InputError:
        known = [name.removesuffix(":ref") for name in explanation.names if name.endswith(":ref")]
        some = f"; it has {', '.join(known[:3])}{' and others' if len(known) > 3 else ''}" if known else ""
        quotes = "" if ">" in variant else ". In a shell the name needs quotes, because of its >"
        raise InputError(
            f"there are no alleles of {variant!r} in this store{some}. genolift variants --explain writes such stores"
            f"{quotes}"
        ) from None


def _draw_difference(ax: Axes, difference: np.ndarray, start: int, end: int) -> None:
    inside = difference[start:end]
    ax.bar(np.arange(start, end), inside, width=0.9, color=by_sign(inside))
    ax.axhline(0, color=INK, linewidth=0.6)
    ax.set_xlim(start - 0.6, end - 0.4)
    ax.set_ylim(*frame_of(inside[:, None]))
    ax.set_title("alternative less reference", loc="left", fontsize=8.5)


def _ticks(ref: Explanation, columns: np.ndarray, start: int, end: int, inches: float) -> tuple[np.ndarray, list[str]]:
    """Return columns with round positions of the genome, or of the window of the reference, and these in words."""
    first = 0 if ref.regions is None else int(ref.regions[0][1]) + 1  # as VCF counts
    places = np.flatnonzero((columns >= start) & (columns < end))
    locator = positions_that_fit(inches, f"{first + places[-1]:,}")
    round_ones = np.asarray(locator.tick_values(first + places[0], first + places[-1]), int)
    inside = [place for place in round_ones if places[0] <= place - first <= places[-1]]
    return columns[np.array(inside, int) - first], [f"{place:,}" for place in inside]


def _place(ref: Explanation) -> str:
    if ref.regions is None:
        return "bp of the reference from the start of the window (0-based)"
    return f"position in {ref.regions[0][0]} (bp, 1-based as in VCF)"


def _first_base(ref: Explanation) -> str:
    return "" if ref.regions is None else f", {ref.regions[0][0]}:{ref.regions[0][1] + 1}"
