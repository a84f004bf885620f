"""A run of a program on a few random rows.

It tells which activations have one row for each sequence, and how much memory a row takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from genolift.engine.operations.steps import switches
from genolift.engine.program import Program, Step, Value
from genolift.engine.running.stepwise import Made, StepFailed, stepwise
from genolift.support.errors import GenoliftError, InputError, UnsupportedModel, reason_of
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

# While importance goes back through a step, so many tensors of the size of the widest activation exist at once.
_SPARE = 10
# Of four rows, those that run alone: the second and the third; and all of them. There are other rows on both sides, so
# that a model that looks at the first, the last or the next row is noticed too.
_PARTS = (slice(1, 2), slice(2, 3), slice(None))
# Where the activations of a row are larger than this, rows run two at a time, and of each activation but the outputs so
# many numbers are compared.
_LARGE = 500e6
_SAMPLE = 4096
# A row that is summed in another order may differ by this share of what random rows differ by among themselves.
_SAME = 1e-3
# Of a difference that is rounding, about 2e-9 is left in float64; of one that is not, all of it.
_VANISHES = 1e-6


@dataclass(frozen=True)
class Batch:
    """What a probe learned about the rows of activations.

    Parameters
    ----------
    leading : frozenset of Value
        The activations that have one row for each sequence, in the order of the sequences.
    sizes : dict
        The size of one row of each activation, in bytes.
    turns : int
        How much loops keep of their turns for one row, in bytes.
    shapes : dict
        The lengths of the axes of each activation behind the first.
    """

    leading: frozenset[Value]
    sizes: dict[Value, int]
    turns: int
    shapes: dict[Value, tuple[int, ...]]

    @property
    def row_bytes(self) -> int:
        """The size of all activations of one row, in bytes."""
        return max(1, sum(self.sizes.values()) + self.turns)

    @property
    def widest(self) -> int:
        """How many elements a row of the largest activation has; it is computed in float32."""
        return max(self.sizes.values(), default=0) // np.dtype(np.float32).itemsize

    @property
    def mean(self) -> float:
        """How many elements a row of an activation has on average; it is computed in float32."""
        return sum(self.sizes.values()) / max(1, len(self.sizes)) / np.dtype(np.float32).itemsize

    def pair_bytes(self, held: Counter[Value], targets: int) -> int:
        """Return how much memory explaining one pair of a sequence and a reference takes, in bytes.

        It is the memory of the held activations and the working space of the widest step. The walks of two targets may
        run at once. On the networks that were measured, this is 0.8 to 1.7 times what a pair adds. Compiling takes
        about 100 MB more, once.

        Parameters
        ----------
        held : Counter of Value
            How many copies of each activation are held until the walk comes back to it.
        targets : int
            The number of explained targets.
        """
        held_bytes = sum(copies * self.sizes.get(value, 0) for value, copies in held.items())
        widest = max(self.sizes.values(), default=0)
        return max(1, held_bytes + self.turns + _SPARE * widest * min(targets, 2))


class Probe:
    """A run of two random rows, each alone and both among others, that compares every activation.

    A run, unlike a table of operations, cannot be wrong about an unusual layout. Where an activation does not keep one
    row for each sequence, sequences and references are computed as ready-made pairs instead of once each.

    Parameters
    ----------
    program : Program
        The traced model.
    made_for : int, optional
        The number of rows that the model declares, where it is fixed.
    """

    def __init__(self, program: Program, made_for: int | None = None):
        self.program, self.made_for = program, made_for
        self._loops = loops = [step for step in program.active_steps if step.op == "Loop"]
        self._compared = {v for step in program.active_steps for v in step.outputs if v.active}
        self._compared |= {v for step in program.active_steps for v in switches(step)}
        self._compared |= {value for step in loops for value in step.payload.active_values}
        self._known: dict[tuple, Batch] = {}

    def foreseen(self, inputs: list[tuple[int, ...]]) -> Batch | None:
        """Return the sizes of activations where the program tells them without a run, and None where it does not.

        Parameters
        ----------
        inputs : list of tuple of int
            The shape of each input, without the axis of the batch.
        """
        if tuple(inputs) in self._known:
            return self._known[tuple(inputs)]
        sizes = static_sizes(self.program)
        needed = {value for step in self.program.active_steps for value in step.outputs if value.active}
        return None if needed - sizes.keys() or self._loops else Batch(frozenset(), sizes, 0, {})

    def __call__(self, shapes: list[tuple[int, ...]]) -> Batch:
        """Return what a run on inputs of these shapes tells.

        Parameters
        ----------
        shapes : list of tuple of int
            The shape of each input, without the axis of the batch.

        Raises
        ------
        UnsupportedModel
            If the model's output for a sequence depends on the other sequences of the batch.
        InputError
            If the model does not run on such inputs.
        """
        key = tuple(shapes)
        if key not in self._known:
            rows = [np.random.default_rng(0).uniform(0.05, 0.95, (4, *shape)).astype(np.float32) for shape in shapes]
            try:
                self._known[key] = self._measure(rows)
            except StepFailed as failed:
                problem = failed.__cause__
                if isinstance(problem, GenoliftError):
                    raise problem from None
                assert problem is not None
                raise self._refusal(failed.step, rows, reason_of(problem)) from problem
        return self._known[key]

    def _measure(self, rows: list[np.ndarray]) -> Batch:
        """Run the two middle rows of four alone, and all four together; ``rows`` are (4, ...) for each input."""
        apart: dict[Value, float] = {}
        sizes: dict[Value, int] = {}
        shapes: dict[Value, tuple[int, ...]] = {}
        turns, nothing, finite = 0, [], True
        for step, kept, found in self._found(rows, tf.float32, self._compared):
            turns += kept
            for value, arrays, size, shape in found:
                apart[value] = _rows_apart(arrays, value in self.program.outputs)
                sizes[value], shapes[value] = size, shape
                nothing += [] if size else [step]
                finite = finite and not (value in self.program.outputs and not np.isfinite(arrays[0]).all())
        leading = {value for value, gap in apart.items() if gap == 0}
        leading |= self._rounded({value: gap for value, gap in apart.items() if 0 < gap < np.inf}, rows)
        for value in self.program.outputs:
            if value in self._compared and value not in leading:
                raise UnsupportedModel(
                    "the model's output for a sequence depends on the other sequences of its batch, from "
                    f"{_first_mixing(value, leading).where} on (batch normalisation in training mode, or a statistic "
                    "over the batch); make it independent of the batch before explaining"
                )
        if nothing and not finite:
            raise self._refusal(nothing[0], rows, "nothing is left of them")
        return Batch(frozenset(leading), sizes, turns, shapes)

    def _found(
        self, rows: list[np.ndarray], precision: Any, wanted: Collection[Value]
    ) -> Iterator[tuple[Step, int, list[tuple[Value, list[np.ndarray], int, tuple[int, ...]]]]]:
        """Yield each step with the bytes that a loop keeps, and its wanted values as :func:`_rows_apart` takes them.

        Beside each value stand the size of one row in bytes and its shape behind the first axis.
        """
        if static_bytes(self.program) <= _LARGE:
            for step, made in stepwise(self.program, self._batches(rows, precision)):
                compared = self._to_compare(made, wanted)
                yield step, made[0].kept, [(v, arrays, arrays[0].nbytes, arrays[0].shape[1:]) for v, arrays in compared]
            return
        # The middle row of three has another neighbour in each of two batches, before it in one and behind it in the
        # other. What is left of the first batch are samples.
        first: dict[Value, list[np.ndarray]] = {}
        for part in (slice(0, 2), slice(1, 3)):
            batch = [tf.constant(row[part], precision) for row in rows]
            for step, made in stepwise(self.program, [batch]):
                found = []
                for value, (array,) in self._to_compare(made, wanted):
                    halves = _halves(array, value in self.program.outputs)
                    if value in first:
                        arranged = _arranged(first.pop(value), halves)
                        found.append((value, arranged, array.nbytes // 2, array.shape[1:]))
                    else:
                        first[value] = halves
                if part.start:
                    yield step, made[0].kept // 2, found

    @staticmethod
    def _batches(rows: list[np.ndarray], precision: Any) -> list[list[Tensor]]:
        return [[tf.constant(row[part], precision) for row in rows] for part in _PARTS]

    @staticmethod
    def _to_compare(made: list[Made], wanted: Collection[Value]) -> Iterator[tuple[Value, list[np.ndarray]]]:
        """Yield those of a step's values that are wanted, with the arrays of the two rows alone and of all four."""
        for part in ("outputs", "inside"):
            of_each = [getattr(one, part) for one in made]
            for value in of_each[0]:
                if value in wanted:
                    yield value, [np.asarray(tensors[value]) for tensors in of_each]  # numpy() would copy them.

    def _rounded(self, apart: dict[Value, float], rows: list[np.ndarray]) -> set[Value]:
        """Return those of the values whose rows differ through rounding: in float64 the difference goes.

        Where a number is the small difference of large ones, rounding may be all there is of it in float32.

        Parameters
        ----------
        apart : dict of Value to float
            By how much the rows of each value differ in float32.
        rows : list of np.ndarray
            Four rows (4, ...) for each input.
        """
        if not apart:
            return set()
        left: dict[Value, float] = {}
        try:
            for _, _, found in self._found(rows, tf.float64, apart):
                for value, arrays, *_ in found:
                    left[value] = _rows_apart(arrays, value in self.program.outputs)
        except StepFailed:  # Then nobody can say that it is rounding.
            return set()
        return {value for value, gap in left.items() if gap <= _VANISHES * apart[value]}

    def _refusal(self, step: Step, rows: list[np.ndarray], why: str) -> InputError:
        shapes = " and ".join(str(row.shape[1:]) for row in rows)
        failing = f"{step.where} does not run on sequences of shape {shapes} ({why})"
        if self.made_for is not None:
            return InputError(
                f"{failing}; the model was made for {self.made_for} sequences at a time (batch_shape, or "
                "stateful=True): make it again for any number"
            )
        return InputError(f"{failing}; give sequences of the length, or at least as long as, the model was made for")


