"""Attention maps: which key each query reads, head by head, and below them how much is read of each position."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genolift.plot.style import PALETTE, POSITION, UNSIGNED, Picture, drawing
from genolift.results.explanation import Explanation
from genolift.results.kinds import AttentionExplanation
from genolift.support.errors import InputError, Remedy, method_option

_ACROSS = 4


def plot_attention(explanation: Explanation, i: int | str = 0, layer: int | str = -1, target: Any = None) -> Figure:
    """Draw the attention in one layer as a panel for each head, with the scores below.

    Parameters
    ----------
    explanation
        The result of the method attention or attention-rollout.
    i
        The sequence, by number or name. The default is the first.
    layer
        The layer, by number or name; by default the last. For attention-rollout, ``"rollout"`` shows the map through
        all layers.
    target
        Which target, if several were explained.

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    InputError
        If the explanation has no maps, or there is no such sequence or layer.
    """
    if not isinstance(explanation, AttentionExplanation):
        raise InputError("an attention map needs the result of the method attention or attention-rollout")
    if "weights" not in explanation.defined:
        make = Remedy.naming("make the method with {}", method_option("maps", True))
        raise InputError("this result has scores without maps", make)
    one = explanation[i].for_target(target)
    maps, name, keys = _maps(one, layer)
    with drawing():
        across = min(_ACROSS, len(maps))
        down = -(-len(maps) // across)
        figure = Picture(figsize=(max(5.0, 2.6 * across + 0.8), 2.5 * down + 1.9), layout="constrained")
        grid = figure.add_gridspec(down + 1, across, height_ratios=[2.3] * down + [1])
        limit = max(float(np.nanmax(map_)) for map_ in maps) or 1.0
        panels = []
        for number, map_ in enumerate(maps):
            ax = figure.add_subplot(grid[number // across, number % across])
            image = ax.imshow(map_, cmap=UNSIGNED, vmin=0, vmax=limit, aspect="auto", interpolation="nearest")
            _name_keys(ax, keys)
            ax.set_xlabel("key, by first position")
            if number % across == 0:
                ax.set_ylabel("query")
            if len(maps) > 1:
                ax.set_title(f"head {number}")
            panels.append(ax)
        figure.colorbar(image, ax=panels, label="share read", fraction=0.05, pad=0.02, aspect=18)
        _profile(figure.add_subplot(grid[-1, :]), one)
        figure.suptitle(
            f"{one.names[0]}   ·   {name}   ·   what the model reads, not an attribution",
            x=0.01,
            ha="left",
            fontsize=10.5,
        )
    return figure


def _maps(one: Explanation, layer: int | str) -> tuple[list[np.ndarray], str, np.ndarray]:
    """Return the maps (queries, keys) of one sequence, the name of their layer, and the first position of each key."""
    where, names = np.asarray(one.key_positions)[0], list(one.method["layers"])
    if layer == "rollout":
        return [np.asarray(one.rollout)[0]], "attention through all layers", where[0, :, 0]
    weights = np.asarray(one.weights)[0]
    matches = [k for k, name in enumerate(names) if layer in (name, name.rpartition("/")[2])]
    if isinstance(layer, int) and -len(names) <= layer < len(names):
        matches = [layer % len(names)]
    if not matches:
        raise InputError(f"there is no attention layer {layer!r}; choose among {', '.join(names)}, or a number from 0")
    (number, *_) = matches
    heads = [head[~np.isnan(head).all(1)] for head in weights[number]]
    maps = [head[:, ~np.isnan(head).all(0)] for head in heads if len(head)]
    return maps, names[number], where[number, : maps[0].shape[1], 0]


def _name_keys(ax: Axes, first: np.ndarray) -> None:
    every = max(1, -(-len(first) // 8))
    places = np.arange(0, len(first), every)
    ax.set_xticks(places, ["–" if first[place] < 0 else str(first[place]) for place in places])
    ax.tick_params(length=0)


def _profile(ax: Axes, one: Explanation) -> None:
    """Draw how much is read of each position of each input."""
    scores = one.scores
    items = (
        list(scores.items())
        if isinstance(scores, dict)
        else list(enumerate(scores))
        if isinstance(scores, list)
        else None
    )
    drawn = [("", scores)] if items is None else [(str(key), array) for key, array in items if array is not None]
    for (label, array), colour in zip(drawn, PALETTE, strict=False):
        values = np.asarray(array)[0]
        ax.fill_between(np.arange(len(values)), values, step="mid", color=colour, alpha=0.35, linewidth=0)
        ax.plot(np.arange(len(values)), values, drawstyle="steps-mid", color=colour, linewidth=0.9, label=label)
    if items is not None:
        ax.legend(frameon=False)
    ax.set_ylim(bottom=0)
    ax.margins(x=0)
    ax.set_xlabel(POSITION)
    ax.set_ylabel("share read")
