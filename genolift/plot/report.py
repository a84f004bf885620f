"""The HTML report: one self-contained page about the directory of a benchmark or about a score store."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import escape

from genolift.evaluate.truth.recovery import PER_SEED
from genolift.plot.page import Image, Section, Table, data_uri, page_of, render_page
from genolift.plot.style import method_label
from genolift.plot.web.page import PageOptions
from genolift.plot.web.stores import write_stores
from genolift.results.layout import ROOT
from genolift.support.errors import FileProblem, InputError, file_problems
from genolift.support.files import write_whole

_PLAIN = PageOptions()
#: The pages that commands write into their directories: `patterns`, `compare`, `benchmark` and `digits`.
_PAGES = ("patterns.html", "compare.html", "index.html")
_MADE = "Made by genolift "  # in the subtitle of each
_TITLE = re.compile(r"(<title>|<h1>)(.*?)(</title>|</h1>)", re.DOTALL)
_BESIDE = '"beside":"'  # The page about stores, where its scores are in files beside it.
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

_STANDING = (
    "False negatives are strong matches of a motif that matters for the task, whose importance does not stand out from "
    "the rest of their sequence. False positives are strong matches of a motif without meaning for the task, whose "
    "importance does. Both are means over tasks and motifs. The rank is 1 for the best method in a task and motif. "
    "Methods stand in the order of their mean rank. This is one simulation and one network: a small difference in rank "
    "says little. The tables below have the rates one by one."
)


def write_report(
    source: str | os.PathLike | Sequence[str | os.PathLike], out: str | os.PathLike, options: PageOptions = _PLAIN
) -> list[Path]:
    """Write a page about the directory of a benchmark, or about a score store or several of the same sequences.

    The page that another command has written into its directory, such as one about patterns, is written to ``out`` as
    it is.

    Parameters
    ----------
    source
        The directory of the benchmark or of what was found, or the store, or several stores.
    out
        The HTML file to write. A file that is there is replaced. Where the scores of stores take more than 15 MB they
        are written into a directory beside it.
    options
        What a page about stores shows. Of the directory of a benchmark, only the title can be chosen.

    Returns
    -------
    list of Path
        The files that were written.

    Raises
    ------
    FileProblem
        If ``source`` is neither, or ``out`` cannot be written.
    InputError
        If several stores are not of the same sequences, the annotations are not understood, or an option is for the
        sequences of stores and there are none.
    """
    sources = [Path(one) for one in ([source] if isinstance(source, str | os.PathLike) else source)]
    stores = [one for one in sources if (one / ROOT).exists()]
    if stores and len(stores) == len(sources):
        return write_stores(stores, Path(out), options)
    if len(sources) > 1:
        raise FileProblem(f"{next(one for one in sources if one not in stores)} is not a score store")
    (folder,) = sources
    title = options.title
    for given, what in (
        (options.annotations is not None, "annotations are"),
        (options.motifs is not None, "motifs are"),
        (options.genome, "the genome view is"),
        (options.target is not None, "a target is"),
    ):
        if given:
            raise InputError(f"{folder} is not a score store, and {what} for the sequences of stores")
    if (folder / "recovery.csv").exists():
        text = render_page({**_benchmark_page(folder), **({} if title is None else {"title": title})})
    else:
        text = _page_there(folder, title)
    write_whole(Path(out), text.encode())
    return [Path(out)]


def _page_there(folder: Path, title: str | None) -> str:
    """Return the page that a command has written into its directory, which is self-contained and can be anywhere."""
    if not folder.exists():
        raise FileProblem(f"{folder} is not there")
    pages = [folder / name for name in _PAGES if (folder / name).is_file()]
    texts = [text for text in map(_text, pages) if _MADE in text and _BESIDE not in text]
    if len(texts) != 1:
        has = f"it has {len(texts)} pages" if texts else "it has no recovery.csv, and no page of genolift's"
        raise FileProblem(f"{folder} is neither a score store nor a directory with one page of results ({has})")
    if title is None:
        return texts[0]
    return _TITLE.sub(lambda found: f"{found[1]}{escape(title)}{found[3]}", texts[0], count=2)


def _text(path: Path) -> str:
    with file_problems(path, "read"):
        return path.read_text(encoding="utf-8", errors="replace")


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


def standing_table(table: pd.DataFrame) -> Table:
    """Return the methods in the order of their mean rank in false negatives and false positives, the best first.

    A rank is taken for each task and motif in which a rate is known. Equal rates share their rank. A method that lacks
    one of the rates is left out, and where fewer than two are left, the table has no rows.
    """
    head = ["method", "mean rank", "false negatives", "false positives"]
    rates_of = ("false_negative_rate", "false_positive_rate")
    both = [name for name in rates_of if name in table]
    rates = [table.pivot(index="method", columns=["task", "motif"], values=name) for name in both]
    known = [one.dropna(axis="columns", how="all") for one in rates]
    wide = pd.concat(known, axis="columns", keys=both).dropna() if known else pd.DataFrame()
    if len(wide) < 2 or not wide.shape[1]:
        return Table(head, [])
    order = wide.rank().mean(axis="columns").sort_values(kind="stable")
    rows = []
    for method, mean in order.items():
        shares = [wide.loc[method].get(name) for name in rates_of]
        rows.append(
            [method_label(str(method)), f"{mean:.1f}", *("" if s is None else f"{s.mean():.1%}" for s in shares)]
        )
    return Table(head, rows)


def seed_tables(table: pd.DataFrame) -> list[Table]:
    """Return a table of false-negative rates for each task and motif, with methods down and training seeds across."""
    columns = [name for name in map(str, table) if name.startswith(PER_SEED)]
    tables = []
    for (task, motif), some in table.groupby(["task", "motif"], sort=False):
        if columns and some[columns].notna().any(axis=None):
            values = some[columns].to_numpy()
            rows = [
                [method_label(name), *("" if pd.isna(v) else f"{v:.1%}" for v in row)]
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
    sections = []
    if (standing := standing_table(table)).rows:
        sections.append(Section("Which methods find what matters", _STANDING, tables=[standing]))
    sections.append(Section("Which matches the methods miss", pictures=_pictures(folder, "figure5_*.png", "Figure 5")))
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


def _json(path: Path) -> Any:
    """Return the content of a JSON file; ``None`` if there is no file."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise FileProblem(f"{path} cannot be read: {error}") from None
