"""Pictures of the training sequences that taught a prediction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genolift.evaluate.discovery.shared import Explained, Shared
from genolift.influence.influences import Influences, Taught
from genolift.plot.logo import draw_row, mark, mark_levels
from genolift.plot.style import INK, LOWERS, PALETTE, POSITION, QUIET, RAISES, Picture, drawing

_COLOURS = {"raises": RAISES, "lowers": LOWERS}
_LETTERS = 5


def plot_influences(found: Influences, query: int | str = 0, k: int = 10) -> Figure:
    """Draw the influence of all training sequences on a query, and name those that moved it most.

    Parameters
    ----------
    found
        The influences.
    query
        The query, by number or name; the first by default.
    k
        How many training sequences are named that raise what is measured, and how many that lower it.

    Returns
    -------
    Figure
        On the left all influences in their order, with a colour for each label where labels are 0 and 1. On the right
        those that moved the query most.
    """
    number = found.number(query)
    row = found.scores[number]
    chosen = [one for one in found.most(k) if one.query == number]
    shown = [one for one in chosen if one.effect == "raises"] + [one for one in chosen[::-1] if one.effect == "lowers"]
    with drawing():
        figure = Picture(figsize=(8.2, max(2.6, 1.1 + 0.19 * len(shown))), layout="constrained")
        every, named = figure.subplots(1, 2, width_ratios=[1.0, 1.15])
        _draw_all(every, found, row)
        places = np.arange(len(shown))[::-1]
        named.barh(places, [row[one.training] for one in shown], color=[_COLOURS[one.effect] for one in shown])
        named.set_yticks(places, [_described(found, one) for one in shown])
        named.axvline(0, color=INK, linewidth=0.7)
        named.set_ylim(-0.7, max(len(shown), 1) - 0.3)
        named.xaxis.set_major_locator(MaxNLocator(nbins=5))
        named.set_title("most influential", loc="left")
        measured = f"{found.measure} of {found.task}" if found.measure == "logit" else found.measure
        figure.suptitle(
            f"{found.queries[number]}   ·   {measured} {found.values[number]:.3g}   ·   {found.method['name']}",
            x=0.01,
            ha="left",
            fontsize=10.5,
        )
        figure.supxlabel(str(found.method["unit"]), fontsize=9)
    return figure


def _draw_all(ax: Any, found: Influences, row: np.ndarray) -> None:
    order = np.argsort(row, kind="stable")
    places, ordered = np.arange(len(row)), row[order]
    labels = found.labels[order, found.tasks.index(found.task)]
    if np.isin(labels, (0, 1)).all():
        for value, colour in ((0, QUIET), (1, PALETTE[2])):
            mine = labels == value
            ax.scatter(places[mine], ordered[mine], s=7, color=colour, linewidths=0, label=f"label {value}")
        ax.legend(frameon=False, loc="upper left")
    else:
        ax.scatter(places, ordered, s=7, color=QUIET, linewidths=0)
    ax.axhline(0, color=INK, linewidth=0.7)
    ax.set_title(f"all {len(row):,} training sequences, in order", loc="left")
    ax.set_xticks([])
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6))


def _described(found: Influences, one: Taught) -> str:
    label = found.labels[one.training, found.tasks.index(found.task)]
    return f"{found.training[one.training]} (label {label:g})"


def plot_shared(
    query: Explained,
    taught: Sequence[tuple[Explained, str]],
    shared: Sequence[Shared],
    task: str,
    labels: Sequence[str] | None = None,
) -> Figure:
    """Draw a query beside training sequences that taught it, as logos in which shared motifs have the same colour.

    Parameters
    ----------
    query
        The query with its importance.
    taught
        The training sequences with theirs, each with a few words on what it does.
    shared
        What they share.
    task
        The task that the importance is for.
    labels
        What each shared stretch is called; by default its bases.

    Returns
    -------
    Figure
        A row for each training sequence: on the left the query, on the right the training sequence.
    """
    called = list(zip(shared, [one.bases for one in shared] if labels is None else labels, strict=True))
    pairs = []
    for number, (other, words) in enumerate(taught):
        mine = [(one, label) for one, label in called if one.number == number]
        left = [(one.start, one.end, label) for one, label in mine]
        right = [(one.other_start, one.other_end, label, one.strand) for one, label in mine]
        pairs.append((other, words, left, right))
    colours = _row_colours([[label for *_, label in left] for *_, left, _ in pairs])
    with drawing():
        length = max(len(one.scores) for one in (query, *(other for other, _ in taught)))
        heights = [0.95 + 0.17 * mark_levels([*left, *right], 0, length) for *_, left, right in pairs]
        figure = Picture(
            figsize=(max(9.0, 1.6 + 2 * 0.045 * min(length, 240)), 0.9 + sum(heights)), layout="constrained"
        )
        axes = figure.subplots(len(pairs), 2, squeeze=False, height_ratios=heights, sharey=False)
        for row, (other, words, left, right), of_row in zip(axes, pairs, colours, strict=True):
            raised = 11 * mark_levels([*left, *right], 0, length)
            for ax, one, marks, title in ((row[0], query, left, query.name), (row[1], other, right, words)):
                draw_row(ax, _heights(one), 0, len(one.scores))
                mark(ax, 0, len(one.scores), marks, colours=of_row)
                ax.set_title(title, loc="left", pad=4 + raised, fontsize=8.5)
        for ax in axes[-1]:
            ax.set_xlabel(POSITION)
        figure.supylabel(f"importance for {task}", fontsize=9)
    return figure


def _row_colours(rows: Sequence[Sequence[str]]) -> list[dict[str, str]]:
    """Return a colour for each label of each row. A label that occurs in several rows has the same colour in all."""
    count = Counter(label for row in rows for label in set(row))
    common = sorted((label for label in count if count[label] > 1), key=lambda label: (-count[label], label))
    everywhere = {label: PALETTE[k % len(PALETTE)] for k, label in enumerate(common)}
    found = []
    for row in rows:
        taken = {everywhere[label] for label in row if label in everywhere}
        free = [colour for colour in PALETTE if colour not in taken] or PALETTE
        alone = sorted(set(row) - everywhere.keys())
        found.append(everywhere | {label: free[k % len(free)] for k, label in enumerate(alone)})
    return found


def _heights(one: Explained) -> np.ndarray:
    heights = np.zeros((len(one.scores), _LETTERS))
    heights[np.arange(len(one.scores)), one.codes] = one.scores
    return heights
