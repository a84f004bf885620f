"""From a callable to a :class:`Program`: run it once on symbolic inputs and record the operations it really ran.

Keras (or whatever the callable is made of) does the running, so masks, training flags, shared and nested layers are
what they are in the user's own call. Weights stay live: the program reads the variables, not copies of them.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager

from genolift.engine.operations.emit import emit
from genolift.engine.operations.table import draws, operation
from genolift.engine.program import Dependence, LayerCall, Program, Step, Value
from genolift.engine.tracing.lists import open_lists
from genolift.engine.tracing.nodes import copy_of
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

_TRACING = threading.RLock()


def trace(fn: Callable, specs: list, input_names: list[str] | None = None) -> Program:
    """Trace ``fn(*tensors)`` on ``tf.TensorSpec`` inputs (batch and length may be ``None``).

    ``fn`` returns a tensor, or a list or dict of tensors; dict keys become the outputs' names.
    """
    input_names = input_names or [f"input_{i}" for i in range(len(specs))]
    with _record_layers() as intervals:
        structure = {}

        def call(*tensors):
            outputs = fn(*tensors)
            structure["names"] = _output_names(outputs)
            return tf.nest.flatten(outputs)

        concrete = tf.function(call, autograph=False).get_concrete_function(*specs)
    recorder = _Recorder(concrete, intervals)
    inputs, outputs = recorder.record(len(specs))
    names = structure["names"]
    if len(names) != len(outputs):
        names = [f"output_{i}" for i in range(len(outputs))]
    program = Program(recorder.steps, inputs, outputs, list(input_names), names, recorder.library)
    return mark_dependence(open_lists(program.pruned()))


def mark_dependence(program: Program, given: dict[Value, Dependence] | None = None) -> Program:
    """Set every step's dependence on the explained inputs; refuse randomness on their path.

    ``given`` is the dependence of the program's own inputs where they are not the explained ones (loops' bodies).
    """
    given = {value: Dependence.ACTIVE for value in program.inputs} if given is None else given
    inputs = {value.step: dependence for value, dependence in given.items()}
    for step in program.steps:
        reads = max((value.dependence for value in step.inputs), default=Dependence.CONSTANT)
        if step in inputs:
            step.dependence = inputs[step]
        elif step.op == "Loop":
            step.payload.mark(step, mark_dependence)
        elif operation(step.op).shape_only:
            step.dependence = min(reads, Dependence.SHAPE)
        elif step.op == "Tokens":
            step.dependence = Dependence.DISCRETE
        else:
            levels = [min(reads, _highest(value.dtype)) for value in step.outputs]
            step.dependence = max(levels, default=reads)
            step.slots = levels if len(set(levels)) > 1 else None
        if draws(step.op):
            raise UnsupportedModel(
                f"{step.where} draws random numbers at inference, so the output is not a function of the input; "
                "switch random augmentation off (training=False) before explaining"
            )
    return program


def _highest(dtype: str) -> Dependence:
    """What a value of this type can be at most."""
    return Dependence.ACTIVE if dtype.startswith(("float", "bfloat", "complex")) else Dependence.DISCRETE


def _output_names(outputs) -> list[str]:
    if isinstance(outputs, dict):
        return [str(key) for key in sorted(outputs)]
    return [f"output_{i}" for i in range(len(tf.nest.flatten(outputs)))]


@contextmanager
def _record_layers():
    """Note which operations of the graph under construction each Keras layer's call creates.

    Name scopes cannot tell (they are made unique with the same suffixes that layer names carry), so the two Keras
    base classes report their calls while the trace lasts, and are put back whatever happens. One thread traces at a
    time, and calls of others are none of its business.
    """
    with _TRACING:
        yield from _recorded()


def _recorded():
    tracing = threading.get_ident()
    bases = [sys.modules["keras"].layers.Layer] if "keras" in sys.modules else []
    if "tf_keras" in sys.modules:
        bases.append(sys.modules["tf_keras"].layers.Layer)
    originals = [base.__call__ for base in bases]
    intervals: list[tuple[object, int, int, LayerCall]] = []
    stack: list[str] = []

    def reporting(original):
        def call(layer, *args, **kwargs):
            if threading.get_ident() != tracing:
                return original(layer, *args, **kwargs)
            graph = tf.compat.v1.get_default_graph()
            start = len(graph.get_operations())
            stack.append(layer.name)
            path = "/".join(stack)
            try:
                return original(layer, *args, **kwargs)
            finally:
                stack.pop()
                end = len(graph.get_operations())
                intervals.append((graph, start, end, LayerCall(path, layer.name, type(layer).__name__)))

        return call

    try:
        for base, original in zip(bases, originals, strict=True):
            base.__call__ = reporting(original)
        yield intervals
    finally:
        for base, original in zip(bases, originals, strict=True):
            base.__call__ = original


class _Recorder:
    """Turns a concrete function's graph into steps, with called functions opened in place."""

    def __init__(self, concrete, intervals):
        self.concrete = concrete
        self.graph = concrete.graph
        self.library = self.graph.as_graph_def().library
        self.functions = {function.signature.name: function for function in self.library.function}
        self.intervals = [entry for entry in intervals if entry[0] is self.graph]
        self.variables = {id(variable.handle): variable for variable in self.graph.variables}
        self.steps: list[Step] = []

    def record(self, n_inputs: int) -> tuple[list[Value], list[Value]]:
        placeholders = list(self.concrete.inputs)
        known: dict[str, Value] = {}
        inputs = []
        for i, tensor in enumerate(placeholders[:n_inputs]):
            inputs.append(self._add(Step("Input", f"input_{i}", []), [tensor])[0])
            known[tensor.name] = inputs[-1]
        for tensor, captured in zip(placeholders[n_inputs:], self.concrete.captured_inputs, strict=True):
            known[tensor.name] = self._capture(tensor, captured)
        for index, made in enumerate(self.graph.get_operations()):
            if made.type in ("Placeholder", "NoOp"):
                continue
            layers = self._layers_at(index)
            values = [known[tensor.name] for tensor in made.inputs]
            for tensor, value in zip(
                made.outputs,
                self._operation(made.node_def, values, made.outputs, layers),
                strict=True,
            ):
                known[tensor.name] = value
        return inputs, [known[tensor.name] for tensor in self.concrete.outputs]

    def _layers_at(self, index: int) -> tuple[LayerCall, ...]:
        around = [(start - end, layer) for _, start, end, layer in self.intervals if start <= index < end]
        return tuple(layer for _, layer in sorted(around, key=lambda entry: (entry[0], len(entry[1].path))))

    def _add(self, step: Step, tensors) -> list[Value]:
        for slot, tensor in enumerate(tensors):
            shape = None if tensor.shape.rank is None else tuple(tensor.shape.as_list())
            step.outputs.append(Value(step, slot, shape, tensor.dtype.name))
        self.steps.append(step)
        return step.outputs

    def _capture(self, placeholder, captured) -> Value:
        if captured.dtype == tf.resource:
            variable = self.variables.get(id(captured))
            return self._add(
                Step("Handle", placeholder.op.name, [], payload=captured if variable is None else variable),
                [placeholder],
            )[0]
        return self._add(Step("Captured", placeholder.op.name, [], payload=captured), [placeholder])[0]

    def _operation(self, node, values: list[Value], tensors, layers) -> list[Value]:
        """Steps for one operation; returns the values of its outputs."""
        if (called := self._called(node)) is not None:
            return self._inline(called, values, node.name, layers)
        known = operation(node.op)
        if known.control == "branch":
            return self._inline(self._branch(values[0], node, layers), values[1:], node.name, layers)
        if known.alias:
            return values[: len(tensors)]
        if node.op == "ReadVariableOp":
            variable = values[0].step.payload
            if not hasattr(variable, "handle"):
                raise UnsupportedModel(f"variable read {node.name!r} refers to a resource that is not a variable")
            step = Step("Variable", node.name, [], layers=layers, payload=variable)
            return self._add(step, [variable])
        step = Step(node.op, node.name, values, node=node, layers=layers)
        if known.control == "while":
            step.payload = [
                self._program(node.attr[key].func.name, values, tensors, node.name, layers) for key in ("cond", "body")
            ]
        if node.op == "ResourceGather":
            step.payload, step.inputs = values[0].step.payload, values[1:]
        return self._add(step, tensors)

    def _called(self, node):
        """The function that an operation calls, or is (older graphs name functions as operations); None for others."""
        calls = operation(node.op).control == "call"
        return self.functions.get(node.attr["f"].func.name if calls else node.op)

    def _branch(self, choice: Value, node, layers):
        """The function taken by a choice that depends on constants and shapes, whatever the batch; refuse others."""
        found = [static_value(choice, batch, self.library) for batch in (2, 3)]
        if None in found or found[0] != found[1]:
            raise UnsupportedModel(
                f"{Step(node.op, node.name, [], layers=layers).where} takes one of several ways by a value that is not "
                "known before the model runs; fix the input's length, or decide in Python when the model is made"
            )
        if "branches" in node.attr:
            branches = list(node.attr["branches"].list.func)
            index = int(found[0])
            return self.functions[branches[index if 0 <= index < len(branches) else -1].name]
        return self.functions[node.attr["then_branch" if found[0] else "else_branch"].func.name]

    def _program(self, name: str, values: list[Value], tensors, prefix: str, layers) -> Program:
        """A function as a program of its own, for arguments like ``tensors``; ``values`` tells variables apart."""
        outside, self.steps = self.steps, []
        inputs = []
        for i, (value, tensor) in enumerate(zip(values, tensors, strict=True)):
            held = value.dtype == "resource"
            inputs.append(value if held else self._add(Step("Input", f"{prefix}/{i}", [], layers=layers), [tensor])[0])
        outputs = self._inline(self.functions[name], inputs, prefix, layers)
        program, self.steps = Program(self.steps, inputs, outputs, [], []), outside
        return program

    def _inline(self, function, arguments: list[Value], prefix: str, layers) -> list[Value]:
        """Open a called function in place; its tensors are named ``node:output:index`` in the definition."""
        known = {arg.name: [value] for arg, value in zip(function.signature.input_arg, arguments, strict=True)}
        with tf.Graph().as_default():
            stand_ins: dict[Value, object] = {}

            def tensor_of(value):
                if value not in stand_ins:
                    stand_ins[value] = tf.compat.v1.placeholder(tf.as_dtype(value.dtype), value.shape)
                return stand_ins[value]

            for node in _in_order(function):
                values = [_resolve(known, name) for name in node.input if not name.startswith("^")]
                if (inner := self._called(node)) is not None:
                    outputs = self._inline(inner, values, f"{prefix}/{node.name}", layers)
                    named = [
                        [argument.name, [value]]
                        for argument, value in zip(inner.signature.output_arg, outputs, strict=True)
                    ]
                    calls = operation(node.op).control == "call"
                    known[node.name] = {"output": outputs} if calls else dict(named)
                    continue
                if node.op == "NoOp":
                    continue
                named = copy_of(node, f"{prefix}/{node.name}")
                draft = Step(node.op, named.name, values, node=named)
                if node.op in ("ReadVariableOp", "ResourceGather"):
                    shape = values[0].step.payload.shape if node.op == "ReadVariableOp" else None
                    tensors = [tf.compat.v1.placeholder(node.attr["dtype"].type, shape)]
                    arguments_of = {"output" if node.op == "ResourceGather" else "value": 1}
                else:
                    tensors = emit(draft, [tensor_of(v) for v in values], None, self.library)
                    arguments_of = _output_arguments(tensors, named)
                outputs = self._operation(named, values, tensors, layers)
                stand_ins.update(zip(outputs, tensors, strict=True))
                known[node.name], start = {}, 0
                for name, count in arguments_of.items():
                    known[node.name][name] = outputs[start : start + count]
                    start += count
            return [_resolve(known, function.ret[arg.name]) for arg in function.signature.output_arg]


