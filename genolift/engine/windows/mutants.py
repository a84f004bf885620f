"""The activations of mutants, kept as windows of changed rows.

A mutant is a sequence with one position substituted. Q positions (each of some sequence) times B letters make M = Q·B
mutants. A window (M, width, ...) is kept as differences from the sequence's activations, as the mutants' own
activations or as both, whichever the steps ask for. The sequence's activations are gathered once for all letters.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass

from genolift.engine.operations.emit import emit
from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Program, Step, Value
from genolift.engine.running.run import constants, forward
from genolift.engine.windows import fused
from genolift.engine.windows.fused import Chain
from genolift.engine.windows.reach import ROWS, Reach, RowLayout
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


@dataclass
class Window:
    """The changed rows of a value, in at least one of several forms.

    Parameters
    ----------
    delta : Tensor, optional
        The differences (M, width, ...) from the sequence's activations. Rows beyond the ends may hold anything.
    clean : bool
        Whether the differences are zero in rows beyond the ends. By default False.
    mutated : Tensor, optional
        The mutants' own activations (M, width, ...).
    parts : Tensor, optional
        The products of a convolution, which give the differences when they are added up.
    rate : int
        How many rows the taps of the products lie apart.
    chain : Chain, optional
        The elementwise steps that are still to be applied to another value's window to get this one.
    alone : bool
        Whether only one step reads the value, so that its chain may go on. By default False.
    """

    delta: Tensor | None = None
    clean: bool = False
    mutated: Tensor | None = None
    parts: Tensor | None = None
    rate: int = 0
    chain: Chain | None = None
    alone: bool = False


class Mutants:
    """The activations of mutants while a program runs on them.

    Parameters
    ----------
    program : Program
        The traced model.
    layout : RowLayout
        Where the changed rows of its values lie.
    leading : collection of Value
        The values that have the sequences' rows in front.
    xs : list of Tensor
        The sequences (n, ...) for each input.
    sequences, positions : Tensor
        Which sequence is substituted, and at which position, (Q,).
    letters : int
        The number of letters that are substituted at each position.
    """

    def __init__(
        self,
        program: Program,
        layout: RowLayout,
        leading: Container[Value],
        xs: list[Tensor],
        sequences: Tensor,
        positions: Tensor,
        letters: int,
    ):
        self.program, self.layout, self.leading = program, layout, leading
        self.sequences, self.positions, self.letters = sequences, positions, letters
        self.n, self.count = tf.shape(xs[0])[0], tf.shape(positions)[0] * letters
        self.constants = constants(program)
        self.at_x = forward(program, xs, self.constants)
        self.windows: dict[Value, Window] = {}
        self.wholes: dict[Value, Tensor] = {}

    # Windows

    def starts(self, reach: Reach) -> Tensor:
        """Return the first row of each position's window, (Q,)."""
        return tf.gather(tf.constant(reach.starts, tf.int32), self.positions)

    def rows(self, reach: Reach) -> Tensor:
        """Return the numbers of each window's rows, (Q, width). They go beyond the ends too."""
        return self.starts(reach)[:, tf.newaxis] + tf.range(reach.width)

    def original(self, value: Value, reach: Reach) -> Tensor:
        """Return the sequences' activations (Q, width, ...). Rows beyond an end repeat the row at the end."""
        rest = self.rest(value, reach)
        flat = tf.reshape(self.at_x[value], [-1, *rest])
        rows = self.sequences[:, tf.newaxis] * reach.length + tf.clip_by_value(self.rows(reach), 0, reach.length - 1)
        return tf.gather(flat, rows)

    def rest(self, value: Value, reach: Reach) -> tuple[int, ...]:
        """Return the sizes of a value's axes after the length."""
        return self.layout.shape(value)[reach.axis + 1 :]

    def delta(self, value: Value, reach: Reach | None = None) -> Tensor:
        """Return the differences (M, width, ...) over ``reach``, by default the value's own.

        They are zero in rows that do not change and in rows beyond the ends.
        """
        window, own = self.windows[value], self.layout.reaches[value]
        if not window.clean:
            window.delta, window.clean = self._delta(value, window, own), True
        return window.delta if reach is None else self.placed(window.delta, own, reach)

    def _delta(self, value: Value, window: Window, own: Reach) -> Tensor:
        if window.delta is not None:
            return self.cleaned(window.delta, own)
        if window.mutated is not None:
            return self.cleaned(self.together(window.mutated, self.original(value, own), tf.subtract), own)
        if window.parts is not None:
            return self.cleaned(fused.added_up(window.parts, window.rate), own)
        assert window.chain is not None
        return self._end_of_chain(window.chain, self.original(value, own), self.there(own))

    def mutated(self, value: Value, reach: Reach | None = None, beyond: float | None = None) -> Tensor:
        """Return the mutants' activations (M, width, ...).

        Parameters
        ----------
        value : Value
            A value with a window.
        reach : Reach, optional
            The rows to return, by default the value's own.
        beyond : float, optional
            A number for rows beyond the ends, which otherwise may hold anything.
        """
        window, own = self.windows[value], self.layout.reaches[value]
        reach = own if reach is None else reach
        if reach.width == own.width and (reach.starts == own.starts).all():
            if window.mutated is None:
                window.mutated = self._mutated(value, window, own)
            mutated = window.mutated
        elif window.mutated is None and value.active:
            mutated = self.together(self.delta(value, reach), self.original(value, reach), tf.add)
        else:
            inside = self.by_mutant(self.holds(own, reach))
            around = self.by_mutant(self.original(value, reach))
            mutated = tf.where(self.like(inside, around), self.placed(self.mutated(value), own, reach), around)
        return mutated if beyond is None else self.cleaned(mutated, reach, beyond)

    def _mutated(self, value: Value, window: Window, own: Reach) -> Tensor:
        if window.chain is not None and window.delta is None:
            return self._end_of_chain(window.chain)
        # Rows beyond the ends may hold anything.
        delta = window.delta if window.delta is not None else self.delta(value)
        return self.together(delta, self.original(value, own), tf.add)

    def _end_of_chain(self, chain: Chain, after: Tensor | None = None, there: Tensor | None = None) -> Tensor:
        """Return the activations at the end of a chain, or its differences if the sequence's activations are given.

        The sequence's activations are ``after``. The differences are zero in rows beyond the ends, where ``there`` is
        false.
        """
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

    def there(self, reach: Reach) -> Tensor:
        """Return which rows (Q, width) of the windows lie inside the sequence."""
        rows = self.rows(reach)
        return (rows >= 0) & (rows < reach.length)

    def cleaned(self, tensor: Tensor, reach: Reach, beyond: float = 0) -> Tensor:
        """Return a window with ``beyond`` in the rows beyond the ends, by default 0."""
        if reach.starts.min() >= 0 and reach.ends.max() <= reach.length:
            return tensor
        there = self.by_mutant(self.there(reach))
        return tf.where(self.like(there, tensor), tensor, tf.cast(beyond, tensor.dtype))

    def holds(self, own: Reach, reach: Reach) -> Tensor:
        """Return which rows (Q, width) of ``reach`` are in ``own``."""
        start = self.starts(own)[:, tf.newaxis]
        rows = self.rows(reach)
        return (rows >= start) & (rows < start + own.width)

    def placed(self, tensor: Tensor, own: Reach, reach: Reach) -> Tensor:
        """Return the rows of a window over ``own`` as part of a window over ``reach``, with zeros around them."""
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

    def by_mutant(self, tensor: Tensor) -> Tensor:
        """Return a tensor that has one row per position with one row per mutant."""
        return tf.repeat(tensor, self.letters, axis=0)

    def like(self, mask: Tensor, tensor: Tensor) -> Tensor:
        """Return a mask (M, width) with as many axes as ``tensor`` has."""
        return tf.reshape(mask, tf.concat([tf.shape(mask), [1] * (tensor.shape.rank - 2)], 0))

    def together(self, tensor: Tensor, around: Tensor, function: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Apply a function to a tensor (M, ...) and to what is the same for all letters of a position, (Q, ...)."""
        return fused.by_letter(tensor, around, self.letters, function)

    # Between windows and the shapes that a step knows

    def natural(self, tensor: Tensor, reach: Reach) -> Tensor:
        """Return a window (M, width, ...) with the length along the axis where the step has it."""
        rest = tensor.shape[2:]
        lead = [-1] if reach.axis == 0 else [-1, *[1] * (reach.axis - 1), tensor.shape[1]]
        return tf.reshape(tensor, [*lead, *rest])

    def window(self, tensor: Tensor, value: Value) -> Tensor:
        """Return what a step made of a value's window as (M, width, ...)."""
        reach = self.layout.reaches[value]
        return tf.reshape(tensor, [-1, reach.width, *self.rest(value, reach)])

    def beside(self, step: Step, value: Value, inner: Reach, aligned: bool) -> Tensor:
        """Return an unchanged input of a row-by-row step, as it stands beside the changed rows of the others.

        Parameters
        ----------
        step : Step
            The step.
        value : Value
            The input that does not change.
        inner : Reach
            The reach of the inputs that change.
        aligned : bool
            Whether the inputs are broadcast against each other from the right, so that this one may have rows too.
        """
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

    def whole(self, value: Value) -> Tensor:
        """Return the mutants' activations (M, ...) of the whole sequence."""
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

    def repeated(self, value: Value) -> Tensor:
        """Return the sequences' activations, one row per mutant."""
        return self.by_mutant(tf.gather(self.at_x[value], self.sequences))

    def run(self, step: Step) -> list[Tensor]:
        """Return the outputs of a step on whole sequences."""
        return emit(step, [self.whole(value) for value in step.inputs])

    def _shape_step(self, value: Value):
        """Return a value that depends on the batch's size as it is for the mutants' batch."""
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
    """Return a window whose row 0 becomes row ``offset`` of ``width`` rows."""
    first, last = max(0, -offset), min(tensor.shape[1], width - offset)
    if first >= last:
        return tf.zeros_like(tensor[:, :1]) + tf.zeros([1, width, *[1] * (tensor.shape.rank - 2)], tensor.dtype)
    kept = tensor[:, first:last] if last - first < tensor.shape[1] else tensor
    padding = [offset + first, width - offset - last]
    return tf.pad(kept, [[0, 0], padding, *[[0, 0]] * (tensor.shape.rank - 2)]) if any(padding) else kept
