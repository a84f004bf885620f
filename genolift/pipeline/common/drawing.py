"""Pictures and pages of what was scored."""

from pathlib import Path

from genolift.methods import targets
from genolift.pipeline.common.places import check_file
from genolift.plot.logo import plot_logo
from genolift.plot.report import write_report
from genolift.plot.style import KINDS, save_figure
from genolift.results.explanation import Explanation
from genolift.support.errors import InputError

_WITH_MAPS = ("pairwise-mutagenesis", "interaction-maps", "surrogate")


def check_picture(path: Path) -> None:
    """As :func:`check_file`; raises :class:`InputError` for a name that says of no kind of picture."""
    if path.suffix.lower().lstrip(".") not in KINDS:
        raise InputError(f"{path}: a picture's name ends in {', '.join('.' + kind for kind in KINDS)}")
    check_file(path)


def draw_logo(
    scores, sequence: str, out, start: int | None = None, end: int | None = None, target=None, as_map: bool = False
) -> None:
    """Draw the sequence called ``sequence`` of the store ``scores`` into the picture ``out``; ``target`` is text.

    ``as_map`` draws the map of interactions of a result that has one.
    """
    check_picture(out)
    explanation = Explanation.load(scores)
    if as_map:
        if not hasattr(explanation, "plot_map"):
            raise InputError(f"{scores} holds no map: {', '.join(_WITH_MAPS)} make them")
        if start is not None or end is not None:
            raise InputError("a map is drawn whole; leave --start and --end away")
        save_figure(explanation.plot_map(sequence, target=_known(target)), out)
    else:
        save_figure(plot_logo(explanation, sequence, start, end, _known(target)), out)


def write_page(source, out, target=None, sequences: int = 5) -> None:
    """Write the page ``out`` about the store or the benchmark's directory ``source``; ``target`` is text."""
    check_file(out)
    write_report(source, out, sequences, _known(target))


def _known(target: str | None):
    """Return a target as it is kept with a result."""
    return None if target is None else targets.describe(targets.parse(target))
