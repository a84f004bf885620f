"""A sequence as one method explains it rightly and another wrongly, below what matters to the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from genolift.plot.logo import draw_row
from genolift.plot.style import INK, POSITION, Picture, by_sign, drawing, method_label
from genolift.sequence.alphabet import one_hot


def plot_failure(told: Mapping[str, Any]) -> Figure:
    """Draw what embedded instances are worth to the network, and the logos of both methods.

    Parameters
    ----------
    told
        What a suite keeps of a failure in ``failures.json``.

    Returns
    -------
    matplotlib.figure.Figure
        The picture, of three rows.
    """
    start, end = told["start"], told["start"] + len(told["sequence"])
    marks = [(one["start"], one["end"], one["motif"], one["strand"]) for one in told["instances"]]
    letters = np.concatenate([one_hot([told["sequence"]])[0], np.zeros((end - start, 1))], axis=1)
    with drawing():
        figure = Picture(figsize=(max(6.0, 1.2 + 0.068 * (end - start)), 4.6), layout="constrained")
        axes = figure.subplots(3, 1, sharex=True)
        for one in told["instances"]:
            middle, width = (one["start"] + one["end"] - 1) / 2, one["end"] - one["start"]
            axes[0].bar(middle, one["value"], width, color=str(by_sign(one["value"])))
        axes[0].axhline(0, color=INK, linewidth=0.6)
        axes[0].set_title(
            f"{told['simulation']}, task {told['task']}, {told['name']}: what each instance is worth to the network "
            f"({told['network']})",
            loc="left",
        )
        for ax, one in zip(axes[1:], told["methods"], strict=True):
            heights = np.zeros((end, letters.shape[1]))
            heights[start:end] = letters * np.asarray(one["scores"])[:, None]
            draw_row(ax, heights, start, end, marks)
            ax.set_title(
                f"{method_label(one['method'])}: cosine with the truth {one['agreement']:.2f}", loc="left", pad=20
            )
        axes[-1].set_xlabel(POSITION)
    return figure
