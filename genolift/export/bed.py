"""Stretches of sequences as BED: in genome coordinates where there are regions, else on the sequences themselves."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from genolift.export.outputs import text_file
from genolift.export.source import Scores

_TURNED = {"+": "-", "-": "+", ".": "."}


def write_bed(path: Path, scores: Scores, sequence, start, end, strand, columns: Mapping[str, np.ndarray]) -> None:
    """Write K stretches: sequence (its number), start, end (0-based half-open), strand in the sequence, ``columns``.

    ``columns`` begins with ``name`` and ``score``, between which and the rest the strand stands; numbers have six digits.
    A comment line tells the columns. Sorted by chromosome (or sequence), start, end. What a region of the reverse strand
    holds is turned with it.
    """
    chrom, start, end, strand = _place(scores, np.asarray(sequence), np.asarray(start), np.asarray(end), strand)
    names = list(columns)
    header = ["chrom", "start", "end", *names[:2], "strand", *names[2:]]
    texts = [_texts(values) for values in columns.values()]
    rows = zip(chrom, start.tolist(), end.tolist(), *texts[:2], strand, *texts[2:], strict=True)
    with text_file(path) as file:
        file.write("#" + "\t".join(header) + "\n")
        file.writelines("\t".join(map(str, row)) + "\n" for row in sorted(rows, key=lambda row: row[:3]))


def one_word(text: str) -> str:
    """A name without white space, as BED needs."""
    return "_".join(text.split()) or "."


def _place(scores: Scores, sequence: np.ndarray, start: np.ndarray, end: np.ndarray, strand):
    strand = list(strand)
    if scores.regions is None:
        return [one_word(scores.names[i]) for i in sequence], start, end, strand
    where = scores.located("BED in genome coordinates").take(np.asarray(sequence, dtype=np.int64))
    back = [one == "-" for one in where.strands]
    turned = [_TURNED[one] if is_back else one for one, is_back in zip(strand, back, strict=True)]
    starts, ends = (np.where(back, where.ends - b, where.starts + a) for a, b in ((start, end), (end, start)))
    return list(where.chroms), starts, ends, turned


def _texts(values) -> list[str]:
    values = np.asarray(values)
    return (
        [f"{value:.6g}" for value in values] if values.dtype.kind == "f" else [str(value) for value in values.tolist()]
    )
