"""Weighted least squares over coalitions: Kernel SHAP's sampling and solution."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from genolift.support.errors import InputError

# A pivot that is smaller than this share of the largest pivot is nothing but rounding.
_SINGULAR = 1e-6


def every(m: int) -> tuple[np.ndarray, np.ndarray]:
    """Return all coalitions of ``m`` players except the empty and the whole one, and their weights.

    The weight of a coalition of k players is (M − 1)/(C(M, k)·k·(M − k)) (Lundberg & Lee 2017, theorem 2).

    Returns
    -------
    tuple of np.ndarray
        Whether each player is a member of each coalition (K, M), as booleans, and the weights (K,).
    """
    rows, weights = [], []
    for k in range(1, m):
        for members in combinations(range(m), k):
            rows.append(np.isin(np.arange(m), members))
            weights.append((m - 1) / (comb(m, k) * k * (m - k)))
    return np.array(rows, bool).reshape(-1, m), np.array(weights)


def sampled(m: int, pairs: int, rng: np.random.Generator) -> np.ndarray:
    """Draw coalitions with probabilities in proportion to the weights of :func:`every`.

    Parameters
    ----------
    m
        The number of players.
    pairs
        The number of coalitions that are drawn. Each is followed by its complement.
    rng
        The source of random numbers.

    Returns
    -------
    np.ndarray
        Whether each player is a member of each coalition (2·pairs, M).
    """
    sizes = np.arange(1, m)
    share = 1 / (sizes * (m - sizes))
    size = rng.choice(sizes, pairs, p=share / share.sum())
    members = rng.random((pairs, m)).argsort(1).argsort(1) < size[:, None]
    return np.stack([members, ~members], axis=1).reshape(-1, m)


def solve(members: np.ndarray, weights: np.ndarray, gains: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Return the values of players that fit the gains of coalitions best and sum to a given total.

    The sum eliminates the last player from the equations.

    Parameters
    ----------
    members
        Whether each player is a member of each coalition (K, M).
    weights
        The weight of each coalition (K,) in the fit.
    gains
        The value of each coalition (K, T) minus that of the empty one.
    total
        The value of the whole coalition (T,) minus that of the empty one.

    Returns
    -------
    np.ndarray
        The value of each player (M, T).

    Raises
    ------
    InputError
        If the coalitions do not determine the values.
    """
    if members.shape[1] == 1:
        return total[None].copy()
    design, response = _eliminated(members, gains, total)
    factor = _factor(design, weights)
    values = cho_solve(factor, (design * weights[:, None]).T @ response, check_finite=False)
    return np.concatenate([values, (total - values.sum(0))[None]])


def sampling_error(members: np.ndarray, gains: np.ndarray, total: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return standard errors of values that were solved from drawn coalitions.

    A coalition and its complement are one observation: half the difference of their gains. The estimate is the sandwich
    in which each residual is divided by one minus its leverage (MacKinnon & White 1985, HC3). It is as large as the
    change that leaving out that pair would show.

    Parameters
    ----------
    members
        Whether each player is a member of each coalition (K, M). Each coalition is followed by its complement.
    gains
        The value of each coalition (K, T) minus that of the empty one.
    total
        The value of the whole coalition (T,) minus that of the empty one.
    values
        The solution (M, T) of :func:`solve`.

    Returns
    -------
    np.ndarray
        The standard error of each value (M, T), 0 for a single player.
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
    """Return the design (K, M − 1) and the response (K, T) of the equations without the last player."""
    last = members[:, -1:].astype(np.float64)
    return members[:, :-1] - last, gains - last * total


def _factor(design: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the Cholesky factor of the normal equations, or refuse equations without a single solution."""
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
