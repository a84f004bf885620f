"""A page about patterns, with logos, and with the known motifs that they look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genolift.evaluate.discovery.filters import information
from genolift.plot.filters import draw_motif
from genolift.plot.logo import draw_letters
from genolift.plot.page import Image, Section, Table, data_uri, page_of, render_page
from genolift.plot.style import INK, Picture, drawing, render
from genolift.sequence.alphabet import BASES
from genolift.support.progress import bar

_MEANINGS = {
    "pattern": "Its name. Positive patterns raise the target, and negative ones lower it.",
    "seqlets": "How many stretches of the sequences are members.",
    "width": "Its width in bases.",
    "consensus": "Its bases, in the letters of IUPAC where several are common.",
    "information": "The information of its bases in bits, where all four would be equally likely by chance.",
    "importance": "The sum of its contributions over its positions, which is the mean over its members.",
    "target": "The target that it contributes to.",
    "sequences": "How many sequences hold a member.",
    "sd": "The standard deviation of the importance over its members.",
    "alike": "Other patterns whose bases are alike, whatever their target and sign.",
    "share": "The share of the tested sequences that hold it.",
    "null_share": "The share of the sequences of the null that hold it.",
    "null_p": "The p-value of Fisher's exact test that no more sequences than those of the null hold it.",
    "null_q": "Its false discovery rate (Benjamini and Hochberg).",
    "motif": "The known motif whose columns are most alike.",
    "strand": "The strand on which that motif is alike.",
    "p": "How likely a match as good is by chance, whichever motif it is.",
    "q": "The false discovery rate of the match (Benjamini and Hochberg).",
}
_EVEN = np.full(4, 0.25)
_MANY = 20


@dataclass(frozen=True)
class ShownPattern:
    """A pattern as it is drawn.

    Attributes
    ----------
    name : str
        Its name.
    cwm : np.ndarray
        Its contributions, (width, 4).
    frequencies : np.ndarray or None
        The frequencies of its bases, (width, 4), if they are known.
    motif : str
        The known motif that is most like it; empty for none.
    matrix : np.ndarray or None
        The probabilities of that motif on the strand of the pattern, (w, 4).
    told : str
        What is said of the match.
    examples : sequence of tuple
        Some of its members: what is said of each, and the heights of its letters, (w, 4).
    """

    name: str
    cwm: np.ndarray
    frequencies: np.ndarray | None = None
    motif: str = ""
    matrix: np.ndarray | None = None
    told: str = ""
    examples: Sequence[tuple[str, np.ndarray]] = ()


def patterns_page(
    title: str, subtitle: str, table: Table, patterns: list[ShownPattern], progress: bool | None = None
) -> str:
    """Return a page as HTML: a table of all patterns, and a picture of each.

    Parameters
    ----------
    title, subtitle
        The title, and a line below it.
    table
        The table of all patterns.
    patterns
        The patterns, in the order of the table.
    progress
        Whether progress is shown; by default where there are many patterns.
    """
    sections = [Section("Patterns", tables=[table.explained(_MEANINGS)])]
    with bar(len(patterns), "drawing", "patterns", progress, long=len(patterns) > _MANY) as display:
        for one in patterns:
            picture = Image(data_uri(render(plot_pattern(one), "png", 110)), one.told or one.name)
            pictures = [picture]
            if one.examples:
                pictures.append(Image(data_uri(render(plot_examples(one), "png", 110)), "Members, as they are."))
            sections.append(Section(f"{one.name} · {one.motif}" if one.motif else one.name, pictures=pictures))
            display.update(1)
    return render_page(page_of(title, subtitle, sections))


def plot_pattern(one: ShownPattern) -> Figure:
    """Return the contributions of a pattern, its frequencies and the known motif as logos side by side."""
    panels: list[tuple[str, np.ndarray]] = [("contributions", one.cwm)]
    for label, matrix in (("bases (bits)", one.frequencies), (f"{one.motif} (bits)", one.matrix)):
        if matrix is not None:
            panels.append((label, matrix * np.maximum(0, information(matrix, _EVEN))[:, None]))
    widths = [max(8, len(heights)) for _, heights in panels]
    with drawing():
        figure = Picture(figsize=(0.9 + 0.15 * sum(widths) + 0.5 * len(panels), 1.6), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False, width_ratios=widths)[0]
        for i, (ax, (label, heights)) in enumerate(zip(axes, panels, strict=True)):
            draw_signed(ax, heights)
            ax.set_xlim(-0.6, len(heights) - 0.4)
            ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
            if i:
                ax.set_ylim(0, 2)
            ax.set_title(label, loc="left", fontsize=8)
    return figure


def plot_examples(one: ShownPattern) -> Figure:
    """Return the members that a pattern shows as logos, one above the other, on one scale."""
    heights = [letters for _, letters in one.examples]
    low, high = min(float(h.min(initial=0)) for h in heights), max(float(h.max(initial=0)) for h in heights)
    width = max(len(h) for h in heights)
    with drawing():
        size = (max(5.0, 0.9 + 0.15 * width), 0.3 + 0.95 * len(heights))
        figure = Picture(figsize=size, layout="constrained")
        axes = figure.subplots(len(heights), 1, squeeze=False, sharex=True)[:, 0]
        for ax, (told, letters) in zip(axes, one.examples, strict=True):
            draw_signed(ax, letters)
            ax.set_ylim(1.05 * low, 1.05 * high if high > low else low + 1e-9)
            ax.set_xlim(-0.6, width - 0.4)
            ax.set_xticks([])
            ax.set_title(told, loc="left", fontsize=7.5, pad=2)
    return figure


def draw_signed(ax: Axes, heights: np.ndarray) -> None:
    """Draw stacks of letters (w, 4), positive ones above the axis and negative ones below."""
    draw_motif(ax, heights)
    depths = np.minimum(heights, 0)
    order = depths.argsort(axis=1, kind="stable")[:, ::-1]
    floors = np.zeros_like(depths)
    in_order = np.take_along_axis(depths, order, axis=1)
    np.put_along_axis(floors, order, np.cumsum(in_order, axis=1) - in_order, axis=1)
    for column, letter in enumerate(BASES):
        places = np.flatnonzero(depths[:, column] < 0)
        if len(places):
            draw_letters(ax, letter, places, depths[places, column], floors[places, column])
    above, below = np.maximum(heights, 0).sum(1).max(initial=0), depths.sum(1).min(initial=0)
    ax.set_ylim(1.05 * below, 1.05 * above if above else 1e-9)
    ax.axhline(0, color=INK, linewidth=0.6)
