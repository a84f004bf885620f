"""A table with a row for each base, separated by tabs, with a header.

The columns are ``sequence``, ``position`` (0-based, in the sequence as it was scored), ``base`` and ``score``. If they
are defined, ``standard_error``, ``spread`` (over several models) and ``hypothetical_A`` to ``hypothetical_T`` follow.
If there are coordinates, ``chrom``, ``genome_position`` (0-based, descending for the reverse strand) and ``strand``
follow.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from genolift.export.options import FormatOption, Options
from genolift.export.outputs import text_file
from genolift.export.source import Scores
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import BASES, letters, one_hot_codes

OPTIONS: tuple[FormatOption, ...] = ()


def files(out: Path, options: Options) -> list[Path]:
    """Return ``out`` itself."""
    return [out]


def write(explanation: Explanation, paths: list[Path], options: Options) -> None:
    """Write the table, block by block."""
    scores = Scores(explanation, options.target, options.input, options.progress)
    if scores.regions is not None:
        scores.located("a table with coordinates")
    fields = ["inputs", "scores", *(name for name in ("standard_error", "spread", "hypothetical") if scores.has(name))]
    with text_file(paths[0]) as file:
        for rows, *arrays in scores.blocks(*fields):
            table = _table(scores, rows, dict(zip(fields, arrays, strict=True)))
            if rows.start == 0:
                file.write("\t".join(table) + "\n")
            # Joining the cells here takes less than half as long as csv or pandas do.
            file.writelines("\t".join(row) + "\n" for row in zip(*table.values(), strict=True))


def _table(scores: Scores, rows: slice, block: dict[str, np.ndarray]) -> dict[str, list[str]]:
    """Return the columns of a block of sequences as texts, with a row for each base."""
    inside = np.arange(scores.width) < scores.lengths[rows][:, None]
    which, position = np.nonzero(inside)
    columns = {
        "sequence": _repeated(scores.names[rows], which),
        "position": np.array([*map(str, range(scores.width))], dtype=object)[position].tolist(),
        "base": list(letters(one_hot_codes(block["inputs"])[inside])),
        "score": _numbers(block["scores"][inside]),
    }
    for name in ("standard_error", "spread"):
        if name in block:
            columns[name] = _numbers(block[name][inside])
    if "hypothetical" in block:
        columns |= {
            f"hypothetical_{base}": _numbers(block["hypothetical"][..., i][inside]) for i, base in enumerate(BASES)
        }
    if scores.regions is not None:
        where = scores.regions[rows]
        backward = np.array(where.strands) == "-"
        place = np.where(backward[which], where.ends[which] - 1 - position, where.starts[which] + position)
        columns |= {"chrom": _repeated(where.chroms, which), "genome_position": list(map(str, place.tolist()))}
        columns["strand"] = _repeated(where.strands, which)
    return columns


def _repeated(values: Iterable[str], which: np.ndarray) -> list[str]:
    """Return ``values[which]`` as cells of the table."""
    return np.array([_quoted(value) for value in values], dtype=object)[which].tolist()


def _quoted(text: str) -> str:
    """Return a cell, in quotes if it needs them."""
    row = io.StringIO()
    csv.writer(row, delimiter="\t", lineterminator="\n").writerow([text, ""])
    return row.getvalue()[:-2]


def _numbers(values: np.ndarray) -> list[str]:
    """Return the shortest texts that give the same numbers, and an empty text for NaN."""
    texts = list(map(str, values))
    for i in np.flatnonzero(np.isnan(values)):
        texts[i] = ""
    return texts
