"""How often chance does as well: p-values from what the same search finds in a null, and false discovery rates.

Every base is a test of whether a finding begins there, and its statistic is the finding's, or nothing. So a p-value is
the chance per base that something at least so large begins there, and q-values compare how densely findings of some size
lie in the data and in the null.
"""

import numpy as np
from scipy.stats import false_discovery_control


class NullFindings:
    """Statistics of what a search finds where there is nothing, by kind (a sign, or a pattern's number).

    What is judged by them must be found by the same search. If there is nothing to find, each base of the data is
    exchangeable with those of the null, and its p-value, (1 + findings at least as large) / (1 + bases), is valid.
    """

    def __init__(self):
        self.bases = 0
        self._parts: dict[int, list[np.ndarray]] = {}
        self._sorted: dict[int, np.ndarray] = {}

    def add(self, bases: int, kinds: np.ndarray, statistics: np.ndarray) -> None:
        """Take in what was found in so many bases: kinds and statistics, (K,) each."""
        self.bases += int(bases)
        self._sorted.clear()
        for kind in np.unique(kinds).tolist():
            self._parts.setdefault(kind, []).append(np.asarray(statistics, np.float32)[kinds == kind])

    def __len__(self) -> int:
        return sum(len(part) for parts in self._parts.values() for part in parts)

    def p_values(self, kinds: np.ndarray, statistics: np.ndarray) -> np.ndarray:
        """The chance per base of a finding of the same kind that is at least as large, (K,)."""
        statistics = np.asarray(statistics, np.float32)
        p = np.ones(len(statistics))
        for kind in np.unique(kinds).tolist():
            if kind not in self._sorted:
                self._sorted[kind] = np.sort(np.concatenate([np.zeros(0, np.float32), *self._parts.get(kind, [])]))
            null, mine = self._sorted[kind], kinds == kind
            p[mine] = (1 + len(null) - np.searchsorted(null, statistics[mine], side="left")) / (1 + self.bases)
        return p


def q_values(kinds: np.ndarray, p: np.ndarray, bases: int | None = None) -> np.ndarray:
    """Benjamini and Hochberg's adjusted p-values, (K,), of each kind by itself.

    ``bases`` is the number of tests, all those without a finding having a p-value of 1; without it only those given
    count.
    """
    q = np.asarray(p, dtype=float).copy()
    for kind in np.unique(kinds).tolist():
        mine = kinds == kind
        tests = int(mine.sum())
        # SciPy's, over those that are given: p · tests / rank, made monotone; the others only add to the tests.
        q[mine] = np.minimum(1, false_discovery_control(q[mine]) * ((bases or tests) / tests))
    return q
