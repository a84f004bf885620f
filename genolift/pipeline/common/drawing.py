"""Pictures and pages of what was scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genolift.methods import targets
from genolift.pipeline.keeping.places import check_file
from genolift.plot.report import write_report
from genolift.plot.style import KINDS, save_figure
from genolift.results.explanation import Explanation
from genolift.support import drawings
from genolift.support.errors import InputError


def check_picture(path: Path) -> None:
    """Raise :class:`InputError` for a name that is not a picture's, and what :func:`check_file` raises."""
    if path.suffix.lower().lstrip(".") not in KINDS:
        raise InputError(f"{path}: a picture's name ends in {', '.join('.' + kind for kind in KINDS)}")
    check_file(path)


def draw_sequence(
    scores: Path,
    sequence: str,
    out: Path,
    start: int | None = None,
    end: int | None = None,
    target: str | None = None,
    as_map: bool = False,
) -> None:
    """Draw one sequence of a store.

    Parameters
    ----------
    scores, sequence
        The store, and the name of the sequence in it.
    out
        The picture, ``.png``, ``.svg`` or ``.pdf``.
    start, end
        Which part of the sequence is drawn (0-based, half-open); a map is always drawn whole.
    target
        One of the targets that were explained, as text; it is needed where there are several.
    as_map
        Whether to draw the map of what depends on what, which some results have, and not the scores.

    Raises
    ------
    InputError
        Where the result cannot be drawn so; the message says why, and which methods give results that can.
    """
    check_picture(out)
    explanation = Explanation.load(scores)
    if not as_map:
        part = {name: place for name, place in (("start", start), ("end", end)) if place is not None}
        save_figure(explanation.plot(sequence, target=_known(target), **part), out)
        return
    if drawings.find(type(explanation), drawings.MAP) is None:
        raise InputError(f"{scores} holds no map: {', '.join(methods_with(drawings.MAP))} make them")
    if start is not None or end is not None:
        raise InputError("a map is drawn whole; leave --start and --end away")
    save_figure(explanation.plot_map(sequence, target=_known(target)), out)


def methods_with(what: str) -> list[str]:
    """Return the methods whose results have a picture of this kind, see :mod:`genolift.support.drawings`."""
    from genolift.methods.registry import listing, method_class  # the classes load TensorFlow

    types: dict[str, Any] = {name: method_class(name) for name in listing()}
    return [name for name, kind in types.items() if drawings.find(kind.result_type, what)]


def write_page(
    sources: Sequence[Path],
    out: Path,
    target: str | None = None,
    annotations: Path | None = None,
    title: str | None = None,
) -> list[Path]:
    """Write the page ``out`` about stores or a benchmark's directory; see :func:`write_report`. ``target`` is text."""
    check_file(out)
    return write_report(sources, out, _known(target), title, annotations)


def _known(target: str | None):
    """Return a target as it is kept with a result."""
    return None if target is None else targets.describe(targets.parse(target))
