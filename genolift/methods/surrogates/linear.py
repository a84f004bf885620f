"""Linear models of numbers by sequence: a weight for each base at each position, and for pairs of them.

A base is encoded as its indicator minus 1/4 for each base, a vector that sums to zero. The weights of a position then
sum to zero over its bases as well. This is the zero-sum gauge: of all weights with the same predictions it has the
smallest. One penalty for all weights then does not depend on how the weights are written.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, helmert

from genolift.support.errors import InputError, Remedy, method_option, setting

# An orthonormal basis (5, 3) of the vectors that sum to zero. The row of an unknown base, the last, is zero.
_BASIS = np.concatenate([helmert(4).T, np.zeros((1, 3))])


@dataclass(frozen=True)
class LinearModel:
    """A linear model of T numbers for sequences of W positions.

    Parameters
    ----------
    constant
        The constants (T,).
    weights
        The weight of each base at each position (T, W, 4).
    pairs
        The weights of pairs of bases (T, W, 4, W, 4), symmetric, or None for an additive model.
    """

    constant: np.ndarray
    weights: np.ndarray
    pairs: np.ndarray | None

    def predict(self, codes: np.ndarray) -> np.ndarray:
        """Return the model's numbers (S, T) for sequences (S, W) of codes from 0 to 3, or 4 for unknown bases."""
        x = np.eye(5)[codes][..., :4].reshape(len(codes), -1)
        targets = len(self.constant)
        predicted = self.constant + x @ self.weights.reshape(targets, -1).T
        if self.pairs is not None:
            for t, pairs in enumerate(self.pairs.reshape(targets, x.shape[1], x.shape[1])):
                predicted[:, t] += np.einsum("sa,sa->s", x @ pairs, x) / 2
        return predicted


def sizes(width: int) -> tuple[int, int]:
    """Return the number of free weights of ``width`` positions, and of their pairs."""
    return 3 * width, 9 * width * (width - 1) // 2


def check(width: int, copies: int, targets: int, alpha: float, memory: int) -> None:
    """Refuse a pairwise model that does not fit the budget, or that has no single solution.

    Parameters
    ----------
    width
        The number of positions.
    copies
        The number of sequences that the model is fitted to.
    targets
        The number of targets.
    alpha
        The penalty of the ridge regression. Without one there must be at least as many copies as weights.
    memory
        The budget in bytes.

    Raises
    ------
    InputError
        If the model needs more memory, or the copies do not determine its weights.
    """
    free = sum(sizes(width))
    fewer = min(free, copies)
    # Memory holds a table of copies by weights (three of them to solve it without a penalty) or of copies by copies,
    # two square matrices, the copies themselves, and the weights of the result.
    tables = 1 if alpha or free > copies else 3
    given = 4 * copies * 4 * width + 3 * targets * (4 * width) ** 2
    need = 8 * (tables * copies * fewer + 2 * fewer**2 + given)
    if need > memory:
        raise InputError(
            f"a pairwise model of {width} positions needs about {need / 1e9:.2g} GB for {copies:,} copies and "
            f"{free:,} weights, more than the budget of {memory / 1e9:.2g} GB",
            Remedy.naming(
                "give {}, fewer samples, a stretch by start and end, or {}",
                setting("memory", f"{1.1 * need / 1e9:.2g}GB"),
                method_option("pairwise", False),
            ),
        )
    if free > copies and not alpha:
        raise InputError(
            f"{copies:,} copies do not determine the {free:,} weights of a pairwise model; give alpha above 0, more "
            "samples, or a stretch by start and end"
        )


def regress(codes: np.ndarray, y: np.ndarray, alpha: float, pairs: bool) -> LinearModel:
    """Fit a model to numbers by ridge regression.

    Parameters
    ----------
    codes
        The sequences (S, W), from 0 to 3 for A, C, G and T, and 4 for an unknown base.
    y
        The numbers (S, T) of each sequence.
    alpha
        The penalty on all weights except the constant. At 0 the fit is by least squares.
    pairs
        Whether the model has weights for pairs of bases.

    Returns
    -------
    LinearModel
        The model in the zero-sum gauge.
    """
    positions, both = sizes(codes.shape[1])
    few = positions + both * pairs <= len(codes)
    return (_by_weights if few or not alpha else _by_copies)(codes, y, alpha, pairs)


