"""One optimum of activation maximisation as a logo, above the sequence nearest to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from genolift.dreaming.result import Dream
from genolift.plot.filters import draw_motif
from genolift.plot.logo import draw_row, mark_levels
from genolift.plot.style import POSITION, Picture, drawing
from genolift.support.errors import InputError

_PER_ROW = 100  # Two panels stand below each other, so a row holds fewer letters than other logos.
_MOST_ROWS = 12  # A longer sequence is drawn in part.


def plot_dream(
    dream: Dream, i: int = 0, start: int = 0, end: int | None = None, highlight: Sequence[tuple] = ()
) -> Figure:
    """Draw a relaxed optimum as a logo, and below it the sequence nearest to it with the importance of its bases.

    The height of a position of the logo is its information in bits, 2 less the entropy, divided among the bases by
    their probability.

    Parameters
    ----------
    dream
        The dream.
    i
        Which of the starts, 0 being the best.
    start, end
        The stretch to draw (0-based, half-open). The default is the sequence, or its first 1,200 bases.
    highlight
        Stretches to mark: (start, end, label) or (start, end, label, strand), 0-based and half-open.

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    InputError
        If there is no such start, or the stretch is empty or not within the sequence.
    """
    if not 0 <= i < len(dream):
        raise InputError(f"there are {len(dream)} starts (0 to {len(dream) - 1}), and no start {i}")
    length = dream.codes.shape[1]
    end = min(length, start + _PER_ROW * _MOST_ROWS) if end is None else end
    if not 0 <= start < end <= length:
        raise InputError(f"positions {start} to {end} are not within the sequence, which has {length} bases")
    relaxed = dream.relaxed[i].astype(float)
    bits = 2 + (relaxed * np.log2(np.maximum(relaxed, 1e-12))).sum(-1, keepdims=True)
    letters = np.zeros((length, 5))
    letters[np.arange(length), dream.codes[i]] = dream.importance[i]
    rows = [(a, min(end, a + _PER_ROW)) for a in range(start, end, _PER_ROW)]
    span = min(end - start, _PER_ROW)
    shown = letters[start:end]
    room = 0.08 * float(np.ptp(shown)) or 1.0
    limits = float(shown.min(initial=0)) - room, float(shown.max(initial=0)) + room
    with drawing():
        raised = [mark_levels(highlight, a, b) for a, b in rows]
        figure = Picture(
            figsize=(max(5.5, 1.4 + 0.095 * span), 0.95 + sum(2.5 + 0.17 * levels for levels in raised)),
            layout="constrained",
        )
        bands = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
        for band, (a, b), levels in zip(bands, rows, raised, strict=True):
            top, below = band.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [1, 1]})
            draw_motif(top, _between(relaxed * bits, a, b))
            top.set_ylim(0, 2.05)
            top.set_yticks([0, 1, 2])
            top.set_ylabel("relaxed\n(bits)")
            draw_row(below, letters, a, b, highlight, limits)
            below.set_title(" ", pad=1 + 11 * levels, fontsize=1)
            below.set_ylabel("sequence\n(importance)")
            below.set_xlim(a - 0.6, a + span - 0.4)
        below.set_xlabel(POSITION)
        figure.suptitle(_title(dream, i), x=0.01, ha="left", fontsize=10)
    return figure


def _between(heights: np.ndarray, start: int, end: int) -> np.ndarray:
    """Return heights (L, 4) that are 0 outside a stretch."""
    places = np.arange(len(heights))[:, None]
    return np.where((places >= start) & (places < end), heights, 0)


def _title(dream: Dream, i: int) -> str:
    first = (
        f"{dream.subject}   ·   start {dream.starts[i]}   ·   relaxed {dream.relaxed_values[i]:.3g}, "
        f"discretised {dream.values[i]:.3g}"
    )
    if not np.isclose(dream.values[i], dream.outputs[i]):
        first += f" (the model's output {dream.outputs[i]:.3g})"
    if dream.realism is None:
        return first
    return (
        f"{first}\nlog p {dream.realism.log_density[i]:.3f} nats per base under the judge, more than "
        f"{dream.realism.percentile[i]:.0f} % of real sequences have (p = {dream.realism.p[i]:.2g})"
    )
