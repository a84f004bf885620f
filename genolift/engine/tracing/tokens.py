"""Integer-coded sequences: a model's look-ups of embeddings become products with the one-hot that a token stands for.

The program then has that one-hot as its input, and importance goes to it. Other uses of the tokens (masks, positions)
are read back off the one-hot, so each side has its own, and what they switch is looked at pair by pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from genolift.engine.operations.emit import emit
from genolift.engine.operations.native import at_precision
from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Program, Step, Value, ancestors
from genolift.engine.tracing.nodes import new_node
from genolift.engine.tracing.trace import mark_dependence, static_value
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


@dataclass(eq=False)
class Lookup:
    """``step`` gathers rows of a table for ``tokens``, by way of the elementwise ``body`` (Keras counts negative
    indices from the end there); ``size`` is the table's number of rows."""

    tokens: Value
    step: Step
    body: list[Step]
    size: int


@dataclass(eq=False)
class TokenTable:
    """The payload of a ``TokenTable`` step: a look-up's ``body`` and ``gather``, which are run for tokens 0, 1, 2 and so on.

    ``inputs`` are the values that these read beside the tokens.
    """

    lookup: Lookup
    inputs: list[Value]
    body: list[Step]
    gather: Step

    def run(self, tensors: list[Tensor], precision: Any) -> list[Tensor]:
        """Return the rows of the table, in the order of the tokens, for ``tensors`` as the inputs."""
        known = dict(zip(self.inputs, tensors, strict=True))
        tokens = self.lookup.tokens
        kind = at_precision(tf.as_dtype(tokens.dtype), precision)
        known[tokens] = tf.cast(tf.range(self.lookup.size), kind)
        for step in self.body:
            known.update(zip(step.outputs, emit(step, [known[v] for v in step.inputs], precision), strict=True))
        return emit(self.gather, [known[value] for value in self.gather.inputs], precision)


def read_tokens(program: Program) -> tuple[Program, list[int | None]]:
    """The program with one-hot inputs in place of token inputs, and each input's number of tokens (None: not one)."""
    sizes: list[int | None] = []
    for place, value in enumerate(program.inputs):
        found = [lookup for step in program.steps if (lookup := _lookup(step, value)) is not None]
        if not found or any(step.dependence == Dependence.ACTIVE and value in step.inputs for step in program.steps):
            sizes.append(None)
            continue
        known = {lookup.size for lookup in found}
        if len(known) > 1:
            raise UnsupportedModel(
                f"{found[0].step.where} and others look up the same tokens in tables of {sorted(known)} rows, so the "
                "one-hot that a token stands for is not defined; give the embeddings one input_dim"
            )
        sizes.append(found[0].size)
        _replace(program, place, found)
    if any(sizes):
        mark_dependence(program)
        program = mark_dependence(program.pruned())
    return program, sizes


def _lookup(step: Step, tokens: Value) -> Lookup | None:
    if step.op not in ("GatherV2", "ResourceGather", "OneHot"):
        return None
    if step.op == "OneHot":
        indices, depth, *levels = step.inputs
        size = static_value(depth, 1) if step.node.attr["axis"].i == -1 else None
        shape = None if size is None or any(level.dependence for level in levels) else (int(size), int(size))
    elif step.op == "GatherV2":
        table, indices, axis = step.inputs
        shape = table.shape
        plain = table.dependence == Dependence.CONSTANT and axis.step.op == "Const"
        if not plain or int(tf.make_ndarray(axis.step.node.attr["value"].tensor)) != 0:
            return None
    else:
        (indices,), shape = step.inputs, tuple(step.payload.shape)
    if (
        ("batch_dims" in step.node.attr and step.node.attr["batch_dims"].i)
        or shape is None
        or len(shape) != 2
        or shape[0] is None
    ):
        return None
    body: set[Step] = set()

    def outside(value: Value) -> bool:
        return value is tokens or value.dependence == Dependence.CONSTANT

    for value in ancestors([indices], stop=outside):
        if not outside(value):
            if not operation(value.step.op).elementwise or value.shape != tokens.shape:
                return None
            body.add(value.step)
    if tokens is not indices and not any(tokens in inner.inputs for inner in body):
        return None
    return Lookup(tokens, step, list(body), shape[0])


def _replace(program: Program, place: int, lookups: list[Lookup]) -> None:
    tokens, size = program.inputs[place], lookups[0].size
    source = Step("Input", f"{tokens.step.name}/one_hot", [])
    one_hot = Value(source, 0, (*tokens.shape, size), "float32")
    source.outputs.append(one_hot)
    program.inputs[place] = one_hot
    steps = [source]
    for step in program.steps:
        lookup = next((one for one in lookups if one.step is step), None)
        if step is tokens.step:
            step.op, step.inputs, step.node = "Tokens", [one_hot], None
        elif lookup is not None:
            steps.append(_table(program, lookup))
            product = new_node("Einsum", equation=b"...v,vd->...d", N=2, T="float32")
            step.op, step.inputs, step.node = "Einsum", [one_hot, steps[-1].output], product
        steps.append(step)
    program.steps = steps


def _table(program: Program, lookup: Lookup) -> Step:
    """The rows that tokens 0, 1, 2 ... look up."""
    gather = Step(lookup.step.op, lookup.step.name, list(lookup.step.inputs), lookup.step.node, lookup.step.layers)
    gather.payload = lookup.step.payload
    body = [step for step in program.steps if step in set(lookup.body)]
    made = {value for step in body for value in step.outputs} | {lookup.tokens}
    given = [value for step in [*body, gather] for value in step.inputs if value not in made]
    rows = Step("TokenTable", f"{gather.name}/table", list(dict.fromkeys(given)), layers=gather.layers, body=[])
    rows.payload = TokenTable(lookup, rows.inputs, body, gather)
    shape = (lookup.size, lookup.step.output.shape[-1])
    rows.outputs.append(Value(rows, 0, shape, lookup.step.output.dtype))
    return rows
