"""Which known motif a stretch of sequence resembles most, by Tomtom (Gupta et al. 2007) as memelite runs it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from genolift.evaluate.discovery.significance import q_values
from genolift.sequence.alphabet import one_hot
from genolift.support.errors import GenoliftWarning, InputError

_AT_ONCE = 1024
_FEW = 25  # Tomtom's null distribution comes from the columns of the motifs, which are too few with fewer motifs.


class MotifMatches(NamedTuple):
    """The best motif of each of K sequences, each attribute an array (K,).

    Attributes
    ----------
    motif : np.ndarray
        The number of the motif.
    strand : np.ndarray
        Its strand relative to the sequence, ``"+"`` or ``"-"``.
    p : np.ndarray
        The chance that any of the motifs matches so well.
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
    best = np.zeros((len(matrices), 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for start in range(0, len(matrices), _AT_ONCE):
            queries = [np.ascontiguousarray(one.T, dtype=float) for one in matrices[start : start + _AT_ONCE]]
            p, _, _, _, strand, number = tomtom(queries, targets, n_nearest=1)[:, :, 0]
            best[start : start + len(queries)] = np.stack([p, strand, number], axis=1)
    p = -np.expm1(len(motifs) * np.log1p(-np.minimum(best[:, 0], 1 - 1e-12)))  # The p-value of the best of all motifs.
    p = np.maximum(p, np.finfo(float).tiny)
    strand = np.where(best[:, 1] == 1, "-", "+")
    return MotifMatches(best[:, 2].astype(int), strand, p, q_values(np.zeros(len(p), int), p))


def _library() -> Callable[..., np.ndarray]:
    try:
        from memelite import tomtom
    except ImportError:
        raise InputError("comparing with motifs needs another package: pip install 'genolift[motifs]'") from None
    return tomtom
