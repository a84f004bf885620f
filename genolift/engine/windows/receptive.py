"""Receptive fields, which are the positions of an input that each row of a hidden value sees.

:mod:`~genolift.engine.windows.carry` knows for every operation which rows a change reaches. Here the same windows are
read backwards, from a value to the input, so padding, strides, dilation, pools, crops and branches count as they ran.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from genolift.engine.operations.table import operation
from genolift.engine.program import Program, Step, Value
from genolift.engine.windows.actions import Action, Averages, Collapse, Join, Rowwise, Shift, Sliding, View
from genolift.engine.windows.mutation import route_of
from genolift.engine.windows.reach import Facts, Reach, RowLayout
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

# The errors that a program of an unknown form may run into.
_FAILURES = (tf.errors.OpError, AttributeError, LookupError, TypeError, ValueError)
_FAR = 1 << 40


@dataclass(frozen=True, eq=False)
class Fields:
    """The positions that each of the J rows of a value sees.

    Parameters
    ----------
    axis : int
        The axis of the value that has the rows.
    length : int
        The length of the input.
    starts, ends : np.ndarray
        The first position that each row sees, and the one after the last, (J,). They are equal if a row sees none.
    windows : np.ndarray
        The same as (J, 2), including positions beyond the sequence's ends and padding in between.
    """

    axis: int
    length: int
    starts: np.ndarray
    ends: np.ndarray
    windows: np.ndarray

    @property
    def centres(self) -> np.ndarray:
        """The middle of each row's window as a position, which is 1 for the three bases from 0 to 3."""
        return (self.windows.sum(axis=1) - 1) / 2

    @property
    def width(self) -> int:
        """The width of the widest window."""
        return int(np.diff(self.windows, axis=1).max())

    def spread(self, rows: np.ndarray) -> np.ndarray:
        """Spread values of the rows over the positions.

        They are interpolated linearly between the centres of the windows. Rows with the same centre are averaged, and
        before the first centre and after the last the nearest row's value holds.

        Parameters
        ----------
        rows : np.ndarray
            A value for each row, (..., J).

        Returns
        -------
        np.ndarray
            A value for each position, (..., length). A position that no row sees gets 0.
        """
        order = np.argsort(self.centres, kind="stable")
        knots, first, counts = np.unique(self.centres[order], return_index=True, return_counts=True)
        values = np.add.reduceat(rows[..., order], first, axis=-1) / counts
        place = np.interp(np.arange(self.length), knots, np.arange(len(knots)))
        left = np.minimum(place.astype(int), max(len(knots) - 2, 0))
        right = np.minimum(left + 1, len(knots) - 1)
        share = np.where(right > left, place - left, 0)
        between = values[..., left] * (1 - share) + values[..., right] * share
        return np.where(self.seen, between, 0).astype(rows.dtype)

    @property
    def seen(self) -> np.ndarray:
        """Whether any row sees each position, (length,)."""
        changes = np.zeros(self.length + 1, int)
        some = self.ends > self.starts
        np.add.at(changes, self.starts[some], 1)
        np.add.at(changes, self.ends[some], -1)
        return np.cumsum(changes)[:-1] > 0


