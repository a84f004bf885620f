"""Relevance through loops: recurrent layers, turn by turn from the last to the first (Arras et al. 2017).

What the body hands on to the next turn, and what it writes into lists, is where relevance enters a turn; what it was handed
and what it reads from lists is where relevance leaves it. Gates take nothing and signals all, by the rule of products.
"""

from __future__ import annotations

from copy import copy

from genolift.engine.program import Program, Step, Value
from genolift.engine.relevance.propagation import RelevancePropagation
from genolift.engine.relevance.rules import Relevance
from genolift.engine.walk.pairs import Pairs
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


class LoopRelevance(RelevancePropagation):
    """The walk back through a loop's body; ``from_input`` are values outside that the explained inputs became."""

    def __init__(self, step: Step, from_input: set[Value], rule_of, outer: RelevancePropagation):
        self.step, self.loop = step, step.payload
        self.epsilon, self.positive_sums = outer.epsilon, outer.positive_sums
        fused = self.loop.walk
        used = {value for inner in fused for value in inner.inputs} | set(self.loop.targets)
        places = {value: place for place, value in self.loop.fixed}
        self.carried = [c for c in self.loop.carried if c.before.active]
        self.fixed = [(place, value) for place, value in self.loop.fixed if value.active and value in used]
        self.reads = [
            (read, step.inputs[places[read.inputs[0]]])
            for read in self.loop.reads
            if read.output.active and read.output in used
        ]
        inputs = [read.output for read, sequence in self.reads if sequence in from_input]
        inputs += [value for place, value in self.fixed if step.inputs[place] in from_input]
        self._lay_out(Program(self.loop.body.steps, inputs, [], [], []), fused, set(self.loop.targets), rule_of)
        bounded = next((neurons for neurons, rule in self.rules.items() if rule.bounded), None)
        if bounded is not None:
            raise UnsupportedModel(
                f"{bounded.step.where} reads the input inside a loop, where its bounds are not followed; give that layer "
                "another rule than z^B, or use lrp-epsilon"
            )

    def __call__(self, flows: list, pairs: Pairs) -> dict[Value, Relevance]:
        """Relevance of the loop's inputs from that of its outputs; both parts of it go from turn to turn."""
        outputs, count = self.step.outputs, len(self.loop.carried)
        given = {
            value: _parts(flow, pairs.x(value)) for value, flow in zip(outputs, flows, strict=True) if flow is not None
        }
        record, _ = pairs.records(self.step)
        written = zip(self.loop.written, outputs[count:], strict=True)
        lists = [(w, given[value]) for w, value in written if value in given and w.item.active]
        last = [value for carried, value in zip(self.loop.carried, outputs, strict=False) if carried.before.active]
        states = [given.get(value) or _parts(None, pairs.x(value)) for value in last]
        totals = [_parts(None, pairs.x(self.step.inputs[place])) for place, _ in self.fixed]
        arrays = [[self._array(read, record.turns) for _ in range(2)] for read, _ in self.reads]
        indices = [tf.TensorArray(tf.int32, record.turns, element_shape=[]) for _ in self.reads]
        # A list's element is what was written to it last, so going back only the first write met has a say.
        free = [tf.ones([tf.shape(parts[0])[0]], parts[0].dtype) for _, parts in lists]
        started = [states, totals]

        def turn_back(turn, states, free, totals, arrays, indices):
            turn = turn - 1
            inner = self._at(turn, record, pairs)
            seeds: dict[Value, Relevance] = {}
            for carried, parts in zip(self.carried, states, strict=True):
                if carried.after.active:
                    _add(seeds, carried.after, Relevance(*parts))
            free = [_seed_list(seeds, inner, *pair, left) for pair, left in zip(lists, free, strict=True)]
            found = self.walk_back(seeds, inner)
            states = [_parts(found.get(c.before), inner.x(c.before)) for c in self.carried]
            more = [_parts(found.get(value), inner.x(value)) for _, value in self.fixed]
            totals = [[r + s for r, s in zip(*both, strict=True)] for both in zip(totals, more, strict=True)]
            reads = [_parts(found.get(read.output), inner.x(read.output)) for read, _ in self.reads]
            arrays = [
                [array.write(turn, part) for array, part in zip(*both, strict=True)]
                for both in zip(arrays, reads, strict=True)
            ]
            at = [tf.cast(inner.aux(read.inputs[1]), tf.int32) for read, _ in self.reads]
            indices = [array.write(turn, index) for array, index in zip(indices, at, strict=True)]
            states, totals = tf.nest.map_structure(_shaped, [states, totals], started)
            return turn, states, free, totals, arrays, indices

        _, states, _, totals, arrays, indices = tf.while_loop(
            lambda turn, *rest: turn > 0, turn_back, [record.turns, states, free, totals, arrays, indices]
        )
        found: dict[Value, Relevance] = {}
        for carried, parts in zip(self.carried, states, strict=True):
            _add(found, self.step.inputs[carried.place], Relevance(*parts))
        for (place, _), parts in zip(self.fixed, totals, strict=True):
            _add(found, self.step.inputs[place], Relevance(*parts))
        for (_, sequence), both, index in zip(self.reads, arrays, indices, strict=True):
            length = tf.shape(pairs.x(sequence))[0]
            parts = [tf.math.unsorted_segment_sum(array.stack(), index.stack(), length) for array in both]
            _add(found, sequence, Relevance(*parts))
        return {value: flow for value, flow in found.items() if value.active}

    def _at(self, turn, record, pairs: Pairs) -> Pairs:
        """The body's values at one turn."""
        inner = copy(pairs)
        inner.program, inner.shared = self.program, False
        inner._x = inner._ref = self.loop.at_turn(record, turn, inner.precision)
        inner._aux = {}
        return inner

    @staticmethod
    def _array(read: Step, turns):
        shape = tf.TensorShape(read.output.shape)
        return tf.TensorArray(read.output.dtype, turns, infer_shape=False, element_shape=shape)


def _seed_list(seeds: dict, inner: Pairs, written, parts: list, free):
    """What flows into the element written this turn; ``free`` are the elements not met yet."""
    index = tf.cast(inner.aux(written.index), tf.int32)
    first = tf.gather(free, index)
    _add(seeds, written.item, Relevance(*[tf.gather(part, index) * first for part in parts]))
    return tf.ensure_shape(tf.tensor_scatter_nd_update(free, [[index]], tf.zeros([1], free.dtype)), free.shape)


def _add(flows: dict[Value, Relevance], value: Value, flow: Relevance) -> None:
    flows[value] = flows[value] + flow if value in flows else flow


def _parts(flow: Relevance | None, x) -> list:
    """Relevance per unit of a value that is ``x``, and apart from it; zeros for none."""
    parts = (None, None) if flow is None else (flow.per_unit, flow.apart)
    return [tf.zeros_like(x) if part is None else part for part in parts]


def _shaped(tensor, like):
    """Loop variables keep the static shapes they began with."""
    return tf.ensure_shape(tensor, like.shape)
