"""The HTML report: one self-contained page about the directory of a benchmark or about a score store."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from genolift.evaluate.truth.recovery import PER_SEED
from genolift.plot.images.picture import plot_image
from genolift.plot.logo import plot_logo, target_text
from genolift.plot.style import method_label, render
from genolift.results.explanation import Explanation
from genolift.results.layout import ROOT
from genolift.sequence.alphabet import is_dna
from genolift.support.errors import FileProblem
from genolift.support.files import write_whole
from genolift.version import __version__

_MEASURES = {
    "false_negative_rate": (
        "False negatives",
        "The share of the strong matches (log-odds at least 7) in sequences of the task whose importance does not "
        "stand out from the windows without motif of their own sequence. Chance makes 95 %.",
        "{:.1%}",
    ),
    "false_positive_rate": (
        "False positives",
        "The share of the strong matches of a motif without meaning for the task whose importance stands out from the "
        "windows without motif of their own sequence. Chance makes 5 %.",
        "{:.1%}",
    ),
    "paper_false_negative_rate": (
        "False negatives as in the paper",
        "The share of the strong matches in sequences of the task whose importance is at most 0. A score that is "
        "positive everywhere has none.",
        "{:.1%}",
    ),
    "paper_false_positive_rate": (
        "False positives by sequences without motif",
        "The share of the strong matches of a motif without meaning for the task whose importance exceeds, in absolute "
        "value, the 95th percentile of windows in sequences without any motif.",
        "{:.1%}",
    ),
    "auroc": ("AUROC", "How well importance separates bases of embedded motifs from bases outside any.", "{:.3f}"),
    "auprc": ("AUPRC", "The same separation as the area under the curve of precision and recall.", "{:.3f}"),
    "spearman": ("Spearman correlation", "The correlation of the log-odds of a match with its importance.", "{:.3f}"),
}


@dataclass
class Table:
    """A table of texts.

    Attributes
    ----------
    head : list of str
        The titles of the columns.
    rows : list of list of str
        The cells.
    caption : str
        A sentence about the table.
    """

    head: list[str]
    rows: list[list[str]]
    caption: str = ""


@dataclass
class Image:
    """A picture.

    Attributes
    ----------
    source : str
        The picture itself as a data URI.
    caption : str
        A few words about it.
    """

    source: str
    caption: str


@dataclass
class Section:
    """A part of the page.

    Attributes
    ----------
    title : str
        Its title.
    text : str
        A paragraph at its beginning.
    tables : list of Table
        Its tables.
    pictures : list of Image
        Its pictures.
    details : dict
        Texts or mappings by their titles, which are folded until the reader opens them.
    """

    title: str
    text: str = ""
    tables: list[Table] = field(default_factory=list)
    pictures: list[Image] = field(default_factory=list)
    details: dict = field(default_factory=dict)


def write_report(
    source: str | os.PathLike,
    out: str | os.PathLike,
    sequences: int = 5,
    target: Any = None,
    title: str | None = None,
) -> None:
    """Write a page about the directory of a benchmark or about a score store.

    Parameters
    ----------
    source
        The directory of the benchmark, or the store.
    out
        The HTML file to write. A file that is there is replaced.
    sequences
        How many sequences of a store are drawn, from the first; 5 by default.
    target
        Which target of a store is drawn. The default is the first.
    title
        The title of the page. The default names the directory.

    Raises
    ------
    FileProblem
        If ``source`` is neither, or ``out`` cannot be written.
    """
    source = Path(source)
    if (source / ROOT).exists():
        page = _store_page(source, sequences, target)
    elif (source / "recovery.csv").exists():
        page = _benchmark_page(source)
    elif not source.exists():
        raise FileProblem(f"{source} is not there")
    elif (source / "index.html").exists() and (source / "run.json").exists():
        raise FileProblem(f"{source} has its page already; open {source / 'index.html'}")
    else:
        raise FileProblem(f"{source} is neither a score store nor a benchmark's directory (it has no recovery.csv)")
    if title is not None:
        page["title"] = title
    write_whole(Path(out), render_page(page).encode())


def render_page(page: dict[str, Any]) -> str:
    """Return the HTML text of a page that :func:`page_of` describes."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("genolift.plot", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(**page)


def recovery_tables(table: pd.DataFrame, suffix: str = "") -> list[Table]:
    """Return a table for each measure, with a row for each method and a column for each task and motif.

    Parameters
    ----------
    table
        The rows of ``recovery.csv``.
    suffix
        What follows the name of the measure in the names of the columns, such as ``"_correct"``.
    """
    tables = []
    for measure, (title, meaning, style) in _MEASURES.items():
        column = measure + suffix
        if column not in table or table[column].isna().all():
            continue
        some = table[table[column].notna()]
        pairs = list(dict.fromkeys(zip(some.task, some.motif, strict=True)))
        methods = list(dict.fromkeys(some.method))
        values = some.set_index(["method", "task", "motif"])[column]
        rows = [
            [
                method_label(m),
                *(style.format(values[m, t, k]) if (m, t, k) in values.index else "" for t, k in pairs),
            ]
            for m in methods
        ]
        tables.append(Table([title, *(f"{task}\n{motif}" for task, motif in pairs)], rows, meaning))
    return tables


