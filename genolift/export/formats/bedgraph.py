"""A track for genome browsers as text, with the same values as a bigWig file.

A line is chromosome, start, end and score. Neighbouring positions with the same score share a line. Lines are in the
order of ``LC_ALL=C sort -k1,1 -k2,2n``, which bedGraphToBigWig asks for: chr10 stands before chr2.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from genolift.export.genome import tracks
from genolift.export.options import FIELD, Options
from genolift.export.outputs import text_file
from genolift.export.sizes import CHROM_SIZES, chromosome_sizes
from genolift.export.source import Scores
from genolift.results.explanation import Explanation

OPTIONS = (CHROM_SIZES, FIELD)


def files(out: Path, options: Options) -> list[Path]:
    """Return ``out`` itself."""
    return [out]


def write(explanation: Explanation, paths: list[Path], options: Options) -> None:
    """Write the scores of one target, with the chromosomes in the order of their names."""
    scores = Scores(explanation, options.target, options.input, options.progress)
    sizes = chromosome_sizes(explanation, options.own["chrom_sizes"])
    if sizes is not None:
        sizes = dict(sorted(sizes.items()))  # Python sorts text by code point, which is the order of bytes in UTF-8.
    with text_file(paths[0]) as file:
        for chrom, start, values in tracks(
            scores, sizes, paths[0].parent, "a bedGraph", options.own["field"] or "scores"
        ):
            edges = np.flatnonzero(np.diff(values)) + 1
            firsts, lasts = np.append(0, edges), np.append(edges, len(values))
            texts = values[firsts].astype(str)  # This is the shortest text that gives the same float32.
            file.writelines(
                f"{chrom}\t{a}\t{b}\t{text}\n"
                for a, b, text in zip((start + firsts).tolist(), (start + lasts).tolist(), texts, strict=True)
            )
