"""What a page says of a table of variants: its rows, and what the number in each column means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from genolift.plot.web.content import rounded
from genolift.plot.web.summaries import Listing
from genolift.support.errors import FileProblem

_NEEDED = ["chrom", "pos", "ref", "alt", "target", "status"]
_LEFT_OUT = {*_NEEDED, "n_windows"}
MOTIFS = "motifs"


class _Head(NamedTuple):
    """The title of a column, the unit of its numbers, and whether they have a sign."""

    title: str
    unit: str = ""
    signed: bool = False


_SCALED, _SHARE, _CHANCE = "scale", "a share, from 0 to 1", "a probability, from 0 to 1"
#: In the order in which a page shows them. What is not among them follows.
_HEADS = {
    "delta": _Head("effect (delta)", _SCALED, signed=True),
    "delta_spread": _Head("spread over models", _SCALED),
    "js_distance": _Head("profile distance", "from 0 (the same profile) to 1"),
    "js_distance_spread": _Head("spread of profile distance", "that of the distance"),
    "q_value": _Head("q", _SHARE),
    "p_value": _Head("p", _CHANCE),
    "effect_percentile": _Head("effect percentile", "per cent, from 0 to 100"),
    MOTIFS: _Head("motifs made and broken"),
    "log2_fold_change": _Head("log2 fold change", "doublings, so that 1 is twice as much", signed=True),
    "direction": _Head("direction"),
    "pred_ref": _Head("prediction, reference", _SCALED),
    "pred_alt": _Head("prediction, alternative", _SCALED),
    "id": _Head("id"),
    "q_storey": _Head("q (Storey)", _SHARE),
    "active_allele_quantile": _Head("active allele quantile", _SHARE),
    "js_p_value": _Head("p of profile distance", _CHANCE),
    "js_q_value": _Head("q of profile distance", _SHARE),
    "js_q_storey": _Head("q (Storey) of profile distance", _SHARE),
    "scale": _Head("scale"),
    "note": _Head("note"),
}
_FILTERS = (
    {"column": "delta", "side": "low", "size": True, "label": "|effect| from"},
    {"column": "js_distance", "side": "low", "label": "profile distance from"},
    {"column": "q_value", "side": "high", "label": "q up to"},
    {"column": "p_value", "side": "high", "label": "p up to"},
    {"column": "js_q_value", "side": "high", "label": "q of profile distance up to"},
)


def read_effects(path: Path) -> pd.DataFrame:
    """Return the rows of a table of variants as text, with the ``name`` that each variant has in a store.

    Raises
    ------
    FileProblem
        If the file is not such a table.
    """
    try:
        rows = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except (ValueError, OSError) as problem:
        raise FileProblem(f"{path} cannot be read as a table: {problem}") from None
    if missing := [name for name in _NEEDED if name not in rows]:
        raise FileProblem(f"{path} has no column {missing[0]!r}; give the table that genolift variants wrote")
    plain = rows.chrom + ":" + rows.pos + ":" + rows.ref + ">" + rows.alt
    # The store counts repeated variants among those that are scored.
    seen: Counter = Counter()
    names = []
    for name, target, status in zip(plain, rows.target, rows.status, strict=True):
        seen[name, target] += status == "ok"
        number = seen[name, target]
        names.append(name if number < 2 else f"{name}#{number}")
    return rows.assign(name=names)


def largest_effects(scored: pd.DataFrame, most: int) -> list[str]:
    """Return the names of the variants in the order of the table: all, or those with the largest effects for a target.

    Effects for different targets have different units, so their ranks are compared.
    """
    names = list(dict.fromkeys(scored.name))
    if len(names) <= most or "delta" not in scored:
        return names[:most]
    size = pd.to_numeric(scored.delta, errors="coerce").abs()
    rank = size.groupby(scored.target).rank(ascending=False).groupby(scored.name).min().sort_values(kind="stable")
    kept = set(rank.index[:most])
    return [name for name in names if name in kept]


def cells_of(rows: pd.DataFrame, names: Sequence[str]) -> dict[str, list[float | str | None]]:
    """Return the columns of one target that are shown, for each of the names."""
    mine = rows.drop_duplicates("name").set_index("name")
    return {name: _cells(mine[name].reindex(names)) for name in mine if name not in _LEFT_OUT}


def content_of_columns(
    table: str, columns: Sequence[Mapping[str, Sequence[Any]]], meanings: Mapping[str, str], scales: Iterable[str]
) -> dict[str, Any]:
    """Return what a page holds about the columns of a table: their heads, and how it is sorted and filtered.

    Parameters
    ----------
    table
        The name of the table.
    columns
        The cells of each target, by column.
    meanings
        What the columns mean, by name.
    scales
        What the units of the predictions are called.
    """
    there = [name for name in columns[0] if any(one is not None for cells in columns for one in cells[name])]
    shown = [*(name for name in _HEADS if name in there), *(name for name in there if name not in _HEADS)]
    scale = ", ".join(dict.fromkeys(scales)) or "not told"
    heads = []
    for name in shown:
        head = _HEADS.get(name) or _Head(name.replace("_", " "))
        meaning = meanings.get(name) or "a column that genolift variants does not describe"
        unit = scale if head.unit == _SCALED else head.unit
        source = "the alleles in the store" if name == MOTIFS else f"column {name} of {table}"
        said = [meaning[:1].upper() + meaning[1:], *([f"Unit: {unit}"] if unit else []), f"Source: {source}"]
        heads.append({"name": name, "title": head.title, "signed": head.signed, "about": ". ".join(said) + "."})
    filters = [one for one in _FILTERS if one["column"] in shown]
    whole_profile = "js_distance" in shown and any(one is not None for one in columns[0]["js_distance"])
    sort = ["js_distance", "down"] if whole_profile else ["delta", "size"] if "delta" in shown else ["number", "up"]
    number = {"title": "#", "about": "The number of the variant on this page, from 1, in the order of the table."}
    named = "Chromosome, position of the first base of REF (from 1, as in VCF), REF and ALT."
    variant = {"title": "variant", "about": f"{named} Source: columns chrom, pos, ref and alt of {table}."}
    return {"columns": heads, "filters": filters, "sort": sort, "heads": {"number": number, "name": variant}}


def not_scored(rows: pd.DataFrame) -> list[Listing]:
    """Return how many variants were not scored for which reason."""
    scored = set(rows.name[rows.status == "ok"])
    rest = rows[rows.status != "ok"].drop_duplicates("name")
    if not len(rest):
        return []
    partly = np.where(rest.name.isin(scored), " (for some of the targets)", "")
    counts = (rest.status + partly).value_counts()
    text = "These are in the table, and not on this page, or only for the other targets."
    text = text if partly.any() else "These are in the table, and not on this page."
    return [Listing("Not scored", text, ["status", "variants"], [[str(k), f"{v:,}"] for k, v in counts.items()])]


def _cells(texts: Iterable[Any]) -> list[float | str | None]:
    """Return a column as numbers if it holds nothing else; ``None`` for what is missing."""
    there = [text if isinstance(text, str) and text not in ("", "NA", ".") else None for text in texts]
    try:
        return [None if text is None else rounded([float(text)])[0] for text in there]
    except ValueError:
        return there  # type: ignore[return-value]
