"""Goals: what the prediction of a design must be, and how far a prediction is from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genolift.support.errors import InputError

# A prediction that misses a goal by this share of its size is there to rounding.
_ROUNDING = 2e-7


@dataclass(frozen=True)
class Goal:
    """What a user asks for.

    At most one of ``to``, ``above`` and ``below`` is given. If none is, the prediction must lose ``share`` of what it
    has beyond the mean over shuffles of the sequence.

    Parameters
    ----------
    to
        A value that the prediction must reach, from whichever side it is now.
    above, below
        A value that the prediction must be at least or at most.
    within
        With ``to``, how far from it the prediction may end. By default it may end anywhere beyond.
    share
        See above.
    """

    to: float | None = None
    above: float | None = None
    below: float | None = None
    within: float | None = None
    share: float = 0.5

    def __post_init__(self) -> None:
        given = [name for name in ("to", "above", "below") if getattr(self, name) is not None]
        if len(given) > 1:
            raise InputError(f"{given[0]} and {given[1]} are two goals; give one of them")
        for name in (*given, *(["within"] if self.within is not None else [])):
            value = getattr(self, name)
            if isinstance(value, bool) or not np.isfinite(value):
                raise InputError(f"{name} must be a number on the scale of predictions, not {value}")
        if self.within is not None and (self.to is None or self.within < 0):
            raise InputError(
                "within is how far from a value the prediction may end, at least 0; give it together with to"
            )
        if not 0 < self.share <= 1:
            raise InputError(f"share must be above 0 and at most 1, not {self.share}")

    @property
    def value(self) -> float | None:
        """The value that was given, None for none."""
        return next((one for one in (self.to, self.above, self.below) if one is not None), None)

    def thresholds(self, predictions: np.ndarray, shuffled: np.ndarray | None) -> np.ndarray:
        """Return the value (n,) that each prediction (n,) must reach; ``shuffled`` (n,) are the means over shuffles."""
        if shuffled is not None:
            return predictions - self.share * (predictions - shuffled)
        return np.full_like(predictions, self.value)

    def directions(self, predictions: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
        """Return 1 (n,) where the prediction must rise to its threshold, and −1 where it must fall."""
        if self.above is not None or self.below is not None:
            return np.full(len(predictions), 1.0 if self.above is not None else -1.0)
        return np.where(thresholds >= predictions, 1.0, -1.0)


@dataclass(frozen=True)
class Held:
    """A target that must stay.

    Parameters
    ----------
    target
        The target.
    tolerance
        How far its prediction may move.
    """

    target: Any
    tolerance: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.tolerance) and self.tolerance > 0):
            raise InputError(f"a held target may move by a number above 0, not {self.tolerance}")


@dataclass(frozen=True)
class Aims:
    """The goals of M lanes, each a search for one target of one sequence.

    Every prediction is a row (K,): the values of the T explained targets, then of the H that must stay.

    Parameters
    ----------
    column
        The explained target of each lane, (M,).
    threshold, direction, start
        The value that it must reach, the way there (1 or −1), and the prediction at the sequence itself, (M,).
    within
        How far beyond the threshold it may end; None for anywhere.
    near
        Whether of two predictions that reach the goal the one nearer to it is better, rather than the one farther away.
    held
        The predictions of the held targets at the sequence itself, (M, H).
    tolerance
        How far each of them may move, (H,).
    """

    column: np.ndarray
    threshold: np.ndarray
    direction: np.ndarray
    start: np.ndarray
    within: float | None
    near: bool
    held: np.ndarray
    tolerance: np.ndarray

    def rows(self, which: np.ndarray) -> Aims:
        """Return the goals of some of the lanes, which may be named several times."""
        own = {name: getattr(self, name)[which] for name in ("column", "threshold", "direction", "start", "held")}
        return replace(self, **own)

    def missing(self, values: np.ndarray, lanes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what predictions lack.

        Parameters
        ----------
        values
            The predictions, (c, K).
        lanes
            The lane (c,) of each.

        Returns
        -------
        short : np.ndarray
            How far the target is from its goal, (c,), in units of how far it was at first; 0 for a goal that is
            reached.
        astray : np.ndarray
            How far held targets are beyond their tolerance, in units of it, summed over them, (c,).
        """
        ahead = self._ahead(values, lanes)
        short = np.maximum(np.maximum(-ahead, 0 if self.within is None else ahead - self._room(lanes)), 0)
        short = np.where(short <= _ROUNDING * np.abs(self.threshold[lanes]), 0, short) / self._unit(lanes)
        moved = np.abs(values[:, values.shape[1] - len(self.tolerance) :] - self.held[lanes])
        return short, np.maximum(moved / self.tolerance - 1, 0).sum(1)

    def loss(self, values: np.ndarray, lanes: np.ndarray) -> np.ndarray:
        """Return what predictions lack in all, (c,); 0 where everything is reached. See :meth:`missing`."""
        short, astray = self.missing(values, lanes)
        return short + astray

    def rank(self, values: np.ndarray, lanes: np.ndarray) -> np.ndarray:
        """Return the loss (c,), or where it is 0 a number of at most 0, which is the lower the better."""
        loss = self.loss(values, lanes)
        beyond = np.maximum(self._ahead(values, lanes), 0) / self._unit(lanes)
        if self.near:
            middle = np.abs(beyond - (self.within or 0.0) / self._unit(lanes))
            beyond = 1 / (1 + middle)
        return np.where(loss > 0, loss, -beyond)

    def slopes(self, values: np.ndarray, lanes: np.ndarray) -> np.ndarray:
        """Return the derivatives (c, K) of the loss with respect to predictions."""
        each, ahead = np.arange(len(values)), self._ahead(values, lanes)
        slopes = np.zeros(values.shape)
        sign = np.where(ahead < 0, -1.0, 0.0)
        if self.within is not None:
            sign = np.where(ahead > self._room(lanes), 1.0, sign)
        slopes[each, self.column[lanes]] = sign * self.direction[lanes] / self._unit(lanes)
        if len(self.tolerance):
            first = values.shape[1] - len(self.tolerance)
            moved = values[:, first:] - self.held[lanes]
            slopes[:, first:] += np.where(np.abs(moved) > self.tolerance, np.sign(moved) / self.tolerance, 0)
        return slopes

    def _ahead(self, values: np.ndarray, lanes: np.ndarray) -> np.ndarray:
        own = values[np.arange(len(values)), self.column[lanes]]
        ahead = self.direction[lanes] * (own - self.threshold[lanes])
        # Within a distance of a value, the goal begins before it and ends behind it.
        return ahead if self.within is None else ahead + self.within

    def _room(self, lanes: np.ndarray) -> np.ndarray:
        return np.full(len(lanes), 2 * (self.within or 0.0))

    def _unit(self, lanes: np.ndarray) -> np.ndarray:
        unit = np.abs(self.threshold - self.start)[lanes]
        return np.where(unit > 0, unit, 1.0)