def static_bytes(program: Program) -> int:
    """Return the size of all activations of one row in bytes, as far as it is known before the program runs."""
    return sum(static_sizes(program).values())


def static_sizes(program: Program) -> dict[Value, int]:
    """Return the size of one row of each activation in bytes, where it is known before the program runs."""
    sizes = {}
    for step in program.active_steps:
        for value in step.outputs:
            inner = tf.TensorShape(None if value.shape is None else value.shape[1:])
            if value.active and inner.is_fully_defined():
                sizes[value] = tf.as_dtype(value.dtype).size * inner.num_elements()
    return sizes


def _halves(array: np.ndarray, whole: bool) -> list[np.ndarray]:
    """Return a sample of the first and of the second half of an array (1, ...), or all of both."""
    if array.ndim == 0 or array.shape[0] % 2 or not array.size:
        return [array.reshape(1, -1)[:, :0]] * 2
    halves = array.reshape(2, -1)
    if not whole and halves.shape[1] > _SAMPLE:
        halves = halves[:, np.random.default_rng(0).integers(0, halves.shape[1], _SAMPLE)]
    return [halves[:1].copy(), halves[1:].copy()]


def _arranged(first: list[np.ndarray], second: list[np.ndarray]) -> list[np.ndarray]:
    """Return the halves of two batches, which share a row, as if each half had run alone and all of them together."""
    before, one = first
    two, behind = second
    if one.shape != two.shape or not one.size:
        return [np.zeros(()), np.zeros(()), np.zeros(())]  # These are no rows.
    return [one, two, np.concatenate([before, two, one, behind])]


