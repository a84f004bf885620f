"""Pictures of clusters of sufficient subsets as logos, with the size and the sources of each."""

from __future__ import annotations

import logomaker
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genolift.evaluate.discovery.subsets import Clusters
from genolift.plot.style import BASES, PALETTE, QUIET, Picture, drawing
from genolift.support.errors import InputError


def plot_clusters(clusters: Clusters, most: int = 12) -> Figure:
    """Draw a row for each of the largest clusters, with the frequencies of its bases and its size by source.

    Parameters
    ----------
    clusters
        The clusters.
    most
        How many clusters to draw; 12 by default.

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    InputError
        If there is no cluster.
    """
    shown = clusters.patterns[:most]
    if not shown:
        raise InputError("the subsets form no cluster; a larger eps, or a smaller least, would find some")
    sources = list(dict.fromkeys(source for pattern in shown for source in pattern.sources))
    longest = max(len(pattern.text) for pattern in shown)
    with drawing():
        figure = Picture(figsize=(3.2 + 0.22 * longest, 0.6 + 0.75 * len(shown)), layout="constrained")
        axes = figure.subplots(len(shown), 2, squeeze=False, width_ratios=[max(0.22 * longest, 1.5), 2.2], sharex="col")
        for (logo, bars), pattern in zip(axes, shown, strict=True):
            _draw_logo(logo, pattern.frequencies, longest)
            logo.set_ylabel(f"{pattern.label + 1}", rotation=0, ha="right", va="center")
            counts = [pattern.sources.get(source, 0) for source in sources]
            colours = [PALETTE[k % len(PALETTE)] for k in range(len(sources))] if len(sources) > 1 else [QUIET]
            places = np.arange(len(sources))[::-1]
            bars.barh(places, counts, color=colours, height=0.8)
            bars.set_yticks(places if any(sources) else [], sources if any(sources) else [])
            bars.set_ylim(-0.7, len(sources) - 0.3)
        axes[-1, 0].set_xlabel("position in the pattern")
        axes[-1, 1].set_xlabel("subsets")
    return figure


def _draw_logo(ax: Axes, frequencies: np.ndarray, longest: int) -> None:
    heights = pd.DataFrame(frequencies, columns=list("ACGT"))
    logomaker.Logo(heights, ax=ax, color_scheme={base: BASES[base] for base in "ACGT"}, show_spines=False)
    ax.set_ylim(0, 1)
    ax.set_xlim(-0.5, longest - 0.5)
    ax.set_yticks([])