def static_value(value: Value, batch: int, library=None):
    """A value that depends on constants and known sizes alone, as a NumPy array; None where it depends on more."""
    return _evaluated(value, batch, library, sized=False)


def static_shape(value: Value) -> tuple[int | None, ...] | None:
    """A value's shape, with the sizes that follow from those of the inputs, whatever the batch."""
    if value.shape is not None and None not in value.shape[1:]:
        return value.shape
    two, three = (_evaluated(value, batch, None, sized=True) for batch in (2, 3))
    if two is None or three is None or two.ndim != three.ndim:
        return value.shape
    return tuple(a if a == b else None for a, b in zip(two.shape, three.shape, strict=True))


def _evaluated(value: Value, batch: int, library, sized: bool):
    """The value; where only its size counts (``sized``), with zeros for inputs and weights. None where it is not known."""

    def tensor_of(value: Value, known: dict, sized: bool):
        step = value.step
        if value in known:
            return known[value]
        if step.op == "Shape":
            source = step.inputs[0]
            shape = _with_batch(source, batch)
            shape = tf.shape(tensor_of(source, sizes, True)) if shape is None else tf.constant(shape)
            known[value] = tf.cast(shape, tf.as_dtype(value.dtype))
        elif step.node is not None:
            tensors = [tensor_of(source, known, sized) for source in step.inputs]
            known.update(zip(step.outputs, emit(step, tensors, None, library), strict=True))
        elif sized and (shape := _with_batch(value, batch)) is not None and value.dtype != "resource":
            known[value] = tf.zeros(shape, tf.as_dtype(value.dtype))
        else:
            raise LookupError(step)
        return known[value]

    sizes: dict[Value, object] = {}
    try:  # a session runs wherever it is called, in the middle of another graph as well
        with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
            return session.run(tensor_of(value, sizes if sized else {}, sized))
    except (LookupError, TypeError, ValueError, tf.errors.OpError):
        return None


