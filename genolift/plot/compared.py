"""A page about two models on the same sequences, with logos one above the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from genolift.plot.logo import draw_row
from genolift.plot.patterns import draw_signed
from genolift.plot.report import Image, Section, Table, data_uri, page_of, render_page
from genolift.plot.style import INK, PALETTE, POSITION, QUIET, Picture, drawing, render

_MEANINGS = {
    "motif": "The motif: patterns of either model whose bases are alike.",
    "name": "The known motif that it looks like, or its own name.",
    "consensus": "Its bases, in the letters of IUPAC where several are common.",
    "status": "What becomes of it from a to b: lost, gained, weaker, stronger, turned, or not told apart.",
    "sequences": "How many sequences hold it. They are the unit of the test.",
    "places": "At how many places it is, where a stretch of either model is a member.",
    "members_a": "How many of these places are found by the scores of a.",
    "members_b": "How many of these places are found by the scores of b.",
    "a": "The mean importance in a at all places.",
    "b": "The mean importance in b at all places.",
    "difference": "The importance in a less that in b.",
    "low": "The lower end of the difference's interval of 95 %.",
    "high": "The upper end of the difference's interval of 95 %.",
    "p": "The p-value of a paired t-test of the difference.",
    "q": "Its false discovery rate over motifs (Benjamini and Hochberg).",
    "like": "The known motif whose columns are most alike.",
    "like_q": "The false discovery rate of that match.",
}


@dataclass(frozen=True, eq=False)
class ShownMotif:
    """A motif of two models as it is drawn.

    Attributes
    ----------
    name, status, consensus : str
        Its name, what became of it, and its bases.
    matrices : tuple of np.ndarray
        The mean contributions of either model, on one scale, (width, 4) each.
    means : tuple of float
        The mean importance in either model.
    q : float
        The q-value of the difference.
    """

    name: str
    status: str
    consensus: str
    matrices: tuple[np.ndarray, np.ndarray]
    means: tuple[float, float]
    q: float


@dataclass(frozen=True, eq=False)
class ComparedRegion:
    """A part of a sequence as both models see it.

    Attributes
    ----------
    name : str
        The sequence.
    heights : tuple of np.ndarray
        The heights of the letters A, C, G, T and N by either model, on one scale, (w, 5) each.
    first : int
        The position of the first letter.
    window : tuple of int
        Where the two differ most (0-based, half-open).
    q : float
        The q-value.
    """

    name: str
    heights: tuple[np.ndarray, np.ndarray]
    first: int
    window: tuple[int, int]
    q: float


def compared_page(
    title: str, subtitle: str, table: Table, motifs: list[ShownMotif], regions: list[ComparedRegion]
) -> str:
    """Return a page as HTML: the motifs with a table and logos, then the sequences that differ most."""
    units = "Importance is in units of the typical score of a position of each model's null."
    pictures = []
    if motifs:
        pictures.append(Image(data_uri(render(plot_means(motifs), "png", 110)), "The importance of each motif."))
    sections = [Section("Motifs in both models", units, tables=[table.explained(_MEANINGS)], pictures=pictures)]
    for one in motifs:
        picture = Image(data_uri(render(plot_motif_pair(one), "png", 110)), f"{one.consensus}: {one.status}")
        sections.append(Section(f"{one.name} · {one.status}", pictures=[picture]))
    drawn = [Image(data_uri(render(plot_region_pair(one), "png", 110)), one.name) for one in regions]
    words = "The window where the models differ most is marked." if drawn else "No sequence differs more than chance."
    sections.append(Section("Sequences that differ most", words, pictures=drawn))
    return render_page(page_of(title, subtitle, sections))


def plot_means(motifs: list[ShownMotif]) -> Figure:
    """Return the importance of each motif in one model against that in the other."""
    with drawing():
        figure = Picture(figsize=(4.6, 4.2), layout="constrained")
        ax = figure.subplots()
        values = np.array([one.means for one in motifs], float)
        low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
        edge = 0.08 * (high - low) or 1.0
        ax.plot([low - edge, high + edge], [low - edge, high + edge], color=QUIET, linewidth=0.8)
        ax.axhline(0, color=INK, linewidth=0.5)
        ax.axvline(0, color=INK, linewidth=0.5)
        for one, (a, b) in zip(motifs, values.tolist(), strict=True):
            ax.plot([a], [b], "o", color=QUIET if one.status == "not told apart" else PALETTE[0], markersize=5)
            near = a > (low + high) / 2
            ax.annotate(
                one.name,
                (a, b),
                (-6 if near else 6, 4),
                textcoords="offset points",
                ha="right" if near else "left",
                fontsize=7.5,
            )
        ax.set_xlabel("importance in a")
        ax.set_ylabel("importance in b")
    return figure


def plot_motif_pair(one: ShownMotif) -> Figure:
    """Return the contributions of a motif in both models, one above the other and on one scale."""
    low = min(float(np.minimum(matrix, 0).sum(1).min()) for matrix in one.matrices)
    high = max(float(np.maximum(matrix, 0).sum(1).max()) for matrix in one.matrices)
    width = len(one.matrices[0])
    with drawing():
        figure = Picture(figsize=(max(3.2, 1.0 + 0.22 * width), 2.7), layout="constrained")
        axes = figure.subplots(2, 1, sharex=True)
        for ax, which, matrix, mean in zip(axes, "ab", one.matrices, one.means, strict=True):
            draw_signed(ax, matrix)
            ax.set_ylim(1.05 * low, 1.05 * high if high > low else 1e-9)
            ax.set_xlim(-0.6, width - 0.4)
            ax.set_xticks([])
            ax.set_title(f"{which}   ·   {mean:.3g}", loc="left", fontsize=8, pad=2)
    return figure


def plot_region_pair(one: ComparedRegion) -> Figure:
    """Return a part of a sequence in both models, one above the other and on one scale."""
    every = np.concatenate(one.heights)
    edge = 0.05 * float(every.max() - every.min()) or 1.0
    limits = min(0.0, float(every.min())) - edge, max(0.0, float(every.max())) + edge
    length = len(one.heights[0])
    with drawing():
        figure = Picture(figsize=(max(5.0, 1.2 + 0.075 * length), 3.0), layout="constrained")
        axes = figure.subplots(2, 1, sharex=True)
        for ax, which, heights in zip(axes, "ab", one.heights, strict=True):
            draw_row(ax, heights, 0, length, limits=limits)
            ax.axvspan(
                one.window[0] - one.first - 0.5, one.window[1] - one.first - 0.5, color=QUIET, alpha=0.3, lw=0, zorder=0
            )
            ax.set_ylabel(which)
        ticks = np.arange(-(-one.first // 10) * 10, one.first + length, 10)
        axes[-1].set_xticks(ticks - one.first, [str(tick) for tick in ticks])
        axes[-1].set_xlabel(POSITION)
        figure.suptitle(f"{one.name}   ·   q = {one.q:.2g}", x=0.01, ha="left", fontsize=9.5)
    return figure
