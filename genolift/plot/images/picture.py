"""The scores of an image: the image, and its pixels in colours beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genolift.plot.images.pixels import draw_ink, draw_pixels
from genolift.plot.logo import title, units_label
from genolift.plot.style import Picture, drawing
from genolift.results.explanation import Explanation
from genolift.support.errors import InputError

_COLOURED = 3  # An image of so many channels is drawn in its colours.


def plot_image(explanation: Explanation, i: int | str = 0, target: Any = None, ax: Axes | None = None) -> Figure:
    """Draw an image, and the scores of its pixels beside it, summed over channels.

    Blue pixels speak for the target and orange ones against it.

    Parameters
    ----------
    explanation
        The explanation of images (N, height, width, channels).
    i
        The image, by number or name. The default is the first.
    target
        Which target, if several were explained.
    ax
        Axes to draw the scores on, without the image. By default a new figure is made.

    Returns
    -------
    matplotlib.figure.Figure
        The figure; that of ``ax``, if it is given.

    Raises
    ------
    InputError
        If there is no such image or target, or the inputs are not images.
    """
    if not explanation.of_images:
        raise InputError("only images (N, height, width, channels) are drawn so; plot() draws DNA as a logo")
    one = explanation[i].for_target(target)
    image = np.asarray(one.inputs[0], dtype=float)
    scores = np.asarray(one.scores[0], dtype=float)
    scores = scores.sum(axis=-1) if scores.ndim > 2 else scores
    if ax is not None:
        draw_pixels(ax, scores)
        ax.set_title(title(one), loc="left", parse_math=False)
        return ax.figure  # type: ignore[return-value]
    with drawing():
        ratio = image.shape[0] / image.shape[1]
        figure = Picture(figsize=(6.4, 0.8 + 2.5 * float(np.clip(ratio, 0.3, 3))), layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw_image(left, image)
        left.set_title("image", loc="left")
        drawn = draw_pixels(right, scores)
        right.set_title("scores" if image.shape[2] == 1 else "scores, summed over channels", loc="left")
        figure.colorbar(drawn, ax=right, shrink=0.8, label=units_label(one))
        figure.suptitle(title(one), x=0.01, ha="left", fontsize=10.5)
    return figure


def _draw_image(ax: Axes, image: np.ndarray) -> None:
    """Draw an image in its colours where it has three channels, and else the sum of its channels in grey."""
    if image.shape[2] == _COLOURED:
        low, high = image.min(), image.max()
        ax.imshow((image - low) / ((high - low) or 1.0))
        ax.set_xticks([])
        ax.set_yticks([])
        return
    grey = image.sum(axis=2)
    draw_ink(ax, grey - min(grey.min(), 0))
