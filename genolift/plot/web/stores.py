"""The page about stores: which page suits what they hold, and what it tells of how they were made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from genolift.plot.images.picture import plot_image
from genolift.plot.logo import target_text
from genolift.plot.page import Image, Section, Table, data_uri, page_of, render_page
from genolift.plot.style import method_label, render
from genolift.plot.web.content import tracks_of
from genolift.plot.web.marks import marks_of
from genolift.plot.web.page import PageOptions, Words, write_page
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import is_dna
from genolift.support.errors import InputError
from genolift.support.files import write_whole
from genolift.version import __version__

_DRAWN = 5  # images of a store


def write_stores(paths: Sequence[Path], out: Path, options: PageOptions) -> list[Path]:
    """Write the page about stores; see :func:`genolift.plot.report.write_report`."""
    results = [Explanation.load(path) for path in paths]
    if options.target is not None:
        results = [result.for_target(options.target) for result in results]
    name = options.title or f"Scores {', '.join(path.resolve().name for path in paths)}"
    about = {str(path): {"method": one.method, "target": one.target} | _without_store(one.provenance) for path, one in
             zip(paths, results, strict=True)}  # fmt: skip
    dna = not results[0].several_inputs and is_dna(results[0].inputs.shape[1:])
    if options.genome and (not dna or results[0].region_table is None):
        raise InputError(
            f"{paths[0]} does not know where its sequences lie, which the genome view needs; explain them by regions "
            "(genolift explain --regions), or leave out --genome-view"
        )
    if not dna and (options.motifs is not None or options.annotations is not None):
        raise InputError(
            f"{paths[0]} is not of one input of DNA, so it has no bases that motifs could name or annotations mark; "
            "leave --motifs and --annotations out"
        )
    if len(paths) == 1 and not dna:
        page = _still_page(results[0], name, about)
        write_whole(out, render_page(page).encode())
        return [out]
    named = [_label(path, result) for path, result in zip(paths, results, strict=True)]
    marks = None if options.annotations is None else marks_of(results[0], options.annotations)
    subtitle = f"{len(results[0]):,} sequences explained by {', '.join(named)}. Made by genolift {__version__}."
    if any(one.method.get("activation") == "logit" for one in results):
        subtitle += " Predictions are logits where the model ends in a sigmoid or softmax."
    return write_page(out, tracks_of(results, named), Words(name, subtitle, details=about), marks, options)


def _label(path: Path, result: Explanation) -> str:
    method = method_label(str(result.method.get("name", "scores")))
    return f"{path.resolve().name.removesuffix('.zarr')} ({method})"


def _without_store(provenance: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in provenance.items() if key != "store"}


def _still_page(result: Explanation, title: str, about: dict[str, Any]) -> dict[str, Any]:
    """Return what the template needs for a store of images, or of inputs of which there are no pictures."""
    if result.target_axis:
        result = result.for_target(result.target[0] if isinstance(result.target, list) else 0)
    pictures = []
    if result.of_images:
        for i in range(min(_DRAWN, len(result))):
            pictures.append(Image(data_uri(render(plot_image(result, i), "png", 110)), result.names[i]))
    shown = f"The first {len(pictures)} of {len(result)} images, importance for {target_text(result.target)}."
    sections = [
        Section(
            "Images and the scores of their pixels" if result.of_images else "Logos",
            shown if result.of_images else "The inputs are neither DNA nor images, so there are no pictures.",
            pictures=pictures,
        )
    ]
    if "residual" in result.defined:
        sections.append(Section("Do the contributions add up?", tables=[residual_table(result)]))
    rows = [[name, _shape(getattr(result, name))] for name in result.defined]
    sections.append(Section("Fields", tables=[Table(["field", "shape"], rows)]))
    sections.append(Section("How it was made", details={"Method and provenance": about}))
    what = "images" if result.of_images else "sequences"
    return page_of(title, f"{len(result)} {what} explained.", sections)


def residual_table(result: Explanation) -> Table:
    """Return how far contributions are from adding up, over all pairs of sequence and reference.

    The residual of a pair is the sum of its contributions minus (f(x) − f(reference)).
    """
    residual = np.abs(np.asarray(result.residual, dtype=float))
    residual = residual[np.isfinite(residual)]
    rows = []
    if len(residual):
        rows = [
            [f"{name} residual", f"{value:.3g}"]
            for name, value in (
                ("median", np.median(residual)),
                ("99th percentile", np.percentile(residual, 99)),
                ("largest", residual.max()),
            )
        ]
    if "reference_predictions" in result.defined:
        predictions = np.asarray(result.predictions, dtype=float)[..., None]
        difference = np.abs(predictions - np.asarray(result.reference_predictions, dtype=float))
        difference = difference[np.isfinite(difference)]
        if len(difference):
            rows.append(["median difference f(x) − f(reference)", f"{np.median(difference):.3g}"])
    return Table(["over all pairs of sequence and reference, absolute", "value"], rows)


def _shape(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_shape(leaf)}" for key, leaf in value.items())
    if isinstance(value, list):
        return ", ".join(map(_shape, value))
    return "not defined" if value is None else " × ".join(map(str, value.shape))
