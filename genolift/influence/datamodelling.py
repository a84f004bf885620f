"""The linear datamodelling score: how well influences predict networks that are trained on parts of the training set.

A method's prediction for a part S of the training set is the sum of the influences of the sequences in S (Park et al.
2023, TRAK). The score of a query is the Spearman correlation, over many random parts, of these predictions with what
the networks say that were trained on them. The score of a method is the mean over the queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata, t

from genolift.support.errors import InputError

_FEW = 10  # Parts and queries below which no interval is given.


@dataclass(frozen=True)
class DatamodellingScore:
    """The linear datamodelling score of a method.

    Attributes
    ----------
    value : float
        The mean over the queries, from -1 to 1.
    low, high : float
        Its interval of 95 %.
    by_query : np.ndarray
        (Q,), the score of each query.
    without : np.ndarray
        (M, Q), the same without each of the parts.
    """

    value: float
    low: float
    high: float
    by_query: np.ndarray
    without: np.ndarray

    def less(self, other: DatamodellingScore) -> DatamodellingScore:
        """Return this score less that of another method on the same queries and parts, with its interval."""
        return _with_interval(self.by_query - other.by_query, self.without - other.without)


def datamodelling_score(
    scores: npt.ArrayLike, parts: npt.ArrayLike, measured: npt.ArrayLike, given: npt.ArrayLike | None = None
) -> DatamodellingScore:
    """Return how well influences predict what networks say that were trained on parts of the training set.

    The interval is for the mean over all queries and parts that might have been drawn. Its variance is the sum of that
    between queries and of that between parts, which is estimated by leaving out one part at a time (jackknife). The
    noise of single queries is in both, so that the interval is rather too wide than too narrow.

    Parameters
    ----------
    scores
        The influences (Q, N).
    parts
        (M, N) bool, which training sequences each of M networks was trained on.
    measured
        (M, Q), what is measured at each query in each of these networks.
    given
        (M, K), what is known of the parts and shall not count, such as how many sequences of each label they hold. The
        predictions and the measured values are then what is left of them after a linear regression on it.

    Returns
    -------
    DatamodellingScore
        The score with its interval, and the score of each query.

    Raises
    ------
    InputError
        If the shapes do not fit, there are fewer than ten parts or queries, or a number is not finite.
    """
    scores, parts, measured = np.asarray(scores, float), np.asarray(parts, bool), np.asarray(measured, float)
    if scores.ndim != 2 or parts.shape[1:] != scores.shape[1:] or measured.shape != (len(parts), len(scores)):
        raise InputError(
            f"influences {scores.shape}, parts {parts.shape} and measured values {measured.shape} do not fit: they are "
            "(queries, training sequences), (networks, training sequences) and (networks, queries)"
        )
    if min(measured.shape) < _FEW:
        raise InputError(f"a datamodelling score needs at least {_FEW} networks and {_FEW} queries")
    if not (np.isfinite(scores).all() and np.isfinite(measured).all()):
        raise InputError("some influences or measured values are not finite numbers")
    predicted = parts @ scores.T
    if given is not None:
        known = np.column_stack([np.ones(len(parts)), np.asarray(given, float).reshape(len(parts), -1)])
        predicted, measured = (
            one - known @ np.linalg.lstsq(known, one, rcond=None)[0] for one in (predicted, measured)
        )
    ranks = [rankdata(one, axis=0) for one in (predicted, measured)]
    without = np.stack([_correlations(*(_without(one, k) for one in ranks)) for k in range(len(parts))])
    return _with_interval(_correlations(*ranks), without)


def rank_correlations(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation of each column of (M, Q) with the other's, (Q,); 0 where a column does not vary."""
    return _correlations(rankdata(one, axis=0), rankdata(other, axis=0))


def _without(ranks: np.ndarray, k: int) -> np.ndarray:
    """Return the ranks of all rows but ``k`` among each other. Equal values share the mean of their ranks."""
    rest = np.delete(ranks, k, axis=0)
    return rest - (rest > ranks[k]) - 0.5 * (rest == ranks[k])


def _correlations(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    a, b = (each - each.mean(axis=0) for each in (one, other))
    scale = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    return (a * b).sum(axis=0) / np.where(scale > 0, scale, np.inf)


def _with_interval(by_query: np.ndarray, without: np.ndarray) -> DatamodellingScore:
    count, queries = without.shape
    means = without.mean(axis=1)
    of_parts = (count - 1) / count * float(((means - means.mean()) ** 2).sum())
    of_queries = float(by_query.var(ddof=1)) / queries
    value = float(by_query.mean())
    half = float(t.ppf(0.975, min(count, queries) - 1)) * np.sqrt(of_parts + of_queries)
    return DatamodellingScore(value, value - half, value + half, by_query, without)
