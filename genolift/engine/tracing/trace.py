"""The tracer, which runs a callable once on symbolic inputs and records the operations that really ran.

Keras, or whatever the callable is made of, does the running. Masks, training flags, shared and nested layers are
therefore what they are in the user's own call. The program reads the model's variables, not copies of them, so it
follows when the model is trained further.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from genolift.engine.operations.emit import emit
from genolift.engine.operations.table import draws, operation
from genolift.engine.program import Dependence, LayerCall, Program, Step, Value
from genolift.engine.tracing.layer_calls import Interval, record_layers
from genolift.engine.tracing.lists import open_lists
from genolift.engine.tracing.nodes import copy_of
from genolift.engine.tracing.static import static_value
from genolift.engine.tracing.switches import Switches, refuse_loop, refuse_switches
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def trace(fn: Callable[..., Any], specs: list[Any], input_names: list[str] | None = None) -> Program:
    """Trace a function of tensors.

    Parameters
    ----------
    fn : callable
        The function, which takes one tensor per input. It returns a tensor, or a list or dict of tensors. The keys of a
        dict become the names of the outputs.
    specs : list of TensorSpec
        The shape and type of each input. The sizes of the batch and of the length may be None.
    input_names : list of str, optional
        The names of the inputs, by default ``input_0`` and so on.

    Returns
    -------
    Program
        The operations that ran and that an output needs.

    Raises
    ------
    UnsupportedModel
        If the function draws random numbers, or chooses between operations by a value that is not known yet.
    """
    input_names = input_names or [f"input_{i}" for i in range(len(specs))]
    with record_layers() as intervals:
        structure: dict[str, list[str]] = {}

        def call(*tensors: Tensor) -> list[Tensor]:
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
    needed = program.pruned()
    refuse_switches(needed)
    _refuse_changed_variables(program.steps, needed.steps)
    return mark_dependence(open_lists(needed))


def _refuse_changed_variables(steps: list[Step], needed: list[Step]) -> None:
    """Refuse a model whose output reads a variable that the model itself writes."""
    read = {id(step.payload) for step in needed if step.op in ("Variable", "ResourceGather")}
    for step in steps:
        if step.op.startswith(("Assign", "Resource")) and step.op != "ResourceGather" and step.inputs:
            variable = step.inputs[0].step.payload
            name = str(getattr(variable, "name", step.name))
            # The state of a random generator is refused as the random numbers that come of it.
            if (
                variable is not None
                and id(variable) in read
                and "seed_generator" not in str(getattr(variable, "path", name))
            ):
                raise UnsupportedModel(
                    f"{step.where} changes the variable {name!r} that the output is "
                    "made of, so the output depends on the calls before; explain a model that keeps no state"
                )


def mark_dependence(program: Program, given: dict[Value, Dependence] | None = None) -> Program:
    """Set every step's dependence on the explained inputs, and refuse random numbers.

    Parameters
    ----------
    program : Program
        The program, which is changed in place.
    given : dict, optional
        The dependence of each of the program's inputs. By default these are the explained inputs; the inputs of the
        body of a loop are not.

    Returns
    -------
    Program
        The same program.

    Raises
    ------
    UnsupportedModel
        If a step draws random numbers.
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
        elif step.op in ("Tokens", "WholeNumbers"):
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
    """Return the highest dependence that a value of this type can have."""
    return Dependence.ACTIVE if dtype.startswith(("float", "bfloat", "complex")) else Dependence.DISCRETE


def _output_names(outputs: Any) -> list[str]:
    if isinstance(outputs, dict):
        return [str(key) for key in sorted(outputs)]
    return [f"output_{i}" for i in range(len(tf.nest.flatten(outputs)))]


