"""The page about a table of variants and the store of their alleles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from genolift.pipeline.common.drawing import known_target
from genolift.pipeline.keeping.places import check_file
from genolift.pipeline.variants.table import COLUMNS
from genolift.plot.web.variants import write_variants
from genolift.simulate.motifs import read_motifs
from genolift.support.errors import InputError


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
        If the sources are anything else.
    """
    check_file(out)
    tables = [one for one in sources if one.is_file()]
    stores = [one for one in sources if not one.is_file()]
    if len(tables) != 1 or len(stores) != 1:
        raise InputError(
            "a page about variants needs one table, and the store that the same run of genolift variants wrote by "
            f"--explain; {len(tables)} tables and {len(stores)} stores are given"
        )
    known = None if motifs is None else read_motifs(motifs)
    return write_variants(tables[0], stores[0], out, COLUMNS, known_target(target), title, known)
