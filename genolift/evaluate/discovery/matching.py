"""Which known motif a stretch of sequence resembles most, by Tomtom (Gupta et al. 2007) as memelite runs it.

Tomtom's p-value takes the columns of a motif to be independent draws of the columns of all motifs. In a collection they
are not: sharp columns stand together, so that a short query agrees with a sharp motif far more often than Tomtom says.
Its p-values are therefore compared with those of queries of the same width that mean nothing, which are the queries
themselves with their positions in random order.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from genolift.evaluate.discovery.significance import q_values
from genolift.sequence.alphabet import one_hot
from genolift.support.errors import GenoliftWarning, InputError
from genolift.support.seeds import stream

_AT_ONCE = 1024
_FEW = 25  # Tomtom's null distribution comes from the columns of the motifs, which are too few with fewer motifs.
# Shuffled queries of each width. Only short queries need many, because Tomtom is right about long ones.
_SHUFFLES, _SHUFFLES_OF_LONG, _LONG = 1000, 200, 13
# Below so many of the shuffled queries, their p-values are too few to be counted.
_TAIL = 10


class MotifMatches(NamedTuple):
    """The best motif of each of K sequences, each attribute an array (K,).

    Attributes
    ----------
    motif : np.ndarray
        The number of the motif.
    strand : np.ndarray
        Its strand relative to the sequence, ``"+"`` or ``"-"``.
    p : np.ndarray
        The chance that any of the motifs matches so well, for a query of this width and these letters.
    q : np.ndarray
        The q-value.
    """

    motif: np.ndarray
    strand: np.ndarray
    p: np.ndarray
    q: np.ndarray


def match_motifs(sequences: Sequence[str], motifs: Mapping[str, np.ndarray]) -> MotifMatches:
    """Compare sequences with motifs.

    Parameters
    ----------
    sequences
        The sequences as texts.
    motifs
        Probabilities (width, 4) by the name of the motif.

    Raises
    ------
    InputError
        If there are no motifs, or memelite is not installed.
    """
    unique = sorted(set(sequences))
    matches = match_matrices([one_hot([text])[0] for text in unique], motifs)
    which = np.searchsorted(unique, sequences) if len(unique) else np.zeros(0, int)
    motif, strand, p = (column[which] for column in matches[:3])
    return MotifMatches(motif, strand, p, q_values(np.zeros(len(which), int), p))


def match_matrices(matrices: Sequence[np.ndarray], motifs: Mapping[str, np.ndarray]) -> MotifMatches:
    """Compare matrices with motifs, all of them probabilities (width, 4). See :func:`match_motifs`."""
    tomtom = _library()
    if not motifs:
        raise InputError("there are no motifs to compare with")
    if len(motifs) < _FEW:
        warnings.warn(
            f"matches are judged against the columns of the {len(motifs)} motifs given, which are few: with fewer than "
            f"{_FEW} p-values depend on the choice of motifs; a whole database is better",
            GenoliftWarning,
            3,
        )
    targets = [np.ascontiguousarray(matrix.T, dtype=float) for matrix in motifs.values()]
    matrices = [np.asarray(matrix, float) for matrix in matrices]
    best = _best(tomtom, matrices, targets)
    p = best[:, 0].copy()
    widths = np.array([len(matrix) for matrix in matrices], int)
    for width in np.unique(widths).tolist():
        own = np.flatnonzero(widths == width)
        null = _best(tomtom, _shuffled([matrices[i] for i in own], width), targets)[:, 0]
        p[own] = calibrated(p[own], null)
    strand = np.where(best[:, 1] == 1, "-", "+")
    return MotifMatches(best[:, 2].astype(int), strand, p, q_values(np.zeros(len(p), int), p))


def calibrated(p: np.ndarray, null: np.ndarray) -> np.ndarray:
    """Return p-values of which a share of at most t is below t under the null.

    They are the share of the null's p-values that are as small. Where fewer than ten of the null are, the p-value is
    multiplied by what the tenth smallest of the null is too small. No p-value becomes smaller.

    Parameters
    ----------
    p
        The p-values, (K,).
    null
        p-values of as many null queries as there are, (M,).
    """
    if len(null) < _TAIL:
        return p
    null = np.sort(null)
    counted = np.searchsorted(null, p, side="right") / len(null)
    too_small = max(1.0, _TAIL / len(null) / null[_TAIL - 1])
    return np.minimum(1, np.where(p < null[_TAIL - 1], too_small * p, np.maximum(p, counted)))


def _best(tomtom: Callable[..., np.ndarray], matrices: Sequence[np.ndarray], targets: list[np.ndarray]) -> np.ndarray:
    """Return, for each matrix, Tomtom's p-value of the best of all motifs, its strand and its number, (K, 3)."""
    best = np.zeros((len(matrices), 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for start in range(0, len(matrices), _AT_ONCE):
            queries = [np.ascontiguousarray(one.T, dtype=float) for one in matrices[start : start + _AT_ONCE]]
            p, _, _, _, strand, number = tomtom(queries, targets, n_nearest=1)[:, :, 0]
            best[start : start + len(queries)] = np.stack([p, strand, number], axis=1)
    best[:, 0] = -np.expm1(len(targets) * np.log1p(-np.minimum(best[:, 0], 1 - 1e-12)))
    best[:, 0] = np.maximum(best[:, 0], np.finfo(float).tiny)
    return best


def _shuffled(matrices: list[np.ndarray], width: int) -> list[np.ndarray]:
    """Return null queries: some of the matrices, which are of one width, with their positions in random order."""
    rng = stream(0, "shuffled queries", width)
    count = _SHUFFLES if width < _LONG else _SHUFFLES_OF_LONG
    return [rng.permutation(matrices[i]) for i in rng.integers(0, len(matrices), count)]


def _library() -> Callable[..., np.ndarray]:
    try:
        from memelite import tomtom
    except ImportError:
        raise InputError("comparing with motifs needs another package: pip install 'genolift[motifs]'") from None
    return tomtom
