"""Weighted least squares over coalitions: Kernel SHAP's sampling and solution."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from genolift.support.errors import InputError

# Pivots this much smaller than the largest are nothing but rounding.
_SINGULAR = 1e-6


def every(m: int) -> tuple[np.ndarray, np.ndarray]:
    """All coalitions of m players but the empty and the whole one, (K, M), and their weights (K,).

    The weight of one of k is (M − 1)/(C(M, k)·k·(M − k)) (Lundberg & Lee 2017, theorem 2).
    """
    rows, weights = [], []
    for k in range(1, m):
        for members in combinations(range(m), k):
            rows.append(np.isin(np.arange(m), members))
            weights.append((m - 1) / (comb(m, k) * k * (m - k)))
    return np.array(rows, bool).reshape(-1, m), np.array(weights)


def sampled(m: int, pairs: int, rng: np.random.Generator) -> np.ndarray:
    """Draw coalitions with the probabilities that :func:`every` weighs by, each followed by its complement."""
    sizes = np.arange(1, m)
    share = 1 / (sizes * (m - sizes))
    size = rng.choice(sizes, pairs, p=share / share.sum())
    members = rng.random((pairs, m)).argsort(1).argsort(1) < size[:, None]
    return np.stack([members, ~members], axis=1).reshape(-1, m)


def solve(members: np.ndarray, weights: np.ndarray, gains: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Values (M, T) that sum to ``total`` (T,) and best fit ``gains`` (K, T), the rise over the empty coalition.

    The last player is eliminated by the sum.
    """
    if members.shape[1] == 1:
        return total[None].copy()
    design, response = _eliminated(members, gains, total)
    factor = _factor(design, weights)
    values = cho_solve(factor, (design * weights[:, None]).T @ response)
    return np.concatenate([values, (total - values.sum(0))[None]])


def sampling_error(members: np.ndarray, gains: np.ndarray, total: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return standard errors (M, T) of values solved from coalitions that were drawn, each followed by its complement.

    A coalition and its complement are one observation, of half the difference of their gains; the estimate is the
    sandwich with each residual divided by one less its leverage (MacKinnon & White 1985, HC3), which is as large as
    leaving that pair out would show.
    """
    if members.shape[1] == 1:
        return np.zeros_like(values)
    design, response = _eliminated(members, gains, total)
    left = response - design @ values[:-1]
    odd, rows = (left[::2] - left[1::2]) / 2, design[::2]
    influence = cho_solve(_factor(rows, np.ones(len(rows))), rows.T).T  # (pairs, M − 1)
    leverage = (influence * rows).sum(1)
    odd = odd / np.maximum(1 - leverage, 1e-6)[:, None]
    moved = influence[:, :, None] * odd[:, None]
    moved = np.concatenate([moved, -moved.sum(1, keepdims=True)], axis=1)
    return np.sqrt(np.square(moved).sum(0))


def _eliminated(members: np.ndarray, gains: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    last = members[:, -1:].astype(np.float64)
    return members[:, :-1] - last, gains - last * total


def _factor(design: np.ndarray, weights: np.ndarray):
    """Return the Cholesky factor of the normal equations; :class:`InputError` where they have no single solution."""
    try:
        factor = cho_factor((design * weights[:, None]).T @ design)
        pivots = np.diag(factor[0])
        if pivots.min() > _SINGULAR * pivots.max():
            return factor
    except LinAlgError:
        pass
    raise InputError(
        f"the {len(design)} sampled coalitions do not determine {design.shape[1] + 1} values; give more samples, or a "
        "larger width"
    )
