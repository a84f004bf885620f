"""The sequence on which one explanation is right and another is wrong, which is worth a look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class Contrast(NamedTuple):
    """A sequence that tells two methods apart.

    ``row`` is the sequence, ``right`` and ``wrong`` are the methods, and ``agreements`` how well each agrees with the
    truth there, from -1 to 1.
    """

    row: int
    right: str
    wrong: str
    agreements: tuple[float, float]

    @property
    def gap(self) -> float:
        """How much better the one agrees than the other."""
        return self.agreements[0] - self.agreements[1]


def agreement(scores: np.ndarray, bases: np.ndarray) -> np.ndarray:
    """Return the cosine between scores and truth in each sequence, (N,); NaN where either is zero.

    Parameters
    ----------
    scores
        (N, L).
    bases
        How much each base matters, (N, L); NaN beyond the end of a sequence.
    """
    inside = ~np.isnan(bases)
    scores, bases = np.where(inside, scores, 0.0).astype(float), np.where(inside, bases, 0.0)
    norms = np.linalg.norm(scores, axis=1) * np.linalg.norm(bases, axis=1)
    return np.divide((scores * bases).sum(axis=1), norms, out=np.full(len(scores), np.nan), where=norms > 0)


def contrast(scores: Mapping[str, np.ndarray], bases: np.ndarray, wrong: tuple[str, ...]) -> Contrast | None:
    """Return the sequence on which a method is furthest behind the best one.

    Parameters
    ----------
    scores
        The scores of each method, (N, L).
    bases
        How much each base matters, (N, L).
    wrong
        The methods that may be shown to be wrong.

    Returns
    -------
    Contrast or None
        ``None`` if there are not two methods to compare.
    """
    found = {name: agreement(values, bases) for name, values in scores.items()}
    best = max(found, key=lambda name: np.nan_to_num(found[name], nan=-1.0).mean(), default=None)
    if best is None:
        return None
    every = [
        Contrast(int(row), best, name, (float(found[best][row]), float(found[name][row])))
        for name in wrong
        if name in found and name != best
        for row in np.flatnonzero(~np.isnan(found[best] - found[name]))
    ]
    return max(every, key=lambda one: one.gap, default=None)
