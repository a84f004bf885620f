"""The regions that Fi-NeMo reads, for ``finemo call-hits -r OUT.npz -m modisco.h5 -o hits``.

The arrays are ``sequences`` (N, 4, L) int8, ``contributions``, and the coordinates ``chr``, ``chr_id``, ``start``,
``peak_id`` and ``peak_name``. The contributions are the hypothetical ones (N, 4, L) float32, which Fi-NeMo projects
itself, or the scores (N, L) where the method has no hypothetical ones. Sequences are on the forward strand, so regions
of the reverse strand are reverse-complemented.

Without genome coordinates the names of the sequences stand in their place, so that Fi-NeMo's hits are places in the
sequences. ``genolift summarize --regions`` and ``genolift variants --overlap`` take the ``hits.tsv`` and the
``hits.bed`` that Fi-NeMo writes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from genolift.export.arrays import add, archive, member
from genolift.export.bed import one_word
from genolift.export.formats.chrombpnet import forward
from genolift.export.formats.modisco import as_bases
from genolift.export.options import FormatOption, Options
from genolift.export.source import Scores
from genolift.results.explanation import Explanation

OPTIONS: tuple[FormatOption, ...] = ()


def files(out: Path, options: Options) -> list[Path]:
    """Return ``out`` itself."""
    return [out]


def write(explanation: Explanation, paths: list[Path], options: Options) -> None:
    """Write the sequences, the contributions of one target, and where they lie."""
    scores = Scores(explanation, options.target, options.input, options.progress)
    scores.one_length("Fi-NeMo")
    regions = None if scores.regions is None else scores.located("Fi-NeMo")
    backward = np.zeros(len(scores), bool) if regions is None else np.array([one == "-" for one in regions.strands])
    field = "hypothetical" if scores.has("hypothetical") else "scores"
    n, length = len(scores), scores.width
    with archive(paths[0]) as file:
        with member(file, "sequences", (n, 4, length), np.int8) as append:
            for rows, x in scores.blocks("inputs"):
                append(forward(as_bases(x), backward[rows]).transpose(0, 2, 1))
        shape = (n, length) if field == "scores" else (n, 4, length)
        with member(file, "contributions", shape, np.float32) as append:
            for rows, values in scores.blocks(field):
                if field == "scores":
                    append(np.where(backward[rows, None], values[:, ::-1], values))
                else:
                    append(forward(values, backward[rows]).transpose(0, 2, 1))
        chroms = [one_word(name) for name in scores.names] if regions is None else list(regions.chroms)
        numbers = {chrom: i for i, chrom in enumerate(dict.fromkeys(chroms))}
        add(file, "chr", np.array(chroms))
        add(file, "chr_id", np.array([numbers[chrom] for chrom in chroms], np.uint32))
        add(file, "start", np.zeros(n, np.int32) if regions is None else regions.starts.astype(np.int32))
        add(file, "peak_id", np.arange(n, dtype=np.uint32))
        add(file, "peak_name", np.array([one_word(name) for name in scores.names]))