class _Recorder:
    """A recorder, which turns the graph of a concrete function into steps and opens the functions that it calls."""

    def __init__(self, concrete: Any, intervals: list[Interval]):
        self.concrete = concrete
        self.graph = concrete.graph
        self.library = self.graph.as_graph_def().library
        self.functions = {function.signature.name: function for function in self.library.function}
        self.intervals = [entry for entry in intervals if entry[0] is self.graph]
        self.variables = {id(variable.handle): variable for variable in self.graph.variables}
        self.steps: list[Step] = []

    def record(self, n_inputs: int) -> tuple[list[Value], list[Value]]:
        """Record all steps, and return the values of the first ``n_inputs`` inputs and of the outputs."""
        placeholders = list(self.concrete.inputs)
        known: dict[str, Value] = {}
        inputs = []
        for i, tensor in enumerate(placeholders[:n_inputs]):
            inputs.append(self._add(Step("Input", f"input_{i}", []), [tensor])[0])
            known[tensor.name] = inputs[-1]
        for tensor, captured in zip(placeholders[n_inputs:], self.concrete.captured_inputs, strict=True):
            known[tensor.name] = self._capture(tensor, captured)
        switches = Switches()
        for index, made in enumerate(self.graph.get_operations()):
            if made.type in ("Placeholder", "NoOp"):
                continue
            layers = self._layers_at(index)
            refuse_loop(made.node_def, layers)
            values = [known[tensor.name] for tensor in made.inputs]
            outputs = switches.folded(made.node_def, values, made.outputs)
            if outputs is None:
                outputs = self._operation(made.node_def, values, made.outputs, layers)
            known.update(zip([tensor.name for tensor in made.outputs], outputs, strict=True))
        return inputs, [known[tensor.name] for tensor in self.concrete.outputs]

    def _layers_at(self, index: int) -> tuple[LayerCall, ...]:
        """Return the layer calls that created the operation at this place of the graph, outermost first."""
        around = [(start - end, layer) for _, start, end, layer in self.intervals if start <= index < end]
        return tuple(layer for _, layer in sorted(around, key=lambda entry: (entry[0], len(entry[1].path))))

    def _add(self, step: Step, tensors: list[Tensor]) -> list[Value]:
        """Add a step with outputs like ``tensors``, and return their values."""
        for slot, tensor in enumerate(tensors):
            shape = None if tensor.shape.rank is None else tuple(tensor.shape.as_list())
            step.outputs.append(Value(step, slot, shape, tensor.dtype.name))
        self.steps.append(step)
        return step.outputs

    def _capture(self, placeholder: Tensor, captured: Tensor) -> Value:
        """Add the step of a tensor that the function captured, and return its value."""
        if captured.dtype == tf.resource:
            variable = self.variables.get(id(captured))
            return self._add(
                Step("Handle", placeholder.op.name, [], payload=captured if variable is None else variable),
                [placeholder],
            )[0]
        return self._add(Step("Captured", placeholder.op.name, [], payload=captured), [placeholder])[0]

    def _operation(
        self, node: Any, values: list[Value], tensors: list[Tensor], layers: tuple[LayerCall, ...]
    ) -> list[Value]:
        """Add the steps of one operation, and return the values of its outputs, which are like ``tensors``."""
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

    def _called(self, node: Any) -> Any | None:
        """Return the function that an operation calls, or None.

        In older graphs the operation itself has the name of the function.
        """
        calls = operation(node.op).control == "call"
        return self.functions.get(node.attr["f"].func.name if calls else node.op)

    def _branch(self, choice: Value, node: Any, layers: tuple[LayerCall, ...]) -> Any:
        """Return the function that a choice takes.

        The choice may depend on constants and on shapes, but not on the size of the batch. Other choices are refused.
        """
        choices: list[Any] = [static_value(choice, batch, self.library) for batch in (2, 3)]
        if None in choices or choices[0] != choices[1]:
            raise UnsupportedModel(
                f"{Step(node.op, node.name, [], layers=layers).where} takes one of several ways by a value that is not "
                "known before the model runs; fix the input's length, or decide in Python when the model is made"
            )
        if "branches" in node.attr:
            branches = list(node.attr["branches"].list.func)
            index = int(choices[0])
            return self.functions[branches[index if 0 <= index < len(branches) else -1].name]
        return self.functions[node.attr["then_branch" if choices[0] else "else_branch"].func.name]

    def _program(
        self, name: str, values: list[Value], tensors: list[Tensor], prefix: str, layers: tuple[LayerCall, ...]
    ) -> Program:
        """Return a function as a program of its own, for arguments like ``tensors``.

        Where an argument is a variable, the program reads the variable itself from ``values``.
        """
        outside, self.steps = self.steps, []
        inputs = []
        for i, (value, tensor) in enumerate(zip(values, tensors, strict=True)):
            held = value.dtype == "resource"
            inputs.append(value if held else self._add(Step("Input", f"{prefix}/{i}", [], layers=layers), [tensor])[0])
        outputs = self._inline(self.functions[name], inputs, prefix, layers)
        program, self.steps = Program(self.steps, inputs, outputs, [], []), outside
        return program

    def _inline(self, function: Any, arguments: list[Value], prefix: str, layers: tuple[LayerCall, ...]) -> list[Value]:
        """Add the steps of a called function in place, and return the values of its outputs.

        In the definition of a function, tensors are named ``node:output:index``. ``known`` therefore holds the values
        of each output of a node, and one value for each argument.
        """
        known: dict[str, Any] = {
            argument.name: [value] for argument, value in zip(function.signature.input_arg, arguments, strict=True)
        }
        with tf.Graph().as_default():
            stand_ins: dict[Value, Tensor] = {}

            def tensor_of(value: Value) -> Tensor:
                if value not in stand_ins:
                    stand_ins[value] = tf.compat.v1.placeholder(tf.as_dtype(value.dtype), value.shape)
                return stand_ins[value]

            switches = Switches()
            for node in _in_order(function):
                refuse_loop(node, layers)
                values = [_resolve(known, name) for name in node.input if not name.startswith("^")]
                if (inner := self._called(node)) is not None:
                    outputs = self._inline(inner, values, f"{prefix}/{node.name}", layers)
                    if operation(node.op).control == "call":
                        known[node.name] = {"output": outputs}
                    else:
                        names = [argument.name for argument in inner.signature.output_arg]
                        known[node.name] = {name: [value] for name, value in zip(names, outputs, strict=True)}
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
                folded = switches.folded(node, values, tensors)
                outputs = self._operation(named, values, tensors, layers) if folded is None else folded
                stand_ins.update(zip(outputs, tensors, strict=True))
                known[node.name], start = {}, 0
                for name, count in arguments_of.items():
                    known[node.name][name] = outputs[start : start + count]
                    start += count
            return [_resolve(known, function.ret[arg.name]) for arg in function.signature.output_arg]


def _output_arguments(tensors: list[Tensor], node: Any) -> dict[str, int]:
    """Return how many tensors each named output of an operation holds."""
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


def _resolve(known: dict[str, Any], name: str) -> Value:
    """Return the value of an argument ``name`` or of a tensor ``node:output:index``."""
    parts = name.split(":")
    if len(parts) == 1:
        return known[parts[0]][0]
    return known[parts[0]][parts[1]][int(parts[2])]


def _in_order(function: Any) -> list[Any]:
    """Return the nodes of a function in an order in which each comes after those that it reads."""
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
