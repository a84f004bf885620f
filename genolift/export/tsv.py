"""A table with a row per base, tab-separated, with a header.

Columns: ``sequence``, ``position`` (0-based in the sequence as it was scored), ``base``, ``score``; where they are
defined ``standard_error`` and ``hypothetical_A`` to ``_T``; with coordinates ``chrom``, ``genome_position`` (0-based,
descending for the reverse strand) and ``strand``.
"""

from pathlib import Path

import numpy as np

from genolift.export.outputs import text_file
from genolift.export.source import Scores
from genolift.sequence.alphabet import BASES, letters, one_hot_codes

OPTIONS = ()


def files(out: Path, options) -> list[Path]:
    return [out]


def write(explanation, paths: list[Path], options) -> None:
    scores = Scores(explanation, options.target, options.input, options.progress)
    if scores.regions is not None:
        scores.located("a table with coordinates")
    fields = ["inputs", "scores", *(name for name in ("standard_error", "hypothetical") if scores.has(name))]
    with text_file(paths[0]) as file:
        for rows, *arrays in scores.blocks(*fields):
            table = _table(scores, rows, dict(zip(fields, arrays, strict=True)))
            table.to_csv(file, sep="\t", index=False, header=rows.start == 0, lineterminator="\n")


def _table(scores: Scores, rows: slice, block: dict[str, np.ndarray]):
    import pandas as pd

    lengths = scores.lengths[rows]
    inside = np.arange(scores.width) < lengths[:, None]
    which, position = np.nonzero(inside)
    columns = {
        "sequence": np.array(scores.names[rows], dtype=object)[which],
        "position": position,
        "base": list(letters(one_hot_codes(block["inputs"])[inside])),
        "score": block["scores"][inside],
    }
    if "standard_error" in block:
        columns["standard_error"] = block["standard_error"][inside]
    if "hypothetical" in block:
        columns |= {f"hypothetical_{base}": block["hypothetical"][..., i][inside] for i, base in enumerate(BASES)}
    if scores.regions is not None:
        regions = scores.regions[rows]
        chroms, starts, ends, strands = (np.array(column) for column in zip(*regions, strict=True))
        columns["chrom"] = chroms[which]
        columns["genome_position"] = np.where(
            strands[which] == "-", ends[which] - 1 - position, starts[which] + position
        )
        columns["strand"] = strands[which]
    return pd.DataFrame(columns)
