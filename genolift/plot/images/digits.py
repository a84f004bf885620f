"""Figure 4 of the DeepLIFT paper: what is deleted to make one digit of another, and how far that changes log-odds."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genolift.evaluate.pixels.deletion import delete
from genolift.plot.images.pixels import draw_ink, draw_pixels
from genolift.plot.style import INK, PALETTE, QUIET, SIGNED, Picture, drawing, ink_on, method_label

#: Source and target of the conversions in the paper's figure.
PAIRS = ((8, 3), (8, 6), (9, 1), (4, 1))


def deletions(
    image: np.ndarray,
    scores: Mapping[str, np.ndarray],
    source: int,
    targets: Sequence[int],
    changes: Mapping[str, np.ndarray],
) -> Figure:
    """Draw an image, what each method says of its pixels, and the image after deletion, as in figure 4A.

    Parameters
    ----------
    image
        The image, (height, width).
    scores
        Its scores for every class, (classes, height, width), by the name of the method.
    source
        The class of the image.
    targets
        The classes that it is converted to.
    changes
        The change in the log-odds of each class against the source, (classes,), by the name of the method.

    Returns
    -------
    Figure
        The figure, with a row for each method.
    """
    classes = [source, *targets]
    with drawing():
        columns = 1 + len(classes) + len(targets)
        figure = Picture(figsize=(1.4 + 1.25 * columns, 0.8 + 1.3 * len(scores)), layout="constrained")
        axes = figure.subplots(len(scores), columns, squeeze=False)
        for row, (name, values) in zip(axes, scores.items(), strict=True):
            draw_ink(row[0], image)
            row[0].set_ylabel("\n".join(textwrap.wrap(method_label(name), 15)), rotation=0, ha="right", va="center")
            limit = float(np.abs(values[classes]).max())
            for ax, digit in zip(row[1:], classes, strict=False):
                draw_pixels(ax, values[digit], limit)
            for ax, target in zip(row[1 + len(classes) :], targets, strict=True):
                left = delete(image[None], (values[source] - values[target])[None])[0]
                draw_ink(ax, left, image)
                ax.set_xlabel(f"{changes[name][target]:+.1f}", labelpad=2)
        titles = ["image", *(f"scores for {digit}" for digit in classes), *(f"{source} → {to}" for to in targets)]
        for ax, title in zip(axes[0], titles, strict=True):
            ax.set_title(title)
    return figure


def conversion_boxes(changes: Mapping[str, np.ndarray], labels: np.ndarray, pairs: Sequence[tuple[int, int]]) -> Figure:
    """Draw boxplots of the change in log-odds, a panel for each pair of source and target, as in figure 4B.

    Parameters
    ----------
    changes
        The change in the log-odds of each class against the image's own, (N, classes), by the name of the method.
    labels
        The classes of the images, (N,).
    pairs
        The sources and targets.

    Returns
    -------
    Figure
        The figure. A box reaches from the first to the third quartile, with the median as a line and the mean as a dot;
        whiskers reach to the farthest image within 1.5 times the box.
    """
    names = list(changes)
    with drawing():
        figure = Picture(figsize=(1.8 + 2.3 * len(pairs), 0.9 + 0.34 * len(names)), layout="constrained")
        axes = figure.subplots(1, len(pairs), squeeze=False, sharey=True)[0]
        for ax, (source, target) in zip(axes, pairs, strict=True):
            rows = [changes[name][labels == source, target] for name in names]
            _boxes(ax, rows)
            ax.set_title(f"{source} → {target}   (n = {len(rows[0])})", loc="left")
        axes[0].set_yticks(range(1, len(names) + 1), [method_label(name) for name in names])
        axes[0].invert_yaxis()
        figure.supxlabel("change in log-odds of target against source", fontsize=9)
    return figure


def _boxes(ax: Axes, rows: list[np.ndarray]) -> None:
    drawn = ax.boxplot(
        rows,
        orientation="horizontal",
        widths=0.6,
        patch_artist=True,
        showmeans=True,
        medianprops={"color": INK, "linewidth": 1.2},
        meanprops={"marker": "o", "markersize": 3.5, "markerfacecolor": "white", "markeredgecolor": INK},
        flierprops={"marker": ".", "markersize": 2.5, "markerfacecolor": QUIET, "markeredgecolor": "none"},
        boxprops={"linewidth": 0.7},
    )
    for k, box in enumerate(drawn["boxes"]):
        box.set_facecolor(PALETTE[k % len(PALETTE)])
        box.set_alpha(0.65)
    ax.axvline(0, color=INK, linewidth=0.6)
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5))


def conversion_maps(means: Mapping[str, np.ndarray]) -> Figure:
    """Draw the mean change of every pair of source and target, a map for each method.

    Parameters
    ----------
    means
        The mean changes (classes, classes), sources down and targets across, by the name of the method; NaN on the
        diagonal.

    Returns
    -------
    Figure
        The figure.
    """
    columns = min(3, len(means))
    rows = -(-len(means) // columns)
    every = np.concatenate([values[~np.isnan(values)] for values in means.values()])
    limit = float(np.abs(every).max()) if len(every) else 1.0
    with drawing():
        figure = Picture(figsize=(0.9 + 2.7 * columns, 0.4 + 2.75 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False)
        for ax in axes.flat[len(means) :]:
            ax.set_axis_off()
        for ax, (name, values) in zip(axes.flat, means.items(), strict=False):
            image = ax.imshow(values, cmap=SIGNED, vmin=-limit, vmax=limit)
            for (source, target), value in np.ndenumerate(values):
                if not np.isnan(value):
                    ink = ink_on(image.cmap(image.norm(value)))
                    ax.text(target, source, f"{value:.0f}", ha="center", va="center", fontsize=5.5, color=ink)
            ax.set_xticks(range(values.shape[1]))
            ax.set_yticks(range(values.shape[0]))
            ax.tick_params(length=0)
            ax.set_title(method_label(name), loc="left")
            ax.set_xlabel("target")
            ax.set_ylabel("source")
        figure.colorbar(image, ax=axes, shrink=0.5, aspect=25, label="mean change in log-odds")
    return figure
