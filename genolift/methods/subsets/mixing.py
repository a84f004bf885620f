"""How well Markov chains mixed: split R-hat and the effective number of samples (Gelman et al. 2013, section 11.4)."""

from __future__ import annotations

import numpy as np


def split_r_hat(series: np.ndarray) -> np.ndarray:
    """R-hat (...,) of a number along chains (..., chains, samples), each cut in two; 1 where it never changes.

    Infinite where no chain moves and they are not the same.
    """
    within, between, n = _variances(_split(series))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.sqrt(((n - 1) / n * within + between) / within)
    return np.where(within > 0, found, np.where(between > 0, np.inf, 1.0))


def effective_size(series: np.ndarray) -> np.ndarray:
    """How many independent samples chains (..., chains, samples) are worth, 0 where nothing ever changes.

    Autocorrelations are summed as long as those of neighbouring lags together are positive (Geyer 1992).
    """
    chains = _split(series)
    within, between, n = _variances(chains)
    total = (n - 1) / n * within + between
    centred = chains - chains.mean(-1, keepdims=True)
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(centred, size)) ** 2
    covariance = (np.fft.irfft(spectrum, size)[..., :n] / n).mean(-2)  # over chains, (..., lags)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = 1 - (within[..., None] - covariance * n / (n - 1)) / total[..., None]
    pairs = correlation[..., 0 : n - n % 2 : 2] + correlation[..., 1:n:2]
    # Lag 0 is 1; the first pair of neighbours that is not positive ends the sum.
    counted = np.logical_and.accumulate(pairs > 0, axis=-1)
    time = 2 * np.where(counted, pairs, 0).sum(-1) - 1
    draws = chains.shape[-2] * n
    # Chains that alternate would be worth more than they are long.
    return np.where(total > 0, draws / np.maximum(time, 1 / np.log10(max(draws, 10))), 0.0)


def _split(series: np.ndarray) -> np.ndarray:
    half = series.shape[-1] // 2
    return np.concatenate([series[..., :half], series[..., -half:]], axis=-2).astype(np.float64)


def _variances(chains: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Mean variance within chains, variance of their means, and their length."""
    return chains.var(-1, ddof=1).mean(-1), chains.mean(-1).var(-1, ddof=1), chains.shape[-1]
