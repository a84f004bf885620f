"""The page about a table of variants and the store of their alleles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from genolift.pipeline.common.drawing import check_page, known_target
from genolift.pipeline.keeping.resumable import read_json
from genolift.pipeline.variants.table import COLUMNS
from genolift.plot.web.variants import write_variants
from genolift.results.explanation import Explanation
from genolift.simulate.motifs import read_motifs
from genolift.support.errors import FileProblem, InputError, file_problems


def write_page(
    sources: Sequence[Path],
    out: Path,
    target: str | None = None,
    title: str | None = None,
    motifs: Path | None = None,
) -> list[Path]:
    """Write the page ``out``; see :func:`genolift.plot.web.variants.write_variants`.

    Parameters
    ----------
    sources
        The table and the store, in any order.
    out
        The page.
    target
        One of the targets that were explained, as text.
    title
        The title of the page.
    motifs
        A file of motifs.

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
        raise InputError(
            f"{tables[0]} is a table of variants, and their page shows both alleles too; give the store beside it that "
            "the same run of genolift variants wrote by --explain"
        )
    if len(tables) != 1 or len(stores) != 1:
        raise InputError(
            "a page about variants needs one table, and the store that the same run of genolift variants wrote by "
            f"--explain; {len(tables)} tables and {len(stores)} stores are given"
        )
    _check_model(tables[0], stores[0])
    known = None if motifs is None else read_motifs(motifs)
    return write_variants(tables[0], stores[0], out, COLUMNS, known_target(target), title, known)


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
            "with its store, or the directory of genolift benchmark, patterns, compare or digits"
        )


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
