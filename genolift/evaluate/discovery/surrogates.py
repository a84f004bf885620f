"""Null data made of the scores themselves: they keep what is true of all scores, and break what a search looks for.

A stretch of high scores is judged by scores that are as large and as alike to their neighbours, but hold nothing that
was put there. They come from the sieve bootstrap (Bühlmann 1997): scores are written as an autoregression, what it does
not predict is put in random order, and the autoregression makes scores of it again. A pattern of contributions is
judged by scores that are moved along the sequence, so that runs of high scores stay whole and lie on other bases.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

from genolift.support.seeds import stream

_ORDER = 10
_LARGEST_ROOT = 0.98  # so that what a score adds to later ones is gone within a sequence


class SignDependence:
    """How alike scores at neighbouring positions are, computed from any number of scores in constant memory.

    It is taken from signs alone, so that few large scores do not count more than others. Signs are relative to the
    median of the sequence, so that two signs of a sequence of L scores that are not alike differ a little more often
    than not, by 1 / (L − 1). That is taken off, because it is much where sequences are short. The correlation of the
    scores is the sine of π/2 times that of the signs, as it is for normally distributed scores. A score of exactly
    zero, where most are zero, is alike to nothing.
    """

    def __init__(self) -> None:
        self._sums, self._counts = np.zeros(_ORDER), np.zeros(_ORDER)

    def add(self, scores: npt.ArrayLike, lengths: npt.ArrayLike) -> None:
        """Add scores (n, L) of sequences of the given true lengths (n,)."""
        scores, lengths = np.asarray(scores, np.float64), np.asarray(lengths)
        inside = np.arange(scores.shape[1]) < lengths[:, None]
        median = np.nanmedian(np.where(inside & (lengths > 0)[:, None], scores, np.nan), axis=1, keepdims=True)
        signs = np.where(inside, np.sign(scores - median), 0).astype(np.int8)
        by_chance = np.abs(signs).sum(1, dtype=np.float64) / np.maximum(1, lengths * (lengths - 1.0))
        for lag in range(1, min(_ORDER, scores.shape[1] - 1) + 1):
            pairs = inside[:, lag:].sum(1)
            self._sums[lag - 1] += np.einsum("ij,ij->", signs[:, lag:], signs[:, :-lag], dtype=np.float64)
            self._sums[lag - 1] += (by_chance * pairs).sum()
            self._counts[lag - 1] += pairs.sum()

    @property
    def correlations(self) -> np.ndarray:
        """The correlation at distances 1 to 10."""
        return np.sin(np.pi / 2 * self._sums / np.maximum(self._counts, 1))

    def coefficients(self) -> np.ndarray:
        """Return the coefficients of the autoregression that has these correlations (Yule and Walker)."""
        correlations, ridge = self.correlations, 0.0
        while True:
            first = np.append(1 + ridge, correlations[:-1])
            found = solve_toeplitz(first, correlations)
            if np.abs(np.roots(np.append(1, -found))).max(initial=0) < _LARGEST_ROOT:
                return found
            ridge = max(0.01, 2 * ridge)


def sieve(
    scores: npt.ArrayLike, lengths: npt.ArrayLike, coefficients: np.ndarray, draws: int, seed: int = 0
) -> np.ndarray:
    """Return surrogates of scores, with their distribution and their likeness to neighbours.

    A draw depends only on ``seed`` and on the scores of the sequence.

    Parameters
    ----------
    scores
        The scores, (n, L).
    lengths
        The true lengths of the sequences, (n,).
    coefficients
        The coefficients of an autoregression, as :meth:`SignDependence.coefficients` returns them.
    draws
        How many surrogates are drawn for each sequence.
    seed
        The random seed; 0 by default.

    Returns
    -------
    np.ndarray
        The surrogates, (n · draws, L), with the draws of a sequence next to each other. They are zero beyond the length
        of a sequence.
    """
    scores, lengths = np.asarray(scores, np.float64), np.asarray(lengths)
    out = np.zeros((len(scores), draws, scores.shape[1]))
    for length in np.unique(lengths[lengths > 0]).tolist():
        rows = np.flatnonzero(lengths == length)
        # A circle has no first score, and its convolutions are products of Fourier transforms.
        used = min(len(coefficients), length - 1)
        filtered = np.fft.fft(np.append(1.0, -coefficients[:used]), length)[: length // 2 + 1]
        unpredicted = np.fft.irfft(np.fft.rfft(scores[rows, :length], axis=1) * filtered, length, axis=1)
        for row, values in zip(rows.tolist(), unpredicted, strict=True):
            rng = stream(seed, "sieve", scores[row, :length].tobytes())
            shuffled = rng.permuted(np.broadcast_to(values, (draws, length)), axis=1)
            out[row, :, :length] = np.fft.irfft(np.fft.rfft(shuffled, axis=1) / filtered, length, axis=1)
    return out.reshape(-1, scores.shape[1])


def moved(contributions: npt.ArrayLike, lengths: npt.ArrayLike, draws: int, seed: int = 0) -> np.ndarray:
    """Return contributions whose heights are moved along the sequence, around its end, while the bases stay.

    A draw depends only on ``seed`` and on the contributions of the sequence. A position without contribution has a
    random base.

    Parameters
    ----------
    contributions
        The contributions, (n, L, 4).
    lengths
        The true lengths of the sequences, (n,).
    draws
        How many times each sequence is moved.
    seed
        The random seed; 0 by default.

    Returns
    -------
    np.ndarray
        The contributions, (n · draws, L, 4), with the draws of a sequence next to each other.
    """
    contributions, lengths = np.asarray(contributions, np.float32), np.asarray(lengths)
    out = np.zeros((len(contributions), draws, *contributions.shape[1:]), np.float32)
    for row, length in enumerate(lengths.tolist()):
        own = contributions[row, :length]
        rng = stream(seed, "moved", np.ascontiguousarray(own).tobytes())
        bases = np.where(own.any(-1), np.abs(own).argmax(-1), rng.integers(0, 4, length))
        by = rng.integers(1, max(2, length), draws)
        places = (np.arange(length) + by[:, None]) % max(1, length)
        out[row, :, np.arange(length), bases] = own.sum(-1)[places].T
    return out.reshape(-1, *contributions.shape[1:])


def background_noise(
    lengths: npt.ArrayLike, width: int, scale: float, coefficients: np.ndarray, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Return noise with a Laplace distribution before it is made alike to its neighbours: what a background may be.

    Parameters
    ----------
    lengths
        The true lengths of the sequences, (n,).
    width
        The length L of all rows.
    scale
        The median absolute value.
    coefficients
        The coefficients of an autoregression, as :meth:`SignDependence.coefficients` returns them.
    draws
        How many rows are drawn for each sequence.
    rng
        Where random numbers come from.

    Returns
    -------
    np.ndarray
        The noise, (n · draws, L), which is zero beyond the length of a sequence.
    """
    lengths = np.repeat(np.asarray(lengths), draws)
    made = _series(lambda size: rng.laplace(size=size), len(lengths), width, coefficients)
    middle = float(np.median(np.abs(made))) if made.size else 1.0
    return made * (scale / middle) * (np.arange(width) < lengths[:, None])


