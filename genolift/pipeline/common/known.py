"""Known motifs of a file, and what is said of a comparison with them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from genolift.export.bed import one_word
from genolift.simulate.motifs import MotifFile
from genolift.support.errors import InputError

log = logging.getLogger("genolift")

#: The largest q of a match that is called a name.
FDR = 0.05


def known_motifs(path: Path, motif_format: str | None = None) -> dict[str, np.ndarray]:
    """Return the motifs (width, 4) of a file by accession and name, as one word.

    Motifs that cannot be used are left out, and said. Names that are the same as one word get a number.
    """
    found = MotifFile.read(path, motif_format)
    if found.faulty:
        name, fault = next(iter(found.faulty.items()))
        told = f"{path}: motif {name!r}, {fault}"
        if not found.titles:
            raise InputError(f"{told}; the file holds no other motif that can be used")
        log.warning(
            "%s of %s motifs are left out; %s",
            *(f"{count:,}" for count in (found.left_out, found.left_out + len(found.titles))),
            told,
        )
    motifs: dict[str, np.ndarray] = {}
    for name, names in found.titles.items():
        word, again = one_word("_".join(names)), 2
        label = word
        while label in motifs:
            label, again = f"{word}#{again}", again + 1
        motifs[label] = found.motifs[name].matrix
    return motifs


def tell_comparison(count: int, what: str, motifs: int) -> None:
    """Say that so many filters, seqlets or patterns are compared with so many motifs, which may take long."""
    log.info(
        "comparing %s %s with %s motifs; the first time, memelite compiles itself, which takes minutes",
        *(count, what, motifs),
    )


def commonest(labels: Iterable[str]) -> dict[str, int]:
    """Return how often each label occurs, the commonest first, and of equals in the order of the alphabet."""
    names, counts = np.unique(list(labels), return_counts=True)
    return {str(names[i]): int(counts[i]) for i in np.argsort(-counts, kind="stable")}
