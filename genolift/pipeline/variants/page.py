"""The page about a table of variants and the store of their alleles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from genolift.pipeline.common.drawing import check_page, known_target
from genolift.pipeline.keeping.resumable import read_json
from genolift.pipeline.variants.table import COLUMNS
from genolift.plot.web.variants import write_table, write_variants
from genolift.results.explanation import Explanation
from genolift.simulate.motifs import read_motifs
from genolift.support.errors import FileProblem, InputError, file_problems


def write_page(
    sources: Sequence[Path],
    out: Path,
    target: str | None = None,
    title: str | None = None,
    motifs: Path | None = None,
    motif_format: str | None = None,
) -> list[Path]:
    """Write the page ``out``, with logos if there is a store; see :mod:`genolift.plot.web.variants`.

    Parameters
    ----------
    sources
        The table, or the table and the store of its explanations, in any order.
    out
        The page.
    target
        One of the targets that were explained, as text.
    title
        The title of the page.
    motifs, motif_format
        A file of motifs, and its format.

    Raises
    ------
    InputError
        If the sources are anything else, or the record beside the table names another model than the store.
    """
    check_page(out, [*sources, motifs])
    tables = [one for one in sources if one.is_file()]
    stores = [one for one in sources if not one.is_file()]
    for table in tables:
        _check_table(table)
    if len(tables) == 1 and not stores:
        if motifs is not None:
            raise InputError(
                f"--motifs looks at the bases of both alleles, which {tables[0]} does not hold; give genolift variants "
                "the option --explain alleles.zarr too, and alleles.zarr to genolift report"
            )
        meanings, record = _told(tables[0])
        return write_table(tables[0], out, meanings, known_target(target), title, record)
    if len(tables) != 1 or len(stores) != 1:
        raise InputError(
            "a page about variants takes one table, and for logos the store that the same run of genolift variants "
            f"wrote by --explain; {len(tables)} tables and {len(stores)} stores are given"
        )
    _check_model(tables[0], stores[0])
    known = None if motifs is None else read_motifs(motifs, motif_format)
    return write_variants(tables[0], stores[0], out, _told(tables[0])[0], known_target(target), title, known)


def _check_table(path: Path) -> None:
    """Raise :class:`FileProblem` for a file that does not begin like a table of variants."""
    try:
        with file_problems(path, "read"):
            names = set(pd.read_csv(path, sep="\t", nrows=0))
    except ValueError:  # It is no text, or empty.
        names = set()
    if not {"chrom", "pos", "ref", "alt"} <= names:
        raise FileProblem(
            f"{path} is no table of genolift variants, and other files have no page; give a store, a table of variants "
            "or the directory of genolift benchmark, patterns, compare or digits"
        )


def _told(table: Path) -> tuple[dict[str, str], dict[str, dict]]:
    """Return what the columns mean, and how the table was made, from the record beside it."""
    record = read_json(Path(f"{table}.json")) or {}
    meanings = record.get("columns", {}) | COLUMNS  # The record alone knows the columns of --overlap.
    rest = {key: value for key, value in record.items() if key != "columns"}
    return meanings, {f"{table.name}.json": rest} if rest else {}


def _check_model(table: Path, store: Path) -> None:
    """Raise :class:`InputError` if the run that wrote the table had another model than that of the store."""
    record = read_json(Path(f"{table}.json")) or {}
    scored = record.get("request", {}).get("model")
    explained = Explanation.load(store).provenance.get("model")
    if scored is not None and explained is not None and scored != explained:
        raise InputError(
            f"{store} explains another model than the one that {table} is of; give the store that the same run wrote "
            "by --explain"
        )
