"""Stretches of sequences as BED, in genome coordinates if there are regions and else on the sequences themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genolift.export.outputs import text_file
from genolift.export.source import Scores

_TURNED = {"+": "-", "-": "+", ".": "."}


def write_bed(
    path: Path,
    scores: Scores,
    sequence: npt.ArrayLike,
    start: npt.ArrayLike,
    end: npt.ArrayLike,
    strand: Iterable[str],
    columns: Mapping[str, npt.ArrayLike],
) -> None:
    """Write K stretches, sorted by chromosome (or sequence), start and end.

    The first line is a comment that names the columns.

    Parameters
    ----------
    path
        The file; it is compressed if its name ends in ``.gz``.
    scores
        The scores of the sequences that the stretches are in.
    sequence
        The number of the sequence of each stretch, (K,).
    start, end
        The place of each stretch in its sequence (0-based, half-open), (K,). Stretches in a region of the reverse
        strand are converted to coordinates of the forward strand.
    strand
        The strand of each stretch within its sequence, K texts: ``"+"``, ``"-"`` or ``"."``.
    columns
        The other columns (K,) by name, of which the first two are ``name`` and ``score``. The strand is written after
        these two. Floating-point numbers have six digits.
    """
    chroms, starts, ends, strands = _place(scores, np.asarray(sequence), np.asarray(start), np.asarray(end), strand)
    names = list(columns)
    header = ["chrom", "start", "end", *names[:2], "strand", *names[2:]]
    texts = [_texts(values) for values in columns.values()]
    rows = zip(chroms, starts.tolist(), ends.tolist(), *texts[:2], strands, *texts[2:], strict=True)
    with text_file(path) as file:
        file.write("#" + "\t".join(header) + "\n")
        file.writelines("\t".join(map(str, row)) + "\n" for row in sorted(rows, key=lambda row: row[:3]))


def one_word(text: str) -> str:
    """Return a name with its white space replaced by underscores, as BED needs; ``"."`` for an empty name."""
    return "_".join(text.split()) or "."


def _place(
    scores: Scores, sequence: np.ndarray, start: np.ndarray, end: np.ndarray, strand: Iterable[str]
) -> tuple[list[str], np.ndarray, np.ndarray, list[str]]:
    """Return chromosomes, starts, ends and strands of stretches, in the genome if there are regions."""
    strand = list(strand)
    if scores.regions is None:
        return [one_word(scores.names[i]) for i in sequence], start, end, strand
    where = scores.located("BED in genome coordinates").take(np.asarray(sequence, dtype=np.int64))
    back = [one == "-" for one in where.strands]
    turned = [_TURNED[one] if is_back else one for one, is_back in zip(strand, back, strict=True)]
    starts, ends = (np.where(back, where.ends - b, where.starts + a) for a, b in ((start, end), (end, start)))
    return list(where.chroms), starts, ends, turned


def _texts(values: npt.ArrayLike) -> list[str]:
    values = np.asarray(values)
    return (
        [f"{value:.6g}" for value in values] if values.dtype.kind == "f" else [str(value) for value in values.tolist()]
    )