def unpredicted(
    scores: npt.ArrayLike, lengths: npt.ArrayLike, coefficients: np.ndarray, without: np.ndarray | None = None
) -> np.ndarray:
    """Return what an autoregression does not predict of each score from those before it, in one row.

    The first scores of a sequence are left out, because what was before them is not known.

    Parameters
    ----------
    scores
        The scores, (n, L).
    lengths
        The true lengths of the sequences, (n,).
    coefficients
        The coefficients of an autoregression, as :meth:`SignDependence.coefficients` returns them.
    without
        Scores that are left out, (n, L).
    """
    scores, lengths = np.asarray(scores, np.float64), np.asarray(lengths)
    place = np.arange(scores.shape[1])
    known = (place >= np.minimum(len(coefficients), lengths // 2)[:, None]) & (place < lengths[:, None])
    known &= True if without is None else ~without
    return lfilter(np.append(1.0, -coefficients), [1.0], scores, axis=1)[known]


def resampled_noise(
    drawn_from: np.ndarray, count: int, width: int, coefficients: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return noise with the distribution of what an autoregression left unpredicted, whatever its tails are.

    Parameters
    ----------
    drawn_from
        What :func:`unpredicted` returned. It is drawn from with replacement.
    count, width
        How many rows are made, and how long they are.
    coefficients
        The coefficients of the autoregression.
    rng
        Where random numbers come from.

    Returns
    -------
    np.ndarray
        The noise, (count, width).
    """
    return _series(lambda size: rng.choice(drawn_from, size), count, width, coefficients)


def _series(draw: Callable[[int], np.ndarray], count: int, width: int, coefficients: np.ndarray) -> np.ndarray:
    """Return rows cut from one series that an autoregression makes of what is drawn."""
    # What goes before is long enough to forget that the series began with nothing.
    before = int(np.ceil(10 / (1 - _LARGEST_ROOT)))
    drawn = draw(before + count * width)
    return lfilter([1.0], np.append(1.0, -coefficients), drawn)[before:].reshape(count, width)
