"""The scores of two stores of the same sequences: on one scale, and their difference as scores of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from genolift.evaluate.discovery.paired import Scale, common_scale
from genolift.export.source import Scores
from genolift.results.explanation import Explanation
from genolift.results.regions import RegionTable
from genolift.support.errors import InputError, Remedy

_SAME = 1e-6


@dataclass(frozen=True, eq=False)
class Pair:
    """Two stores of the same sequences, and what the scores of either are divided by.

    Parameters
    ----------
    first, second
        The scores of one target each.
    names
        What the stores are called in errors.
    """

    first: Scores
    second: Scores
    names: tuple[str, str]

    def __post_init__(self) -> None:
        one, two = self.first, self.second
        called = f"{self.names[0]} and {self.names[1]}"
        alike = Remedy(
            "score the same sequences by both models",
            "score the same sequences by both models; genolift subset takes those that two stores share",
        )
        if len(one) != len(two):
            raise InputError(f"{called} have {len(one):,} and {len(two):,} sequences", alike)
        if (different := np.flatnonzero(one.lengths != two.lengths)).size:
            raise InputError(f"{one.names[int(different[0])]!r} is of another length in {called}", alike)

    def __len__(self) -> int:
        return len(self.first)

    def check_same(self) -> None:
        """Raise :class:`InputError` unless the sequences are the same, base by base."""
        for rows, x in self.first.blocks("inputs", label="comparing"):
            (y,) = self.second.read(rows, "inputs")
            width = min(x.shape[1], y.shape[1])
            same = (np.abs(x[:, :width] - y[:, :width]) <= _SAME).all((1, 2))
            if not same.all():
                name = self.first.names[rows.start + int(same.argmin())]
                raise InputError(
                    f"{name!r} is another sequence in {self.names[0]} than in {self.names[1]}",
                    Remedy.naming("score the same sequences in the same order by both models"),
                )

    def scores(self, label: str) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Yield the scores of both (n, L) block by block, with zeros beyond the ends of sequences."""
        for rows, a in self.first.blocks("scores", label=label):
            (b,) = self.second.read(rows, "scores")
            width = min(a.shape[1], b.shape[1])
            inside = np.arange(width) < self.first.lengths[rows][:, None]
            yield rows, a[:, :width] * inside, b[:, :width] * inside

    def medians(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the median absolute score of each sequence, which a motif cannot move far, by both models."""
        found = np.zeros((2, len(self)))
        for rows, *both in self.scores("measuring"):
            for values, medians in zip(both, found, strict=True):
                inside = np.arange(values.shape[1]) < self.first.lengths[rows][:, None]
                medians[rows] = np.nanmedian(np.where(inside, np.abs(values), np.nan), axis=1)
        return found[0], found[1]

    def scale(self) -> Scale:
        """Return what the scores of either model are divided by."""
        return common_scale(*self.medians())


class Difference:
    """The difference of two models' scores, first less second on one scale, as scores in the place of a store's.

    Attributes
    ----------
    names, regions, lengths, width
        As of :class:`genolift.export.source.Scores`.
    """

    def __init__(self, pair: Pair, scale: Scale):
        self._pair, self._scale = pair, scale
        self.names: Any = pair.first.names
        self.regions: RegionTable | None = pair.first.regions
        self.lengths, self.width = pair.first.lengths, min(pair.first.width, pair.second.width)
        self.explanation: Explanation = pair.first.explanation

    def __len__(self) -> int:
        return len(self.lengths)

    def located(self, who: str) -> RegionTable:
        """Return the regions of the sequences."""
        return self._pair.first.located(who)

    def blocks(self, *fields: str, label: str = "comparing") -> Iterator[tuple]:
        """Yield the rows and the differences block by block, for the one field ``scores``."""
        for rows, a, b in self._pair.scores(label):
            yield rows, (a / self._scale.first - b / self._scale.second).astype(np.float32)
