"""Measures of how well Markov chains mixed: split R-hat and the effective number of samples.

Both follow Gelman et al. 2013, section 11.4.
"""

from __future__ import annotations

import numpy as np


def split_r_hat(series: np.ndarray) -> np.ndarray:
    """Return the R-hat of a number along chains, each of which is cut in two.

    Parameters
    ----------
    series
        The number along the chains (..., chains, samples).

    Returns
    -------
    np.ndarray
        R-hat (...,). It is 1 where the number never changes, and infinite where no chain moves but they differ.
    """
    within, between, n = _variances(_split(series))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.sqrt(((n - 1) / n * within + between) / within)
    return np.where(within > 0, ratio, np.where(between > 0, np.inf, 1.0))


def effective_size(series: np.ndarray) -> np.ndarray:
    """Return how many independent samples the chains are worth.

    Autocorrelations are summed as long as the sum of those at two neighbouring lags is positive (Geyer 1992).

    Parameters
    ----------
    series
        A number along the chains (..., chains, samples).

    Returns
    -------
    np.ndarray
        The effective number of samples (...,), 0 where the number never changes.
    """
    chains = _split(series)
    within, between, n = _variances(chains)
    total = (n - 1) / n * within + between
    centred = chains - chains.mean(-1, keepdims=True)
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(centred, size)) ** 2
    covariance = (np.fft.irfft(spectrum, size)[..., :n] / n).mean(-2)  # This is the mean over chains, (..., lags).
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = 1 - (within[..., None] - covariance * n / (n - 1)) / total[..., None]
    pairs = correlation[..., 0 : n - n % 2 : 2] + correlation[..., 1:n:2]
    # The correlation at lag 0 is 1. The first pair of neighbours that is not positive ends the sum.
    counted = np.logical_and.accumulate(pairs > 0, axis=-1)
    time = 2 * np.where(counted, pairs, 0).sum(-1) - 1
    draws = chains.shape[-2] * n
    # Without a bound, chains that alternate would be worth many more samples than they have.
    return np.where(total > 0, draws / np.maximum(time, 1 / np.log10(max(draws, 10))), 0.0)


def _split(series: np.ndarray) -> np.ndarray:
    half = series.shape[-1] // 2
    return np.concatenate([series[..., :half], series[..., -half:]], axis=-2).astype(np.float64)


def _variances(chains: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the mean variance within chains (...,), the variance of their means (...,), and their length."""
    return chains.var(-1, ddof=1).mean(-1), chains.mean(-1).var(-1, ddof=1), chains.shape[-1]
