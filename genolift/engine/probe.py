"""What running a program on a few random rows tells: where the batch leads, and how much memory a row takes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from genolift.engine.operations import gates
from genolift.engine.pairs import constants, forward
from genolift.engine.program import Program, Value
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

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
    """Runs two random rows, and the same two among others, and compares every activation.

    Reading the answer off a run rather than off a table of operations cannot be wrong about an unusual layout: where
    rows do not stay in front, or mix, both sides are computed on ready-made pairs instead of being shared.
    """

    def __init__(self, program: Program):
        self.program = program
        self.loops = [step for step in program.active_steps if step.op == "Loop"]
        self.values = [v for step in program.active_steps for v in step.outputs if v.active]
        self.values += list(dict.fromkeys(v for step in program.active_steps for v in gates(step)))
        self.values += [value for step in self.loops for value in step.payload.active_values]
        inputs = [tf.TensorSpec([None, *value.shape[1:]], tf.float32) for value in program.inputs]
        self._run = tf.function(self._activations, input_signature=inputs, autograph=False)
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
            self._known[key] = self._measure(shapes)
        return self._known[key]

    def _measure(self, shapes) -> Batch:
        rng = np.random.default_rng(0)
        rows = [rng.uniform(0.05, 0.95, (2, *shape)).astype(np.float32) for shape in shapes]
        once, kept = self._run(*[tf.constant(row) for row in rows])
        # Other rows between the two, not copies of them, which would leave means and maxima over the batch alone.
        others = [rng.uniform(0.05, 0.95, row.shape).astype(np.float32) for row in rows]
        pairs = [np.stack(both, axis=1) for both in zip(rows, others, strict=True)]
        among, _ = self._run(*[tf.constant(pair.reshape(4, *pair.shape[2:])) for pair in pairs])
        outputs = {self.values.index(value) for value in self.program.outputs if value in self.values}
        leading = set()
        for i, (one, two) in enumerate(zip(once, among, strict=True)):
            if _rows_stay(one.numpy(), two.numpy()):
                leading.add(self.values[i])
            elif i in outputs:
                raise UnsupportedModel(
                    "the model's output for a sequence depends on the other sequences of its batch (batch "
                    "normalisation in training mode, or a statistic over the batch); make it independent of the batch "
                    "before explaining"
                )
        sizes = {value: tensor.numpy().nbytes // 2 for value, tensor in zip(self.values, once, strict=True)}
        return Batch(frozenset(leading), sizes, int(kept) // 2)


def _rows_stay(one: np.ndarray, among: np.ndarray) -> bool:
    """Whether the two rows of ``one`` are the first and the third of four."""
    if one.ndim == 0 or one.shape[0] % 2 or among.shape != (2 * one.shape[0], *one.shape[1:]):
        return False
    one, among = (array.reshape(2 * i, -1).astype(np.complex128) for i, array in ((1, one), (2, among)))
    return np.allclose(among[::2], one, rtol=1e-3, atol=1e-4, equal_nan=True)
