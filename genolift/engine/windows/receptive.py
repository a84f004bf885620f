"""Receptive fields: which positions of an input each row of a hidden value sees.

The windows of changed rows that :mod:`~genolift.engine.windows.carry` knows for every operation are read backwards, from a value
to the input, so that padding, strides, dilation, pools, crops and branches count as they ran.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from genolift.engine.operations.table import operation
from genolift.engine.program import Program, Step, Value
from genolift.engine.windows.actions import Action, Averages, Collapse, Join, Rowwise, Shift, Sliding, View
from genolift.engine.windows.mutation import route_of
from genolift.engine.windows.reach import Facts, Layout
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

# What a layout that is not understood may run into.
_FAILURES = (tf.errors.OpError, AttributeError, LookupError, TypeError, ValueError)
_FAR = 1 << 40


@dataclass(frozen=True, eq=False)
class Fields:
    """Row j of a value sees the positions ``starts[j]`` to ``ends[j]`` (half-open; equal where it sees none).

    ``windows`` (J, 2) are the same with what hangs over the sequence's ends or was padded in between; ``axis`` is where
    the value has its rows, ``length`` the input's.
    """

    axis: int
    length: int
    starts: np.ndarray
    ends: np.ndarray
    windows: np.ndarray

    @property
    def centres(self) -> np.ndarray:
        """The middle of each row's window, as a position: of 0 to 3 (three bases) it is 1."""
        return (self.windows.sum(axis=1) - 1) / 2

    @property
    def width(self) -> int:
        """The widest window."""
        return int(np.diff(self.windows, axis=1).max())

    def spread(self, rows: np.ndarray) -> np.ndarray:
        """Values (..., J) of the rows as values (..., length) of positions.

        They are interpolated linearly between the centres; before the first centre and behind the last the nearest row's
        value holds, rows of one centre are averaged, and a position that no row sees gets 0.
        """
        order = np.argsort(self.centres, kind="stable")
        knots, first, counts = np.unique(self.centres[order], return_index=True, return_counts=True)
        values = np.add.reduceat(rows[..., order], first, axis=-1) / counts
        place = np.interp(np.arange(self.length), knots, np.arange(len(knots)))
        left = np.minimum(place.astype(int), max(len(knots) - 2, 0))
        right = np.minimum(left + 1, len(knots) - 1)
        share = np.where(right > left, place - left, 0)
        found = values[..., left] * (1 - share) + values[..., right] * share
        return np.where(self.seen, found, 0).astype(rows.dtype)

    @property
    def seen(self) -> np.ndarray:
        """Whether any row sees each position, (length,)."""
        changes = np.zeros(self.length + 1, int)
        some = self.ends > self.starts
        np.add.at(changes, self.starts[some], 1)
        np.add.at(changes, self.ends[some], -1)
        return np.cumsum(changes)[:-1] > 0


class Receptive:
    """The receptive fields of a program's values in input number ``place``, for inputs of ``shapes`` (batch left out).

    ``values`` are those asked for; what does not lead to them is not looked at.
    """

    def __init__(self, program: Program, values: list[Value], shapes: list[tuple[int, ...]], place: int = 0):
        self.program = replace(program, outputs=list(values)).pruned()
        self.source = program.inputs[place]
        try:
            self._facts = Facts(self.program, shapes)
            route = route_of(self.program, self.source, self._facts, inf)
        except _FAILURES as problem:
            told = " ".join(str(problem).split())[-200:]
            raise UnsupportedModel(
                f"receptive fields cannot be followed through this model ({told}); use deeplift or ism, which need none"
            ) from problem
        self._layout: Layout = route.layout
        self._actions = [action for _, action in route.steps if action is not None]

    def shape(self, value: Value) -> tuple[int, ...]:
        """Of a batch of :data:`~genolift.engine.windows.reach.ROWS`."""
        return self._facts.shapes[value]

    def knows(self, value: Value) -> bool:
        """Whether the value has rows, each of which sees a stretch of the input, and channels behind them."""
        reach = self._layout.reaches.get(value)
        return reach is not None and 0 < reach.axis < len(self.shape(value)) - 1

    def rows(self, value: Value) -> int:
        """How many rows a known value has."""
        return self._layout.reaches[value].length

    def channels(self, value: Value) -> int:
        """How many numbers each row of a known value has."""
        return int(np.prod(self.shape(value)[1:])) // self.rows(value)

    def __call__(self, value: Value) -> Fields:
        """The fields of a value that :meth:`knows` knows."""
        reach, length = self._layout.reaches[value], self._layout.reaches[self.source].length
        starts, ends = self._read(value, cut=True)
        empty = ends <= starts
        starts, ends = np.where(empty, 0, starts), np.where(empty, 0, ends)
        return Fields(reach.axis, length, starts, ends, np.stack(self._read(value, cut=False), axis=1))

    def averages(self, step: Step) -> bool:
        """Whether a step takes the mean over all rows of what it reads."""
        for action in self._actions:
            if action.step is step:
                if isinstance(action, Averages):
                    rows = self._layout.reaches[step.inputs[0]].length
                    return action.slide.length == 1 and int(action.counts[0]) == rows
                return isinstance(action, Collapse) and operation(step.op).reduces == "mean"
        return False

    def _read(self, value: Value, cut: bool) -> tuple[np.ndarray, np.ndarray]:
        """First position and the one after the last that each row reads; ``cut`` leaves out what is not there."""
        rows = np.arange(self.rows(value))
        found = {value: (rows, rows + 1)}
        for action in reversed(self._actions):
            for output in action.step.outputs:
                if output not in found or output is self.source:
                    continue
                for source, starts, ends in _sources(action, *found[output], self._layout):
                    if cut:
                        starts, ends = np.maximum(starts, 0), np.minimum(ends, self._layout.reaches[source].length)
                    found[source] = _hull(found.get(source), starts, ends)
        return found[self.source]


def _hull(known, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What either sees, from the first to the last; what is empty stays so, however it is moved later."""
    starts, ends = np.where(ends > starts, starts, _FAR), np.where(ends > starts, ends, -_FAR)
    return (starts, ends) if known is None else (np.minimum(known[0], starts), np.maximum(known[1], ends))


def _sources(action: Action, starts: np.ndarray, ends: np.ndarray, layout: Layout):
    """The inputs that rows ``starts`` to ``ends`` of an action's output are made of, with the rows of each."""
    if isinstance(action, Join):
        for source, offset in zip(action.step.inputs[:-1], action.offsets, strict=True):
            if source in layout.reaches:
                size = layout.reaches[source].length
                yield source, np.maximum(starts - offset, 0), np.minimum(ends - offset, size)
        return
    for source in layout.changed(action.step):
        yield source, *_back(action, starts, ends, layout.reaches[source])


def _back(action: Action, starts, ends, inner) -> tuple[np.ndarray, np.ndarray]:
    """The rows of an input with reach ``inner`` from those of the output."""
    outer = action.reaches[0]
    if isinstance(action, Sliding):
        slide = action.slide
        return starts * slide.stride - slide.before, (ends - 1) * slide.stride - slide.before + slide.extent
    if isinstance(action, View):
        factor = outer.length // inner.length
        return starts // factor, -(-ends // factor)
    if isinstance(action, Shift):
        by = int(outer.starts[0] - inner.starts[0])
        return starts - by, ends - by
    if isinstance(action, Rowwise) and not np.array_equal(outer.starts, action.inner.starts):  # turned round
        return inner.length - ends, inner.length - starts
    return starts, ends
