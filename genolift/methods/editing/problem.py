"""What a search is given: sequences, goals, constraints, and the model's answers for drafts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from genolift.methods.common.predicting import Copies
from genolift.methods.editing.constraints import Constraints
from genolift.methods.editing.goals import Aims
from genolift.methods.perturbation.substituting import Substituting
from genolift.sequence.alphabet import UNKNOWN
from genolift.sequence.edits import count_edits, spelled

_Part: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
# Neighbours are evaluated for so many drafts at a time, which bounds what is held of them.
_AT_ONCE = 64


class Oracle:
    """The model's predictions for drafts of some sequences.

    Parameters
    ----------
    copies
        The predictions of changed copies of the sequences.
    substituting
        The predictions of sequences with other letters at single positions.
    xs
        The sequences (n, ...), an array for each input.
    place
        The number of the input that is edited.
    moves
        The side of an insertion or deletion that moves.
    fill
        The values of a position where a base is missing, (4,).
    """

    def __init__(
        self, copies: Copies, substituting: Substituting, xs: list[np.ndarray], place: int, moves: str, fill: np.ndarray
    ):
        self.copies, self.substituting, self.xs, self.place = copies, substituting, xs, place
        self.moves, self.fill = moves, fill.astype(np.float32)

    def arrays(self, slots: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
        """Return drafts (m, 2L) of the sequences ``rows`` (m,) as the model takes them, an array for each input."""
        codes, slot_of = spelled(slots, self.moves)
        eye = np.concatenate([np.eye(4, dtype=np.float32), self.fill[None]])
        arrays = [array[rows] for array in self.xs]
        own, position = arrays[self.place], np.maximum(slot_of // 2, 0)
        copied = (codes == UNKNOWN) & (slot_of >= 0)
        arrays[self.place] = np.where(
            copied[..., None], np.take_along_axis(own, position[..., None], 1), eye[codes.astype(np.int64)]
        )
        return arrays

    def values(self, slots: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the predictions (m, K) of drafts (m, 2L) of the sequences ``rows`` (m,)."""
        return self.copies.values(
            len(slots), lambda which: (rows[which], self.arrays(slots[which], rows[which]))
        ).astype(np.float64)

    def substituted(self, slots: np.ndarray, rows: np.ndarray, allowed: np.ndarray) -> _Part:
        """Return the predictions of drafts with single substitutions.

        Parameters
        ----------
        slots
            The drafts, (m, 2L).
        rows
            The sequence (m,) that each was made from.
        allowed
            The substitutions that are asked for, as whether each base is put at each position, (m, L, 4).

        Returns
        -------
        owner, position, base : np.ndarray
            The draft, the position and the base (c,) of each substitution.
        values : np.ndarray
            Its predictions, (c, K).
        """
        owner, position = np.nonzero(allowed.any(-1))
        if not len(owner):
            return owner, position, owner, np.zeros((0, len(self.copies.points.targets)))
        arrays = self.arrays(slots, rows)
        there = arrays[self.place].argmax(-1)[owner, position, None]
        others = (there + 1 + np.arange(3)) % 4
        values = self.substituting.values(self.copies, arrays, self.place, owner, position, others)
        asked = allowed[owner[:, None], position[:, None], others]
        q, b = np.nonzero(asked)
        return owner[q], position[q], others[q, b], values[q, b].astype(np.float64)

    def slopes(self, slots: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the predictions (m, K) of drafts, and their slopes (m, K, L, 4) with respect to the edited input."""
        return self.slopes_at(self.arrays(slots, rows))

    def slopes_at(self, arrays: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the predictions (m, K) of arrays (m, ...) for each input, and slopes (m, K, L, 4) of the edited."""
        rows = np.zeros(len(arrays[0]), np.int64)  # The targets have no weights of their own, see MinimalChange.
        found = [
            (values, slopes[self.place])
            for _, values, slopes in self.copies.slopes(
                len(rows), lambda which: (rows[which], [array[which] for array in arrays])
            )
        ]
        return tuple(np.concatenate(parts).astype(np.float64) for parts in zip(*found, strict=True))  # type: ignore[return-value]


@dataclass(frozen=True)
class Neighbours:
    """Drafts that are one edit away from others, of which there are C.

    Parameters
    ----------
    owner
        The draft that each differs from, by number, (C,).
    where, letter
        The slot that is changed, and what is put there, (C,).
    values
        The predictions, (C, K).
    """

    owner: np.ndarray
    where: np.ndarray
    letter: np.ndarray
    values: np.ndarray

    def made(self, slots: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Return some of the neighbours as drafts (b, 2L); ``slots`` (m, 2L) are the drafts that they differ from."""
        drafts = slots[self.owner[which]]
        drafts[np.arange(len(which)), self.where[which]] = self.letter[which]
        return drafts


@dataclass(frozen=True)
class Problem:
    """What a search is to find, in M lanes. A lane is a search for one target of one sequence.

    Parameters
    ----------
    oracle
        The model's predictions.
    aims
        The goals of the lanes.
    constraints
        What the drafts of each sequence must keep to. Their rows are the lanes.
    rows
        The sequence of each lane, by number, (M,).
    most
        The largest number of edits.
    indels
        Whether bases may be inserted and deleted, too.
    stream
        Returns the random stream of a lane.
    """

    oracle: Oracle
    aims: Aims
    constraints: Constraints
    rows: np.ndarray
    most: int
    indels: bool
    stream: Callable[[int], np.random.Generator]

    @property
    def lanes(self) -> int:
        """The number of lanes."""
        return len(self.rows)

    @property
    def own(self) -> np.ndarray:
        """The drafts without edits, (M, 2L)."""
        return self.constraints.own

    def without(self, positions: np.ndarray) -> Problem:
        """Return the same problem with further positions (M, L) that must stay."""
        return replace(self, constraints=self.constraints.hold(positions))

    def only(self, lanes: np.ndarray, most: int | None = None) -> Problem:
        """Return the problem of some lanes, which may be named several times, with at most so many edits."""
        numbers = lanes.tolist()
        return replace(
            self,
            aims=self.aims.rows(lanes),
            constraints=self.constraints.rows(lanes),
            rows=self.rows[lanes],
            most=self.most if most is None else most,
            stream=lambda lane: self.stream(numbers[lane]),
        )

    def free(self) -> Problem:
        """Return the same problem, in which only positions that stay are a constraint."""
        return replace(self, constraints=self.constraints.free())

    def values(self, slots: np.ndarray, lanes: np.ndarray) -> np.ndarray:
        """Return the predictions (m, K) of drafts (m, 2L) in some lanes (m,)."""
        return self.oracle.values(slots, self.rows[lanes])

    def edits(self, slots: np.ndarray, lanes: np.ndarray) -> np.ndarray:
        """Return the number of edits (m,) of drafts in some lanes."""
        return count_edits(slots, self.own[lanes])

    def loss(self, slots: np.ndarray, lanes: np.ndarray) -> np.ndarray:
        """Return what the predictions of drafts lack, (m,), see :meth:`genolift.methods.editing.goals.Aims.loss`."""
        return self.aims.loss(self.values(slots, lanes), lanes)

    def neighbours(self, slots: np.ndarray, lanes: np.ndarray, asked: Callable | None = None) -> Neighbours:
        """Return all drafts that are one edit away from some others and within the constraints.

        Parameters
        ----------
        slots
            The drafts, (m, 2L).
        lanes
            Their lanes, (m,).
        asked
            Says which of the substitutions that are allowed are wanted: from whether each base may be put at each
            position (b, L, 4), the slots of the positions (b, L), and the numbers of the drafts (b,). By default all
            are.
        """
        parts: list[_Part] = []
        for start in range(0, len(slots), _AT_ONCE):
            which = np.arange(start, min(start + _AT_ONCE, len(slots)))
            some, in_lanes = slots[which], lanes[which]
            codes, slot_of = spelled(some, self.oracle.moves)
            allowed = self.constraints.substitutions(codes, slot_of, in_lanes)
            if asked is not None:
                allowed = allowed & asked(allowed, slot_of, which)
            owner, position, base, values = self.oracle.substituted(some, self.rows[in_lanes], allowed)
            parts.append((which[owner], slot_of[owner, position], base, values))
            if self.indels:
                parts.extend(self._indels(slots[i], int(lanes[i]), int(i)) for i in which)
        owner, where, letter, values = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(owner, kind="stable")
        return Neighbours(owner[order], where[order], letter[order].astype(np.int8), values[order])

    def _indels(self, slots: np.ndarray, lane: int, number: int) -> _Part:
        where, letter = self.constraints.indels(slots, lane)
        drafts = np.repeat(slots[None], len(where), 0)
        drafts[np.arange(len(where)), where] = letter
        values = self.values(drafts, np.full(len(where), lane))
        return np.full(len(where), number), where, letter, values


@dataclass
class Found:
    """What a search found.

    Parameters
    ----------
    slots
        The best draft of each lane, (M, 2L).
    at_least
        The number of edits (M,) that are needed for certain: 1 where the sequence itself is not at the goal, 2 where
        every single edit was tried, and 3 where every pair was.
    """

    slots: np.ndarray
    at_least: np.ndarray
