"""The result of influence: how much each training sequence moved each query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from genolift.support import drawings
from genolift.support.errors import InputError


class Taught(NamedTuple):
    """A training sequence among those that moved a query most.

    Attributes
    ----------
    query, training : int
        Their numbers.
    effect : str
        ``"raises"`` or ``"lowers"``.
    rank : int
        Its place among those of the same effect, from 1 on.
    """

    query: int
    training: int
    effect: str
    rank: int


@dataclass
class Influences:
    """The influence of N training sequences on Q queries.

    Attributes
    ----------
    scores : np.ndarray
        (Q, N) float32: what is measured at the query with the training sequence less the same without it, as the method
        predicts it. A positive one raises it.
    queries : list of str
        The names of the queries.
    values : np.ndarray
        (Q,), what is measured, as the network has it.
    measure : str
        ``"logit"`` of ``task``, or ``"loss"`` where the queries have labels.
    task : str
        The task whose logit is measured.
    training : sequence of str
        The names of the training sequences.
    labels : np.ndarray
        (N, T), their labels.
    tasks : list of str
        The names of the T tasks.
    method : dict
        The method, its options, and what a score is (``unit``).
    """

    scores: np.ndarray
    queries: list[str]
    values: np.ndarray
    measure: str
    task: str
    training: Sequence[str]
    labels: np.ndarray
    tasks: list[str]
    method: dict[str, Any] = field(default_factory=dict)

    def most(self, k: int = 10) -> Iterator[Taught]:
        """Yield the training sequences that raise each query most, and then those that lower it most.

        Parameters
        ----------
        k
            How many of each; 10 by default. Those that do the opposite are left out.

        Raises
        ------
        InputError
            If ``k`` is less than 1.
        """
        if k < 1:
            raise InputError(f"the number of training sequences for each query is at least 1, and not {k}")
        for query, row in enumerate(self.scores):
            for effect, sign in (("raises", 1), ("lowers", -1)):
                order = np.argsort(-sign * row, kind="stable")[:k]
                for rank, number in enumerate(order[sign * row[order] > 0].tolist(), start=1):
                    yield Taught(query, number, effect, rank)

    def top(self, k: int = 10) -> pd.DataFrame:
        """Return the training sequences that moved each query most.

        Parameters
        ----------
        k : int
            How many that raise what is measured, and how many that lower it; 10 of each by default.

        Returns
        -------
        pandas.DataFrame
            Rows with the columns ``query``, ``measured`` (its value), ``effect`` (``"raises"`` or ``"lowers"``),
            ``rank``, ``training``, ``score``, and ``label:TASK`` for each task of the training sequence.
        """
        chosen = list(self.most(k))
        numbers = np.array([one.training for one in chosen], dtype=int)
        columns: dict[str, Any] = {
            "query": [self.queries[one.query] for one in chosen],
            "measured": [float(self.values[one.query]) for one in chosen],
            "effect": [one.effect for one in chosen],
            "rank": [one.rank for one in chosen],
            "training": [self.training[number] for number in numbers],
            "score": [float(self.scores[one.query, one.training]) for one in chosen],
        }
        for number, task in enumerate(self.tasks):
            columns[f"label:{task}"] = self.labels[numbers, number]
        return pd.DataFrame(columns)

    def to_tsv(self, k: int = 10) -> str:
        """Return the table of :meth:`top` as text.

        Parameters
        ----------
        k : int
            How many training sequences of each effect; 10 by default.

        Returns
        -------
        str
            The table, with columns separated by tabs.
        """
        return self.top(k).to_csv(sep="\t", index=False, float_format="%.6g")

    def plot(self, query: int | str = 0, **options: Any) -> Any:
        """Return a figure of the influences on a query.

        Parameters
        ----------
        query : int or str
            The query, by number or name; the first by default.
        **options
            Options of :func:`genolift.plot.influence.plot_influences`.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.
        """
        return drawings.draw(self, drawings.PLOT, query, **options)

    def number(self, query: int | str) -> int:
        """Return the number of a query that is given by number or name.

        Raises
        ------
        InputError
            If there is no such query.
        """
        if isinstance(query, str) and query in self.queries:
            return self.queries.index(query)
        if not isinstance(query, str) and 0 <= query < len(self.queries):
            return int(query)
        raise InputError(f"there is no query {query!r}; there are {len(self.queries)}, such as {self.queries[0]!r}")
