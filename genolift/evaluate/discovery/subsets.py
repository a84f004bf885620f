"""Sufficient subsets of many sequences clustered into patterns; what two models, or right and wrong answers, differ in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import decode, one_hot, reverse_complement
from genolift.support.errors import InputError


@dataclass(frozen=True)
class Subset:
    """One subset: ``text`` is its bases, N between them, from its first position ``start`` to its last."""

    source: str
    name: str
    number: int
    start: int
    text: str


@dataclass(frozen=True)
class SubsetPattern:
    """A cluster: its ``members``, the ``text`` of the most central, and base ``frequencies`` (w, 4) aligned to that.

    What is missing to 1 in a row are members that have no base there. ``sources`` counts members by where they are from.
    """

    label: int
    text: str
    members: list[Subset]
    frequencies: np.ndarray
    sources: dict[str, int]


def subsets_of(explanation: Explanation, target=None, source: str = "") -> list[Subset]:
    """All subsets that the method ``sis`` found for one target."""
    if "subsets" not in explanation.defined:
        raise InputError("this explanation has no subsets; the method sis finds them")
    one = explanation.for_target(target)
    found = []
    for name, whole, numbers in zip(one.names, decode(np.asarray(one.inputs)), np.asarray(one.subsets), strict=True):
        letters = np.array(list(whole))
        for number in range(1, int(numbers.max(initial=0)) + 1):
            places = np.flatnonzero(numbers == number)
            start, end = int(places[0]), int(places[-1]) + 1
            text = np.where(numbers[start:end] == number, letters[start:end], "N")
            found.append(Subset(source, name, number, start, "".join(text)))
    return found


def misclassified(explanation: Explanation, labels, target=None, cutoff: float = 0.0) -> Explanation:
    """The sequences whose prediction is on the wrong side of ``cutoff`` (on the explained scale: logits) for ``labels``."""
    one = explanation.for_target(target)
    labels = np.asarray(labels)
    if labels.shape != (len(one),):
        raise InputError(f"labels are one 0 or 1 for each of the {len(one)} sequences, not of shape {labels.shape}")
    return one[(np.asarray(one.predictions) >= cutoff) != (labels > 0)]


class Clusters:
    """Patterns among subsets: DBSCAN (Ester et al. 1996) on their edit distances, as Carter et al. (2019) have it.

    The distance of two subsets is the least number of letters to insert, delete or replace, N being a letter, over the
    length of the longer; with ``both_strands`` it is the smaller of those to a subset and to its reverse complement.
    ``eps`` is the distance of neighbours and ``least`` how many make a cluster's core. ``labels`` are −1 for subsets in
    no cluster; clusters are numbered from the largest.
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
        found = DBSCAN(eps=eps, min_samples=least, metric="precomputed").fit(self._distance, sample_weight=weights)
        sizes = np.bincount(found.labels_[found.labels_ >= 0], weights=weights[found.labels_ >= 0])
        rank = np.empty(len(sizes), int)
        rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
        by_text = np.where(found.labels_ >= 0, rank[found.labels_] if len(sizes) else -1, -1)
        self.labels = by_text[self._which]

    def __len__(self) -> int:
        return int(self.labels.max(initial=-1)) + 1

    @cached_property
    def patterns(self) -> list[SubsetPattern]:
        """The clusters, the largest first."""
        return [self._pattern(label) for label in range(len(self))]

    def table(self):
        """A row per cluster: its pattern, size, how many sequences it is in, and its size by source."""
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
        counts = sum(_aligned(text, self._texts[centre]) for text in turned)
        sources: dict[str, int] = {}
        for member in members:
            sources[member.source] = sources.get(member.source, 0) + 1
        return SubsetPattern(label, str(self._texts[centre]), members, counts / len(members), sources)


def cluster(explanations, target=None, eps: float = 0.35, least: int = 5, both_strands: bool = True) -> Clusters:
    """Cluster the subsets of an explanation by ``sis``; or of several, a dict by name, which the table then compares.

    With the same sequences explained for two models, a cluster that one model has alone is what only it relies on.
    """
    given = explanations if isinstance(explanations, Mapping) else {"": explanations}
    subsets = [subset for source, one in given.items() for subset in subsets_of(one, target, source)]
    return Clusters(subsets, eps, least, both_strands)


def edit_distances(texts: list[str], both_strands: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Edit distances (M, M) over the length of the longer, and which are smaller to the reverse complement."""
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist

    found = cdist(texts, texts, scorer=Levenshtein.normalized_distance, dtype=np.float32)
    if not both_strands:
        return found, np.zeros(found.shape, bool)
    turned = cdist(texts, [_turned(text) for text in texts], scorer=Levenshtein.normalized_distance, dtype=np.float32)
    return np.minimum(found, turned), turned < found


def _turned(text: str) -> str:
    return reverse_complement(str(text))


def _aligned(text: str, pattern: str) -> np.ndarray:
    """``text`` as counts (w, 4) along ``pattern``, without gaps where most of its letters agree."""
    letters, frame = one_hot(str(text), "zero")[0], one_hot(str(pattern), "zero")[0]
    width, length = len(frame), len(letters)
    padded = np.zeros((width + 2 * (length - 1), 4))
    padded[length - 1 : length - 1 + width] = frame
    agree = [(padded[offset : offset + length] * letters).sum() for offset in range(len(padded) - length + 1)]
    # Among equals the one that begins nearest to where the pattern does.
    best = min(range(len(agree)), key=lambda offset: (-agree[offset], abs(offset - length + 1)))
    counts = np.zeros_like(padded)
    counts[best : best + length] = letters
    return counts[length - 1 : length - 1 + width]