def _with_batch(value: Value, batch: int) -> list[int] | None:
    """A value's shape with so many rows; None where other sizes are unknown."""
    shape = None if value.shape is None else [batch if i == 0 and s is None else s for i, s in enumerate(value.shape)]
    return None if shape is None or None in shape else shape


def _output_arguments(tensors, node) -> dict[str, int]:
    """How many tensors each named output of an operation holds."""
    if not tensors:
        return {}
    counts = {}
    for argument in tensors[0].op.op_def.output_arg:
        if argument.number_attr:
            counts[argument.name] = node.attr[argument.number_attr].i
        elif argument.type_list_attr:
            counts[argument.name] = len(node.attr[argument.type_list_attr].list.type)
        else:
            counts[argument.name] = 1
    return counts


def _resolve(known: dict, name: str) -> Value:
    parts = name.split(":")
    if len(parts) == 1:
        return known[parts[0]][0]
    return known[parts[0]][parts[1]][int(parts[2])]


def _in_order(function) -> list:
    """A function's nodes, each after what it reads."""
    nodes = {node.name: node for node in function.node_def}
    done: dict[str, None] = {}
    pending = [(name, False) for name in reversed(list(nodes))]
    while pending:
        name, ready = pending.pop()
        if name in done or name not in nodes:
            continue
        if ready:
            done[name] = None
            continue
        pending.append((name, True))
        pending.extend((source.lstrip("^").split(":")[0], False) for source in nodes[name].input)
    return [nodes[name] for name in done]
