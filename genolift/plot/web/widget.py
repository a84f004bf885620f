"""The logo as a widget in Jupyter, marimo and whatever else runs anywidget."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from genolift.plot.logos.stacked import plot_logos
from genolift.plot.style import render
from genolift.plot.web import script
from genolift.plot.web.content import content_of, tracks_of
from genolift.results.explanation import Explanation
from genolift.support.errors import InputError

try:
    import anywidget
    import traitlets
except ImportError:
    raise InputError(
        "the logo widget needs anywidget, which is not installed: pip install 'genolift[notebooks]'"
    ) from None


_ROWS = 12  # A still picture of more rows would make a notebook large.


class LogoWidget(anywidget.AnyWidget):
    """The logo of one sequence in a notebook, to zoom and ask.

    Where no widget can be shown, as on GitHub, a notebook shows a still picture instead, of 12 tracks at most.

    Parameters
    ----------
    explanations
        The explanation, or several of the same sequences, which are drawn one above the other.
    i
        The sequence, by number or name. The default is the first.
    target
        Which target, if several were explained. By default all are drawn.
    annotations
        Stretches to mark: (start, end, label) or (start, end, label, strand), 0-based and half-open.
    limits
        ``"shared"`` draws all scores on one scale, ``"free"`` each track on its own, and a pair of numbers are the
        limits themselves. By default the tracks of one method and unit share their scale; numbers of other methods
        cannot be compared.

    Attributes
    ----------
    chosen : int or None
        The position that is chosen, which can be observed and set.

    Raises
    ------
    InputError
        If the inputs are not DNA, or there is no such sequence or target, or anywidget is not installed.
    """

    _esm = f"{script('logo')}\n{script('widget')}"
    content = traitlets.Dict().tag(sync=True)
    limits = traitlets.Any(None, allow_none=True).tag(sync=True)
    chosen = traitlets.Int(None, allow_none=True).tag(sync=True)

    def __init__(
        self,
        explanations: Explanation | Sequence[Explanation],
        i: int | str = 0,
        target: Any = None,
        annotations: Sequence[tuple] = (),
        limits: str | tuple[float, float] | None = None,
    ):
        given = [explanations] if isinstance(explanations, Explanation) else list(explanations)
        chosen = [one[i] if target is None else one[i].for_target(target) for one in given]
        content = content_of(chosen, annotations)
        self._annotations = list(annotations)
        # The targets of one explanation bear one number, so that titles leave out what all rows have.
        self._rows = [
            (track.result, f"explanation {k}") for k, one in enumerate(chosen, 1) for track in tracks_of([one])
        ]
        super().__init__(
            content=content, limits=limits if limits is None or isinstance(limits, str) else list(map(float, limits))
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Return what a notebook keeps: the widget, and the picture for those who show no widgets."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None or len(self._rows) > _ROWS:
            return bundle
        data, metadata = bundle
        results, labels = map(list, zip(*self._rows, strict=True))
        how = self.limits if isinstance(self.limits, str) else None
        figure = plot_logos(results, limits=how, highlight={results[0].names[0]: self._annotations}, labels=labels)
        if self.limits is not None and how is None:
            for ax in figure.axes:
                ax.set_ylim(*self.limits)
        return {**data, "image/png": base64.b64encode(render(figure, "png", 100)).decode()}, metadata
