"""Activations of mutants: windows of changed rows, and what stands around them in the sequence they were made from.

A mutant is a sequence with one position substituted. Q positions (each of some sequence) times B letters make M = Q·B
mutants. A window is kept as (M, width, ...): as the differences from the sequence's activations, as the mutants' own, or
as both, whichever the steps ask for; the sequence's activations are gathered once for all letters.
"""

from __future__ import annotations

from dataclasses import dataclass

from genolift.engine.operations.emit import emit
from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Program, Step, Value
from genolift.engine.running.run import constants, forward
from genolift.engine.windows import fused
from genolift.engine.windows.fused import Chain
from genolift.engine.windows.reach import ROWS, Reach
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


@dataclass
class Window:
    """``delta`` may hold anything in rows that hang over the ends, unless it is ``clean``: then it is zero there.

    ``parts`` and ``rate``: the delta before it is added up. ``chain``: neither form is there yet, but the steps that make
    it of another value's; ``alone`` says that one step reads it, so that its chain may go on.
    """

    delta: object = None
    clean: bool = False
    mutated: object = None
    parts: object = None
    rate: int = 0
    chain: Chain | None = None
    alone: bool = False


class Mutants:
    """``xs``: one tensor (n, ...) per input; ``sequences`` and ``positions`` (Q,) say what is substituted in which.

    ``layout`` tells where rows lie; values outside ``leading`` do not have the sequences' rows in front.
    """

    def __init__(self, program: Program, layout, leading, xs: list, sequences, positions, letters: int):
        self.program, self.layout, self.leading = program, layout, leading
        self.sequences, self.positions, self.letters = sequences, positions, letters
        self.n, self.count = tf.shape(xs[0])[0], tf.shape(positions)[0] * letters
        self.constants = constants(program)
        self.at_x = forward(program, xs, self.constants)
        self.windows: dict[Value, Window] = {}
        self.wholes: dict[Value, object] = {}

    # Windows

    def starts(self, reach: Reach):
        return tf.gather(tf.constant(reach.starts, tf.int32), self.positions)

    def rows(self, reach: Reach):
        """The rows' numbers (Q, width), beyond the ends too."""
        return self.starts(reach)[:, tf.newaxis] + tf.range(reach.width)

    def original(self, value: Value, reach: Reach):
        """The sequences' activations (Q, width, ...); the ends' own where a window hangs over."""
        rest = self.rest(value, reach)
        flat = tf.reshape(self.at_x[value], [-1, *rest])
        rows = self.sequences[:, tf.newaxis] * reach.length + tf.clip_by_value(self.rows(reach), 0, reach.length - 1)
        return tf.gather(flat, rows)

    def rest(self, value: Value, reach: Reach) -> tuple[int, ...]:
        """The axes after the length."""
        return self.layout.shape(value)[reach.axis + 1 :]

    def delta(self, value: Value, reach: Reach | None = None):
        """Differences (M, width, ...) over ``reach`` (the value's own by default), zero where nothing is or changes."""
        window, own = self.windows[value], self.layout.reaches[value]
        if not window.clean:
            window.delta, window.clean = self._delta(value, window, own), True
        return window.delta if reach is None else self.placed(window.delta, own, reach)

    def _delta(self, value: Value, window: Window, own: Reach):
        if window.delta is not None:
            return self.cleaned(window.delta, own)
        if window.mutated is not None:
            return self.cleaned(self.together(window.mutated, self.original(value, own), tf.subtract), own)
        if window.parts is not None:
            return self.cleaned(fused.added_up(window.parts, window.rate), own)
        return self._end_of_chain(window.chain, self.original(value, own), self.there(own))

    def mutated(self, value: Value, reach: Reach | None = None, beyond=None):
        """The mutants' activations (M, width, ...) over ``reach``; ``beyond`` is put where there is no row."""
        window, own = self.windows[value], self.layout.reaches[value]
        reach = own if reach is None else reach
        if reach.width == own.width and (reach.starts == own.starts).all():
            if window.mutated is None:
                window.mutated = self._mutated(value, window, own)
            found = window.mutated
        elif window.mutated is None and value.active:
            found = self.together(self.delta(value, reach), self.original(value, reach), tf.add)
        else:
            inside = self.by_mutant(self.holds(own, reach))
            around = self.by_mutant(self.original(value, reach))
            found = tf.where(self.like(inside, around), self.placed(self.mutated(value), own, reach), around)
        return found if beyond is None else self.cleaned(found, reach, beyond)

    def _mutated(self, value: Value, window: Window, own: Reach):
        if window.chain is not None and window.delta is None:
            return self._end_of_chain(window.chain)
        # What hangs over the ends may be anything.
        delta = window.delta if window.delta is not None else self.delta(value)
        return self.together(delta, self.original(value, own), tf.add)

    def _end_of_chain(self, chain: Chain, after=None, there=None):
        """Its differences, zero where nothing is, given the sequence's activations ``after`` it; else its activations."""
        source = self.windows[chain.source]
        rows, rate, before = source.mutated, 0, None
        if rows is None:
            if source.parts is not None and source.delta is None:
                rows, rate = source.parts, source.rate
            else:
                rows = source.delta if source.delta is not None else self.delta(chain.source)
            if there is not None and chain.linear:
                after = None
            else:
                before = self.original(chain.source, self.layout.reaches[chain.source])
        extra = [self.constants[value] for value in chain.region().inputs[1:]]
        return fused.run(chain, rows, extra, letters=self.letters, rate=rate, before=before, after=after, there=there)

    def there(self, reach: Reach):
        """Which rows (Q, width) of the windows do not hang over the ends."""
        rows = self.rows(reach)
        return (rows >= 0) & (rows < reach.length)

    def cleaned(self, tensor, reach: Reach, beyond=0):
        """With ``beyond`` in the rows that hang over the ends."""
        if reach.starts.min() >= 0 and reach.ends.max() <= reach.length:
            return tensor
        there = self.by_mutant(self.there(reach))
        return tf.where(self.like(there, tensor), tensor, tf.cast(beyond, tensor.dtype))

    def holds(self, own: Reach, reach: Reach):
        """Which rows (Q, width) of ``reach`` are in ``own``."""
        start = self.starts(own)[:, tf.newaxis]
        rows = self.rows(reach)
        return (rows >= start) & (rows < start + own.width)

    def placed(self, tensor, own: Reach, reach: Reach):
        """A window's rows as part of another window, zero around them."""
        offsets = own.starts - reach.starts
        if (offsets == offsets[0]).all():
            return _shifted(tensor, int(offsets[0]), reach.width)
        rest = tensor.shape[2:]
        room = tf.pad(tensor, [[0, 0], [0, 1], *[[0, 0]] * len(rest)])
        rows = tf.range(reach.width) - tf.gather(tf.constant(offsets, tf.int32), self.positions)[:, tf.newaxis]
        rows = tf.where((rows >= 0) & (rows < own.width), rows, own.width)
        room = tf.reshape(room, [-1, self.letters, own.width + 1, *rest])
        return tf.reshape(tf.gather(room, rows, axis=2, batch_dims=1), [-1, reach.width, *rest])

    # One row per position, or per mutant

    def by_mutant(self, tensor):
        return tf.repeat(tensor, self.letters, axis=0)

    def like(self, mask, tensor):
        """A mask (M, width) with as many axes as ``tensor``."""
        return tf.reshape(mask, tf.concat([tf.shape(mask), [1] * (tensor.shape.rank - 2)], 0))

    def together(self, tensor, around, function):
        """``function`` of (M, ...) and what is the same for all letters, (Q, ...)."""
        return fused.by_letter(tensor, around, self.letters, function)

    # Between windows and the layout that a step knows

    def natural(self, tensor, reach: Reach):
        """(M, width, ...) with the length where the step has it."""
        rest = tensor.shape[2:]
        lead = [-1] if reach.axis == 0 else [-1, *[1] * (reach.axis - 1), tensor.shape[1]]
        return tf.reshape(tensor, [*lead, *rest])

    def window(self, tensor, value: Value):
        """A step's output as (M, width, ...)."""
        reach = self.layout.reaches[value]
        return tf.reshape(tensor, [-1, reach.width, *self.rest(value, reach)])

    def beside(self, step: Step, value: Value, inner: Reach, aligned: bool):
        """What a row-by-row step reads that does not change, as it stands beside windows ``inner``."""
        rank, shape = len(self.layout.shape(step.output)), self.layout.shape(value)
        axis = len(shape) - (rank - inner.axis)
        by_row = value in self.leading or value.dependence == Dependence.SHAPE
        per_sequence = by_row and len(shape) == rank and shape[0] == ROWS * (1 if inner.axis else inner.length)
        tensor = self.constants[value] if value in self.constants else self.at_x[value]
        if not aligned or (axis < 0 and not per_sequence):
            return tensor
        if per_sequence and inner.axis and shape[inner.axis] == 1:
            return self.by_mutant(tf.gather(tensor, self.sequences))
        if per_sequence:
            return self.natural(self.by_mutant(self.original(value, inner)), inner)
        if shape[axis] != inner.length or inner.length == 1:
            return tensor
        rows = tf.gather(tf.reshape(tensor, shape[axis:]), tf.clip_by_value(self.rows(inner), 0, inner.length - 1))
        return self.natural(self.by_mutant(rows), inner)

    # Whole sequences

    def whole(self, value: Value):
        """The mutants' activations (M, ...) of the whole sequence."""
        if value in self.constants:
            return self.constants[value]
        if value not in self.wholes:
            self.wholes[value] = self._whole(value)
        return self.wholes[value]

    def _whole(self, value: Value):
        if value in self.windows:
            everything = self.layout.reaches[value].whole()
            return self.natural(self.mutated(value, everything), everything)
        if value.dependence == Dependence.SHAPE:
            return self._shape_step(value)
        if value in self.leading and self.layout.shape(value)[0] == ROWS:
            return self.repeated(value)
        return self.run(value.step)[value.slot]

    def repeated(self, value: Value):
        """The sequences' activations, one row per mutant."""
        return self.by_mutant(tf.gather(self.at_x[value], self.sequences))

    def run(self, step: Step) -> list:
        """A step on whole sequences."""
        return emit(step, [self.whole(value) for value in step.inputs])

    def _shape_step(self, value: Value):
        """What depends on the batch's size, for the mutants' batch."""
        step = value.step
        if step.op == "Rank":
            return tf.constant(len(self.layout.shape(step.inputs[0])))
        if operation(step.op).of_shape is None:
            return self.run(step)[value.slot]
        source = step.inputs[value.slot]
        rows, *rest = self.layout.shape(source)
        known = source in self.windows or (source in self.leading and rows % ROWS == 0)
        shape = tf.stack([rows // ROWS * self.count, *rest]) if known else tf.shape(self.whole(source))
        dtype = tf.as_dtype(value.dtype)
        if step.op == "Size":
            return tf.cast(tf.reduce_prod(shape), dtype)
        if step.op in ("ZerosLike", "OnesLike"):
            return tf.fill(shape, tf.cast(step.op == "OnesLike", dtype))
        return tf.cast(shape, dtype)


def _shifted(tensor, offset: int, width: int):
    """Row 0 as row ``offset`` of ``width`` rows."""
    first, last = max(0, -offset), min(tensor.shape[1], width - offset)
    if first >= last:
        return tf.zeros_like(tensor[:, :1]) + tf.zeros([1, width, *[1] * (tensor.shape.rank - 2)], tensor.dtype)
    kept = tensor[:, first:last] if last - first < tensor.shape[1] else tensor
    padding = [offset + first, width - offset - last]
    return tf.pad(kept, [[0, 0], padding, *[[0, 0]] * (tensor.shape.rank - 2)]) if any(padding) else kept