def _first_mixing(value: Value, leading: set[Value]) -> Step:
    """Return the step from which on rows are not the sequences' rows, followed back from a value."""
    while True:
        before = [source for source in value.step.inputs if source.active and source not in leading]
        if not before:
            return value.step
        value = before[0]


def _rows_apart(arrays: list[np.ndarray], each: bool) -> float:
    """Return by how much two rows that ran alone differ from the second and third of four rows that ran together.

    It is 0 where that is little beside what the four rows differ by among themselves, and infinite where the four rows
    are no rows of such arrays. So neither the scale of a model's numbers matters nor what is added to all of them.

    Parameters
    ----------
    arrays : list of np.ndarray
        The second row alone, the third row alone, and all four rows.
    each : bool
        Whether each number of a row is compared by itself. Otherwise the array is compared as a whole, so that noise
        in its small numbers does not count.
    """
    one, two, among = arrays
    if one.ndim == 0 or one.shape != two.shape or among.shape != (4 * one.shape[0], *one.shape[1:]):
        return np.inf
    alone, among = np.concatenate([one.reshape(1, -1), two.reshape(1, -1)]), among.reshape(4, -1)
    same = (alone == among[1:3]) | ((alone != alone) & (among[1:3] != among[1:3]))
    if same.all():
        return 0.0
    if not np.issubdtype(alone.dtype, np.inexact):
        return np.inf
    with np.errstate(invalid="ignore"):
        gap = np.where(same, 0, np.abs(alone - among[1:3]))
        spread = np.abs(among - among[1])
        spread = np.where(np.isfinite(spread), spread, 0).max(axis=0)
    allowed = _SAME * (spread if each else spread.max())
    return np.inf if not np.isfinite(gap).all() else float(np.where(gap > allowed, gap, 0).max())
