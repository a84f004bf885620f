"""The rule of loops: the body's walk, turn by turn from the last to the first.

Inside a loop nonlinearities follow Rescale also where the method is RevealCancel: the two parts of a difference end at
the loop's outputs, as they do at a product.
"""

from __future__ import annotations

from copy import copy

from genolift.engine.program import Program, Step, Value
from genolift.engine.walk.pairs import Pairs
from genolift.engine.walk.propagate import Backward, Flow
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def unwind(step: Step, flows: list, back: Backward) -> dict:
    """Flows of a loop's inputs; exact wherever the body's rules are, whatever the number of turns."""
    return _Unwinding(step, back)(flows)


class _Unwinding:
    def __init__(self, step: Step, back: Backward):
        self.step, self.back, self.pairs, self.loop = step, back, back.pairs, step.payload
        self.walk = self.loop.walk
        used = {value for inner in self.walk for value in inner.inputs} | set(self.loop.targets)
        self.carried = [c for c in self.loop.carried if c.before.active]
        self.fixed = [(place, value) for place, value in self.loop.fixed if value.active and value in used]
        self.reads = [read for read in self.loop.reads if read.output.active and read.output in used]
        sources = [c.before for c in self.carried] + [value for _, value in self.fixed]
        sources += [read.output for read in self.reads]
        self.inside = Program(self.loop.body.steps, sources, [], [], [])
        self.record_x, self.record_ref = self.pairs.records(step)
        self.audited: list[Step] = []

    def __call__(self, flows: list) -> dict:
        outputs = self.step.outputs
        grads = {v: self.back.collapsed(f, v) for f, v in zip(flows, outputs, strict=True) if f is not None}
        count = len(self.loop.carried)
        written = zip(self.loop.written, outputs[count:], strict=True)
        lists = [(w, grads[value]) for w, value in written if value in grads and w.item.active]
        last = [value for carried, value in zip(self.loop.carried, outputs, strict=False) if carried.before.active]
        states = [grads.get(value, tf.zeros_like(self.pairs.stand_in(value))) for value in last]
        totals = [tf.zeros_like(self.pairs.stand_in(self.step.inputs[place])) for place, _ in self.fixed]
        turns = self.record_ref.turns
        arrays = [self._array(read, turns) for read in self.reads]
        indices = [tf.TensorArray(tf.int32, turns, element_shape=[]) for _ in self.reads]
        # A list's element is what was written to it last, so going back only the first write met has a say.
        free = [tf.ones([tf.shape(grad)[0]], grad.dtype) for _, grad in lists]
        start = totals
        worst = tf.zeros([_audits(self.walk), self.pairs.n * self.pairs.r], self.pairs.precision)

        def turn_back(turn, states, free, totals, arrays, indices, worst):
            turn = turn - 1
            inner = self._pairs_at(turn)
            seeds = self._seeds(states)
            free = [self._seed_list(seeds, inner, *pair, left) for pair, left in zip(lists, free, strict=True)]
            found, worst = self._walk_back(inner, seeds, worst)
            k, f = len(self.carried), len(self.fixed)
            totals = [total + more for total, more in zip(totals, found[k : k + f], strict=True)]
            arrays = [array.write(turn, m) for array, m in zip(arrays, found[k + f :], strict=True)]
            at = [tf.cast(inner.aux(read.inputs[1]), tf.int32) for read in self.reads]
            indices = [array.write(turn, index) for array, index in zip(indices, at, strict=True)]
            return turn, _shaped(found[:k], states), free, _shaped(totals, start), arrays, indices, worst

        _, states, _, totals, arrays, indices, worst = tf.while_loop(
            lambda turn, *rest: turn > 0, turn_back, [turns, states, free, totals, arrays, indices, worst]
        )
        if self.back.audit is not None:
            self.back.audit.extend((inner, worst[i]) for i, inner in enumerate(self.audited))
        return self._gathered(states, totals, arrays, indices)

    def _seeds(self, states) -> dict[Value, object]:
        seeds: dict[Value, object] = {}
        for carried, state in zip(self.carried, states, strict=True):
            if carried.after.active:
                _add(seeds, carried.after, state)
        return seeds

    @staticmethod
    def _seed_list(seeds, inner: Pairs, w, grad, free):
        """What flows into the element written this turn; ``free`` are the elements not met yet."""
        index = tf.cast(inner.aux(w.index), tf.int32)
        _add(seeds, w.item, tf.gather(grad, index) * tf.gather(free, index))
        return tf.ensure_shape(tf.tensor_scatter_nd_update(free, [[index]], tf.zeros([1], free.dtype)), free.shape)

    def _walk_back(self, inner: Pairs, seeds, worst):
        """One turn back: multipliers of what the body read, from those of what it handed on."""
        audit = None if self.back.audit is None else []
        back = Backward(inner, self.walk, self.back.rule_of, lambda inside: False)
        found = back.run(seeds, back.pairs.program.inputs, audit)
        if audit:
            self.audited = [inside for inside, _ in audit]
            now = tf.stack([imbalance for _, imbalance in audit])
            missing = worst.shape[0] - len(audit)
            worst = tf.ensure_shape(tf.maximum(worst, tf.pad(tf.abs(now), [[0, missing], [0, 0]])), worst.shape)
        return found, worst

    def _pairs_at(self, turn) -> Pairs:
        """The two sides of the body at one turn."""
        inner = copy(self.pairs)
        inner.program, inner.shared = self.inside, False
        inner._x = self.loop.at_turn(self.record_x, turn, inner.precision)
        inner._ref = self.loop.at_turn(self.record_ref, turn, inner.precision)
        inner._aux = {}
        inner.switches = None  # those within the body are refused, those from outside looked at there
        return inner

    def _array(self, read: Step, turns):
        shape = read.output.shape
        return tf.TensorArray(self.pairs.precision, turns, infer_shape=False, element_shape=tf.TensorShape(shape))

    def _gathered(self, states, totals, arrays, indices) -> dict:
        flows: dict[Value, object] = {}
        for carried, state in zip(self.carried, states, strict=True):
            _add(flows, self.step.inputs[carried.place], state)
        for (place, _), total in zip(self.fixed, totals, strict=True):
            _add(flows, self.step.inputs[place], total)
        places = {value: place for place, value in self.loop.fixed}
        for read, array, index in zip(self.reads, arrays, indices, strict=True):
            sequence = self.step.inputs[places[read.inputs[0]]]
            length = tf.shape(self.pairs.stand_in(sequence))[0]
            _add(flows, sequence, tf.math.unsorted_segment_sum(array.stack(), index.stack(), length))
        return {value: Flow(flow) for value, flow in flows.items() if value.active}


def _audits(walk: list[Step]) -> int:
    """How many steps an audit of the walk can name."""
    return sum(1 + (_audits(step.payload.walk) if step.op == "Loop" else 0) for step in walk)


def _shaped(tensors: list, like: list) -> list:
    """Loop variables keep the static shapes they began with."""
    return [tf.ensure_shape(tensor, other.shape) for tensor, other in zip(tensors, like, strict=True)]


def _add(flows: dict, value: Value, tensor) -> None:
    flows[value] = flows[value] + tensor if value in flows else tensor
