"""A run of a program step by step on several batches at once, which shows what each step makes of each batch.

No graph of the whole program is made: compiling one takes far longer than running a few rows. A tensor is let go as
soon as no later step reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from genolift.engine.program import Dependence, Program, Step, Value
from genolift.engine.running.run import run_step
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

tf = quiet_tensorflow()


@dataclass
class Made:
    """What one step makes of one batch.

    Parameters
    ----------
    outputs : dict of Value to Tensor
        The step's outputs.
    inside : dict of Value to Tensor
        For a loop, every active value in its body as it is at the last turn.
    kept : int
        For a loop, how many bytes the record of its turns takes.
    """

    outputs: dict[Value, Tensor]
    inside: dict[Value, Tensor] = field(default_factory=dict)
    kept: int = 0


class StepFailed(Exception):
    """A step of a program does not run; the error that TensorFlow raised is its cause."""

    def __init__(self, step: Step):
        super().__init__(step.where)
        self.step = step


def stepwise(program: Program, batches: list[list[Tensor]]) -> Iterator[tuple[Step, list[Made]]]:
    """Yield every step with what it makes of each batch.

    Parameters
    ----------
    program : Program
        The program.
    batches : list of list of Tensor
        For each batch the tensors of the program's inputs, whose type is that in which everything is computed.

    Yields
    ------
    tuple of Step and list of Made
        The next step in running order, and what it makes of each batch.

    Raises
    ------
    StepFailed
        If a step does not run on one of the batches.
    """
    precision = batches[0][0].dtype
    last = {value: step for step in program.steps for value in (*step.outputs, *step.inputs)}
    held: list[dict[Value, Tensor]] = [dict(zip(program.inputs, batch, strict=True)) for batch in batches]
    for step in program.steps:
        if step.outputs and step.output.dtype == "resource":
            continue
        try:
            if step.op == "Input":
                made = [Made({step.output: values[step.output]}) for values in held]
            elif step.dependence == Dependence.CONSTANT:
                made = [_run(step, precision, held[0])] * len(held)
            else:
                run: Callable[..., Made] = (
                    _LoopRun(step, precision) if step.op == "Loop" else partial(_run, step, precision)
                )
                made = [run(values) for values in held]
        except (tf.errors.OpError, TypeError, ValueError) as problem:
            raise StepFailed(step) from problem
        for values, one in zip(held, made, strict=True):
            values.update(one.outputs)
        yield step, made
        for value in (*step.inputs, *step.outputs):
            if last[value] is step:
                for values in held:
                    values.pop(value, None)


def _run(step: Step, precision: Any, values: dict[Value, Tensor]) -> Made:
    """Run one step outside of a graph, or in a graph of its own if it runs in graphs only.

    Any other fault would be the same in a graph, so it is not tried again.
    """

    def outputs(*tensors: Tensor) -> list[Tensor]:
        known = dict(zip(step.inputs, tensors, strict=True))
        run_step(step, known, precision)
        return [known[value] for value in step.outputs]

    tensors = [values[value] for value in step.inputs]
    try:
        made = outputs(*tensors)
    except (RuntimeError, tf.errors.NotFoundError, tf.errors.UnimplementedError) as problem:
        if isinstance(problem, RuntimeError) and "tf.gradients" not in str(problem):
            raise
        made = compiled(outputs)(*tensors)
    return Made(dict(zip(step.outputs, made, strict=True)))


class _LoopRun:
    """A loop as a function of the values that it reads, which is compiled once for all batches."""

    def __init__(self, step: Step, precision: Any):
        self.step, self.precision = step, precision
        self.inside: list[Value] = step.payload.active_values
        self._compiled: Any = None

    def __call__(self, values: dict[Value, Tensor]) -> Made:
        """Return what the loop makes of some values."""
        tensors = [values[value] for value in self.step.inputs]
        if self._compiled is None:
            pairs = zip(self.step.inputs, tensors, strict=True)
            specs = [tf.TensorSpec(value.shape, tensor.dtype) for value, tensor in pairs]
            self._compiled = compiled(self._traced, input_signature=specs)
        outputs, inside, kept = self._compiled(*tensors)
        by_value = dict(zip(self.step.outputs, outputs, strict=True))
        return Made(by_value, dict(zip(self.inside, inside, strict=True)), int(kept))

    def _traced(self, *tensors: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
        known: dict[Any, Any] = dict(zip(self.step.inputs, tensors, strict=True))
        run_step(self.step, known, self.precision, record=True)
        loop, record = self.step.payload, known[self.step]
        inside = loop.last_turn(record, self.precision)
        kept = loop.kept_bytes(record, {**known, **inside})
        return [known[value] for value in self.step.outputs], [inside[value] for value in self.inside], kept
