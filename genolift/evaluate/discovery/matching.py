"""Which known motif a stretch of sequence looks most like, by Tomtom (Gupta et al. 2007) as memelite runs it."""

import warnings
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from genolift.evaluate.discovery.significance import q_values
from genolift.sequence.alphabet import one_hot
from genolift.support.errors import GenoliftWarning, InputError

_AT_ONCE = 1024
_FEW = 25  # Tomtom's null are the columns of the motifs it is given


class MotifMatches(NamedTuple):
    """The best motif of each of K sequences: its number, its strand against the sequence, p- and q-value.

    ``p`` is the chance that any of the motifs matches so well.
    """

    motif: np.ndarray
    strand: np.ndarray
    p: np.ndarray
    q: np.ndarray


def match_motifs(sequences: Sequence[str], motifs: Mapping[str, np.ndarray]) -> MotifMatches:
    """Compare sequences (texts) with motifs, matrices (width, 4) of probabilities.

    Raises :class:`InputError` where memelite is missing or there is no motif.
    """
    unique = sorted(set(sequences))
    found = match_matrices([one_hot([text])[0] for text in unique], motifs)
    which = np.searchsorted(unique, sequences) if len(unique) else np.zeros(0, int)
    return MotifMatches(*(column[which] for column in found[:3]), q_values(np.zeros(len(which), int), found.p[which]))


def match_matrices(matrices: Sequence[np.ndarray], motifs: Mapping[str, np.ndarray]) -> MotifMatches:
    """The same for matrices (width, 4) of probabilities."""
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
    best = np.zeros((len(matrices), 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for start in range(0, len(matrices), _AT_ONCE):
            queries = [np.ascontiguousarray(one.T, dtype=float) for one in matrices[start : start + _AT_ONCE]]
            p, _, _, _, strand, number = tomtom(queries, targets, n_nearest=1)[:, :, 0]
            best[start : start + len(queries)] = np.stack([p, strand, number], axis=1)
    p = -np.expm1(len(motifs) * np.log1p(-np.minimum(best[:, 0], 1 - 1e-12)))  # of the best of so many
    p = np.maximum(p, np.finfo(float).tiny)
    strand = np.where(best[:, 1] == 1, "-", "+")
    return MotifMatches(best[:, 2].astype(int), strand, p, q_values(np.zeros(len(p), int), p))


def _library():
    try:
        from memelite import tomtom
    except ImportError:
        raise InputError("comparing with motifs needs another package: pip install 'genolift[motifs]'") from None
    return tomtom
