"""The positions of the sequence that each key of an attention was made of.

Where receptive fields are known, they are used. Beyond that, one row at a time is changed in a run, and the keys that
change with it are noted. In such a run every earlier attention looks only at its own row, because a token keeps its
place in the sequence however often it has looked at others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from genolift.engine.hidden.attention import Attention
from genolift.engine.program import Dependence, Program, Step, Value, ancestors
from genolift.engine.running.run import constants, run_step
from genolift.engine.windows.receptive import Receptive
from genolift.support.errors import UnsupportedModel
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import compiled, quiet_tensorflow

tf = quiet_tensorflow()

# The number of rows that are changed in one run, and of runs for each row, because a rectifier may pass nothing in one.
_AT_ONCE, _RUNS = 64, 2
# Changes below these shares, of the largest change and of the number that changes, count as none.
_FAINT, _ROUNDING = 1e-4, 1e-6


@dataclass(frozen=True, eq=False)
class Tokens:
    """The positions that each key of an attention sees.

    Parameters
    ----------
    place : int
        The place of the input that they are positions of, among the program's inputs.
    length : int
        The length of that input.
    starts, ends : np.ndarray
        The first position that each key sees, and the one after the last, (keys,). They are equal if a key sees none.
    asks : bool
        Whether every query whose positions are known is made of the same positions as its key, as in self-attention.
    pools : bool
        Whether the queries are other than the keys, and none of them is made of another input or of positions that no
        key sees.
    """

    place: int
    length: int
    starts: np.ndarray
    ends: np.ndarray
    asks: bool
    pools: bool

    def spread(self, weights: np.ndarray) -> np.ndarray:
        """Return weights (..., keys) as (..., length), where a key's weight is divided evenly among its positions."""
        sizes = self.ends - self.starts
        share = np.where(sizes > 0, weights / np.maximum(sizes, 1), 0)
        steps = np.zeros((*weights.shape[:-1], self.length + 1))
        for key in np.flatnonzero(sizes):
            steps[..., self.starts[key]] += share[..., key]
            steps[..., self.ends[key]] -= share[..., key]
        return np.cumsum(steps, axis=-1)[..., :-1].astype(np.float32)

    def same(self, other: Tokens) -> bool:
        """Return whether the keys see the same positions of the same input."""
        return self.place == other.place and all(
            np.array_equal(a, b) for a, b in ((self.starts, other.starts), (self.ends, other.ends))
        )


def tokens(
    program: Program,
    attention: Attention,
    others: list[Attention],
    shapes: list[tuple[int, ...]],
    places: list[int],
) -> Tokens:
    """Return the positions that the keys of an attention see.

    Parameters
    ----------
    program : Program
        The traced model.
    attention : Attention
        The attention.
    others : list of Attention
        All attentions of the program.
    shapes : list of tuple of int
        The shapes of the inputs without the batch.
    places : list of int
        The places of the inputs that are sequences. The first of them that the keys are made of is taken.

    Raises
    ------
    UnsupportedModel
        If the keys do not each stand for a stretch of their own of an input.
    """
    for place in places:
        wanted = [attention.values, attention.softmax.inputs[0]]
        receptive = Receptive(program, wanted, shapes, place)
        elsewhere = {program.inputs[i] for i in places if i != place}
        keys = _Follower(receptive, others, shapes, elsewhere).tokens(attention, place)
        if keys is not None:
            return keys
    raise UnsupportedModel(
        f"layer {attention.name!r} attends to {attention.keys} keys that do not each stand for a stretch of the "
        "sequence of their own (recurrent layers or pooling over everything before it, perhaps); use deeplift or "
        "integrated-gradients"
    )


