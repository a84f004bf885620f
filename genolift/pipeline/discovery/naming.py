"""Names of known motifs for the patterns of a TF-MoDISco result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genolift.evaluate.discovery.hits import ContributionPattern
from genolift.evaluate.discovery.matching import match_matrices
from genolift.pipeline.common.known import FDR, tell_comparison
from genolift.support.errors import InputError


@dataclass(frozen=True)
class NamedPatterns:
    """The known motif that is most like each of K patterns.

    Attributes
    ----------
    labels : list of str
        The motifs.
    strand : np.ndarray
        The strand of each motif relative to its pattern, (K,).
    p, q : np.ndarray
        The p-values and q-values, (K,).
    """

    labels: list[str]
    strand: np.ndarray
    p: np.ndarray
    q: np.ndarray

    def good(self, patterns: Sequence[ContributionPattern]) -> dict[str, str]:
        """Return the motif by the name of the pattern, where its q-value is small enough."""
        return {one.name: self.labels[i] for i, one in enumerate(patterns) if self.q[i] <= FDR}


def name_patterns(
    patterns: Sequence[ContributionPattern], motifs: Mapping[str, np.ndarray], path: Path
) -> NamedPatterns:
    """Compare the frequencies of bases in patterns with known motifs, on either strand.

    Parameters
    ----------
    patterns
        The patterns of a TF-MoDISco result, trimmed.
    motifs
        Probabilities (width, 4) by the name of the motif.
    path
        The file of the patterns.

    Raises
    ------
    InputError
        If a pattern has no frequencies, there are no motifs, or memelite is not installed.
    """
    matrices = [probabilities(pattern, path) for pattern in patterns]
    match_matrices([], motifs)  # says at once where the library is missing
    tell_comparison(len(patterns), "patterns", len(motifs))
    found = match_matrices(matrices, motifs)
    labels = list(motifs)
    return NamedPatterns([labels[i] for i in found.motif], found.strand, found.p, found.q)


def probabilities(pattern: ContributionPattern, path: Path) -> np.ndarray:
    """Return the frequencies of the bases of a pattern (width, 4), which sum to 1; N in its seqlets is left out."""
    if pattern.frequencies is None:
        raise InputError(
            f"{path}: {pattern.name} has no data set 'sequence', the frequencies of its bases, by which it is compared "
            "with motifs; modisco-lite 2 writes it"
        )
    sums = pattern.frequencies.sum(1, keepdims=True)
    if (pattern.frequencies < 0).any() or (sums > 1 + 1e-3).any():
        raise InputError(f"{path}: sequence of {pattern.name} holds no frequencies of bases, which sum to 1 at most")
    return np.where(sums > 0, pattern.frequencies / np.where(sums > 0, sums, 1), 0.25)
