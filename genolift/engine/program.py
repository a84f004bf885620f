"""A traced model: a flat list of steps in the order they run. Everything after the tracer reads only this."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Any

from genolift.models.safety import PYTHON_OPERATIONS


class Dependence(IntEnum):
    """How a value depends on the explained inputs."""

    CONSTANT = 0  # not at all: weights and constants, the same for every sequence
    SHAPE = 1  # only through their shape: batch size, length
    DISCRETE = 2  # on their values, but without a derivative: comparisons, argmax
    ACTIVE = 3  # on their values: importance flows here


@dataclass(eq=False)
class Value:
    """One tensor of the program."""

    step: Step
    slot: int
    shape: tuple[int | None, ...] | None
    dtype: str

    def __repr__(self):
        return f"<{self.step.op} {self.step.name}:{self.slot} {self.shape}>"

    @property
    def active(self) -> bool:
        return self.dependence == Dependence.ACTIVE

    @property
    def dependence(self) -> Dependence:
        return self.step.slots[self.slot] if self.step.slots else self.step.dependence


@dataclass(eq=False)
class Layer:
    """A layer call that was running when a step was recorded."""

    path: str
    name: str
    type: str


@dataclass(eq=False)
class Step:
    """One operation.

    ``node`` is how the front end emits it again; ``body`` holds the steps of a fused elementwise region (``Unary``),
    whose first input is the region's source and whose further inputs are what else the body reads.
    """

    op: str
    name: str
    inputs: list[Value]
    node: Any = None
    layers: tuple[Layer, ...] = ()
    dependence: Dependence = Dependence.CONSTANT
    outputs: list[Value] = field(default_factory=list)
    body: list[Step] = field(default_factory=list)
    payload: Any = None
    slots: list[Dependence] | None = None  # each output's dependence, where they differ (loops)

    def __repr__(self):
        return f"<{self.op} {self.name}>"

    @property
    def output(self) -> Value:
        return self.outputs[0]

    @property
    def active_inputs(self) -> list[Value]:
        """The distinct inputs that importance flows into."""
        return list(dict.fromkeys(value for value in self.inputs if value.active))

    @property
    def where(self) -> str:
        """The step for a message: its layer and operation."""
        layer = f"layer {self.layers[-1].path!r} ({self.layers[-1].type})" if self.layers else "the model's own call"
        op = "+".join(step.op for step in self.body) if self.body else self.op
        return f"operation {op} in {layer}"


@dataclass(eq=False)
class Program:
    """Steps in running order, the explained inputs and the outputs, with the names users know them by."""

    steps: list[Step]
    inputs: list[Value]
    outputs: list[Value]
    input_names: list[str]
    output_names: list[str]
    library: Any = None

    @cached_property
    def calls_python(self) -> bool:
        """Whether Python code of the model's runs with it, in a step or in a function that one calls."""
        functions = [] if self.library is None else self.library.function
        called = {node.op for function in functions for node in function.node_def}
        return not PYTHON_OPERATIONS.isdisjoint(called | {step.op for step in self.steps})

    @property
    def active_steps(self) -> list[Step]:
        return [step for step in self.steps if step.dependence == Dependence.ACTIVE]

    def pruned(self) -> Program:
        """Without the steps that no output needs."""
        needed, pending = set(), [value.step for value in self.outputs]
        while pending:
            step = pending.pop()
            if step not in needed:
                needed.add(step)
                pending.extend(value.step for value in step.inputs)
        needed.update(value.step for value in self.inputs)
        steps = [step for step in self.steps if step in needed]
        return Program(steps, self.inputs, self.outputs, self.input_names, self.output_names, self.library)
