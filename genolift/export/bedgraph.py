"""The track of a bigWig as text: chromosome, start, end, score; bases of the same score that touch are one line."""

from pathlib import Path

import numpy as np

from genolift.export.genome import tracks
from genolift.export.outputs import text_file
from genolift.export.sizes import chromosome_sizes
from genolift.export.source import Scores

OPTIONS = ("chrom_sizes",)


def files(out: Path, options) -> list[Path]:
    return [out]


def write(explanation, paths: list[Path], options) -> None:
    scores = Scores(explanation, options.target, options.input, options.progress)
    sizes = chromosome_sizes(explanation, options.chrom_sizes)
    with text_file(paths[0]) as file:
        for chrom, start, values in tracks(scores, sizes, paths[0].parent, "a bedGraph"):
            edges = np.flatnonzero(np.diff(values)) + 1
            firsts, lasts = np.append(0, edges), np.append(edges, len(values))
            texts = values[firsts].astype(str)  # the shortest text that is the same float32
            file.writelines(
                f"{chrom}\t{a}\t{b}\t{text}\n"
                for a, b, text in zip((start + firsts).tolist(), (start + lasts).tolist(), texts, strict=True)
            )
