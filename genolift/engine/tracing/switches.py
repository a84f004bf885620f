"""Conditions of TensorFlow 1 (Switch and Merge), of which a model keeps the way that it takes at inference.

A Switch hands its input to one of two ways, and nothing on the other way runs. A Merge takes what arrives. Where the
choice is known before the model runs, as that between training and inference is, neither has anything to compute.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from genolift.engine.program import LayerCall, Program, Step, Value
from genolift.engine.tracing.static import static_value
from genolift.support.errors import UnsupportedModel

_SWITCHES = ("Switch", "RefSwitch")
_MERGES = ("Merge", "RefMerge")
_LOOPS = ("Enter", "RefEnter", "NextIteration", "RefNextIteration")
# The operation of values that are never computed.
_IDLE = "Idle"
_WAY = (
    "freeze the model again with convert_variables_to_constants_v2(function, lower_control_flow=False), or build its "
    "graph after tf.compat.v1.enable_control_flow_v2()"
)


class Switches:
    """The conditions of one graph or function, whose operations are handed over in running order."""

    def __init__(self) -> None:
        self._idle: set[str] = set()  # the names of operations that do not run

    def folded(self, node: Any, values: list[Value], tensors: Sequence[Any]) -> list[Value] | None:
        """Return the outputs of an operation that has nothing to compute, or None for any other.

        Parameters
        ----------
        node : NodeDef
            The operation.
        values : list of Value
            Its inputs.
        tensors : sequence of Tensor
            Tensors like its outputs.
        """
        running = [value for value in values if value.step.op != _IDLE]
        merges = node.op in _MERGES  # It takes what arrives, whatever else it was told to wait for.
        waits = any(name.startswith("^") and name[1:] in self._idle for name in node.input)
        if not running if merges else waits or len(running) < len(values):
            self._idle.add(node.name)
            return _idle(node, tensors)
        if merges and len(running) == 1:
            return [running[0], *_idle(node, tensors)[1:]]
        way = _way(values[1]) if node.op in _SWITCHES else None
        if way is None:
            return None
        outputs = _idle(node, tensors)
        outputs[way] = values[0]
        return outputs


def refuse_loop(node: Any, layers: tuple[LayerCall, ...]) -> None:
    """Refuse an operation that belongs to a loop of TensorFlow 1, whose operations stand in no running order."""
    if node.op in _LOOPS:
        raise UnsupportedModel(
            f"{Step(node.op, node.name, [], layers=layers).where} ({node.name!r}) belongs to a loop of TensorFlow 1; "
            f"{_WAY}"
        )


def refuse_switches(program: Program) -> None:
    """Refuse a recorded program in which a way is left to be chosen, or which returns what is never computed."""
    for step in program.steps:
        if step.op in (*_SWITCHES, *_MERGES):
            raise UnsupportedModel(
                f"{step.where} ({step.name!r}) takes one of two ways of TensorFlow 1 by a value that is not known "
                f"before the model runs; give a placeholder of it a default, or {_WAY}"
            )
    idle = next((value for value in program.outputs if value.step.op == _IDLE), None)
    if idle is not None:
        raise UnsupportedModel(
            f"the output {idle.step.name!r} lies on a way that the model does not take at inference; name another"
        )


def _way(choice: Value) -> int | None:
    """Return which output of a Switch its choice means, whatever the size of the batch; None if that is not known."""
    found = [static_value(choice, batch) for batch in (2, 3)]
    return int(bool(found[0])) if found[0] is not None and found[0] == found[1] else None


def _idle(node: Any, tensors: Sequence[Any]) -> list[Value]:
    """Return values that are never computed, in place of the outputs of an operation."""
    step = Step(_IDLE, node.name, [])
    for slot, tensor in enumerate(tensors):
        shape = None if tensor.shape.rank is None else tuple(tensor.shape.as_list())
        step.outputs.append(Value(step, slot, shape, tensor.dtype.name))
    return list(step.outputs)