class _Follower:
    """The way of rows with known receptive fields to the keys and queries of an attention.

    The set ``elsewhere`` holds the other inputs that are sequences.
    """

    def __init__(
        self, receptive: Receptive, attentions: list[Attention], shapes: list[tuple[int, ...]], elsewhere: set[Value]
    ):
        self.receptive, self.program, self.shapes = receptive, receptive.program, shapes
        self.elsewhere = elsewhere
        self.squares = {one.softmax: one for one in attentions if one.square}

    def tokens(self, attention: Attention, place: int) -> Tokens | None:
        """Return the positions of input number ``place`` that the keys see, or None if they cannot be told."""
        rest = self.receptive.shape(attention.values)[1:]

        def per_key(apart):  # The heads may stand with the batch here.
            apart = apart.reshape(len(apart), -1, *rest)
            return apart.any(axis=tuple(i for i in range(1, apart.ndim) if i != attention.axis + 1))

        seen = self._seen(attention.values, per_key, attention.keys, single=True)
        if seen is None or not (seen[1] > seen[0]).any() or self._mixes_sequences(attention.values):
            return None
        starts, ends = own = np.stack(seen)
        told, asked = self._asked(attention)
        square = attention.square and bool(told.any() and np.array_equal(asked[:, told], own[:, told]))
        fields = set(zip(starts.tolist(), ends.tolist(), strict=True))
        among = fields.issuperset(map(tuple, asked[:, told].T.tolist()))
        pools = not attention.square and among and not self._mixes_sequences(attention.softmax.inputs[0])
        return Tokens(place, self.shapes[place][0], starts, ends, square, pools)

    def _asked(self, attention: Attention) -> tuple[np.ndarray, np.ndarray]:
        """Return which queries (queries,) are made of some positions, and of which, (2, queries).

        The positions are given as the first and the one after the last.
        """

        # A row of weights changes as a whole if its query does, and otherwise in one column.
        def per_query(apart):
            apart = apart.reshape(len(apart), attention.heads, attention.queries, attention.keys)
            return apart.any(1).sum(-1) > 1

        seen = self._seen(attention.softmax.inputs[0], per_query, attention.queries, single=False)
        asked = np.zeros((2, attention.queries), int) if seen is None else np.stack(seen)
        return asked[1] > asked[0], asked

    def _seen(self, wanted: Value, per, count: int, single: bool) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the positions that each of ``count`` parts of ``wanted`` is made of, as first and one after the last.

        The result is None if they cannot be told or, with ``single``, if a row is part of several.
        """
        known = self._sources(wanted)
        if not known:
            return None
        starts, ends = np.full(count, np.iinfo(int).max), np.zeros(count, int)
        for value in known:
            changed, fields = self._changed(value, known, wanted, per, count), self.receptive(value)
            if single and (changed.sum(1) > 1).any():
                return None
            for row, part in np.argwhere(changed):
                if fields.ends[row] > fields.starts[row]:
                    starts[part], ends[part] = min(starts[part], fields.starts[row]), max(ends[part], fields.ends[row])
        return np.where(ends > 0, starts, 0), ends

    def _sources(self, wanted: Value) -> list[Value]:
        """Return the last values on every way to ``wanted`` whose receptive fields are known."""
        return self._back(wanted, self.receptive.knows)

    def _mixes_sequences(self, wanted: Value) -> bool:
        """Return whether other sequences have a part in ``wanted``."""
        return bool(self._back(wanted, self.elsewhere.__contains__))

    def _back(self, wanted: Value, is_end: Callable[[Value], bool]) -> list[Value]:
        """Return the first values that end each way back from ``wanted``, none through the weights of attentions."""

        def ends(value: Value) -> bool:
            return value.active and is_end(value)

        def before(value: Value) -> list[Value]:
            return [] if value.step in self.squares else value.step.active_inputs

        return [value for value in ancestors([wanted], before, ends) if ends(value)]

    def _changed(self, value: Value, known: list[Value], wanted: Value, per, count: int) -> np.ndarray:
        """Return which parts (rows, count) of ``wanted`` change with each row of ``value``."""
        rows, axis = self.receptive.rows(value), self.receptive(value).axis
        at_once = min(_AT_ONCE, rows)
        run = self._compiled(known, wanted)
        rng = np.random.default_rng(0)
        sizes = [self.receptive.shape(one)[1:] for one in known]
        seen = np.zeros((rows, count), bool)
        for _ in range(_RUNS):
            inputs = [np.repeat(rng.uniform(0.05, 0.95, (1, *shape)), at_once + 1, 0) for shape in self.shapes]
            base = [np.repeat(rng.normal(size=(1, *size)), at_once + 1, 0) for size in sizes]
            other = rng.normal(size=sizes[known.index(value)])
            for first in range(0, rows, at_once):
                changed = np.arange(first, min(first + at_once, rows))
                given = [array.copy() for array in base]
                for copy, row in enumerate(changed, 1):
                    at: tuple[Any, ...] = (*[slice(None)] * (axis - 1), row)
                    given[known.index(value)][(copy, *at)] = other[at]
                with exact_float32:
                    array = run(_float32(inputs), _float32(given)).numpy()
                array = array.reshape(at_once + 1, -1)
                moved = np.abs(array[1:] - array[:1])
                # Masks make some numbers huge, so others count by how much they move.
                apart = (moved > _FAINT * moved.max()) & (moved > _ROUNDING * np.abs(array[:1]))
                seen[changed] |= per(apart)[: len(changed)]
        return seen

    def _compiled(self, known: list[Value], wanted: Value):
        """Return a compiled function from the program's inputs and the ``known`` values to the ``wanted``."""
        steps = self._between(known, wanted)

        def run(inputs, given):
            values = {**constants(self.program), **dict(zip(self.program.inputs, inputs, strict=True))}
            values |= dict(zip(known, given, strict=True))
            for step in steps:
                if step in self.squares:
                    logits = values[step.inputs[0]]
                    values[step.output] = tf.eye(self.squares[step].keys, dtype=logits.dtype) + tf.zeros_like(logits)
                else:
                    run_step(step, values, tf.float32)
            return values[wanted]

        return compiled(run)

    def _between(self, known: list[Value], wanted: Value) -> list[Step]:
        """Return the steps between the ``known`` values and ``wanted``, in running order."""
        given = {*known, *self.program.inputs}

        def is_there(value: Value) -> bool:
            return value in given or value.step.dependence == Dependence.CONSTANT

        needed = {value.step for value in ancestors([wanted], stop=is_there) if not is_there(value)}
        return [step for step in self.program.steps if step in needed]


def _float32(arrays: list[np.ndarray]) -> list:
    return [tf.constant(array, tf.float32) for array in arrays]
