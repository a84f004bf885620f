"""Known motifs of a file, and what is said of a comparison with them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from genolift.export.bed import one_word
from genolift.simulate.motifs import read_motifs

log = logging.getLogger("genolift")


def known_motifs(path: Path) -> dict[str, np.ndarray]:
    """Return the motifs (width, 4) of a file by accession and name, as one word.

    The same matrix in succession is one motif.
    """
    motifs: list[tuple[str, np.ndarray]] = []
    for name, motif in read_motifs(path).items():
        if motifs and np.array_equal(motifs[-1][1], motif.matrix):
            name = f"{motifs.pop()[0]}_{name}"
        motifs.append((one_word(name), motif.matrix))
    return dict(motifs)


def tell_comparison(count: int, what: str, motifs: int) -> None:
    """Say that so many filters or seqlets are compared with so many motifs, which may take long."""
    log.info(
        "comparing %s %s with %s motifs; the first time, memelite compiles itself, which takes minutes",
        *(count, what, motifs),
    )


def commonest(labels: Iterable[str]) -> dict[str, int]:
    """Return how often each label occurs, the commonest first, and of equals in the order of the alphabet."""
    names, counts = np.unique(list(labels), return_counts=True)
    return {str(names[i]): int(counts[i]) for i in np.argsort(-counts, kind="stable")}
