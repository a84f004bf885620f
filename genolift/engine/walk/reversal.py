"""The walk back through a loop, from the last turn of its body to the first, whatever it is that flows back.

Something flows into a turn through what the body hands on to the next turn and what it writes into lists. It leaves the
turn through what the body was handed and what it reads. :class:`Reversal` takes it from turn to turn. How the body
itself is walked back is up to the caller: by the rules for multipliers (:mod:`~genolift.engine.walk.unwind`) or by
those for relevance (:mod:`~genolift.engine.relevance.backward`).
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

from genolift.engine.program import Step, Value
from genolift.engine.tracing.loops import WrittenList
from genolift.engine.walk.pairs import Pairs
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

#: What flows back into one value. These are tensors of the value's shape, and every value has the same number of them.
Parts: TypeAlias = list[Tensor]
#: The notes: tensors by name that go from turn to turn beside what flows. Each keeps its shape.
Noted: TypeAlias = dict[str, Tensor]


class Turn(Protocol):
    """One turn of a loop's body, walked back."""

    def __call__(self, pairs: Pairs, seeds: dict[Value, Parts], noted: Noted) -> tuple[list[Parts], Noted]:
        """Return what leaves the turn through each of the reversal's ``ways``, and the notes brought up to date.

        Parameters
        ----------
        pairs : Pairs
            The two sides of the body at this turn.
        seeds : dict of Value to Parts
            What flows into values of the body.
        noted : Noted
            The notes of the turns that ran later.
        """
        ...


