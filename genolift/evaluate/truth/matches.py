"""The best matches of a motif in sequences, by log-odds."""

from typing import NamedTuple

import numpy as np

from genolift.sequence.alphabet import encode, is_dna, one_hot_codes
from genolift.simulate.motifs import Motif
from genolift.support.errors import InputError

STRONG = 7.0  # the log-odds from which the paper counts a match as strong


class Matches(NamedTuple):
    """K matches: each one's sequence (its number), first position (0-based), strand and log-odds."""

    sequence: np.ndarray
    start: np.ndarray
    strand: np.ndarray
    log_odds: np.ndarray


def find_matches(sequences, pwm, background, top: int = 5, strands: str = "+") -> Matches:
    """The ``top`` best matches in each sequence, chosen greedily, no two overlapping, each counted once.

    ``sequences`` are strings or one-hot (N, L, 4); an unknown base adds nothing to the log-odds.
    ``strands="both"`` takes the better strand at each position. Of equal matches the leftmost is taken.
    Sorted by sequence, best first.
    """
    codes, lengths = _as_codes(sequences)
    forward = Motif("motif", np.asarray(pwm)).log_odds(background)
    width = len(forward)
    places = codes.shape[1] - width + 1
    if places < 1:
        return Matches(np.zeros(0, int), np.zeros(0, int), np.zeros(0, "<U1"), np.zeros(0))
    score = _scan(codes, forward)
    strand = np.full(score.shape, "+")
    if strands == "both":
        backward = _scan(codes, forward[::-1, ::-1])
        strand[backward > score] = "-"
        score = np.maximum(score, backward)
    elif strands != "+":
        raise InputError(f"strands is '+' or 'both', not {strands!r}")
    position = np.arange(places)
    score[position > (lengths - width)[:, None]] = -np.inf
    rows = np.arange(len(codes))
    found = []
    for _ in range(top):
        best = score.argmax(axis=1)
        value = score[rows, best]
        keep = value > -np.inf
        found.append((rows[keep], best[keep], strand[rows, best][keep], value[keep]))
        score[np.abs(position - best[:, None]) < width] = -np.inf
    columns = [np.concatenate(column) for column in zip(*found, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return Matches(*(column[order] for column in columns))


def window_sums(scores: np.ndarray, width: int) -> np.ndarray:
    """Sums over every window of ``width`` positions along the last axis, (..., L) to (..., L - width + 1)."""
    windows = np.lib.stride_tricks.sliding_window_view(np.asarray(scores, dtype=float), width, axis=-1)
    return windows.sum(axis=-1)


def _as_codes(sequences) -> tuple[np.ndarray, np.ndarray]:
    """Codes (N, L) with 4 for what is no base, and the lengths (N,)."""
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


def _scan(codes: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    padded = np.concatenate([matrix, np.zeros((len(matrix), 1))], axis=1)
    places = codes.shape[1] - len(matrix) + 1
    score = np.zeros((len(codes), places))
    for k, row in enumerate(padded):
        score += row[codes[:, k : k + places]]
    return np.round(score, 9)  # windows that differ by the order of additions only are equal
