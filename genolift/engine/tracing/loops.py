"""Loops over time as steps: a recurrent layer's body is a program of its own, traced once and run at every turn.

TensorFlow runs such a layer as a ``While`` operation whose sequences go in and out as lists of tensors. Here a list is
one dense tensor with time in front, and the ``Loop`` step knows which of its variables are carried from turn to turn,
which stay the same, and which lists the body reads from and writes to, and at which index.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from genolift.engine.operations.native import at_precision
from genolift.engine.operations.regions import fuse
from genolift.engine.operations.steps import switch_refusal, switches
from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Program, Step, Value, ancestors
from genolift.engine.running.run import run_step
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


@dataclass
class Carried:
    """A variable that the body changes: its start is input ``place`` of the step."""

    place: int
    before: Value
    after: Value


@dataclass
class Written:
    """A list that the body writes ``item`` into at ``index``; its length is input ``place`` of the step."""

    place: int
    item: Value
    index: Value
    grows: bool


@dataclass
class Record:
    """A loop that ran: its number of turns, the carried variables before each, and what stayed the same."""

    turns: object
    states: list
    known: dict


@dataclass(eq=False)
class Loop:
    """The payload of a ``Loop`` step, whose outputs are the carried variables' last values, then the written lists."""

    body: Program
    condition: Program
    carried: list[Carried] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    fixed: list[tuple[int, Value]] = field(default_factory=list)  # place among the step's inputs, value in the body
    tested: list[tuple[Value, Value]] = field(default_factory=list)  # value in the condition, the same in the body
    _walk: list[Step] | None = None

    # Dependence

    def mark(self, step: Step, mark) -> None:
        """Set the dependence of everything inside, and of each output, from that of the step's inputs."""
        level = {value: _varying(step.inputs[place].dependence) for place, value in self.fixed}
        level.update((c.before, _varying(step.inputs[c.place].dependence)) for c in self.carried)
        while True:
            mark(self.body, level)
            risen = {c.before: max(level[c.before], c.after.dependence) for c in self.carried}
            if all(level[value] == reached for value, reached in risen.items()):
                break
            level.update(risen)
        mark(self.condition, {value: level[inside] for value, inside in self.tested})
        lists = [_varying(max(w.item.dependence, step.inputs[w.place].dependence)) for w in self.written]
        step.slots = [level[c.before] for c in self.carried] + lists
        step.dependence = max(step.slots, default=Dependence.CONSTANT)
        if step.dependence == Dependence.ACTIVE:
            self._refuse_data_dependence(step)

    def _refuse_data_dependence(self, step: Step) -> None:
        if self.condition.outputs[0].dependence >= Dependence.DISCRETE:
            raise UnsupportedModel(
                f"{step.where} stops when a value computed from the explained input says so, so the sequence and its "
                "reference may take different numbers of turns; explain a model whose loops run over the length"
            )
        indices = [w.index for w in self.written] + [read.inputs[1] for read in self.reads]
        if any(index.dependence >= Dependence.DISCRETE for index in indices):
            raise UnsupportedModel(
                f"{step.where} chooses positions of a sequence by values computed from the explained input, which has "
                "no linear rule; explain a model whose loops run over the length in a fixed order"
            )

    # Structure

    @property
    def reads(self) -> list[Step]:
        """The body's reads of lists that stay the same."""
        fixed = {value for _, value in self.fixed}
        return [s for s in self.body.steps if s.op == "TensorListGetItem" and s.inputs[0] in fixed]

    @property
    def targets(self) -> list[Value]:
        """The active values that a turn hands on."""
        ends = [c.after for c in self.carried if c.before.active] + [w.item for w in self.written]
        return [value for value in dict.fromkeys(ends) if value.active]

    @property
    def walk(self) -> list[Step]:
        """The body's fused steps that importance walks, its inputs and the reads of its sequences left out."""
        if self._walk is None:
            steps = fuse(self.body, self.targets)
            ends = set(self.reads)
            self._walk = [step for step in steps if step.op != "Input" and step not in ends]
            for step in self._walk:
                if any(_compares(value) for value in switches(step)):
                    raise switch_refusal(step)
        return self._walk

    @property
    def active_values(self) -> list[Value]:
        """Every active value inside, loops within the body included, but for sequences that are only read from."""
        reads = set(self.reads)
        others = {value for step in self.body.steps if step not in reads for value in step.inputs}
        read_only = {read.inputs[0] for read in reads} - others
        found = []
        for step in self.body.active_steps:
            found.extend(value for value in step.outputs if value.active and value not in read_only)
            if step.op == "Loop":
                found.extend(step.payload.active_values)
        return found

    # Running

    def run(self, tensors: list, precision, record: bool = False) -> tuple[list, Record | None]:
        """The step's outputs for ``tensors``; the record of its turns where asked for."""
        known = {value: tensors[place] for place, value in self.fixed}
        self._hoist(known, precision)
        kept = [self._array(c.before, precision) for c in self.carried] if record else []
        lists = [self._array(w.item, precision, tensors[w.place], w.grows) for w in self.written]

        def proceed(turn, variables, kept, lists):
            values = {**known, **{c.before: v for c, v in zip(self.carried, variables, strict=True)}}
            values.update((inside, values[body]) for inside, body in self.tested if body in values)
            for step in self.condition.steps:
                if step.op != "Input":
                    run_step(step, values, precision)
            return values[self.condition.outputs[0]]

        def advance(turn, variables, kept, lists):
            values = {**known, **{c.before: v for c, v in zip(self.carried, variables, strict=True)}}
            self._turn(values, precision)
            after = [tf.ensure_shape(values[c.after], c.before.shape) for c in self.carried]
            kept = [array.write(turn, v) for array, v in zip(kept, variables, strict=True)] if record else []
            lists = [a.write(values[w.index], values[w.item]) for a, w in zip(lists, self.written, strict=True)]
            return turn + 1, after, kept, lists

        start = [tensors[c.place] for c in self.carried]
        shapes = [tf.TensorShape(c.before.shape) for c in self.carried]
        arrays = [[tf.TensorShape(None)] * len(group) for group in (kept, lists)]
        turns, last, kept, lists = tf.while_loop(
            proceed, advance, [tf.constant(0), start, kept, lists], [tf.TensorShape([]), shapes, *arrays]
        )
        stacked = []
        for array, w in zip(lists, self.written, strict=True):
            dense = array.stack()
            dense.set_shape([None, *w.item.shape] if w.item.shape is not None else None)
            stacked.append(dense)
        return [*last, *stacked], Record(turns, kept, known) if record else None

    def at_turn(self, record: Record, turn, precision) -> dict:
        """Every value of the body at a recorded turn."""
        values = dict(record.known)
        values.update((c.before, array.read(turn)) for c, array in zip(self.carried, record.states, strict=True))
        self._turn(values, precision, record=True)
        return values

    def last_turn(self, record: Record, precision=tf.float32) -> dict:
        """Every value at the last turn, loops within the body included."""
        values = self.at_turn(record, record.turns - 1, precision)
        for step in self.body.active_steps:
            if step.op == "Loop":
                values.update(step.payload.last_turn(values[step], precision))
        return values

    def kept_bytes(self, record: Record, values: dict):
        """What the record of the turns holds, read off the ``values`` of one turn."""
        sizes = [tf.size(values[c.before], tf.int64) * values[c.before].dtype.size for c in self.carried]
        return tf.cast(record.turns, tf.int64) * sum(sizes, tf.constant(0, tf.int64))

    def _turn(self, values: dict, precision, record: bool = False) -> None:
        for step in self.body.steps:
            if step.op != "Input" and not (step.outputs and step.outputs[0] in values):
                run_step(step, values, precision, record)

    def _hoist(self, values: dict, precision) -> None:
        """What is made of the variables alone, once before the loop; other constants stay inside, where TensorFlow
        can read shapes and axes off them."""
        constant: dict = {}
        lifted: set[Step] = set()
        for step in self.body.steps:
            if step.dependence != Dependence.CONSTANT or step.op == "Input":
                continue
            run_step(step, constant, precision)
            if operation(step.op).variable or any(value.step in lifted for value in step.inputs):
                lifted.add(step)
                values.update((value, constant[value]) for value in step.outputs)

    @staticmethod
    def _array(value: Value, precision, size=None, grows: bool = False):
        kind = at_precision(tf.as_dtype(value.dtype), precision)
        shape = tf.TensorShape(value.shape)
        if size is None:
            return tf.TensorArray(
                kind, 0, dynamic_size=True, clear_after_read=False, infer_shape=False, element_shape=shape
            )
        return tf.TensorArray(kind, size, dynamic_size=grows, infer_shape=False, element_shape=shape)


def _compares(value: Value) -> bool:
    """Whether a discrete value is made of active ones within the body, so that nobody else looks at it."""
    made_of = ancestors(value.step.inputs, stop=lambda value: value.dependence != Dependence.DISCRETE)
    return any(value.active for value in made_of)


def _varying(level: Dependence) -> Dependence:
    """Inside a loop nothing that comes from outside is a constant, for counters and batches."""
    return max(level, Dependence.SHAPE)
