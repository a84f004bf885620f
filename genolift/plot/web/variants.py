"""The page about variants: a table of their effects, and both alleles of the chosen one, aligned."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genolift.evaluate.truth.changes import SHARE, motif_changes
from genolift.evaluate.truth.matches import STRONG
from genolift.methods.targets import describe, parse
from genolift.plot.logo import target_text
from genolift.plot.logos.alleles import Columns, align
from genolift.plot.web.content import packed, rounded, strongest, text_of
from genolift.plot.web.effects import (
    MOTIFS,
    cells_of,
    content_of_columns,
    largest_effects,
    not_scored,
    read_effects,
)
from genolift.plot.web.inlined import json_text
from genolift.plot.web.page import BLOCK, Words, write_blocks
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import is_dna, one_hot_codes
from genolift.sequence.edits import Edit
from genolift.simulate.motifs import Motif
from genolift.support.errors import InputError
from genolift.support.progress import bar
from genolift.version import __version__

_LABEL = 30  # letters of the name of a change, at most
_SIDES = {"ref": "reference", "alt": "alternative"}
_STRONGEST = (
    "The ten bases of the allele chosen above whose scores have the largest sum, by size. Their place {}. Rows are "
    "sorted by that sum, in the units of the prediction. Source: the scores in the store."
)
_MADE = (
    "The motifs that the variant makes or breaks. Only strong matches count: those whose log-odds against uniform "
    f"bases (natural logarithm) are at least {STRONG:g}, or {SHARE:g} times the most that the motif can reach where "
    "that is less. A motif is broken if the variant lies in a strong match of the reference that is not one in the "
    "alternative, and made the other way round. A change of a weaker match is not listed, however large its effect is"
)
_COUNTED = {
    True: "is that on the chromosome, from 1 as in VCF, because the store knows where its windows lie",
    False: "is counted from 0 at the start of the allele's window, because the store does not know where its windows "
    "lie in the genome",
}
_MOST = 20_000  # variants of a page without logos, which holds all of its rows at once


def write_table(
    table: Path,
    out: Path,
    meanings: Mapping[str, str] | None = None,
    target: Any = None,
    title: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write a page about a table of variants alone, without logos, and return the files.

    Of a table of very many variants it holds those with the largest effects, and says so.

    Parameters
    ----------
    table, out, meanings, target, title
        As for :func:`write_variants`.
    details
        What can be unfolded at the end, by its title.

    Raises
    ------
    FileProblem
        If the table is not one of variants.
    InputError
        If no variant was scored, or the target is not among those of the table.
    """
    rows = read_effects(table)
    if target is not None:
        mine = [label for label in dict.fromkeys(rows.target) if describe(parse(label)) == target]
        if not mine:
            raise InputError(f"{table} is of {', '.join(dict.fromkeys(rows.target))}, and not of target {target}")
        rows = rows[rows.target.isin(mine)]
    scored = rows[rows.status == "ok"]
    if not len(scored):
        raise InputError(f"{table} has nothing to show: no variant was scored; its column status says why")
    names, count = largest_effects(scored, _MOST), scored.name.nunique()
    tracks: list[dict[str, Any]] = []
    for label in dict.fromkeys(scored.target):
        cells = cells_of(scored[scored.target == label], names)
        text = target_text(describe(parse(label)))
        tracks.append({"label": text, "group": text, "columns": cells})
    content = {
        "names": names,
        "noun": "variants",
        "annotations": {},
        "tracks": tracks,
        "drawn": False,
        **content_of_columns(table.name, [one["columns"] for one in tracks], meanings or {}, _scales(scored)),
    }
    subtitle = f"{count:,} variants. Made by genolift {__version__}."
    if len(names) < count:
        subtitle = (
            f"The {len(names):,} variants with the largest |effect| of {count:,}; {table.name} has all. " + subtitle
        )
    remedy = (
        "For logos of both alleles, run genolift variants with the option --explain alleles.zarr too, and then "
        f"genolift report {table.name} alleles.zarr."
    )
    words = Words(title or f"Variants of {table.name}", subtitle, not_scored(rows), details or {})
    return write_blocks(out, content, [], words, remedy=remedy)


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
    rows = read_effects(table)
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
                place = _place(result, rows_here[2 * number], columns)
                places.append(place)
                for side, (track, part) in enumerate(zip(tracks, parts, strict=True)):
                    found = part.pop("strongest")
                    track["strongest"].append(_located(found, (columns.ref, columns.alt)[side % 2], place))
                first, end = columns.change
                marks.append([{"start": first, "end": end, "label": name.rsplit(":", 1)[-1][:_LABEL], "strand": ""}])
                changes.append(_motifs(columns, codes, motifs or {}))
                display.update(1)
            blocks.append(json_text(block))
    columns_of = [
        cells_of(scored[scored.target == label], names) | ({MOTIFS: changes} if motifs else {}) for label, _ in targets
    ]
    for number, track in enumerate(tracks):
        track["columns"] = columns_of[number // len(_SIDES)]
    about = {**(meanings or {}), MOTIFS: _MADE}
    content = {
        "names": names,
        "noun": "variants",
        "annotations": dict(enumerate(marks)),
        "tracks": tracks,
        "places": places,
        **content_of_columns(table.name, columns_of, about, _scales(scored)),
    }
    content["heads"]["strongest"] = {"about": _STRONGEST.format(_COUNTED[result.region_table is not None])}
    subtitle = f"{len(names):,} variants, both alleles of each explained. Made by genolift {__version__}."
    details = {str(store): {"method": result.method, "target": result.target}}
    words = Words(title or f"Variants of {table.name}", subtitle, not_scored(rows), details)
    return write_blocks(out, content, blocks, words)


def _track(one: Explanation, side: str, at: list[int]) -> dict[str, Any]:
    group = target_text(one.target)
    told = rounded(np.asarray(one.predictions)[at]) if "predictions" in one.defined else [None] * len(at)
    return {"label": f"{_SIDES[side]}, {group}", "group": group, "predictions": told, "strongest": []}


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


def _located(found: dict[str, Any] | None, where: np.ndarray, place: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the strongest stretch of an allele, given the columns of its bases, with where it lies in the genome."""
    if found is None or "chrom" not in place:
        return found
    ends = [int(where[at]) for at in (found["start"], found["start"] + len(found["bases"]) - 1)]
    gap, chrom = place["gap"], place["chrom"]
    behind = place["start"] + gap["start"] if gap else 0  # the base in front of what is inserted, from 1

    def text(column: int) -> str | None:
        if gap and gap["start"] <= column < gap["end"]:
            return None
        return f"{place['start'] + 1 + column - (gap['end'] - gap['start'] if gap and column >= gap['end'] else 0):,}"

    first, last = map(text, ends)
    if first and last:
        return found | {"at": f"{chrom}:{first}-{last}"}
    if first:
        return found | {"at": f"{chrom}:{first} to what is inserted behind {behind:,}"}
    return found | {
        "at": f"{chrom}, "
        + (f"what is inserted behind {behind:,} to {last}" if last else f"inserted behind {behind:,}")
    }


def _scales(scored: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(scored.scale)) if "scale" in scored else []


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
