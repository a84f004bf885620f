"""The page about variants: a table of their effects, and both alleles of the chosen one, aligned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genolift.evaluate.truth.changes import motif_changes
from genolift.methods.targets import describe, parse
from genolift.plot.logo import target_text
from genolift.plot.logos.alleles import Columns, align
from genolift.plot.web.content import packed, rounded, strongest, text_of
from genolift.plot.web.inlined import json_text
from genolift.plot.web.page import BLOCK, Words, write_blocks
from genolift.plot.web.summaries import Listing
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import is_dna, one_hot_codes
from genolift.sequence.edits import Edit
from genolift.simulate.motifs import Motif
from genolift.support.errors import FileProblem, InputError
from genolift.support.progress import bar
from genolift.version import __version__

_KEY = ["chrom", "pos", "ref", "alt"]
_NEEDED = [*_KEY, "target", "status"]
_LEFT_OUT = {*_NEEDED, "n_windows", "note"}
_MOTIFS = "motifs"
_LABEL = 30  # letters of the name of a change, at most
_SIDES = {"ref": "reference", "alt": "alternative"}


def write_variants(
    table: Path,
    store: Path,
    out: Path,
    meanings: Mapping[str, str] | None = None,
    target: Any = None,
    title: str | None = None,
    motifs: Mapping[str, Motif] | None = None,
    progress: bool | None = None,
) -> list[Path]:
    """Write a page about the variants of a table whose alleles were explained, and return the files.

    Parameters
    ----------
    table
        What ``genolift variants`` wrote.
    store
        The store that its ``--explain`` wrote.
    out
        The page, ``.html``.
    meanings
        What the columns of the table mean, by name.
    target
        Which target is shown. By default all are.
    title
        The title of the page.
    motifs
        Motifs by name. The page says which strong matches of them each variant makes or breaks.
    progress
        Whether to show the progress.

    Raises
    ------
    FileProblem
        If the table is not one of variants.
    InputError
        If the store does not hold the alleles, or not the targets, of the table.
    """
    rows = _read(table)
    result = Explanation.load(store)
    if target is not None:
        result = result.for_target(target)
    if result.several_inputs or not is_dna(result.inputs.shape[1:]):
        raise InputError(f"{store} is not of one input of DNA, (N, L, 4)")
    scored = rows[rows.status == "ok"]
    names = list(dict.fromkeys(scored.name))
    where = {str(name): row for row, name in enumerate(result.name_texts)}
    missing = [name for name in names if f"{name}:ref" not in where or f"{name}:alt" not in where]
    if not names or missing:
        said = f"lacks the alleles of {missing[0]}" if missing else "has nothing to show: no variant was scored"
        raise InputError(f"{store if missing else table} {said}; give the store that the same run wrote by --explain")
    targets = _targets(result, scored, table)
    rows_of = {side: [where[f"{name}:{side}"] for name in names] for side in _SIDES}
    tracks = [_track(one, side, rows_of[side]) for _, one in targets for side in _SIDES]
    blocks, places, changes, marks = [], [], [], []
    with bar(len(names), "writing the page", "variants", show=progress) as display:
        for start in range(0, len(names), BLOCK):
            block, some = [], names[start : start + BLOCK]
            # Pieces of a store hold many sequences, so that a block is read at once.
            rows_here = [rows_of[side][start + k] for k in range(len(some)) for side in _SIDES]
            held = [one[rows_here].in_memory() for _, one in targets]
            for number, name in enumerate(some):
                pair = slice(2 * number, 2 * number + 2)
                columns, parts, codes = _aligned([one[pair] for one in held], name)
                block.append({"tracks": parts})
                for track, part in zip(tracks, parts, strict=True):
                    track["strongest"].append(part.pop("strongest"))
                places.append(_place(result, rows_here[2 * number], columns))
                first, end = columns.change
                marks.append([{"start": first, "end": end, "label": name.rsplit(":", 1)[-1][:_LABEL], "strand": ""}])
                changes.append(_motifs(columns, codes, motifs or {}))
                display.update(1)
            blocks.append(json_text(block))
    columns_of = [_columns(scored[scored.target == label], names) for label, _ in targets]
    for number, track in enumerate(tracks):
        track["columns"] = columns_of[number // len(_SIDES)] | ({_MOTIFS: changes} if motifs else {})
    shown = [name for name in columns_of[0] if any(one is not None for cells in columns_of for one in cells[name])]
    about = {name: (meanings or {}).get(name, "") for name in shown}
    if motifs:
        about[_MOTIFS] = "strong matches that the variant makes or breaks"
    content = {
        "names": names,
        "noun": "variants",
        "annotations": dict(enumerate(marks)),
        "tracks": tracks,
        "columns": [{"name": name, "title": name.replace("_", " "), "about": text} for name, text in about.items()],
        "places": places,
    }
    subtitle = f"{len(names):,} variants, both alleles of each explained. Made by genolift {__version__}."
    details = {str(store): {"method": result.method, "target": result.target}}
    words = Words(title or f"Variants of {table.name}", subtitle, _not_scored(rows), details)
    return write_blocks(out, content, blocks, words)


def _track(one: Explanation, side: str, at: list[int]) -> dict[str, Any]:
    group = target_text(one.target)
    told = rounded(np.asarray(one.predictions)[at]) if "predictions" in one.defined else [None] * len(at)
    return {"label": f"{_SIDES[side]}, {group}", "group": group, "predictions": told, "strongest": []}


def _columns(rows: pd.DataFrame, names: list[str]) -> dict[str, Any]:
    """Return the columns of one target that are shown, in the order of the names."""
    mine = rows.drop_duplicates("name").set_index("name")
    return {name: _cells(mine[name].reindex(names)) for name in mine if name not in _LEFT_OUT}


def _read(path: Path) -> pd.DataFrame:
    """Return the rows as text, with the names of their variants in the store."""
    try:
        rows = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except (ValueError, OSError) as problem:
        raise FileProblem(f"{path} cannot be read as a table: {problem}") from None
    if missing := [name for name in _NEEDED if name not in rows]:
        raise FileProblem(f"{path} has no column {missing[0]!r}; give the table that genolift variants wrote")
    plain = rows[_KEY].agg(lambda row: f"{row.chrom}:{row.pos}:{row.ref}>{row.alt}", axis=1) if len(rows) else []
    # The store counts repeated variants among those that are scored.
    seen: Counter = Counter()
    names = []
    for name, target, status in zip(plain, rows.target, rows.status, strict=True):
        seen[name, target] += status == "ok"
        number = seen[name, target]
        names.append(name if number < 2 else f"{name}#{number}")
    return rows.assign(name=names)


def _targets(result: Explanation, scored: pd.DataFrame, table: Path) -> list[tuple[str, Explanation]]:
    """Return the targets of the table that were explained, each with the explanation of that target."""
    labels = list(dict.fromkeys(scored.target))
    targets = list(result.target) if result.target_axis and isinstance(result.target, list) else [result.target]
    if result.target_axis and not isinstance(result.target, list):
        targets = list(range(result.target_count))
    if targets == [None] and len(labels) == 1:  # Neither run named the model's only output.
        pairs = [(labels[0], None)]
    else:
        pairs = [(label, one) for label in labels for one in targets if one == describe(parse(label))]
    if not pairs:
        raise InputError(f"the store explains {', '.join(map(str, targets))}, and {table} is of {', '.join(labels)}")
    return [(label, result.for_target(one) if result.target_axis else result) for label, one in pairs]


def _cells(texts: Iterable[Any]) -> list[float | str | None]:
    """Return a column as numbers if it holds nothing else; ``None`` for what is missing."""
    there = [text if isinstance(text, str) and text not in ("", "NA", ".") else None for text in texts]
    try:
        return [None if text is None else rounded([float(text)])[0] for text in there]
    except ValueError:
        return there  # type: ignore[return-value]


def _aligned(pairs: list[Explanation], name: str) -> tuple[Columns, list[dict[str, Any]], list[np.ndarray]]:
    """Return the alignment of two alleles, what is drawn of them, and the codes of both."""
    inputs = np.asarray(pairs[0].inputs)
    columns = align(inputs[0], inputs[1], name)
    texts = [text_of(x) for x in inputs]
    tracks = []
    for one in pairs:
        for side, (text, where) in enumerate(zip(texts, columns[:2], strict=True)):
            scores = np.asarray(one.scores)[side]
            part: dict[str, Any] = {"scores": packed(columns.placed(scores, where, np.nan))}
            if "hypothetical" in one.defined:
                hypothetical = columns.placed(np.asarray(one.hypothetical)[side], where, np.nan)
                part["hypothetical"] = packed(hypothetical.reshape(-1))
            if "standard_error" in one.defined and np.isfinite(np.asarray(one.standard_error)).any():
                part["error"] = packed(columns.placed(np.asarray(one.standard_error)[side], where, np.nan))
            part["sequence"] = "".join(columns.placed(np.array(list(text)), where, "-"))
            part["strongest"] = strongest(scores, text)
            tracks.append(part)
    return columns, tracks, list(one_hot_codes(inputs))


def _place(result: Explanation, row: int, columns: Columns) -> dict[str, Any]:
    """Return where the window of the reference lies, and which columns it has no base in."""
    gap = columns.gaps(columns.ref)
    told: dict[str, Any] = {"gap": {"start": int(gap[0]), "end": int(gap[-1]) + 1} if len(gap) else None}
    if result.region_table is not None:
        region = result.region_table[row]
        told |= {"chrom": str(region.chrom), "start": int(region.start), "strand": str(region.strand)}
    return told


def _motifs(columns: Columns, codes: list[np.ndarray], motifs: Mapping[str, Motif]) -> str | None:
    """Return the motifs that a variant makes and breaks, in words."""
    if not motifs:
        return None
    ref_at = {column: base for base, column in enumerate(columns.ref.tolist())}
    origin = np.array([ref_at.get(column, -1) for column in columns.alt.tolist()])
    alt_at = set(columns.alt.tolist())
    edits = []
    for column in range(*columns.change):
        if column not in ref_at:
            edits.append(Edit("insertion", ref_at.get(columns.change[1], len(columns.ref)), "", "N"))
        else:
            edits.append(Edit("substitution" if column in alt_at else "deletion", ref_at[column], "N", "N"))
    found = motif_changes(codes[0], codes[1], origin, edits, motifs)
    return ", ".join(dict.fromkeys(f"{one.kind} {one.motif}" for one in found)) or None


def _not_scored(rows: pd.DataFrame) -> list[Listing]:
    """Return how many variants were not scored for which reason."""
    rest = rows[rows.status != "ok"].drop_duplicates("name").status.value_counts()
    if not len(rest):
        return []
    text = "These are in the table, and not on this page."
    return [Listing("Not scored", text, ["status", "variants"], [[str(k), f"{v:,}"] for k, v in rest.items()])]