class Receptive:
    """The receptive fields of a program's values in one of its inputs.

    Parameters
    ----------
    program : Program
        The traced model.
    values : list of Value
        The values whose fields will be asked for. Steps that do not lead to them are not looked at.
    shapes : list of tuple of int
        The shapes of the inputs without the batch.
    place : int
        The place of the input among the program's inputs, by default 0.
    facts : callable, optional
        Returns the facts of the whole program for these shapes, where somebody has them. By default the part of the
        program that leads to ``values`` is run to learn them.

    Raises
    ------
    UnsupportedModel
        If the rows cannot be followed through the program.
    """

    def __init__(
        self,
        program: Program,
        values: list[Value],
        shapes: list[tuple[int, ...]],
        place: int = 0,
        facts: Callable[[], Facts] | None = None,
    ):
        self.program = replace(program, outputs=list(values)).pruned()
        self.source = program.inputs[place]
        try:
            self._facts = Facts(self.program, shapes) if facts is None else facts()
            route = route_of(self.program, self.source, self._facts, inf)
        except _FAILURES as problem:
            told = " ".join(str(problem).split())[-200:]
            raise UnsupportedModel(
                f"receptive fields cannot be followed through this model ({told}); use deeplift or ism, which need none"
            ) from problem
        self._layout: RowLayout = route.layout
        self._actions = [action for _, action in route.steps if action is not None]

    def shape(self, value: Value) -> tuple[int, ...]:
        """Return a value's shape for a batch of :data:`~genolift.engine.windows.reach.ROWS`."""
        return self._facts.shapes[value]

    def knows(self, value: Value) -> bool:
        """Return whether the value has rows that each see a stretch of the input, with channels behind them."""
        reach = self._layout.reaches.get(value)
        return reach is not None and 0 < reach.axis < len(self.shape(value)) - 1

    def rows(self, value: Value) -> int:
        """Return how many rows a known value has."""
        return self._layout.reaches[value].length

    def channels(self, value: Value) -> int:
        """Return how many numbers each row of a known value has."""
        return int(np.prod(self.shape(value)[1:])) // self.rows(value)

    def __call__(self, value: Value) -> Fields:
        """Return the receptive fields of a value for which :meth:`knows` is true."""
        reach, length = self._layout.reaches[value], self._layout.reaches[self.source].length
        starts, ends = self._read(value, cut=True)
        empty = ends <= starts
        starts, ends = np.where(empty, 0, starts), np.where(empty, 0, ends)
        return Fields(reach.axis, length, starts, ends, np.stack(self._read(value, cut=False), axis=1))

    def averages(self, step: Step) -> bool:
        """Return whether a step takes the mean over all rows of what it reads."""
        for action in self._actions:
            if action.step is step:
                if isinstance(action, Averages):
                    rows = self._layout.reaches[step.inputs[0]].length
                    return action.slide.length == 1 and int(action.counts[0]) == rows
                return isinstance(action, Collapse) and operation(step.op).reduces == "mean"
        return False

    def _read(self, value: Value, cut: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return the first position that each row reads and the one after the last.

        With ``cut``, positions beyond the ends of a value are left out.
        """
        rows = np.arange(self.rows(value))
        fields = {value: (rows, rows + 1)}
        for action in reversed(self._actions):
            for output in action.step.outputs:
                if output not in fields or output is self.source:
                    continue
                for source, starts, ends in _sources(action, *fields[output], self._layout):
                    if cut:
                        starts, ends = np.maximum(starts, 0), np.minimum(ends, self._layout.reaches[source].length)
                    fields[source] = _hull(fields.get(source), starts, ends)
        return fields[self.source]


def _hull(
    known: tuple[np.ndarray, np.ndarray] | None, starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the stretches that hold both. An empty stretch lies far away, so that it stays empty when it is moved."""
    starts, ends = np.where(ends > starts, starts, _FAR), np.where(ends > starts, ends, -_FAR)
    return (starts, ends) if known is None else (np.minimum(known[0], starts), np.maximum(known[1], ends))


def _sources(
    action: Action, starts: np.ndarray, ends: np.ndarray, layout: RowLayout
) -> Iterator[tuple[Value, np.ndarray, np.ndarray]]:
    """Yield the inputs that rows ``starts`` to ``ends`` of an action's output are made of, with the rows of each."""
    if isinstance(action, Join):
        for source, offset in zip(action.step.inputs[:-1], action.offsets, strict=True):
            if source in layout.reaches:
                size = layout.reaches[source].length
                yield source, np.maximum(starts - offset, 0), np.minimum(ends - offset, size)
        return
    for source in layout.changed(action.step):
        yield source, *_back(action, starts, ends, layout.reaches[source])


def _back(action: Action, starts: np.ndarray, ends: np.ndarray, inner: Reach) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of an input with reach ``inner`` that rows ``starts`` to ``ends`` of the output are made of."""
    outer = action.reach
    if isinstance(action, Sliding):
        slide = action.slide
        return starts * slide.stride - slide.before, (ends - 1) * slide.stride - slide.before + slide.extent
    if isinstance(action, View):
        factor = outer.length // inner.length
        return starts // factor, -(-ends // factor)
    if isinstance(action, Shift):
        by = int(outer.starts[0] - inner.starts[0])
        return starts - by, ends - by
    if isinstance(action, Rowwise) and not np.array_equal(outer.starts, action.inner.starts):  # The rows are reversed.
        return inner.length - ends, inner.length - starts
    return starts, ends
