"""A traced model as a flat list of steps in the order in which they run.

Everything after the tracer reads this program and never the model itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Any

from genolift.models.safety import PYTHON_OPERATIONS


class Dependence(IntEnum):
    """How a value depends on the explained inputs; each level includes those below it."""

    CONSTANT = 0  # The value does not depend on them. Weights and constants are the same for every sequence.
    SHAPE = 1  # It depends on their shape only, as a batch size or a length does.
    DISCRETE = 2  # It depends on their values but has no derivative, as a comparison or an argmax.
    ACTIVE = 3  # It depends on their values and has a derivative, so importance flows here.


@dataclass(eq=False)
class Value:
    """One tensor of the program.

    Parameters
    ----------
    step : Step
        The step that computes the tensor.
    slot : int
        The place of the tensor among the outputs of that step.
    shape : tuple or None
        The sizes of the axes, None for a size that is not known. With None the number of axes is not known either.
    dtype : str
        TensorFlow's name of the type, such as ``"float32"``.
    """

    step: Step
    slot: int
    shape: tuple[int | None, ...] | None
    dtype: str

    def __repr__(self) -> str:
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
class LayerCall:
    """A call of one of the model's layers that was running when a step was recorded.

    Parameters
    ----------
    path : str
        The names of the layers around this one and its own, joined by ``/``.
    name : str
        The layer's own name.
    type : str
        The name of the layer's class.
    """

    path: str
    name: str
    type: str


@dataclass(eq=False)
class Step:
    """One operation of the program.

    Parameters
    ----------
    op : str
        The operation's name in the table of operations.
    name : str
        The name that the step had in the model's graph. Several steps may share one.
    inputs : list of Value
        What the step reads.
    node : NodeDef, optional
        TensorFlow's node, by which the operation is run again. Operations of the engine's own have none.
    layers : tuple of LayerCall
        The layer calls that the step ran in, outermost first.
    dependence : Dependence
        How the outputs depend on the explained inputs.
    outputs : list of Value
        What the step computes.
    body : list of Step
        The steps of a fused elementwise region (``Unary``). The first input of such a step is the region's source, and
        its further inputs are whatever else the body reads.
    payload : object, optional
        What an operation of the engine's own works with: a variable, a loop, the table of a look-up.
    slots : list of Dependence, optional
        The dependence of each output, where the outputs differ (loops).
    """

    op: str
    name: str
    inputs: list[Value]
    node: Any = None
    layers: tuple[LayerCall, ...] = ()
    dependence: Dependence = Dependence.CONSTANT
    outputs: list[Value] = field(default_factory=list)
    body: list[Step] = field(default_factory=list)
    payload: Any = None
    slots: list[Dependence] | None = None

    def __repr__(self) -> str:
        return f"<{self.op} {self.name}>"

    @property
    def output(self) -> Value:
        """The first output, which is the only one of most steps."""
        return self.outputs[0]

    @property
    def active_inputs(self) -> list[Value]:
        """The distinct inputs that importance flows into."""
        return list(dict.fromkeys(value for value in self.inputs if value.active))

    @property
    def where(self) -> str:
        """The words by which messages refer to the step: its operation and its layer."""
        layer = f"layer {self.layers[-1].path!r} ({self.layers[-1].type})" if self.layers else "the model's own call"
        op = "+".join(step.op for step in self.body) if self.body else self.op
        return f"operation {op} in {layer}"


@dataclass(eq=False)
class Program:
    """A traced model, or a function that it runs.

    Parameters
    ----------
    steps : list of Step
        The operations in running order.
    inputs : list of Value
        The explained inputs.
    outputs : list of Value
        What the model returns.
    input_names, output_names : list of str
        The names by which users know the inputs and outputs.
    library : FunctionDefLibrary, optional
        The definitions of the functions that steps call.
    """

    steps: list[Step]
    inputs: list[Value]
    outputs: list[Value]
    input_names: list[str]
    output_names: list[str]
    library: Any = None

    @cached_property
    def calls_python(self) -> bool:
        """Whether Python code of the model runs in a step of the program, or in a function that a step calls."""
        functions = [] if self.library is None else self.library.function
        called = {node.op for function in functions for node in function.node_def}
        return not PYTHON_OPERATIONS.isdisjoint(called | {step.op for step in self.steps})

    @property
    def active_steps(self) -> list[Step]:
        """The steps that importance flows through."""
        return [step for step in self.steps if step.dependence == Dependence.ACTIVE]

    @property
    def readers(self) -> dict[Value, list[Step]]:
        """The steps that read each value; see :func:`readers_of`. They are looked up anew at each access."""
        return readers_of(self.steps)

    def pruned(self) -> Program:
        """Return the program without the steps that no output needs."""
        needed = {value.step for value in (*ancestors(self.outputs), *self.inputs)}
        steps = [step for step in self.steps if step in needed]
        return Program(steps, self.inputs, self.outputs, self.input_names, self.output_names, self.library)


def readers_of(steps: Iterable[Step]) -> dict[Value, list[Step]]:
    """Return the steps that read each value, in their order.

    A step that reads a value twice is listed once. Values that no step reads have no entry, even if they are outputs of
    the program.
    """
    readers: dict[Value, list[Step]] = {}
    for step in steps:
        for value in dict.fromkeys(step.inputs):
            readers.setdefault(value, []).append(step)
    return readers


def only_reader(value: Value, readers: dict[Value, list[Step]]) -> Step | None:
    """Return the only step that reads a value, provided that it reads the value once; else return None."""
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
        A function from a value to the values that it was made from. By default these are the inputs of its step.
    stop : callable, optional
        A function that says at which values the walk ends: they are yielded, but what they were made from is not.
    breadth_first : bool
        With True, the nearest values come first, and values at the same distance come in the order that ``follow``
        gives. By default each way back is walked to its end before the next, and the last of several is walked first.

    Yields
    ------
    Value
        The next value. ``follow`` and ``stop`` are asked about a value only after the caller is done with it.
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
