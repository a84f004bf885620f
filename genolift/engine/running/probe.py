"""What running a program on a few random rows tells: where the batch leads, and how much memory a row takes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from genolift.engine.operations.steps import switches
from genolift.engine.program import Program, Step, Value
from genolift.engine.running.run import constants, forward
from genolift.support.errors import GenoliftError, InputError, UnsupportedModel, reason_of
from genolift.support.tensorflow import compiled, quiet_tensorflow

tf = quiet_tensorflow()

# Tensors as large as the widest activation that are alive at once while a step is walked through.
_SPARE = 10


@dataclass(frozen=True)
class Batch:
    """``leading``: activations whose rows are the sequences' rows, in order. In bytes for one row: the ``sizes`` of
    activations, and ``turns``, what loops keep of theirs."""

    leading: frozenset[Value]
    sizes: dict[Value, int]
    turns: int

    @property
    def row_bytes(self) -> int:
        """All activations of one row."""
        return max(1, sum(self.sizes.values()) + self.turns)

    def pair_bytes(self, held: Counter[Value], targets: int) -> int:
        """What explaining one pair takes: activations ``held`` until the walk comes back to them, and working space.

        The working space is that of the widest step; two targets' walks may run at once. Measured on the zoo's networks,
        this is 0.8 to 1.7 times what a pair adds; compiling takes some 100 MB once.
        """
        held_bytes = sum(copies * self.sizes.get(value, 0) for value, copies in held.items())
        widest = max(self.sizes.values(), default=0)
        return max(1, held_bytes + self.turns + _SPARE * widest * min(targets, 2))


class Probe:
    """Runs two random rows, each alone and both among others, and compares every activation.

    Reading the answer off a run rather than off a table of operations cannot be wrong about an unusual layout: where
    rows do not stay in front, or mix, both sides are computed on ready-made pairs instead of being shared.
    ``made_for`` is the number of rows that the model declares, where it is fixed.
    """

    def __init__(self, program: Program, made_for: int | None = None):
        self.program, self.made_for = program, made_for
        self.loops = [step for step in program.active_steps if step.op == "Loop"]
        self.values = [v for step in program.active_steps for v in step.outputs if v.active]
        self.values += list(dict.fromkeys(v for step in program.active_steps for v in switches(step)))
        self.values += [value for step in self.loops for value in step.payload.active_values]
        self._specs = [tf.TensorSpec([None, *value.shape[1:]], tf.float32) for value in program.inputs]
        self._run = compiled(self._activations, input_signature=self._specs)
        self._known: dict[tuple, Batch] = {}

    def _activations(self, *tensors):
        values = forward(self.program, list(tensors), constants(self.program), record=True)
        for step in self.loops:
            values.update(step.payload.last_turn(values[step]))
        kept = [step.payload.kept_bytes(values[step], values) for step in self.loops]
        return [values[value] for value in self.values], sum(kept, tf.constant(0, tf.int64))

    def __call__(self, shapes: list[tuple[int, ...]]) -> Batch:
        """For inputs of these shapes, batch axis left out."""
        key = tuple(shapes)
        if key not in self._known:
            rows = [np.random.default_rng(0).uniform(0.05, 0.95, (4, *shape)).astype(np.float32) for shape in shapes]
            try:
                self._known[key] = self._measure(rows)
            except GenoliftError:
                raise
            except (tf.errors.OpError, TypeError, ValueError) as problem:
                raise self._refusal(self._first_failing(rows), rows, reason_of(problem)) from problem
        return self._known[key]

    def _measure(self, rows) -> Batch:
        """``rows`` (4, ...) per input: the two in the middle run alone, and all four together.

        Others stand on both sides, so that a model that looks at the first, the last or the next row is found out too.
        """
        among, _ = self._run(*[tf.constant(row) for row in rows])
        one, kept = self._run(*[tf.constant(row[1:2]) for row in rows])
        two, _ = self._run(*[tf.constant(row[2:3]) for row in rows])
        leading = {
            value
            for value, *found in zip(self.values, one, two, among, strict=True)
            if _rows_stay(*[tensor.numpy() for tensor in found])
        }
        for value in self.program.outputs:
            if value in self.values and value not in leading:
                raise UnsupportedModel(
                    "the model's output for a sequence depends on the other sequences of its batch, from "
                    f"{_first_mixing(value, leading).where} on (batch normalisation in training mode, or a statistic over "
                    "the batch); make it independent of the batch before explaining"
                )
        nothing = [value.step for value, tensor in zip(self.values, one, strict=True) if tf.size(tensor) == 0]
        outputs = [tensor for value, tensor in zip(self.values, one, strict=True) if value in self.program.outputs]
        if nothing and not all(np.isfinite(tensor).all() for tensor in outputs):
            raise self._refusal(nothing[0], rows, "nothing is left of them")
        sizes = {value: tensor.numpy().nbytes for value, tensor in zip(self.values, one, strict=True)}
        return Batch(frozenset(leading), sizes, int(kept))

    def _refusal(self, step: Step, rows, why: str) -> InputError:
        shapes = " and ".join(str(row.shape[1:]) for row in rows)
        failing = f"{step.where} does not run on sequences of shape {shapes} ({why})"
        if self.made_for is not None:
            return InputError(
                f"{failing}; the model was made for {self.made_for} sequences at a time (batch_shape, or stateful=True): "
                "make it again for any number"
            )
        return InputError(f"{failing}; give sequences of the length, or at least as long as, the model was made for")

    def _first_failing(self, rows) -> Step:
        """The first step that does not run, by halving the program."""
        first, last = 0, len(self.program.steps)
        while last - first > 1:
            middle = (first + last) // 2
            part = replace(self.program, steps=self.program.steps[:middle])
            if _runs(part, self._specs, rows):
                first = middle
            else:
                last = middle
        return self.program.steps[first]


def _runs(program: Program, specs, rows) -> bool:
    def everything(*tensors):
        values = forward(program, list(tensors), constants(program))
        return [tensor for value, tensor in values.items() if tensor.dtype not in (tf.resource, tf.variant)]

    try:
        found = compiled(everything, input_signature=specs)
        for some in (rows, [row[:1] for row in rows]):
            found(*[tf.constant(row) for row in some])
    except (tf.errors.OpError, TypeError, ValueError):
        return False
    return True


def _first_mixing(value: Value, leading: set[Value]) -> Step:
    """The step from which on rows are not the sequences' rows, followed back from a value."""
    while True:
        before = [source for source in value.step.inputs if source.active and source not in leading]
        if not before:
            return value.step
        value = before[0]


def _rows_stay(one: np.ndarray, two: np.ndarray, among: np.ndarray) -> bool:
    """Whether ``one`` and ``two`` are the second and the third of four."""
    if one.ndim == 0 or one.shape != two.shape or among.shape != (4 * one.shape[0], *one.shape[1:]):
        return False
    one, two, among = (array.reshape(i, -1).astype(np.complex128) for array, i in ((one, 1), (two, 1), (among, 4)))
    return np.allclose(among[1:3], np.concatenate([one, two]), rtol=1e-3, atol=1e-4, equal_nan=True)
