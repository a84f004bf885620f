"""Which methods rank before which over many simulations, and by how much ranks differ by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata, studentized_range

from genolift.support.errors import InputError


@dataclass(frozen=True)
class Ranking:
    """Mean ranks of k methods over N simulations, where 1 is the best.

    Attributes
    ----------
    ranks : pandas.Series
        The mean rank of each method, the best first.
    difference : float
        The critical difference: two methods whose mean ranks differ by less cannot be told apart at a level of 5 % (the
        Nemenyi test, Demšar 2006, equation of section 3.2.2).
    simulations : list of str
        The simulations that count.
    """

    ranks: pd.Series
    difference: float
    simulations: list[str]

    def groups(self) -> list[tuple[int, int]]:
        """Return the largest runs of methods that cannot be told apart, as the numbers of their first and last."""
        ranks = self.ranks.to_numpy()
        runs: list[tuple[int, int]] = []
        for first in range(len(ranks)):
            last = int(np.searchsorted(ranks, ranks[first] + self.difference, "right")) - 1
            if last > first and (not runs or last > runs[-1][1]):
                runs.append((first, last))
        return runs


def rank(values: pd.DataFrame, level: float = 0.05) -> Ranking:
    """Rank methods over simulations.

    Parameters
    ----------
    values
        How good each method is, with a row for each simulation and a column for each method; larger is better. Rows and
        then columns that are not complete are left out: first methods that lack a value in more than half of the
        simulations, and then simulations in which a remaining method lacks one.
    level
        The level of the test.

    Returns
    -------
    Ranking
        The mean ranks. Equal values share their rank.

    Raises
    ------
    InputError
        If fewer than two methods or two simulations are left.
    """
    kept = values.loc[:, values.notna().mean() >= 0.5].dropna()
    n, k = kept.shape
    if k < 2 or n < 2:
        raise InputError(f"ranks need two methods with values in the same two simulations; there are {k} and {n}")
    ranks = pd.DataFrame(rankdata(-kept.to_numpy(), axis=1), columns=kept.columns)
    q = studentized_range.ppf(1 - level, k, np.inf) / np.sqrt(2)
    difference = float(q * np.sqrt(k * (k + 1) / (6 * n)))
    return Ranking(ranks.mean().sort_values(kind="stable"), difference, [str(name) for name in kept.index])
