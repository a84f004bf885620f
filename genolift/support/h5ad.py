"""Regions that are the variables of an AnnData file (.h5ad), as CREsted and other tools of single cells keep them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from genolift.support.errors import FileProblem, InputError

_MAGIC = b"\x89HDF\r\n\x1a\n"
_CHROM, _START, _END = ("chr", "chrom", "chromosome", "seqnames"), ("start", "Start"), ("end", "End", "stop")
_INDEX = re.compile(r"(?P<chrom>.+?):(?P<start>\d+)-(?P<end>\d+)(?::(?P<strand>[+.-]))?")


def is_hdf5(path: Path) -> bool:
    """Return whether a regular file begins as HDF5, which a file of AnnData does."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def bed_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the variables of an AnnData file as lines of BED, with their numbers from 1.

    The coordinates (0-based, half-open) are the columns ``chr``, ``start`` and ``end`` of ``.var``, and ``strand`` if
    it is there. Without such columns, the names of the variables tell them, as ``chr1:100-300`` or ``chr1:100-300:+``.
    A line that is no region is the name alone.

    Raises
    ------
    InputError
        If anndata is not installed, or the variables are no regions.
    FileProblem
        If the file is no AnnData.
    """
    var = _var(path)
    columns = [next((name for name in known if name in var), None) for known in (_CHROM, _START, _END)]
    if None not in columns:
        strands = var["strand"].astype(str) if "strand" in var else ["."] * len(var)
        rows = zip(var.index, *(var[name] for name in columns), strands, strict=True)
        for number, (name, chrom, start, end, strand) in enumerate(rows, 1):
            yield number, f"{chrom}\t{_whole(start)}\t{_whole(end)}\t{name}\t0\t{strand}"
        return
    for number, name in enumerate(var.index, 1):
        match = _INDEX.fullmatch(str(name))
        if match is None and number == 1:
            raise InputError(
                f"{path}: .var has neither the columns chr, start and end nor names such as chr1:100-300; its first "
                f"name is {name!r}"
            )
        yield (
            number,
            str(name)
            if match is None
            else "\t".join((match["chrom"], match["start"], match["end"], str(name), "0", match["strand"] or ".")),
        )


def _whole(value: Any) -> str:
    """Return a coordinate as text; whole numbers that are kept as 100.0 are whole."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _var(path: Path) -> Any:
    try:
        import anndata
    except ImportError:
        raise InputError(
            f"{path} is an HDF5 file, and regions of an AnnData need another package: pip install 'genolift[anndata]'"
        ) from None
    try:
        return anndata.read_h5ad(path, backed="r").var
    except Exception as problem:  # anndata raises errors of many kinds for other HDF5 files.
        reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise FileProblem(f"{path} is an HDF5 file but no AnnData: {reason}") from None