class Reversal:
    """The way back through a ``Loop`` step.

    The list ``ways`` holds the values of the body through which something leaves a turn. First come the variables that
    the body changes, then those that stay the same, then the elements that are read from lists.

    Parameters
    ----------
    step : Step
        The loop.
    parts : int
        How many tensors flow back into each value.
    """

    def __init__(self, step: Step, parts: int):
        self.step, self.loop, self.parts = step, step.payload, parts
        used = {value for inner in self.loop.walk for value in inner.inputs} | set(self.loop.targets)
        self.carried = [c for c in self.loop.carried if c.before.active]
        self.fixed = [(place, value) for place, value in self.loop.fixed if value.active and value in used]
        self.reads = [read for read in self.loop.reads if read.output.active and read.output in used]
        self.ways = [c.before for c in self.carried] + [value for _, value in self.fixed]
        self.ways += [read.output for read in self.reads]

    @property
    def outside(self) -> dict[Value, Value]:
        """The input of the loop that each of the ways comes from, for those that stay the same at every turn."""
        places = {value: place for place, value in self.loop.fixed}
        elements = {read.output: self.step.inputs[places[read.inputs[0]]] for read in self.reads}
        return elements | {value: self.step.inputs[place] for place, value in self.fixed}

    def __call__(
        self, given: dict[Value, Parts], pairs: Pairs, walk_back: Turn, noted: Noted
    ) -> tuple[dict[Value, Parts], Noted]:
        """Return what flows into the loop's inputs, and the notes in the end.

        Parameters
        ----------
        given : dict of Value to Parts
            What flows into the loop's outputs. Nothing flows into an output that is missing.
        pairs : Pairs
            The two sides outside the loop.
        walk_back : Turn
            The function that walks one turn back.
        noted : Noted
            The notes before the last turn, which is the first that is walked back.
        """
        turns, lists = pairs.turns(self.step), self._lists(given)
        last = zip(self.loop.carried, self.step.outputs, strict=False)
        states = [given.get(value) or self._nothing(pairs, value) for c, value in last if c.before.active]
        totals = [self._nothing(pairs, self.step.inputs[place]) for place, _ in self.fixed]
        arrays = [[self._array(read, pairs, turns) for _ in range(self.parts)] for read in self.reads]
        indices = [tf.TensorArray(tf.int32, turns, element_shape=[]) for _ in self.reads]
        # An element of a list holds what was written last, so on the way back only the first write that is met counts.
        free = [tf.ones([tf.shape(parts[0])[0]], parts[0].dtype) for _, parts in lists]
        begun = [states, totals, noted]

        def turn_back(turn, states, free, totals, arrays, indices, noted):
            turn = turn - 1
            inner = pairs.at_turn(self.step, turn)
            seeds: dict[Value, Parts] = {}
            for c, parts in zip(self.carried, states, strict=True):
                if c.after.active:
                    _add(seeds, c.after, parts)
            free = [_seed(seeds, inner, *pair, left) for pair, left in zip(lists, free, strict=True)]
            leaving, noted = walk_back(inner, seeds, noted)
            k, f = len(self.carried), len(self.fixed)
            states, more, elements = leaving[:k], leaving[k : k + f], leaving[k + f :]
            totals = [_sum(*both) for both in zip(totals, more, strict=True)]
            arrays = [
                [array.write(turn, part) for array, part in zip(*both, strict=True)]
                for both in zip(arrays, elements, strict=True)
            ]
            at = [_index(inner, read.inputs[1]) for read in self.reads]
            indices = [array.write(turn, index) for array, index in zip(indices, at, strict=True)]
            # TensorFlow requires that loop variables keep their static shapes.
            states, totals, noted = tf.nest.map_structure(
                lambda tensor, like: tf.ensure_shape(tensor, like.shape), [states, totals, noted], begun
            )
            return turn, states, free, totals, arrays, indices, noted

        _, states, _, totals, arrays, indices, noted = tf.while_loop(
            lambda turn, *rest: turn > 0, turn_back, [turns, states, free, totals, arrays, indices, noted]
        )
        return self._arriving(pairs, states, totals, arrays, indices), noted

    def _lists(self, given: dict[Value, Parts]) -> list[tuple[WrittenList, Parts]]:
        """Return the lists that the body writes, with what flows into each."""
        outputs = zip(self.loop.written, self.step.outputs[len(self.loop.carried) :], strict=True)
        return [(written, given[value]) for written, value in outputs if value in given and written.item.active]

    def _nothing(self, pairs: Pairs, value: Value) -> Parts:
        return [tf.zeros_like(pairs.stand_in(value)) for _ in range(self.parts)]

    @staticmethod
    def _array(read: Step, pairs: Pairs, turns: Tensor) -> Tensor:
        shape = tf.TensorShape(read.output.shape)
        return tf.TensorArray(pairs.precision, turns, infer_shape=False, element_shape=shape)

    def _arriving(self, pairs: Pairs, states: list, totals: list, arrays: list, indices: list) -> dict[Value, Parts]:
        """Return, for each input of the loop, what left the first turn and what all turns sent to what they read."""
        arriving: dict[Value, Parts] = {}
        for c, parts in zip(self.carried, states, strict=True):
            _add(arriving, self.step.inputs[c.place], parts)
        for (place, _), parts in zip(self.fixed, totals, strict=True):
            _add(arriving, self.step.inputs[place], parts)
        outside = self.outside
        for read, both, index in zip(self.reads, arrays, indices, strict=True):
            sequence, index = outside[read.output], index.stack()
            length = tf.shape(pairs.stand_in(sequence))[0]
            _add(arriving, sequence, [tf.math.unsorted_segment_sum(array.stack(), index, length) for array in both])
        return {value: parts for value, parts in arriving.items() if value.active}


def _seed(seeds: dict[Value, Parts], inner: Pairs, written: WrittenList, parts: Parts, free: Tensor) -> Tensor:
    """Add what flows into the element that a turn writes, and return which elements have not been met after that."""
    index = _index(inner, written.index)
    first = tf.gather(free, index)
    _add(seeds, written.item, [tf.gather(part, index) * first for part in parts])
    return tf.ensure_shape(tf.tensor_scatter_nd_update(free, [[index]], tf.zeros([1], free.dtype)), free.shape)


def _index(inner: Pairs, value: Value) -> Tensor:
    return tf.cast(inner.aux(value), tf.int32)


def _sum(one: Parts, other: Parts) -> Parts:
    return [a + b for a, b in zip(one, other, strict=True)]


def _add(flows: dict[Value, Parts], value: Value, parts: Parts) -> None:
    flows[value] = _sum(flows[value], parts) if value in flows else parts
