"""The best matches of a motif in sequences, by log-odds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genolift.sequence.alphabet import encode, is_dna, one_hot_codes
from genolift.simulate.motifs import Motif, scan
from genolift.support.errors import InputError

STRONG = 7.0  # The paper counts a match as strong from this log-odds score on.


class Matches(NamedTuple):
    """K matches, each attribute an array (K,).

    Attributes
    ----------
    sequence : np.ndarray
        The number of the sequence.
    start : np.ndarray
        The first position (0-based).
    strand : np.ndarray
        The strand, ``"+"`` or ``"-"``.
    log_odds : np.ndarray
        The log-odds of motif and background.
    """

    sequence: np.ndarray
    start: np.ndarray
    strand: np.ndarray
    log_odds: np.ndarray


def find_matches(
    sequences: Sequence[str] | np.ndarray,
    pwm: Motif | npt.ArrayLike,
    background: npt.ArrayLike,
    top: int = 5,
    strands: str = "+",
) -> Matches:
    """Return the best matches of a motif in each sequence.

    They are chosen greedily, so that no two overlap. Of equal matches the leftmost is taken.

    Parameters
    ----------
    sequences
        N texts, or one-hot DNA (N, L, 4). An unknown base adds nothing to the log-odds.
    pwm
        The motif, or probabilities of its bases (w, 4).
    background
        The probabilities of the bases in the background, (4,).
    top
        How many matches are returned for each sequence; 5 by default.
    strands
        ``"+"`` (the default), or ``"both"`` to take the better strand at each position.

    Returns
    -------
    Matches
        The matches, sorted by sequence, the best of each sequence first.

    Raises
    ------
    InputError
        If the sequences or the strands are neither of these.
    """
    codes, lengths = _as_codes(sequences)
    forward = Motif("motif", np.asarray(pwm)).log_odds(background)
    width = len(forward)
    places = codes.shape[1] - width + 1
    if places < 1:
        return Matches(np.zeros(0, int), np.zeros(0, int), np.zeros(0, "<U1"), np.zeros(0))
    score = scan(codes, forward)
    strand = np.full(score.shape, "+")
    if strands == "both":
        backward = scan(codes, forward[::-1, ::-1])
        strand[backward > score] = "-"
        score = np.maximum(score, backward)
    elif strands != "+":
        raise InputError(f"strands is '+' or 'both', not {strands!r}")
    position = np.arange(places)
    score[position > (lengths - width)[:, None]] = -np.inf
    rows = np.arange(len(codes))
    rounds = []
    for _ in range(top):
        best = score.argmax(axis=1)
        value = score[rows, best]
        keep = value > -np.inf
        rounds.append((rows[keep], best[keep], strand[rows, best][keep], value[keep]))
        score[np.abs(position - best[:, None]) < width] = -np.inf
    columns = [np.concatenate(column) for column in zip(*rounds, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return Matches(*(column[order] for column in columns))


def window_sums(scores: np.ndarray, width: int) -> np.ndarray:
    """Return the sum over every window of ``width`` positions along the last axis, (..., L - width + 1)."""
    windows = np.lib.stride_tricks.sliding_window_view(np.asarray(scores, dtype=float), width, axis=-1)
    return windows.sum(axis=-1)


def _as_codes(sequences: Sequence[str] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return codes (N, L), 4 where there is no known base, and the lengths (N,)."""
    if hasattr(sequences, "ndim"):
        X = np.asarray(sequences)
        if not is_dna(X.shape[1:]):
            raise InputError(f"sequences are strings or one-hot (N, L, 4), not an array of shape {X.shape}")
        codes = one_hot_codes(X)
        return codes, np.full(len(codes), codes.shape[1])
    lengths = np.array([len(sequence) for sequence in sequences], dtype=int)
    codes = np.full((len(lengths), lengths.max(initial=0)), 4, dtype=np.int8)
    for row, sequence in zip(codes, sequences, strict=True):
        row[: len(sequence)] = encode(sequence)
    return codes, lengths
