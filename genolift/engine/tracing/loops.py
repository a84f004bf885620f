"""Loops over time, whose body is a program of its own that is traced once and run at every turn.

TensorFlow runs a recurrent layer as a ``While`` operation, which reads and writes its sequences as lists of tensors.
Here a list is one dense tensor whose first axis is time, and the operation is a ``Loop`` step. The step's payload says
which variables are carried from turn to turn, which stay the same, and which lists the body reads and writes at which
index.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from genolift.engine.operations.native import at_precision
from genolift.engine.operations.regions import fuse
from genolift.engine.operations.steps import kind_of, switch_refusal, switches
from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Program, Step, Value, ancestors
from genolift.engine.running.run import run_step
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


@dataclass
class Carried:
    """A variable that the body changes.

    Parameters
    ----------
    place : int
        The place of its first value among the step's inputs.
    before, after : Value
        The variable before and after a turn, in the body.
    """

    place: int
    before: Value
    after: Value


@dataclass
class WrittenList:
    """A list that the body writes to.

    Parameters
    ----------
    place : int
        The place of the list's length among the step's inputs.
    item, index : Value
        What a turn writes and at which index, in the body.
    grows : bool
        Whether writing beyond the end makes the list longer.
    """

    place: int
    item: Value
    index: Value
    grows: bool


@dataclass
class LoopRecord:
    """The record of a loop that ran.

    Parameters
    ----------
    turns : Tensor
        The number of turns.
    states : list of TensorArray
        The values of each carried variable before every turn, and then those of each value that is recorded.
    known : dict
        The tensors of the values that stayed the same.
    """

    turns: Tensor
    states: list[Any]
    known: dict[Value, Tensor]


@dataclass(eq=False)
class WhileLoop:
    """The payload of a ``Loop`` step.

    The step's outputs are the last values of the carried variables, followed by the written lists.

    Parameters
    ----------
    body, condition : Program
        What a turn runs, and what says whether there is another turn.
    carried : list of Carried
        The variables that change from turn to turn.
    written : list of WrittenList
        The lists that the body writes to.
    fixed : list of (int, Value)
        What stays the same: the place among the step's inputs, and the value in the body.
    tested : list of (Value, Value)
        What the condition reads: the value in the condition, and the same value in the body.
    """

    body: Program
    condition: Program
    carried: list[Carried] = field(default_factory=list)
    written: list[WrittenList] = field(default_factory=list)
    fixed: list[tuple[int, Value]] = field(default_factory=list)
    tested: list[tuple[Value, Value]] = field(default_factory=list)
    _walk: list[Step] | None = None

    # Dependence

    def mark(self, step: Step, mark: Callable[[Program, dict[Value, Dependence]], Program]) -> None:
        """Set the dependence of everything inside, and of each output, from the dependence of the step's inputs.

        Parameters
        ----------
        step : Step
            The step that has this loop as its payload.
        mark : callable
            The function that sets the dependence of the steps of a program, given that of its inputs.

        Raises
        ------
        UnsupportedModel
            If the number of turns, or an index of a list, depends on the values of the explained inputs.
        """
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
        """The body's steps that read from lists that stay the same."""
        fixed = {value for _, value in self.fixed}
        return [s for s in self.body.steps if s.op == "TensorListGetItem" and s.inputs[0] in fixed]

    @property
    def targets(self) -> list[Value]:
        """The active values that a turn hands on to the next turn or to a list."""
        ends = [c.after for c in self.carried if c.before.active] + [w.item for w in self.written]
        return [value for value in dict.fromkeys(ends) if value.active]

    @property
    def walk(self) -> list[Step]:
        """The body's fused steps through which importance flows, without its inputs and the reads of its sequences."""
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
        """Every active value in the body and in loops within it, except for sequences that are only read from."""
        reads = set(self.reads)
        others = {value for step in self.body.steps if step not in reads for value in step.inputs}
        read_only = {read.inputs[0] for read in reads} - others
        values: list[Value] = []
        for step in self.body.active_steps:
            values.extend(value for value in step.outputs if value.active and value not in read_only)
            if step.op == "Loop":
                values.extend(step.payload.active_values)
        return values

    @cached_property
    def recorded(self) -> list[Value]:
        """The weighted sums that other steps of a turn read, so that the way back need not multiply matrices again."""
        others = [step for step in self.body.active_steps if not _sums(step)]
        read = dict.fromkeys(value for step in others for value in step.inputs if value.active)
        return [value for value in read if _sums(value.step) and _weighted(value)]

    @property
    def _kept(self) -> list[Value]:
        return [*(c.before for c in self.carried), *self.recorded]

    # Running

    def run(
        self, tensors: list[Tensor], precision: Any, record: bool = False
    ) -> tuple[list[Tensor], LoopRecord | None]:
        """Run the loop to its last turn.

        Parameters
        ----------
        tensors : list of Tensor
            The tensors of the step's inputs.
        precision : DType or None
            The type of floating-point tensors; None leaves their types as they are.
        record : bool
            Whether to record the turns. By default they are not recorded.

        Returns
        -------
        outputs : list of Tensor
            The tensors of the step's outputs.
        record : LoopRecord or None
            The record of the turns, if asked for.
        """
        known = {value: tensors[place] for place, value in self.fixed}
        self._hoist(known, precision)
        kept = [self._array(value, precision) for value in self._kept] if record else []
        lists = [self._array(w.item, precision, tensors[w.place], w.grows) for w in self.written]

        def proceed(turn: Tensor, variables: list[Tensor], kept: list[Any], lists: list[Any]) -> Tensor:
            values = {**known, **{c.before: v for c, v in zip(self.carried, variables, strict=True)}}
            values.update((inside, values[body]) for inside, body in self.tested if body in values)
            for step in self.condition.steps:
                if step.op != "Input":
                    run_step(step, values, precision)
            return values[self.condition.outputs[0]]

        def advance(turn: Tensor, variables: list[Tensor], kept: list[Any], lists: list[Any]) -> tuple[Any, ...]:
            values = {**known, **{c.before: v for c, v in zip(self.carried, variables, strict=True)}}
            self._turn(values, precision)
            after = [tf.ensure_shape(values[c.after], c.before.shape) for c in self.carried]
            kept = [array.write(turn, values[v]) for array, v in zip(kept, self._kept, strict=True)] if record else []
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
        return [*last, *stacked], LoopRecord(turns, kept, known) if record else None

    def at_turn(self, record: LoopRecord, turn: Tensor, precision: Any) -> dict[Any, Any]:
        """Return every value of the body at a recorded turn, and the records of the loops within it."""
        values: dict[Any, Any] = dict(record.known)
        values.update((value, array.read(turn)) for value, array in zip(self._kept, record.states, strict=True))
        self._turn(values, precision, record=True)
        return values

    def last_turn(self, record: LoopRecord, precision: Any = tf.float32) -> dict[Any, Any]:
        """Return every value at the last turn, those of loops within the body included."""
        values = self.at_turn(record, record.turns - 1, precision)
        for step in self.body.active_steps:
            if step.op == "Loop":
                values.update(step.payload.last_turn(values[step], precision))
        return values

    def kept_bytes(self, record: LoopRecord, values: dict[Any, Any]) -> Tensor:
        """Return how many bytes the record of the turns holds, from the sizes of the ``values`` of one turn."""
        sizes = [tf.size(values[value], tf.int64) * values[value].dtype.size for value in self._kept]
        return tf.cast(record.turns, tf.int64) * sum(sizes, tf.constant(0, tf.int64))

    def _turn(self, values: dict[Any, Any], precision: Any, record: bool = False) -> None:
        """Run the body once on ``values``, and add what it computes to them."""
        for step in self.body.steps:
            if step.op != "Input" and not (step.outputs and step.outputs[0] in values):
                run_step(step, values, precision, record)

    def _hoist(self, values: dict[Any, Any], precision: Any) -> None:
        """Compute what follows from the model's variables alone once before the loop, and add it to ``values``.

        Other constants stay inside, where TensorFlow can read shapes and axes from them.
        """
        constant: dict[Any, Any] = {}
        lifted: set[Step] = set()
        for step in self.body.steps:
            if step.dependence != Dependence.CONSTANT or step.op == "Input":
                continue
            run_step(step, constant, precision)
            if operation(step.op).variable or any(value.step in lifted for value in step.inputs):
                lifted.add(step)
                values.update((value, constant[value]) for value in step.outputs)

    @staticmethod
    def _array(value: Value, precision: Any, size: Tensor | None = None, grows: bool = False) -> Any:
        """Return an array of tensors like a value. Without a size it grows, and it can be read more than once."""
        kind = at_precision(tf.as_dtype(value.dtype), precision)
        shape = tf.TensorShape(value.shape)
        if size is None:
            return tf.TensorArray(
                kind, 0, dynamic_size=True, clear_after_read=False, infer_shape=False, element_shape=shape
            )
        return tf.TensorArray(kind, size, dynamic_size=grows, infer_shape=False, element_shape=shape)


def _sums(step: Step) -> bool:
    return kind_of(step) in ("passing", "weighted")


def _weighted(value: Value) -> bool:
    """Whether matrices or kernels are multiplied for a sum, rather than numbers that the steps before it give."""
    return any(kind_of(v.step) == "weighted" for v in ancestors([value], stop=lambda v: not _sums(v.step)))


def _compares(value: Value) -> bool:
    """Whether a discrete value is made of active ones within the body, where nothing else checks such a switch."""
    made_of = ancestors(value.step.inputs, stop=lambda value: value.dependence != Dependence.DISCRETE)
    return any(value.active for value in made_of)


def _varying(level: Dependence) -> Dependence:
    """Return the dependence that a value from outside has inside a loop.

    It is at least ``SHAPE``, because counters and batch sizes are among these values and must not count as constants.
    """
    return max(level, Dependence.SHAPE)