def averaged(model: LinearModel, shares: np.ndarray) -> LinearModel:
    """Return the same model in the gauge of sequences whose bases have the given shares.

    A pair's mean over either of its bases, at their shares, is moved to the weight of the other base. The weights of a
    position still sum to zero. A model without pairs is the same in every gauge.

    Parameters
    ----------
    model
        The model, in the zero-sum gauge.
    shares
        The share of each base at each position (W, 4).
    """
    if model.pairs is None:
        return model
    over = np.einsum("tiajb,jb->tiaj", model.pairs, shares)
    both = np.einsum("tiaj,ia->tij", over, shares)
    weights = model.weights + over.sum(-1)
    level = weights.mean(-1, keepdims=True)
    pairs = model.pairs - over[..., None] - np.einsum("tjbi->tijb", over)[:, :, None] + both[:, :, None, :, None]
    return LinearModel(model.constant + level.sum((1, 2)) - both.sum((1, 2)) / 2, weights - level, pairs)


def r_squared(predicted: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the share (T,) of the variance of ``y`` (S, T) that is predicted, and 1 where nothing varies."""
    left, total = np.square(y - predicted).sum(0), np.square(y - y.mean(0)).sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, 1 - left / total, 1.0)


def _by_weights(codes: np.ndarray, y: np.ndarray, alpha: float, pairs: bool) -> LinearModel:
    """Solve one equation for each weight."""
    width, targets = codes.shape[1], y.shape[1]
    seen = _BASIS[codes]  # (S, W, 3)
    table = np.empty((len(codes), sum(sizes(width)) if pairs else 3 * width))
    table[:, : 3 * width] = seen.reshape(len(codes), -1)
    filled = 3 * width
    for i in range(width - 1 if pairs else 0):
        with_others = seen[:, i, None, :, None] * seen[:, i + 1 :, None]
        table[:, filled : filled + with_others[0].size] = with_others.reshape(len(codes), -1)
        filled += with_others[0].size
    middle, level = table.mean(0), y.mean(0)
    table -= middle
    if alpha:
        squares = table.T @ table
        squares[np.diag_indices_from(squares)] += alpha
        solution = cho_solve(cho_factor(squares.T, overwrite_a=True), table.T @ (y - level), check_finite=False)
    else:
        solution = np.linalg.lstsq(table, y - level, rcond=None)[0]
    constant = level - middle @ solution
    weights = np.einsum("wct,bc->twb", solution[: 3 * width].reshape(width, 3, targets), _BASIS[:4])
    if not pairs:
        return LinearModel(constant, weights, None)
    left, right = np.triu_indices(width, 1)
    upper = solution[3 * width :].reshape(len(left), 3, 3, targets)
    matrix = np.zeros((targets, width, 4, width, 4))
    matrix[:, left, :, right] = np.einsum("pcdt,ac,bd->ptab", upper, _BASIS[:4], _BASIS[:4])
    return LinearModel(constant, weights, matrix + np.transpose(matrix, (0, 3, 4, 1, 2)))


def _by_copies(codes: np.ndarray, y: np.ndarray, alpha: float, pairs: bool) -> LinearModel:
    """Solve one equation for each copy, which is less work where there are fewer copies than weights.

    The solution is the same (kernel ridge regression).
    """
    count, width = codes.shape
    centred = (np.concatenate([np.eye(4) - 0.25, np.zeros((1, 4))]))[codes].reshape(count, -1)
    alike = centred @ centred.T
    kernel = alike
    if pairs:
        # A position's own kernel k is 3/4 where bases match, and −1/4 elsewhere. Σ_{i<j} k_i·k_j is half of
        # (Σ k)² − Σ k².
        indicators = np.eye(5)[codes][..., :4].reshape(count, -1)
        known = indicators.reshape(count, width, 4).sum(-1)
        kernel = np.square(alike)
        kernel -= indicators @ (indicators.T / 2)
        kernel -= known @ (known.T / 16)
        kernel /= 2
        kernel += alike
    del alike
    middle, level = kernel.mean(0), y.mean(0)
    kernel += middle.mean() - middle - middle[:, None]
    kernel[np.diag_indices_from(kernel)] += alpha
    # The share (S, T) of each copy in the weights. The shares sum to 0.
    share = cho_solve(cho_factor(kernel.T, overwrite_a=True), y - level, check_finite=False)
    weights = (centred.T @ share).T.reshape(-1, width, 4)
    constant = level - middle @ share
    if not pairs:
        return LinearModel(constant, weights, None)
    matrix = np.stack([centred.T @ (centred * one[:, None]) for one in share.T])
    matrix = matrix.reshape(-1, width, 4, width, 4)
    at = np.arange(width)
    matrix[:, at, :, at] = 0
    return LinearModel(constant, weights, matrix)
