"""Sufficient input subsets: the few bases that are enough for the prediction."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.methods import references as refs
from genolift.methods.common.predicting import Copies, batch_size
from genolift.methods.perturbation.perturbed import Block, PerturbationMethod
from genolift.methods.perturbation.stretches import Stretches
from genolift.methods.targets import TargetLike
from genolift.results.kinds import SubsetExplanation
from genolift.support.errors import GenoliftWarning, InputError
from genolift.support.numbers import whole_number

# Differences below this share of f(x) − f(masked) are ties, because rounding must not decide. The leftmost base wins.
_TIE = 1e-5


class SufficientSubsets(PerturbationMethod):
    """All disjoint subsets of bases that are each enough for f to reach a threshold (Carter et al. 2019).

    Backward selection masks one stretch of bases after the other, each time the one without which f is highest. The
    smallest set on the way whose f still reaches the threshold is a subset. It stays masked, and the search is repeated
    while f reaches the threshold. A masked base is the reference's, by default 1/4 for each letter, and f is the mean
    over references if there are several. ``scores`` are 1 in subsets and 0 elsewhere. ``hypothetical`` and
    ``raw_contributions`` are not defined, because a position is kept or masked as a whole.

    Parameters
    ----------
    threshold
        The threshold, on the scale of predictions. By default it is the one from :meth:`fit`. Without a fit each
        sequence has its own, which ``share`` determines.
    share
        The threshold of a sequence is f(masked) + ``share``·(f(x) − f(masked)), if no other is given or fitted.
    most
        The largest number of subsets of a sequence that are searched for.
    width
        The length of a stretch in bases.
    """

    name = "sis"
    learned = ("fitted",)
    averages = False
    gaps = ("standard_error", "subset_predictions")
    result_type = SubsetExplanation

    @staticmethod
    @override
    def default_references() -> refs.Reference:
        return refs.Background([0.25] * 4)

    def __init__(
        self,
        model: Callable,
        target: TargetLike = None,
        *,
        threshold: float | None = None,
        share: float = 0.8,
        most: int = 10,
        width: int = 1,
        **options: Any,
    ):
        self.width, self.most = whole_number(width, "width"), whole_number(most, "most")
        if not 0 < share <= 1:
            raise InputError(f"share must be above 0 and at most 1, not {share}")
        if threshold is not None and not np.isfinite(threshold):
            raise InputError(f"threshold must be a number on the scale of predictions, not {threshold}")
        self.threshold, self.share = None if threshold is None else float(threshold), float(share)
        self.fitted: np.ndarray | None = None
        super().__init__(model, target, **options)

    def fit(self, X: Any, quantile: float = 0.9) -> SufficientSubsets:
        """Set the threshold of each target to a quantile of its predictions for some sequences.

        Parameters
        ----------
        X
            The sequences, in any form in which they can be explained.
        quantile
            The quantile, between 0 and 1.

        Returns
        -------
        SufficientSubsets
            The method itself.

        Raises
        ------
        InputError
            If the quantile is not between 0 and 1, or ``X`` is not what the model takes.
        """
        if not 0 < quantile < 1:
            raise InputError(f"quantile must be between 0 and 1, not {quantile}")
        inputs, traced = self.adapted(X)
        copies = Copies(self._points, inputs.arrays, batch_size(traced, inputs, self.memory))
        self.fitted = np.quantile(copies.predictions().astype(np.float64), quantile, axis=0)
        return self

    @override
    def describe(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("threshold", "share", "most", "width")}
        return {**super().describe(), **own, "fitted": None if self.fitted is None else self.fitted.tolist()}

    @override
    def count(self, lengths: list[int]) -> int | None:
        Stretches(lengths, self.width)  # This refuses a width that does not fit.
        return None

    @override
    def block(self, copies: Copies, block: Block) -> dict[str, Any]:
        players = Stretches(block.lengths, self.width)
        search = _Search(copies, block, players)
        n, targets = search.predictions.shape
        threshold = self._thresholds(search)
        subsets, reached = np.zeros((n, targets, players.count), np.int16), np.full((n, targets, self.most), np.nan)
        available = np.ones((n, targets, players.count), bool)
        lanes = np.argwhere((search.predictions >= threshold) & (search.masked < threshold))
        for k in range(self.most):
            if not len(lanes):
                break
            rows, columns = lanes.T
            at = rows, columns
            members, values = search.smallest(lanes, available[at], threshold[at])
            subsets[at] += ((k + 1) * members).astype(np.int16)
            reached[rows, columns, k] = values
            available[at] &= ~members
            lanes = lanes[search.values(lanes, available[at]) >= threshold[at]]
        self._warn(search, threshold)
        by_position = [subsets[..., of] for of in players.of_position]
        return {
            "subsets": by_position,
            "scores": [(array > 0).astype(np.float32) for array in by_position],
            "subset_count": subsets.max(-1).astype(np.int32),
            "subset_predictions": reached.astype(np.float32),
            "threshold": threshold.astype(np.float32),
            "masked_predictions": search.masked.astype(np.float32),
            "predictions": search.predictions.astype(np.float32),
        }

    def _thresholds(self, search: _Search) -> np.ndarray:
        if self.threshold is not None:
            return np.full_like(search.predictions, self.threshold)
        if self.fitted is not None:
            return np.broadcast_to(self.fitted, search.predictions.shape).copy()
        return search.masked + self.share * (search.predictions - search.masked)

    def _warn(self, search: _Search, threshold: np.ndarray) -> None:
        enough = (search.masked >= threshold) & (search.predictions >= threshold)
        if enough.any() and (self.threshold is not None or self.fitted is not None):
            warnings.warn(
                f"{int(enough.sum())} predictions reach the threshold with everything masked, so no base is needed for "
                "them; give a higher threshold, or references that say less",
                GenoliftWarning,
                stacklevel=6,
            )


class _Search:
    """Backward selection for many lanes at a time.

    A lane (sequence, target) is a search for one target of one sequence. ``predictions`` and ``masked`` are the targets
    (n, T) of the sequences as they are, and with everything masked.

    Parameters
    ----------
    copies
        The predictions of the block's sequences, and of changed copies of them.
    block
        The sequences and their references.
    players
        The stretches that are kept or masked.
    """

    def __init__(self, copies: Copies, block: Block, players: Stretches):
        self.copies, self.block, self.players = copies, block, players
        self.predictions = copies.predictions().astype(np.float64)
        n = len(self.predictions)
        empty = np.zeros((n, players.count), bool)
        self.masked = self._values(np.arange(n), lambda which: empty[which])

    def _values(self, rows: np.ndarray, kept_of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return the targets (k, T) of the sequences ``rows`` (k,) with some players kept, as a mean over references.

        ``kept_of`` takes numbers (b,) of the k copies, and returns which players (b, M) each of them keeps.
        """
        references = self.block.references

        def make(which):
            number, r = np.divmod(which, references)
            return rows[number], self.block.mixed(rows[number], r, self.players.keep(kept_of(number)))

        outputs = self.copies.values(len(rows) * references, make)
        return outputs.reshape(len(rows), references, -1).mean(1, dtype=np.float64)

    def values(self, lanes: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """Return the value (k,) of the target of each of the ``lanes`` (k, 2) with players ``kept`` (k, M) kept."""
        return self._values(lanes[:, 0], lambda which: kept[which])[np.arange(len(lanes)), lanes[:, 1]]

    def smallest(
        self, lanes: np.ndarray, available: np.ndarray, threshold: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the smallest sets with f ≥ threshold that backward selection passes, and their f.

        Parameters
        ----------
        lanes
            The sequence and the target of each lane (k, 2), by number.
        available
            The players (k, M) that each lane starts from.
        threshold
            The threshold of each lane (k,).

        Returns
        -------
        tuple of np.ndarray
            The players in each lane's set (k, M), and the value of its target (k,).
        """
        kept, smallest = available.copy(), available.copy()
        values = self.values(lanes, kept)
        tie = _TIE * np.abs(self.predictions - self.masked)[tuple(lanes.T)]
        active = np.flatnonzero(kept.any(1))
        while len(active):
            where, player = np.nonzero(kept[active])
            without = self._without(lanes[active], kept[active], where, player)
            bounds = np.searchsorted(where, np.arange(len(active) + 1))
            for lane, first, last in zip(active, bounds[:-1], bounds[1:], strict=True):
                candidates, f = player[first:last], without[first:last]
                best = int(np.argmax(f >= f.max() - tie[lane]))
                kept[lane, candidates[best]] = False
                if f[best] >= threshold[lane]:
                    smallest[lane], values[lane] = kept[lane], f[best]
            active = active[kept[active].any(1)]
        return smallest, values

    def _without(self, lanes: np.ndarray, kept: np.ndarray, where: np.ndarray, player: np.ndarray) -> np.ndarray:
        """Return the value (c,) of a lane's target when one more player is masked, for each of c candidates.

        ``where`` (c,) is the candidate's lane, by number, and ``player`` (c,) the player that is masked.
        """

        def kept_of(number: np.ndarray) -> np.ndarray:
            left = kept[where[number]]
            left[np.arange(len(number)), player[number]] = False
            return left

        return self._values(lanes[where, 0], kept_of)[np.arange(len(where)), lanes[where, 1]]
