"""Logos of several sequences, methods and targets, one above the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genolift.plot.logo import (
    PER_ROW,
    Limits,
    mark,
    mark_levels,
    positions_that_fit,
    side_label,
    target_text,
    window,
    wrapped,
)
from genolift.plot.logos.views import SCORES, VIEWS
from genolift.plot.style import POSITION, Picture, drawing
from genolift.results.explanation import Explanation
from genolift.support.errors import InputError, Remedy, setting

LIMITS = ("shared", "free")
INCH = 25.4  # millimetres
OUTSIDE = 18.0  # millimetres beside and around the axes
BESIDE = 0.35  # inches that a label at the side may take more, where it has several lines
_SCALE = 0.6  # inches of the scale of colours beside a map
_PER_BASE, _HEIGHT, _LEVEL = 1.75, 26.0, 4.0  # millimetres
_SMALLEST = 20.0  # millimetres


def plot_logos(
    explanations: Explanation | Sequence[Explanation],
    sequences: Sequence[int | str] = (0,),
    targets: Sequence[Any] = (None,),
    view: str = SCORES,
    start: int | None = None,
    end: int | None = None,
    limits: str | None = None,
    width: float | None = None,
    row_height: float | None = None,
    highlight: Mapping[str, Sequence[tuple]] | None = None,
    labels: Sequence[str] | None = None,
) -> Figure:
    """Draw logos one above the other: of each sequence, for each target, those of each explanation.

    Parameters
    ----------
    explanations
        The explanations, such as those of several methods.
    sequences
        Sequences, by name, or by number in each explanation.
    targets
        Targets that were explained.
    view
        ``"scores"`` draws the bases that are there; ``"hypothetical"`` the hypothetical contributions of all four; and
        ``"substitutions"`` a map of how the score changes when a base is replaced.
    start, end
        The stretch to draw (0-based, half-open). The default is the whole sequence.
    limits
        ``"shared"`` gives all rows the same limits, ``"free"`` each its own. By default the rows of one method and unit
        share theirs; numbers of other methods or units cannot be compared.
    width, row_height
        The width of the figure and the height of a row in millimetres.
    highlight
        Stretches to mark, by the name of the sequence: (start, end, label) or (start, end, label, strand).
    labels
        What the explanations are called where they are of the same method. By default they are numbered.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    InputError
        If there is no such sequence, target, stretch or view, or a size is too small.
    Undefined
        If the method defines no hypothetical contributions, and the view needs them.
    """
    if view not in VIEWS:
        raise InputError(f"there is no view {view!r}; there are {', '.join(VIEWS)}")
    if limits not in (None, *LIMITS):
        raise InputError(f"limits={limits!r} are not known; they are {' or '.join(LIMITS)}")
    several = [explanations] if isinstance(explanations, Explanation) else list(explanations)
    rows = [one[name].for_target(target) for name in sequences for target in targets for one in several]
    if not rows:
        raise InputError("there is nothing to draw; name a sequence")
    drawn, kind = [VIEWS[view].values(one) for one in rows], VIEWS[view]
    lengths = [len(values[0] if isinstance(values, tuple) else values) for values in drawn]
    stretches = [window(start, end, length, one.names[0]) for one, length in zip(rows, lengths, strict=True)]
    own = [kind.limits(values, *stretch) for values, stretch in zip(drawn, stretches, strict=True)]
    groups: list[Any] = [("all",)] * len(rows) if limits == "shared" else [scale_of(one) for one in rows]
    if limits == "free":
        groups = list(range(len(rows)))
    blank = [not _any(values, *stretch) for values, stretch in zip(drawn, stretches, strict=True)]
    each = []
    for mine in groups:
        # A row without any score has limits by default, which say nothing about the others.
        some = [bounds for bounds, group, empty in zip(own, groups, blank, strict=True) if group == mine and not empty]
        each.append(_around(some or own[:1]))
    marks = [(highlight or {}).get(one.names[0], ()) for one in rows]
    span = max(b - a for a, b in stretches)
    scale = _SCALE if view == "substitutions" else 0.0
    across = max(0.1, _width(span, width) / INCH - OUTSIDE / INCH - scale)
    levels = [mark_levels(some, *stretch, across) for some, stretch in zip(marks, stretches, strict=True)]
    told = _labels(rows, _calls(several, labels))
    with drawing():
        figure, axes = frame(len(rows), span, sum(levels), width, row_height)
        for ax, values, stretch, bounds, some, level, label in zip(
            axes, drawn, stretches, each, marks, levels, told, strict=True
        ):
            kind.draw(ax, values, *stretch, bounds)
            mark(ax, stretch[0], stretch[1], some, across=across)
            ax.set_title(label, loc="left", pad=4 + 11 * level, fontsize=8.5)
            ax.xaxis.set_major_locator(positions_that_fit(across, str(stretch[1])))
        if view != "substitutions":  # whose rows are the bases
            fewer_ticks(axes, row_height)
        same = len(set(stretches)) == 1
        for ax in axes[:-1]:
            ax.tick_params(labelbottom=not same)
        axes[-1].set_xlabel(wrapped(POSITION, across - BESIDE))
        side_label(figure, _units(rows, kind.unit))
    return figure


def frame(
    rows: int, span: int, levels: int, width: float | None, row_height: float | None
) -> tuple[Picture, list[Axes]]:
    """Return an empty figure of a size in millimetres, and an axis for each row.

    Parameters
    ----------
    rows
        The number of rows.
    span
        The largest number of positions in a row.
    levels
        How many levels of labels are written above the rows in all.
    width, row_height
        What the user wants, in millimetres.

    Raises
    ------
    InputError
        If a size is too small.
    """
    for name, value in (("width", width), ("row_height", row_height)):
        if value is not None and not _SMALLEST / 2 <= value <= 5000:
            raise InputError(
                f"{value:g} mm is no size for a picture",
                Remedy.naming(f"give {{}} from {_SMALLEST / 2:g} to 5000", setting(name)),
            )
    is_given = width is not None or row_height is not None
    width = _width(span, width)
    height = 12.0 + rows * (row_height or _HEIGHT) + levels * _LEVEL
    figure = Picture(figsize=(width / INCH, height / INCH), layout="constrained")
    figure.has_given_size = is_given
    return figure, list(figure.subplots(rows, 1, squeeze=False)[:, 0])


def _width(span: int, width: float | None) -> float:
    """Return the width of a figure in millimetres: what the user wants, or what the positions of a row need."""
    return max(120.0, OUTSIDE + _PER_BASE * min(span, PER_ROW)) if width is None else width


def fewer_ticks(axes: Sequence[Axes], row_height: float | None) -> None:
    """Write fewer numbers beside low rows, where they would stand on each other."""
    if row_height is not None and row_height < _HEIGHT:
        for ax in axes:
            bins = max(1, int(row_height / 7))
            ax.yaxis.set_major_locator(MaxNLocator(nbins=bins, steps=[1, 2, 2.5, 5, 10], min_n_ticks=1))


def _any(values: Any, start: int, end: int) -> bool:
    scores = values[0] if isinstance(values, tuple) else values
    return bool(np.nan_to_num(scores[start:end]).any())


def _around(limits: Sequence[Limits]) -> Limits:
    return min(low for low, _ in limits), max(high for _, high in limits)


def scale_of(one: Explanation) -> tuple[str, str]:
    """Return the method and the units of an explanation. Only heights of which both are the same can be compared."""
    return str(one.method.get("name")), str(one.method.get("units"))


def _calls(several: Sequence[Explanation], labels: Sequence[str] | None) -> list[str]:
    """Return the method of each explanation, with its label where another one is of the same method."""
    methods = [method_text(one) for one in several]
    called = labels or [f"explanation {number + 1}" for number in range(len(several))]
    return [
        f"{method}, {label}" if methods.count(method) > 1 else method
        for method, label in zip(methods, called, strict=True)
    ]


def _labels(rows: Sequence[Explanation], calls: Sequence[str]) -> list[str]:
    """Return the name of each row's sequence, and of its target and method what is not the same in all rows."""
    targets = [target_text(one.target) for one in rows]
    methods = [calls[number % len(calls)] for number in range(len(rows))]
    parts = [[one.names[0] for one in rows], *(some for some in (targets, methods) if len(set(some)) > 1)]
    return ["   ·   ".join(words) for words in zip(*parts, strict=True)]


def method_text(one: Explanation) -> str:
    """Return the name of the method with the settings that tell it from others of the name."""
    method = one.method
    settings = [str(method[key]) for key in ("rule", "steps", "window") if key in method]
    references = method.get("references")
    if isinstance(references, Mapping) and references.get("kind") is not None:
        number = references.get("n")
        settings.append(f"{references['kind']}{'' if number is None else f' {number}'}")
    name = str(method.get("name", "scores"))
    return f"{name} ({', '.join(settings)})" if settings else name


def _units(rows: Sequence[Explanation], what: str) -> str:
    targets = {target_text(one.target) for one in rows}
    units = {str(one.method.get("units", "units of the explained output")) for one in rows}
    label = f"{what} for {targets.pop()}" if len(targets) == 1 else what
    return f"{label}\n({units.pop()})" if len(units) == 1 else label
