"""How often chance does as well: p-values from what the same search finds in null data, and false discovery rates.

Every base is a test of whether a finding begins there, and its statistic is that of the finding, if there is one. A
p-value is therefore the chance per base that a finding at least so large begins there, and q-values compare the density
of findings of some size in the data and in the null data.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import false_discovery_control


class NullFindings:
    """The statistics of what a search finds in null data, by kind (a sign, or the number of a pattern).

    Findings that are judged by them must come from the same search. If there is nothing to find, each base of the data
    is exchangeable with those of the null data, and its p-value, (1 + findings at least as large) / (1 + bases), is
    valid.
    """

    def __init__(self) -> None:
        self.bases = 0
        self._parts: dict[int, list[np.ndarray]] = {}
        self._sorted: dict[int, np.ndarray] = {}

    def add(self, bases: int, kinds: np.ndarray, statistics: np.ndarray) -> None:
        """Add the findings in some null data.

        Parameters
        ----------
        bases
            The number of bases that were searched.
        kinds, statistics
            The kinds and the statistics of the findings, (K,) each.
        """
        self.bases += int(bases)
        self._sorted.clear()
        for kind in np.unique(kinds).tolist():
            self._parts.setdefault(kind, []).append(np.asarray(statistics, np.float32)[kinds == kind])

    def __len__(self) -> int:
        return sum(len(part) for parts in self._parts.values() for part in parts)

    def p_values(self, kinds: np.ndarray, statistics: npt.ArrayLike) -> np.ndarray:
        """Return the chance per base of a finding of the same kind that is at least as large, (K,)."""
        statistics = np.asarray(statistics, np.float32)
        p = np.ones(len(statistics))
        for kind in np.unique(kinds).tolist():
            if kind not in self._sorted:
                self._sorted[kind] = np.sort(np.concatenate([np.zeros(0, np.float32), *self._parts.get(kind, [])]))
            null, mine = self._sorted[kind], kinds == kind
            p[mine] = (1 + len(null) - np.searchsorted(null, statistics[mine], side="left")) / (1 + self.bases)
        return p


def scale_excess(data: npt.ArrayLike, null: npt.ArrayLike) -> np.ndarray:
    """Return by what each sequence's scale exceeds the null's, (N,), at least 1.

    The scale of a sequence is compared with the scale of the null sequence at the same rank. Where data and null are
    exchangeable, the two distributions of scales are the same, however wide they are, and all factors are close to 1.
    Where sequences with motifs also have larger scores elsewhere, findings would be compared with a null that is too
    small. Dividing scores by the factor gives the data the null's distribution of scales, and takes no more away.

    Parameters
    ----------
    data, null
        The scale of each sequence, (N,) and (M,).
    """
    data, null = np.asarray(data, float), np.asarray(null, float)
    some = null[null > 0]
    if not len(some) or not len(data):
        return np.ones(len(data))
    rank = (np.argsort(np.argsort(data, kind="stable"), kind="stable") + 0.5) / len(data)
    return np.maximum(1, data / np.maximum(np.quantile(null, rank, method="hazen"), some.min()))


def scale_lack(data: npt.ArrayLike, null: npt.ArrayLike) -> np.ndarray:
    """Return by what the scale of each sequence of the null falls short of the data's, (M,), at least 1.

    The counterpart of :func:`scale_excess`: multiplying the null by it gives the null the data's distribution of
    scales, and makes none of its scores smaller.

    Parameters
    ----------
    data, null
        The scale of each sequence, (N,) and (M,).
    """
    data, null = np.asarray(data, float), np.asarray(null, float)
    if not data.any() or not null.any():
        return np.ones(len(null))
    rank = (np.argsort(np.argsort(null, kind="stable"), kind="stable") + 0.5) / len(null)
    return np.maximum(1, np.quantile(data, rank, method="hazen") / np.maximum(null, null[null > 0].min()))


def q_values(kinds: np.ndarray, p: npt.ArrayLike, bases: int | None = None) -> np.ndarray:
    """Return the p-values adjusted by Benjamini and Hochberg's method, for each kind by itself.

    Parameters
    ----------
    kinds
        The kind of each finding, (K,).
    p
        Their p-values, (K,).
    bases
        The number of tests. Those without a finding have a p-value of 1. The default is that only the findings are
        tests.

    Returns
    -------
    np.ndarray
        The q-values, (K,).
    """
    q = np.asarray(p, dtype=float).copy()
    for kind in np.unique(kinds).tolist():
        mine = kinds == kind
        tests = int(mine.sum())
        # SciPy computes p · tests / rank over the findings, made monotone. The other tests only add to their number.
        q[mine] = np.minimum(1, false_discovery_control(q[mine]) * ((bases or tests) / tests))
    return q
