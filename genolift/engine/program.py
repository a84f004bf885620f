"""A traced model: a flat list of steps in the order they run. Everything after the tracer reads only this."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
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
        """Whether importance flows into the value."""
        return self.dependence == Dependence.ACTIVE

    @property
    def dependence(self) -> Dependence:
        """How the value depends on the explained inputs."""
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
        """The first output, of most steps the only one."""
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
        """The steps that importance flows through."""
        return [step for step in self.steps if step.dependence == Dependence.ACTIVE]

    @property
    def readers(self) -> dict[Value, list[Step]]:
        """For each value, the steps that read it; see :func:`readers_of`. It is worked out anew at each access."""
        return readers_of(self.steps)

    def pruned(self) -> Program:
        """Return the program without the steps that no output needs."""
        needed = {value.step for value in (*ancestors(self.outputs), *self.inputs)}
        steps = [step for step in self.steps if step in needed]
        return Program(steps, self.inputs, self.outputs, self.input_names, self.output_names, self.library)


def readers_of(steps: Iterable[Step]) -> dict[Value, list[Step]]:
    """Return the steps that read each value, in their order; a step that reads a value twice stands there once.

    Values that no step reads have no entry. That a program hands a value on as an output does not count.
    """
    readers: dict[Value, list[Step]] = {}
    for step in steps:
        for value in dict.fromkeys(step.inputs):
            readers.setdefault(value, []).append(step)
    return readers


def only_reader(value: Value, readers: dict[Value, list[Step]]) -> Step | None:
    """Return the step that reads a value in one place, where nothing else reads it; None where there is no such step."""
    reading = readers.get(value, [])
    return reading[0] if len(reading) == 1 and reading[0].inputs.count(value) == 1 else None


def ancestors(
    values: Iterable[Value],
    follow: Callable[[Value], Iterable[Value]] | None = None,
    stop: Callable[[Value], bool] | None = None,
    breadth_first: bool = False,
) -> Iterator[Value]:
    """Yield some values and then what they were made from, each value once.

    Parameters
    ----------
    values : iterable of Value
        Where the walk back starts.
    follow : callable, optional
        Gives the values that a value was made from. By default these are the inputs of its step.
    stop : callable, optional
        Tells at which values the walk ends: they are yielded, but what they were made from is not.
    breadth_first : bool
        With True, the nearest values come first, and those at one distance in the order that ``follow`` gives.
        By default each way back is walked to its end before the next, and of several the last is walked first.

    ``follow`` and ``stop`` are asked about a value only after the caller is done with it.
    """
    pending, seen = deque(values), set()
    while pending:
        value = pending.popleft() if breadth_first else pending.pop()
        if value in seen:
            continue
        seen.add(value)
        yield value
        if stop is None or not stop(value):
            pending.extend(value.step.inputs if follow is None else follow(value))
