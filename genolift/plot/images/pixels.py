"""The pixels of an image on axes: as ink, or as scores in colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from genolift.plot.style import INK, LOWERS, SIGNED

_INK = LinearSegmentedColormap.from_list("ink", ["white", INK])
_GONE = LinearSegmentedColormap.from_list("gone", ["white", LOWERS])


def draw_ink(ax: Axes, image: np.ndarray, before: np.ndarray | None = None) -> None:
    """Draw an image of ink on zeros.

    Parameters
    ----------
    ax
        The axes.
    image
        The image, (height, width).
    before
        The image before some of its ink was deleted, which is then shown in a pale colour. The default shows none.
    """
    most = float(max(image.max(), 0 if before is None else before.max())) or 1.0
    if before is not None:
        ax.imshow(np.where(image != before, before, 0) * 0.45, cmap=_GONE, vmin=0, vmax=most)
    ink = np.ma.masked_equal(image, 0) if before is not None else image
    ax.imshow(ink, cmap=_INK, vmin=0, vmax=most)
    _frame(ax)


def draw_pixels(ax: Axes, scores: np.ndarray, limit: float | None = None) -> Any:
    """Draw the scores of an image, blue above zero and orange below, and return what Matplotlib makes of them.

    Parameters
    ----------
    ax
        The axes.
    scores
        The scores, (height, width).
    limit
        The absolute score of the darkest colours. The default is the largest there is.
    """
    limit = float(np.abs(scores).max()) if limit is None else limit
    drawn = ax.imshow(scores, cmap=SIGNED, vmin=-(limit or 1.0), vmax=limit or 1.0)
    _frame(ax)
    return drawn


def _frame(ax: Axes) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(True)
