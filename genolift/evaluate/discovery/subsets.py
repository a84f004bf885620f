"""Clusters of the sufficient subsets of many sequences.

They show what two models rely on differently, or how right and wrong predictions differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import decode, one_hot, reverse_complement
from genolift.support.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Subset:
    """One sufficient subset.

    Attributes
    ----------
    source : str
        Which explanation it is from.
    name : str
        The name of its sequence.
    number : int
        Its number in the sequence, from 1.
    start : int
        Its first position.
    text : str
        Its bases from its first to its last position, with N at positions that are not in the subset.
    """

    source: str
    name: str
    number: int
    start: int
    text: str


@dataclass(frozen=True)
class SubsetPattern:
    """A cluster of subsets.

    Attributes
    ----------
    label : int
        The number of the cluster.
    text : str
        The text of the most central member.
    members : list of Subset
        The subsets in the cluster.
    frequencies : np.ndarray
        The frequencies of the bases, aligned to ``text``, (w, 4). A row sums to less than 1 if some members have no
        base there.
    sources : dict
        The number of members by their source.
    """

    label: int
    text: str
    members: list[Subset]
    frequencies: np.ndarray
    sources: dict[str, int]


def subsets_of(explanation: Explanation, target: Any = None, source: str = "") -> list[Subset]:
    """Return all subsets that the method ``sis`` found for one target.

    Parameters
    ----------
    explanation
        The result of the method ``sis``.
    target
        Which target, if several were explained.
    source
        A name for the explanation, which is kept with each subset; empty by default.

    Returns
    -------
    list of Subset
        The subsets, sequence by sequence.

    Raises
    ------
    InputError
        If the explanation has no subsets, or the target was not explained.
    """
    if "subsets" not in explanation.defined:
        raise InputError("this explanation has no subsets; the method sis finds them")
    one = explanation.for_target(target)
    subsets = []
    for name, whole, numbers in zip(one.names, decode(np.asarray(one.inputs)), np.asarray(one.subsets), strict=True):
        letters = np.array(list(whole))
        for number in range(1, int(numbers.max(initial=0)) + 1):
            places = np.flatnonzero(numbers == number)
            start, end = int(places[0]), int(places[-1]) + 1
            text = np.where(numbers[start:end] == number, letters[start:end], "N")
            subsets.append(Subset(source, name, number, start, "".join(text)))
    return subsets


def misclassified(
    explanation: Explanation, labels: npt.ArrayLike, target: Any = None, cutoff: float = 0.0
) -> Explanation:
    """Return the explanation of the sequences whose prediction is wrong.

    Parameters
    ----------
    explanation
        The explanation.
    labels
        The true label of each sequence, 0 or 1, (N,).
    target
        Which target, if several were explained.
    cutoff
        The prediction from which a sequence counts as positive, on the explained scale. The default of 0 suits logits.

    Returns
    -------
    Explanation
        The explanation of these sequences for one target.

    Raises
    ------
    InputError
        If there is not one label for each sequence, or the target was not explained.
    """
    one = explanation.for_target(target)
    labels = np.asarray(labels)
    if labels.shape != (len(one),):
        raise InputError(f"labels are one 0 or 1 for each of the {len(one)} sequences, not of shape {labels.shape}")
    return one[(np.asarray(one.predictions) >= cutoff) != (labels > 0)]


class Clusters:
    """Clusters of subsets by DBSCAN (Ester et al. 1996) on their edit distances, as in Carter et al. (2019).

    The distance of two subsets is the least number of letters to insert, delete or replace, divided by the length of
    the longer. N counts as a letter.

    Parameters
    ----------
    subsets
        The subsets.
    eps
        The largest distance of neighbours; 0.35 by default.
    least
        How many neighbours make a subset the core of a cluster; 5 by default.
    both_strands
        Whether the distance is the smaller of those to a subset and to its reverse complement. The default is yes.

    Attributes
    ----------
    subsets : list of Subset
        The subsets.
    labels : np.ndarray
        The cluster of each subset, (M,) int64, numbered from the largest; −1 for subsets in no cluster.

    Raises
    ------
    InputError
        If there are no subsets, or an option has an impossible value.
    """

    def __init__(self, subsets: list[Subset], eps: float = 0.35, least: int = 5, both_strands: bool = True):
        from sklearn.cluster import DBSCAN

        if not subsets:
            raise InputError("there are no subsets to cluster; a lower threshold of sis would find some")
        if not 0 < eps <= 1 or least < 1:
            raise InputError(f"eps must be above 0 and at most 1, and least at least 1; they are {eps} and {least}")
        self.subsets, self.both_strands = subsets, both_strands
        self._texts, self._which = np.unique([subset.text for subset in subsets], return_inverse=True)
        weights = np.bincount(self._which)
        self._distance, self._flipped = edit_distances(list(self._texts), both_strands)
        search = DBSCAN(eps=eps, min_samples=least, metric="precomputed")
        labels = search.fit(self._distance, sample_weight=weights).labels_
        sizes = np.bincount(labels[labels >= 0], weights=weights[labels >= 0])
        rank = np.empty(len(sizes), int)
        rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
        by_text = np.where(labels >= 0, rank[labels] if len(sizes) else -1, -1)
        self.labels = by_text[self._which]

    def __len__(self) -> int:
        return int(self.labels.max(initial=-1)) + 1

    @cached_property
    def patterns(self) -> list[SubsetPattern]:
        """The clusters in order of size, the largest first."""
        return [self._pattern(label) for label in range(len(self))]

    def table(self) -> pd.DataFrame:
        """Return a table with a row for each cluster.

        Returns
        -------
        pandas.DataFrame
            The columns are ``pattern``, ``size``, ``sequences`` (in how many sequences it occurs), and one for the size
            by each source.
        """
        import pandas as pd

        sources = list(dict.fromkeys(subset.source for subset in self.subsets))
        rows = [
            {
                "pattern": pattern.text,
                "size": len(pattern.members),
                "sequences": len({(member.source, member.name) for member in pattern.members}),
                **{source: pattern.sources.get(source, 0) for source in sources if source},
            }
            for pattern in self.patterns
        ]
        return pd.DataFrame(rows, columns=["pattern", "size", "sequences", *[source for source in sources if source]])

    def _pattern(self, label: int) -> SubsetPattern:
        rows = np.flatnonzero(self.labels == label)
        texts = self._which[rows]
        own = np.unique(texts)
        weights = np.bincount(texts, minlength=len(self._texts))[own]
        centre = own[(self._distance[np.ix_(own, own)] @ weights).argmin()]
        members = [self.subsets[row] for row in rows]
        turned = [_turned(self._texts[t]) if self._flipped[centre, t] else self._texts[t] for t in texts]
        counts = np.sum([_aligned(text, self._texts[centre]) for text in turned], axis=0)
        sources: dict[str, int] = {}
        for member in members:
            sources[member.source] = sources.get(member.source, 0) + 1
        return SubsetPattern(label, str(self._texts[centre]), members, counts / len(members), sources)


def cluster(
    explanations: Explanation | Mapping[str, Explanation],
    target: Any = None,
    eps: float = 0.35,
    least: int = 5,
    both_strands: bool = True,
) -> Clusters:
    """Cluster the subsets of one or several explanations.

    If the same sequences are explained for two models, a cluster with subsets from one model only is something that
    only this model relies on.

    Parameters
    ----------
    explanations
        The result of the method ``sis``, or several by name, which the table compares.
    target
        Which target, if several were explained.
    eps
        The largest distance of neighbours; 0.35 by default. It is the number of edits divided by the length of the
        longer.
    least
        How many neighbours make a subset the core of a cluster; 5 by default.
    both_strands
        Whether a subset and its reverse complement count as the same. The default is yes.

    Returns
    -------
    Clusters
        The clusters.

    Raises
    ------
    InputError
        If there are no subsets, or an option has an impossible value.
    """
    given = explanations if isinstance(explanations, Mapping) else {"": explanations}
    subsets = [subset for source, one in given.items() for subset in subsets_of(one, target, source)]
    return Clusters(subsets, eps, least, both_strands)


def edit_distances(texts: list[str], both_strands: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return the edit distances between texts, divided by the length of the longer.

    Parameters
    ----------
    texts
        M texts of bases.
    both_strands
        Whether reverse complements are compared too.

    Returns
    -------
    tuple of np.ndarray
        The distances (M, M), float32, and which of them are to the reverse complement, (M, M) bool.
    """
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist

    forward = cdist(texts, texts, scorer=Levenshtein.normalized_distance, dtype=np.float32)
    if not both_strands:
        return forward, np.zeros(forward.shape, bool)
    turned = cdist(texts, [_turned(text) for text in texts], scorer=Levenshtein.normalized_distance, dtype=np.float32)
    return np.minimum(forward, turned), turned < forward


def _turned(text: str) -> str:
    return reverse_complement(str(text))


def _aligned(text: str, pattern: str) -> np.ndarray:
    """Return ``text`` as counts (w, 4) along ``pattern``, without gaps, where most of its letters agree."""
    letters, frame = one_hot(str(text), "zero")[0], one_hot(str(pattern), "zero")[0]
    width, length = len(frame), len(letters)
    padded = np.zeros((width + 2 * (length - 1), 4))
    padded[length - 1 : length - 1 + width] = frame
    agree = [(padded[offset : offset + length] * letters).sum() for offset in range(len(padded) - length + 1)]
    # Of equal places, take the one that begins nearest to the beginning of the pattern.
    best = min(range(len(agree)), key=lambda offset: (-agree[offset], abs(offset - length + 1)))
    counts = np.zeros_like(padded)
    counts[best : best + length] = letters
    return counts[length - 1 : length - 1 + width]