def seed_tables(table: pd.DataFrame) -> list[Table]:
    """Return a table of false-negative rates for each task and motif, with methods down and training seeds across."""
    columns = [name for name in map(str, table) if name.startswith(PER_SEED)]
    tables = []
    for (task, motif), some in table.groupby(["task", "motif"], sort=False):
        if columns and some[columns].notna().any(axis=None):
            values = some[columns].to_numpy()
            rows = [
                [method_label(name), *("" if np.isnan(v) else f"{v:.1%}" for v in row)]
                for name, row in zip(some.method, values, strict=True)
            ]
            head = [f"task {task}, {motif}", *(f"seed {name.removeprefix(PER_SEED)}" for name in columns)]
            tables.append(Table(head, rows))
    return tables


def accuracy_table(training: dict) -> Table:
    """Return the accuracy in each task of the network in ``training.json``, and of those trained from other seeds."""
    networks = [training, *training.get("other_seeds", [])]
    tasks = list(training.get("metrics") or {})
    rows = [
        [f"seed {one.get('seed', '?')}", *(f"{one['metrics'][task]['accuracy']:.3f}" for task in tasks)]
        for one in networks
        if one.get("metrics")
    ]
    return Table(["network", *tasks], rows)


def _benchmark_page(folder: Path) -> dict[str, Any]:
    """Return what the template needs for a benchmark."""
    try:
        table = pd.read_csv(folder / "recovery.csv", keep_default_na=False, na_values=[""])
    except (ValueError, OSError) as error:
        raise FileProblem(f"{folder / 'recovery.csv'} cannot be read: {error}") from None
    sections = [Section("Which matches the methods miss", pictures=_pictures(folder, "figure5_*.png", "Figure 5"))]
    sections.append(Section("Motif recovery, all test sequences", tables=recovery_tables(table)))
    if correct := recovery_tables(table, "_correct"):
        sections.append(Section("Motif recovery, sequences the model gets right", tables=correct))
    if tables := seed_tables(table):
        words = (
            "This is the same analysis of networks that differ in the seed of their training. "
            "Everything else on this page is about seed 0."
        )
        sections.append(Section("False negatives per training seed", words, tables=tables))
    sections.append(Section("One sequence under every method", pictures=_pictures(folder, "figure6.png", "Figure 6")))
    if "seconds" in table and table.seconds.notna().any():
        spent = table.groupby("method", sort=False).seconds.first().dropna()
        rows = [[method_label(str(name)), f"{value:.2f}"] for name, value in spent.items()]
        sections.append(Section("Time", tables=[Table(["method", "seconds"], rows)]))
    if training := _json(folder / "training.json"):
        words = "Accuracy is the share of test sequences whose prediction is on the right side of 0.5."
        sections.append(Section("How well the networks classify", words, tables=[accuracy_table(training)]))
    details = {
        title: content
        for name, title in (
            ("training.json", "Training"),
            ("run.json", "Configuration, seeds, versions, timings"),
        )
        if (content := _json(folder / name)) is not None
    }
    sections.append(Section("How it was made", details=details))
    return page_of(
        f"Benchmark {folder.resolve().name}",
        "Explanations judged by the motifs that were embedded.",
        sections,
    )


def _pictures(folder: Path, pattern: str, label: str) -> list[Image]:
    return [
        Image(data_uri(path.read_bytes()), f"{label}, {path.stem.partition('_')[2]}".rstrip(", "))
        for path in sorted(folder.glob(pattern))
    ]


def _store_page(path: Path, sequences: int, target: Any) -> dict[str, Any]:
    """Return what the template needs for a score store."""
    result = Explanation.load(path)
    if target is None and result.target_axis:
        target = result.target[0] if isinstance(result.target, list) else 0
    inputs = result.inputs
    pictures = []
    images, dna = result.of_images, not result.several_inputs and is_dna(inputs.shape[1:])
    what = "images" if images else "sequences"
    if images or dna:
        for i in range(min(sequences, len(result))):
            figure = (plot_image if images else plot_logo)(result, i, target=target)
            pictures.append(Image(data_uri(render(figure, "png", 110)), result.names[i]))
    shown_target = target if result.target_axis else result.target
    shown = f"The first {len(pictures)} of {len(result)} {what}, importance for {target_text(shown_target)}."
    sections = [
        Section(
            "Images and the scores of their pixels" if images else "Logos",
            shown if images or dna else "The inputs are neither DNA nor images, so there are no pictures.",
            pictures=pictures,
        )
    ]
    if "residual" in result.defined:
        sections.append(Section("Do the contributions add up?", tables=[residual_table(result)]))
    rows = [[name, _shape(getattr(result, name))] for name in result.defined]
    sections.append(Section("Fields", tables=[Table(["field", "shape"], rows)]))
    provenance = {
        "method": result.method,
        "target": result.target,
        what: len(result),
        **result.provenance,
    }
    provenance.pop("store", None)
    sections.append(Section("How it was made", details={"Method and provenance": provenance}))
    return page_of(f"Scores {path.resolve().name}", f"{len(result)} sequences explained.", sections)


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


def _json(path: Path) -> Any:
    """Return the content of a JSON file; ``None`` if there is no file."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise FileProblem(f"{path} cannot be read: {error}") from None


def data_uri(png: bytes) -> str:
    """Return a picture as the source of an image."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def page_of(title: str, subtitle: str, sections: list[Section]) -> dict[str, Any]:
    """Return what a page is made of."""
    return {"title": title, "subtitle": f"{subtitle} Made by genolift {__version__}.", "sections": sections}
