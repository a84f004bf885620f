"""Pictures and pages of what was scored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genolift.methods import targets
from genolift.pipeline.common.known import known_motifs
from genolift.pipeline.keeping.places import check_apart, check_file
from genolift.plot.logos.alleles import plot_alleles
from genolift.plot.logos.stacked import plot_logos
from genolift.plot.logos.views import SCORES
from genolift.plot.report import write_report
from genolift.plot.style import KINDS, save_figure
from genolift.plot.web.marks import marks_of
from genolift.plot.web.motifs import Motifs
from genolift.plot.web.page import PageOptions
from genolift.results.explanation import Explanation
from genolift.results.layout import ROOT
from genolift.support import drawings
from genolift.support.errors import FileProblem, InputError


def check_picture(path: Path) -> None:
    """Raise :class:`InputError` for a name that is not a picture's, and what :func:`check_file` raises."""
    if path.suffix.lower().lstrip(".") not in KINDS:
        raise InputError(f"{path}: a picture's name ends in {', '.join('.' + kind for kind in KINDS)}")
    check_file(path)


@dataclass(frozen=True)
class Printed:
    """What a printed picture shows, and its size.

    Attributes
    ----------
    start, end : int or None
        Which part of the sequences is drawn (0-based, half-open).
    targets : tuple of str
        Targets that were explained, as text.
    view : str
        What is drawn of each, one of :data:`genolift.plot.logos.views.VIEWS`.
    limits : str or None
        ``"shared"`` or ``"free"``, see :func:`genolift.plot.logos.stacked.plot_logos`.
    width, row_height : float or None
        The size in millimetres.
    annotations : Path or None
        A BED file of what is marked.
    """

    start: int | None = None
    end: int | None = None
    targets: tuple[str, ...] = ()
    view: str = SCORES
    limits: str | None = None
    width: float | None = None
    row_height: float | None = None
    annotations: Path | None = None

    def asks_beyond(self, *names: str) -> bool:
        """Whether anything is set that is not one of these."""
        plain = Printed()
        return replace(self, **{name: getattr(plain, name) for name in names}) != plain


def draw_logos(stores: Sequence[Path], sequences: Sequence[str], out: Path, printed: Printed) -> None:
    """Draw sequences of stores as logos, and images as images.

    Parameters
    ----------
    stores, sequences
        The stores, and the names of sequences in them.
    out
        The picture, ``.png``, ``.svg`` or ``.pdf``.
    printed
        What it shows, and its size.

    Raises
    ------
    InputError
        Where the results cannot be drawn so; the message says why.
    """
    check_picture(out)
    explanations = [Explanation.load(path) for path in stores]
    targets = [known_target(target) for target in printed.targets] or [None]
    part = {name: place for name, place in (("start", printed.start), ("end", printed.end)) if place is not None}
    alone = len(stores) == len(sequences) == len(targets) == 1
    if alone and not printed.asks_beyond("start", "end", "targets"):
        # One logo is broken into rows, which a page holds, and images are drawn as images.
        save_figure(explanations[0].plot(sequences[0], target=targets[0], **part), out)
        return
    if any(one.of_images for one in explanations):
        raise InputError("images are drawn one by one, without further options")
    marks: dict[str, list[tuple]] = {}
    if printed.annotations is not None:
        found = marks_of(explanations[0], printed.annotations)
        marks = {name: found.get(explanations[0].index(name), []) for name in sequences}
    figure = plot_logos(
        explanations,
        sequences,
        targets,
        printed.view,
        limits=printed.limits,
        width=printed.width,
        row_height=printed.row_height,
        highlight=marks,
        labels=[path.resolve().name.removesuffix(".zarr") for path in stores],
        **part,
    )
    save_figure(figure, out)


def draw_alleles(store: Path, variant: str, out: Path, printed: Printed) -> None:
    """Draw both alleles of a variant, aligned; see :func:`genolift.plot.logos.alleles.plot_alleles`."""
    check_picture(out)
    if printed.asks_beyond("start", "end", "targets", "width", "row_height"):
        raise InputError("alleles are drawn by their scores, with limits that they share; leave the other options away")
    if len(printed.targets) > 1:
        raise InputError("alleles are drawn for one target; give --target once")
    target = known_target(printed.targets[0]) if printed.targets else None
    size = {"width": printed.width, "row_height": printed.row_height}
    save_figure(plot_alleles(Explanation.load(store), variant, target, printed.start, printed.end, **size), out)


def draw_map(store: Path, sequence: str, out: Path, printed: Printed) -> None:
    """Draw the map of what depends on what, which some results have.

    Raises
    ------
    InputError
        If the result has none; the message says which methods make them. A map is drawn whole and in its own size.
    """
    check_picture(out)
    explanation = Explanation.load(store)
    if drawings.find(type(explanation), drawings.MAP) is None:
        raise InputError(f"{store} holds no map: {', '.join(methods_with(drawings.MAP))} make them")
    if printed.start is not None or printed.end is not None:
        raise InputError("a map is drawn whole; leave --start and --end away")
    if printed.asks_beyond("targets") or len(printed.targets) > 1:
        raise InputError("a map is drawn of one target and in its own size; leave the other options away")
    target = known_target(printed.targets[0]) if printed.targets else None
    save_figure(explanation.plot_map(sequence, target=target), out)


def methods_with(what: str) -> list[str]:
    """Return the methods whose results have a picture of this kind, see :mod:`genolift.support.drawings`."""
    from genolift.methods.registry import listing, method_class  # the classes load TensorFlow

    types: dict[str, Any] = {name: method_class(name) for name in listing()}
    return [name for name, kind in types.items() if drawings.find(kind.result_type, what)]


def write_page(
    sources: Sequence[Path],
    out: Path,
    options: PageOptions,
    motifs: Path | None = None,
    motif_format: str | None = None,
) -> list[Path]:
    """Write the page ``out`` about stores or a directory.

    Parameters
    ----------
    sources, out
        The stores or the directory, and the page.
    options
        What the page shows; see :func:`write_report`. The target is a text.
    motifs, motif_format
        A file of known motifs, which name the strongest stretches of stores, and its format.
    """
    check_page(out, [*sources, motifs, None if options.annotations is None else Path(options.annotations)])
    known = None if motifs is None else Motifs(motifs.name, known_motifs(motifs, motif_format))
    return write_report(sources, out, replace(options, target=known_target(options.target), motifs=known))


def check_page(path: Path, inputs: Iterable[Path | None]) -> None:
    """Raise an error if an input is not there, or if no page can be written at ``path``, one of them or in a store."""
    given = [one for one in inputs if one is not None]
    for one in given:
        if not one.exists():
            raise FileProblem(f"{one} is not there")
    check_apart(path, given)
    check_file(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{path}: the name of a page ends in .html")
    for one in path.resolve().parents:
        if (one / ROOT).exists():
            raise InputError(f"{path} lies in the store {one.name}, which holds nothing else; give another path")


def known_target(target: str | None) -> Any:
    """Return a target as it is kept with a result."""
    return None if target is None else targets.describe(targets.parse(target))
